"""Answer without any image: by the truth itself, by chance, by constants, and by the words of the questions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from steps.mmr.item_sets import OFFICIAL, Source, origin_of, read_sets
from steps.mmr.replies import Kind, RepliesWriter
from steps.step.params import Field, Params
from steps.step.run import Run
from tenfold.mmr.baselines import ConstantBox, ConstantIndex, FirstAnswer, Oracle, RandomModel
from tenfold.mmr.queries import Model
from tenfold.mmr.showing import Showing

if TYPE_CHECKING:
    from tenfold.text.encoder import SentenceEncoder

UNUSED = "ConstantBox of the unused rows"
CONSTANTS = "Constants"


class PredictBlindParams(Params):
    """Into how many parts images are cut where a set has no items to fit on: words are fitted on the other parts."""

    folds: int = Field(ge=2)


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

    Constants are fitted on the items that count, so that they are a floor; one box is fitted on the rows that do not.

    Reads   items.jsonl, about.json of each set; minilm/: a sentence encoder
    Writes  replies.json; <set>/<model>.jsonl: a prediction per row
    Raises  NoItems, InvalidModel for fewer images than folds
    """
    from tenfold.text.encoder import load_encoder

    encoder = load_encoder(minilm, device=run.device)
    made_up = bool(origin_of(minilm)["stand_in"])
    writer = RepliesWriter(out)
    for source in read_sets(official, rendered, receipts).values():
        queries = list(Showing(images=False).queries(source.every))
        for kind, name, model in models(source, encoder, params.folds, run.seed):
            about = {"about": model.identity(), "stand_in": made_up and name == "BlindText"}
            writer.add(source.every.name, name, kind, model.answer(queries), **about)
            run.say(f"{source.every.name}: {name}")
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
        objects = source.unused.only(source.unused.tasks == "grounding_o")
        yield "blind", UNUSED, ConstantBox.fitted(objects)
    if source.fit is None:
        fitted = BlindText.cross_fitted(source.items, encoder, folds=folds, seed=seed)
    else:
        fitted = BlindText.fitted(source.fit, encoder)
    yield "blind", fitted.name, fitted
