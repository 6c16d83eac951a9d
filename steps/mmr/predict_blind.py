"""Answer without any image: by the truth itself, by chance, by constants, and by the words of the questions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from steps.mmr.item_sets import OFFICIAL, UNUSED, Source, origin_of, read_sets
from steps.mmr.replies import SHUFFLED, SPLIT, Kind, RepliesWriter
from steps.step.params import Count, Field, Params
from steps.step.run import Run
from tenfold.mmr.baselines import ConstantBox, ConstantIndex, FirstAnswer, Oracle, RandomModel
from tenfold.mmr.items import ItemSet
from tenfold.mmr.queries import Model
from tenfold.mmr.showing import Showing
from tenfold.mmr.tasks import CHOICE

if TYPE_CHECKING:
    from tenfold.mmr.blind_text import BlindText
    from tenfold.text.encoder import SentenceEncoder

CONSTANTS = "Constants"


class PredictBlindParams(Params):
    """Into how many parts images are cut where a set has no items to fit on: words are fitted on the other parts.

    ``splits``: how often the images of the official annotations are cut anew, each time with the right answers and with
    shuffled ones.
    """

    folds: int = Field(ge=2)
    splits: Count


def predict_blind(
    official: Path,
    rendered: Path,
    receipts: Path,
    minilm: Path,
    *,
    out: Path,
    params: PredictBlindParams,
    run: Run,
) -> None:
    """Let models without an image answer all rows of each set.

    Constants are fitted on the items that count, so that they are a floor; another model's boxes on the rows that do
    not. Choices of the official annotations are answered again by fits to other splits of their images, and by fits to
    answers that are shuffled within each task: what those have is no knowledge of the answers.

    Reads   items.jsonl, about.json of each set; minilm/: a sentence encoder
    Writes  replies.json; <set>/<model>.jsonl: a prediction per row
    Raises  NoItems, InvalidModel for fewer images than folds
    """
    from steps.mmr.remembering_encoder import remembering
    from tenfold.text.encoder import load_encoder

    encoder = remembering(load_encoder(minilm, device=run.device))
    made_up = bool(origin_of(minilm)["stand_in"])
    writer = RepliesWriter(out)
    for source in read_sets(official, rendered, receipts).values():
        queries = list(Showing(images=False).queries(source.every))
        for kind, name, model in models(source, encoder, params.folds, run.seed):
            about = {"about": model.identity(), "stand_in": made_up and name == "BlindText"}
            writer.add(source.every.name, name, kind, model.answer(queries), **about)
            run.say(f"{source.every.name}: {name}")
        if source.every.name == OFFICIAL:
            for variant, model in refitted(source.items, encoder, params.folds, params.splits, run.seed):
                about = {"about": model.identity(), "stand_in": made_up, "variant": variant}
                writer.add(source.every.name, model.name, "blind", model.answer(queries), **about)
                run.say(f"{source.every.name}: {model.name}, {variant}")
    writer.close()


def models(source: Source, encoder: SentenceEncoder, folds: int, seed: int) -> Iterator[tuple[Kind, str, Model]]:
    """Yield kind, name and model: constants fitted on the set's own items, words on others about other images."""
    from tenfold.mmr.blind_text import BlindText

    index, box = ConstantIndex.fitted(source.items), ConstantBox.fitted(source.items)
    yield "oracle", Oracle.name, Oracle(source.every)
    yield "blind", RandomModel.name, RandomModel(seed)
    yield "blind", index.name, index
    yield "blind", box.name, box
    yield "blind", CONSTANTS, FirstAnswer(CONSTANTS, [index, box])
    if source.every.name == OFFICIAL:
        yield "blind", UNUSED, ConstantBox.fitted(source.unused)
    if source.fit is None:
        fitted = BlindText.cross_fitted(source.items, encoder, folds=folds, seed=seed)
    else:
        fitted = BlindText.fitted(source.fit, encoder)
    yield "blind", fitted.name, fitted


def refitted(
    items: ItemSet, encoder: SentenceEncoder, folds: int, splits: int, seed: int
) -> Iterator[tuple[str, BlindText]]:
    """Yield variant and model: the words of choices, cross-fitted over each split of images, and to shuffled ones."""
    from tenfold.mmr.blind_text import BlindText

    choices = items.only(np.isin(items.tasks, CHOICE))
    for number in range(splits):
        own = seed + number
        yield f"{SPLIT} {number}", BlindText.cross_fitted(choices, encoder, folds=folds, seed=own)
        shuffled = with_shuffled_answers(choices, own)
        yield f"{SHUFFLED} {number}", BlindText.cross_fitted(shuffled, encoder, folds=folds, seed=own)


def with_shuffled_answers(items: ItemSet, seed: int) -> ItemSet:
    """Return the items with the answers of each task given to its items anew, in a drawn order."""
    generator, rows = np.random.default_rng(seed), list(items.rows)
    for task in dict.fromkeys(items.tasks.tolist()):
        places = np.flatnonzero(items.tasks == task)
        for place, other in zip(places, generator.permutation(places), strict=True):
            rows[place] = replace(items.rows[place], answer=items.rows[other].answer)
    return ItemSet(items.name, tuple(rows), items.folder)
