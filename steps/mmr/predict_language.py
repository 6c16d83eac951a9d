"""Let a small language model answer from the words that an OCR engine read, without the image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from steps.mmr.item_sets import RECEIPTS, RENDERED, SetName
from steps.mmr.ocr_pages import read_views
from steps.mmr.replies import RepliesWriter
from steps.mmr.views import NATIVE, VIEWS
from steps.step.json_files import read_json
from steps.step.params import Count, Params
from steps.step.run import Run
from tenfold.mmr.items import ItemSet, read_items
from tenfold.mmr.predictions import Prediction
from tenfold.mmr.prompts import Style
from tenfold.mmr.queries import Query
from tenfold.mmr.tasks import CHOICE, GROUNDING

if TYPE_CHECKING:
    from tenfold.mmr.ocr_language_model import OCRLanguageModel

NAME = "SmolLM2"  # the decoder that a package carries
TOGETHER = 32  # items whose images are held at once


class PredictLanguageParams(Params):
    """Whose words of which sets are read; styles of prompts beside the released one; by how many places options turn.

    ``text_tokens`` of a page's words stand in a prompt at most; a reply has ``reply_tokens`` at most.
    """

    engine: str
    sets: list[SetName]
    styles: list[Style]
    rotations: list[int]
    text_tokens: Count
    reply_tokens: Count


def predict_language(
    rendered: Path,
    receipts: Path,
    read: list[Path],
    decoder: Path,
    *,
    out: Path,
    params: PredictLanguageParams,
    run: Run,
) -> None:
    """Put each question below the words of its image, and let a pretrained decoder answer.

    Reads   items.jsonl, images/ of each set; <set>/native.jsonl of the engine; decoder/: config.json,
            model.safetensors, a tokenizer, origin.json
    Writes  replies.json; <set>/<model>.jsonl: a prediction per item
    Raises  DecoderMismatch, ContextTooLong
    """
    from tenfold.language.decoder import load_decoder
    from tenfold.mmr.ocr_language_model import OCRLanguageModel

    folders: dict[str, Path] = {RENDERED: rendered, RECEIPTS: receipts}
    sets = {name: read_items(folder, name=name) for name, folder in folders.items()}
    origin = read_json(decoder / "origin.json")
    loaded = load_decoder(decoder, device=run.device)
    writer = RepliesWriter(out)
    for one in read_views(read):
        if one.engine == params.engine and one.view == NATIVE and one.items in params.sets:
            model = OCRLanguageModel(
                one.pages, loaded, text_tokens=params.text_tokens, reply_tokens=params.reply_tokens
            )
            about = {"engine": one.engine, "stand_in": bool(origin["stand_in"]), "about": model.identity()}
            _ask(model, sets[one.items], params, writer, about, run)
    writer.close()


def _ask(
    model: OCRLanguageModel,
    items: ItemSet,
    params: PredictLanguageParams,
    writer: RepliesWriter,
    about: Mapping[str, Any],
    run: Run,
) -> None:
    """Ask about every item; again about boxes, whose prompts the other styles change, and about turned choices."""
    choices, boxes = (items.only(np.isin(items.tasks, tasks)) for tasks in (CHOICE, GROUNDING))
    asked: list[tuple[ItemSet, Style, int]] = [(items, "official", 0)]
    asked += [(boxes, style, 0) for style in params.styles]
    asked += [(choices, "official", rotation) for rotation in params.rotations]
    name = f"{NAME} {about['engine']}"
    for these, style, rotation in asked:
        predictions = _answers(model, VIEWS[NATIVE].queries(these, style, rotation))
        writer.add(items.name, name, "language", predictions, style=style, rotation=rotation, **about)
        answered = sum(one.answer is not None for one in predictions)
        run.say(f"{name}, {items.name}, {style}, turned by {rotation}: {answered} of {len(these)} answered")


def _answers(model: OCRLanguageModel, queries: Iterator[Query]) -> list[Prediction]:
    found: list[Prediction] = []
    while part := list(islice(queries, TOGETHER)):
        found += model.answer(part)
    return found
