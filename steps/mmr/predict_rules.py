"""Answer by rules from what OCR engines read, and dump all of it: no learning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from steps.mmr.item_sets import RECEIPTS, RENDERED
from steps.mmr.ocr_pages import ReadView, read_views
from steps.mmr.replies import OTHER_IMAGE, RepliesWriter
from steps.mmr.views import NATIVE, VIEWS
from steps.step.params import Params
from steps.step.run import Run
from tenfold.mmr.items import ItemSet, read_items
from tenfold.mmr.predictions import Prediction
from tenfold.mmr.tasks import CHOICE


class PredictRulesParams(Params):
    """Which engines' choices are asked for again with their options turned, and whose text is dumped."""

    rotated: list[str]
    dumped: list[str]


def predict_rules(
    rendered: Path, receipts: Path, read: list[Path], *, out: Path, params: PredictRulesParams, run: Run
) -> None:
    """Answer every item by rules, from each engine's words in each view; dump what an engine read.

    Each dump is made twice: of the item's own image, and of the next image of the set, which the item is not about.

    Reads   items.jsonl, images/ of each set; <set>/<view>.jsonl of each engine
    Writes  replies.json; <set>/<model>.jsonl: a prediction per item
    """
    folders: dict[str, Path] = {RENDERED: rendered, RECEIPTS: receipts}
    sets = {name: read_items(folder, name=name) for name, folder in folders.items()}
    writer = RepliesWriter(out)
    for one in read_views(read):
        for turn in _turns(one, params):
            _by_rules(one, sets[one.items], turn, writer, run)
        if one.view == NATIVE and one.engine in params.dumped:
            _dumped(one, sets[one.items], writer)
    writer.close()


def _turns(one: ReadView, params: PredictRulesParams) -> Iterator[int]:
    yield 0
    if one.view == NATIVE and one.engine in params.rotated:
        yield from (1, 2, 3)


def _by_rules(one: ReadView, items: ItemSet, turn: int, writer: RepliesWriter, run: Run) -> None:
    from tenfold.mmr.ocr_rules import OCRRules

    model = OCRRules(one.pages)
    asked = items if turn == 0 else items.only([place for place, task in enumerate(items.tasks) if task in CHOICE])
    predictions = [model.answer([query])[0] for query in VIEWS[one.view].queries(asked, rotation=turn)]
    answered = sum(prediction.answer is not None for prediction in predictions)
    name = f"OCRRules {one.engine}"
    about = {"engine": one.engine, "view": one.view, "rotation": turn, "about": model.identity()}
    writer.add(one.items, name, "rules", predictions, **about)
    if not turn:
        run.say(f"{name}, {one.items}, {one.view}: {answered} of {len(asked)} answered")


def _dumped(one: ReadView, items: ItemSet, writer: RepliesWriter) -> None:
    from tenfold.mmr.page_dump import PageDump

    model = PageDump(one.pages)
    predictions = [model.answer([query])[0] for query in VIEWS[one.view].queries(items)]
    name, about = f"PageDump {one.engine}", {"engine": one.engine, "about": model.identity()}
    writer.add(one.items, name, "dump", predictions, **about)
    writer.add(one.items, name, "dump", of_next_image(items, predictions), variant=OTHER_IMAGE, **about)


def of_next_image(items: ItemSet, dumped: Sequence[Prediction]) -> list[Prediction]:
    """Return for each item what was dumped of the image after its own, the first after the last."""
    of_image = dict(zip(items.images.tolist(), dumped, strict=True))
    names = list(of_image)
    following = dict(zip(names, [*names[1:], names[0]], strict=True))
    return [replace(of_image[following[item.image]], key=item.key) for item in items.rows]
