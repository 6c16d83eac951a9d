"""Let the models trained here answer the items of the reading benchmark: pages drawn there, and real receipts.

A model is asked the question as it was annotated, options among it, in the form in which it was taught: after the OCR
text, without the released prompts' sentences about the form of replies, which it never saw. A box of place tokens in a
reply is written as the benchmark writes boxes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from steps.llava_read.benchmark_items import (
    BenchmarkItem,
    Entry,
    Prediction,
    digest_of,
    opened,
    prediction_of,
    read_items,
    write_entries,
    write_predictions,
)
from steps.step.json_files import read_json
from steps.step.params import Count, Params
from steps.step.run import Run

if TYPE_CHECKING:
    from tenfold.llava_read.reader import Reader
    from tenfold.ocr.page import Page

SETS = ("rendered", "receipts")
NAME = "TinyLLaVARead"
VIEW = "native"  # images as they are
TOGETHER = 64  # items whose images are held at once
PROMPT = "the annotated question after the OCR text, without the released prompt around it"
MODELS = "models"


class NoTunedModel(ValueError):
    """An arm whose model is to answer has none."""


class AnswerItemsParams(Params):
    """Whose models answer, those of the first seed: arms that see; ``batch`` items at once."""

    arms: list[str]
    batch: Count


def answer_items(
    tuned: list[Path], rendered: Path, receipts: Path, read: Path, *, out: Path, params: AnswerItemsParams, run: Run
) -> None:
    """Ask each arm's model about every item of both sets, with the words that PP-OCRv6 read if it reads such.

    Reads   models/<arm>-0/ of each arm: a model with its processor and asking.json; items.jsonl, images/ of each set;
            read.json, <set>/native.jsonl of the engine
    Writes  replies.json; <set>/<arm>.jsonl: a prediction per item
    Raises  NoTunedModel, InvalidParts, NoItems, InvalidPages; InvalidImages for an item without its image
    """
    from tenfold.llava_read.reader import Reader
    from tenfold.ocr.page_files import load_pages

    sets = dict(zip(SETS, map(read_items, (rendered, receipts)), strict=True))
    summary = read_json(read / "read.json")
    pages = {name: load_pages(read / name / f"{VIEW}.jsonl") for name in SETS}
    entries = []
    for arm in params.arms:
        folder = next((path / MODELS / f"{arm}-0" for path in tuned if (path / MODELS / f"{arm}-0").is_dir()), None)
        if folder is None:
            raise NoTunedModel(f"no arm of the comparison wrote {MODELS}/{arm}-0; take {arm} out of answer_items.arms")
        reader = Reader.load(folder, device=run.device)
        engine = "" if reader.asking.ocr == "none" else str(summary["engine"])
        for name, items in sets.items():
            found = answers(reader, items, pages[name], params.batch)
            entry = entry_of(reader, arm, name, engine, summary["version"])
            write_predictions(found, out / entry.file)
            entries.append(entry)
            count = sum(one.status == "answered" for one in found)
            run.say(f"{entry.model}, {name}: {count} of {len(items)} items answered")
            run.log({f"{name}/{arm}/answered": count / len(items)})
    write_entries(entries, out)


def answers(
    reader: Reader, items: Sequence[BenchmarkItem], pages: Mapping[str, Page], batch: int = 16
) -> list[Prediction]:
    """Return a prediction per item, in order; a question that is too long for the model has failed, and says so."""
    found: list[Prediction] = []
    waiting = opened(items)
    while part := list(islice(waiting, TOGETHER)):
        asked = [reader.asked(item.question, image, pages[digest_of(image)]) for item, image in part]
        refused = [reader.refusal(one) for one in asked]
        fitting = iter(reader.answer([one for one, why in zip(asked, refused, strict=True) if not why], batch=batch))
        for (item, image), why in zip(part, refused, strict=True):
            if why:
                found.append(Prediction(item.key, None, "failed", why))
            else:
                found.append(prediction_of(item.key, next(fitting), *image.size))
    return found


def entry_of(reader: Reader, arm: str, items: str, engine: str, version: str) -> Entry:
    """Return what the benchmark is told of a model's replies to one set of items."""
    from tenfold.nn.pretrained import weights_sha256

    asking = reader.asking
    about: dict[str, object] = {
        "arm": arm,
        "weights": weights_sha256(reader.model),
        "ocr": asking.ocr,
        "engine": version if engine else "",
        "budget": asking.budget,
        "reply_tokens": asking.reply_tokens,
        "prompt": PROMPT,
    }
    parameters = sum(one.numel() for one in reader.model.parameters())
    return Entry(
        items=items,
        model=f"{NAME} {arm}",
        kind="trained",
        file=f"{items}/{arm}.jsonl",
        engine=engine,
        view=VIEW,
        style="official",
        rotation=0,
        size=parameters / 1e9,
        stand_in=False,
        reasked=False,
        about=about,
    )
