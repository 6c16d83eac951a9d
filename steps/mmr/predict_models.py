"""Ask models that see: of the hub on this machine, or behind an endpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from steps.mmr.item_sets import OFFICIAL, Source, read_sets
from steps.mmr.model_params import SeeingModel
from steps.mmr.replies import RepliesWriter
from steps.mmr.views import NATIVE, VIEWS, View
from steps.step.params import Count, Params
from steps.step.resumable_files import kept_folder
from steps.step.run import Run
from tenfold.mmr.items import ItemSet
from tenfold.mmr.predictions import Prediction
from tenfold.mmr.prompts import Style
from tenfold.mmr.queries import Query
from tenfold.mmr.tasks import CHOICE

if TYPE_CHECKING:
    from tenfold.chat.transcript import Transcript
    from tenfold.mmr.chat_model import ChatModel

TRANSCRIPT = "transcript.jsonl"


class PredictModelsParams(Params):
    """Which models are asked, in which styles of prompts, views of images and turns of options beside the plain ones.

    ``reask``: whether replies out of form are asked for again, apart; ``together``: items whose images are held at
    once.
    """

    models: list[SeeingModel]
    styles: list[Style]
    views: list[View]
    rotations: list[int]
    reask: bool
    together: Count


def predict_models(
    official: Path, rendered: Path, receipts: Path, *, out: Path, params: PredictModelsParams, run: Run
) -> None:
    """Ask every model about every item that has an image; each reply is kept at once, so that a kill costs one batch.

    Reads   items.jsonl, images/, about.json of each set
    Writes  replies.json; <set>/<model>.jsonl: a prediction per item; of varied settings files of their own
    Raises  InvalidModel, a ChatError if an endpoint refuses the key or the budget is spent
    """
    sets = read_sets(official, rendered, receipts)
    writer = RepliesWriter(out)
    if not params.models:
        run.say("no model that sees is asked in this profile")
    for chosen in params.models:
        with _transcript(run) as transcript:
            model = chosen.made(run.device, transcript)
            for source in sets.values():
                _ask(model, chosen, source, params, writer, run)
    writer.close()


def with_images(source: Source) -> ItemSet:
    """Return the items of a set that count and have an image."""
    return source.items.only([place for place, item in enumerate(source.items.rows) if item.file])


def _ask(
    model: ChatModel, chosen: SeeingModel, source: Source, params: PredictModelsParams, writer: RepliesWriter, run: Run
) -> None:
    items = with_images(source)
    if not len(items):
        run.say(f"{chosen.named} is not asked about {source.every.name}: its images are not here")
        return
    about = {"size": chosen.size, "about": model.identity()}
    choices = items.only([place for place, task in enumerate(items.tasks) if task in CHOICE])
    plain = _answers(model, _queries(items), params.together)
    writer.add(items.name, chosen.named, "pretrained", plain, **about)
    if params.reask:
        again = _asked_again(model, items, plain, params.together)
        writer.add(items.name, chosen.named, "pretrained", again, reasked=True, **about)
    for style in params.styles:
        found = _answers(model, _queries(items, style=style), params.together)
        writer.add(items.name, chosen.named, "pretrained", found, style=style, **about)
    for view in params.views:
        found = _answers(model, _queries(items, view), params.together)
        writer.add(items.name, chosen.named, "pretrained", found, view=view, **about)
    for rotation in params.rotations if items.name != OFFICIAL else []:
        found = _answers(model, _queries(choices, rotation=rotation), params.together)
        writer.add(items.name, chosen.named, "pretrained", found, rotation=rotation, **about)
    answered = sum(one.answer is not None for one in plain)
    run.say(f"{chosen.named}, {items.name}: {answered} of {len(items)} answered")


def _queries(items: ItemSet, view: View = NATIVE, style: Style = "official", rotation: int = 0) -> Iterator[Query]:
    return VIEWS[view].queries(items, style, rotation)


def _answers(model: ChatModel, queries: Iterator[Query], together: int) -> list[Prediction]:
    found: list[Prediction] = []
    while part := list(islice(queries, together)):
        found += model.answer(part)
    return found


def _asked_again(model: ChatModel, items: ItemSet, first: Sequence[Prediction], together: int) -> list[Prediction]:
    """Return the predictions with those out of form replaced by what came when they were asked for again."""
    from tenfold.mmr.scores import OFFICIAL as AS_RELEASED
    from tenfold.mmr.scores import score

    failed = score(items, first, AS_RELEASED).format_failures
    replies = {one.key: one.reply or "" for one, lost in zip(first, failed, strict=True) if lost}
    queries = _queries(items.only(failed))
    second: dict[str, Prediction] = {}
    while part := list(islice(queries, together)):
        second |= {one.key: one for one in model.ask_again(part, [replies[query.key] for query in part])}
    return [second.get(one.key, one) for one in first]


@contextmanager
def _transcript(run: Run) -> Iterator[Transcript]:
    """Give a transcript that outlives a kill or an error, and goes when all went well."""
    from tenfold.chat.transcript import Transcript

    kept = kept_folder(run) / TRANSCRIPT
    with Transcript(kept) as transcript:
        yield transcript
    kept.unlink()
    kept.with_name(f".{TRANSCRIPT}.lock").unlink(missing_ok=True)
