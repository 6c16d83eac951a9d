"""A run of a model over items in a folder: begun or continued, shown as it goes, scored when it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenfold.chat.endpoint import Endpoint
from tenfold.chat.spending import spent_words
from tenfold.chat.transcript import Transcript
from tenfold.mmr.cached_model import CachedModel
from tenfold.mmr.chat_model import ChatModel
from tenfold.mmr.errors import InvalidModel, NoReply
from tenfold.mmr.images import check_images
from tenfold.mmr.item_sources import NamedItems
from tenfold.mmr.items import IMAGES, ItemSet, items_digest
from tenfold.mmr.predictions import Prediction, write_predictions
from tenfold.mmr.prompts import Style
from tenfold.mmr.queries import Model, Query
from tenfold.mmr.run_folder import (
    ASKED_AGAIN,
    PREDICTIONS,
    SHOWN,
    check_folder,
    keep_items,
    open_run,
    replace_file,
)
from tenfold.mmr.run_progress import RunProgress
from tenfold.mmr.showing import Showing

if TYPE_CHECKING:
    from tenfold.mmr.scores import Scores

HELD = 64  # queries whose images are held at once
FAILURES = {"failed": "failed", "empty": "got an empty reply", "cut": "got a reply that was cut off"}


@dataclass(frozen=True)
class Prepared:
    """A model by its name and kind, all that its replies depend on, and how it is made once there is a folder for it.

    ``make`` takes the run's folder and a function that yields the queries, of which a model that reads by OCR takes
    the images.
    """

    name: str
    kind: str
    settings: dict[str, Any]
    make: Callable[[Path, Callable[[], Iterator[Query]]], Model]
    called: bool = False  # by a person, who says by it which runs are one model's


def prepared(model: Model, kind: str = "model") -> Prepared:
    """Return a model that is there already."""
    return Prepared(model.name, kind, model.identity(), lambda _folder, _queries: model)


@dataclass(frozen=True)
class Run:
    """A model, the items that it is asked about, and how.

    ``ask_again`` puts a second question after a reply out of form, which only models behind chat backends can be
    asked; its replies are scored apart.
    """

    model: Prepared
    items: NamedItems
    showing: Showing = field(default_factory=Showing)
    style: Style = "official"
    ask_again: bool = False

    def settings(self) -> dict[str, Any]:
        """Return all that replies and scores depend on, as JSON takes it; budgets may change when a run goes on."""
        items = self.items.items
        folder = items.folder if self.items.write is None else None
        return {
            "model": {"name": self.model.name, "kind": self.model.kind, "identity": self.model.settings}
            | ({"called": True} if self.model.called else {}),
            "items": {
                "name": items.name,
                "folder": None if folder is None else str(folder.resolve()),
                "count": len(items),
                "sha256": items_digest(items),
            },
            "showing": asdict(self.showing),
            "style": self.style,
            "ask_again": self.ask_again,
        }

    def run(self, folder: Path, *, resume: bool = False) -> tuple[ItemSet, list[Prediction], list[str]]:
        """Ask the model, write predictions, and return the items as they are scored, the predictions, and what came.

        Raises what ``open_run`` raises; before anything is asked, MissingImage and InvalidImages for images that are
        not there or cannot be read; NoReply if no query got a reply; and what the model raises. Every reply until then
        is kept.
        """
        settings = self.settings()
        check_folder(folder, settings, resume=resume)
        if self.items.write is None:
            self._check_images(self.items.items)
        scored = self.showing.items(self.items.items)  # what cannot be shown so is refused before anything is written
        with open_run(folder, settings, resume=resume) as transcript:
            items = self.items.within(folder)
            if self.items.write is not None:
                self._check_images(items)
            scored = ItemSet(scored.name, scored.rows, self._images_of_boxes(items, folder))
            keep_items(scored, folder)
            model = self.model.make(folder, lambda: self.showing.queries(items, self.style))
            if self.ask_again and not isinstance(model, ChatModel):
                raise InvalidModel(f"{self.model.name} cannot be asked again: it holds no conversation")
            with RunProgress(len(items)) as bar:
                asked = watched(model, transcript, bar)
                predictions = answers(asked, self.showing.queries(items, self.style), bar)
                check_replies(predictions)
                replace_file(folder / PREDICTIONS, lambda path: write_predictions(predictions, path))
                lines = self._asked_again(folder, asked, items, scored, predictions)
        return scored, predictions, [*said(asked), *failure_lines(predictions), *lines]

    def _check_images(self, items: ItemSet) -> None:
        if self.showing.images:
            check_images(items)

    def _images_of_boxes(self, items: ItemSet, folder: Path) -> Path | None:
        """Return the folder with the images that the boxes of the scored items belong to."""
        if not self.showing.letterbox:
            return items.folder
        from PIL import Image

        (folder / SHOWN / IMAGES).mkdir(parents=True, exist_ok=True)
        one_each = {item.file: place for place, item in enumerate(items.rows)}
        chosen = items.only(sorted(one_each.values()))
        for item, query in zip(chosen.rows, self.showing.queries(chosen), strict=True):
            path = folder / SHOWN / IMAGES / item.file
            path.parent.mkdir(parents=True, exist_ok=True)
            assert query.image is not None
            Image.fromarray(query.image).save(path, format="PNG")
        return folder / SHOWN

    def _asked_again(
        self, folder: Path, model: Model, items: ItemSet, scored: ItemSet, predictions: Sequence[Prediction]
    ) -> list[str]:
        """Ask again where a reply was out of form, and write the predictions that this makes."""
        if not self.ask_again or not isinstance(model, ChatModel):
            return []
        failed = official_scores(scored, predictions).format_failures
        first = {one.key: one.reply or "" for one, lost in zip(predictions, failed, strict=True) if lost}
        second = dict[str, Prediction]()
        chosen = ItemSet(items.name, tuple(item for item in items.rows if item.key in first), items.folder)
        for queries in parts(self.showing.queries(chosen, self.style)):
            replies = model.ask_again(queries, [first[query.key] for query in queries])
            second |= {one.key: one for one in replies}
        together = [second.get(one.key, one) for one in predictions]
        replace_file(folder / ASKED_AGAIN, lambda path: write_predictions(together, path))
        return [f"{len(first)} of {len(predictions)} replies were out of form and asked for again: {ASKED_AGAIN}"]


def official_scores(items: ItemSet, predictions: Sequence[Prediction]) -> Scores:
    """Return what the official runner makes of predictions."""
    from tenfold.mmr.scores import OFFICIAL, score

    return score(items, predictions, OFFICIAL)


def watched(model: Model, transcript: Transcript, bar: RunProgress) -> Model:
    """Return a model that keeps its replies in ``transcript`` and says what it does."""
    if not isinstance(model, ChatModel):
        return CachedModel(model, transcript)
    backend = model.backend
    if isinstance(backend, Endpoint):
        backend = replace(backend, told=bar.again)
    return replace(model, backend=backend, transcript=transcript, progress=bar.asked)


def answers(model: Model, queries: Iterator[Query], bar: RunProgress) -> list[Prediction]:
    """Return the prediction of each query, in order, a few images at a time."""
    found: list[Prediction] = []
    for part in parts(queries):
        found += model.answer(part)
        bar.done(len(found), model.known if isinstance(model, CachedModel) else 0)
    return found


def parts(queries: Iterator[Query]) -> Iterator[list[Query]]:
    """Yield ``HELD`` queries at a time."""
    while part := list(islice(queries, HELD)):
        yield part


def check_replies(predictions: Sequence[Prediction]) -> None:
    """Raise NoReply if nothing came at all: that is no result."""
    if predictions and all(one.status == "failed" for one in predictions):
        count = "the only query" if len(predictions) == 1 else f"all {len(predictions)} queries"
        raise NoReply(f"{count} failed, and there is nothing to score; the first: {predictions[0].why}")


def said(model: Model) -> list[str]:
    """Return what was asked and what it cost."""
    if isinstance(model, ChatModel):
        return [spent_words(model.spent)]
    assert isinstance(model, CachedModel)
    return [f"{model.asked:,} items asked, {model.known:,} known already"]


def failure_lines(predictions: Sequence[Prediction]) -> list[str]:
    """Return how many queries got no answer, and why, for each kind of failure."""
    lines = []
    for status, words in (
        ("failed", "failed"),
        ("empty", "got an empty reply"),
        ("cut", "got a reply that was cut off"),
    ):
        found = [one for one in predictions if one.status == status]
        if found:
            why = f"; the first: {found[0].why}" if found[0].why else ""
            lines.append(f"{len(found)} of {len(predictions)} {words}, and count as no answer{why}")
    return lines


def has_images(items: ItemSet) -> bool:
    """Whether every item has its image here."""
    return all(item.file and items.folder and (items.folder / IMAGES / item.file).is_file() for item in items.rows)
