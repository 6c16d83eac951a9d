"""The reading benchmark's items as another paper's steps wrote them, and replies in the form that it reads.

Files cross papers, code does not: items.jsonl with images/, pages of OCR by the digest of their image, and replies.json
with one file of predictions per entry.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from steps.step.json_files import write_json
from tenfold.llava_read.squares import Square, read_box

if TYPE_CHECKING:
    from PIL.Image import Image

    from tenfold.llava_read.reader import Answer

ITEMS, IMAGES, REPLIES = "items.jsonl", "images", "replies.json"
BOX = re.compile(r"<x\d+><y\d+><x\d+><y\d+>")
STATUSES = {"answered": "", "empty": "", "cut": "cut off at the longest reply"}


class NoItems(ValueError):
    """A folder holds no items of the benchmark."""


@dataclass(frozen=True)
class BenchmarkItem:
    """One item: its key, its task, the question as it was annotated, and its image's file."""

    key: str
    task: str
    question: str
    path: Path


@dataclass(frozen=True)
class Prediction:
    """A reply to one item: "answered", "empty", "cut" or, without a reply, "failed"; ``why`` says why."""

    key: str
    reply: str | None
    status: str
    why: str = ""


@dataclass(frozen=True)
class Entry:
    """One model's replies to one set of items; the fields are those that the benchmark reads."""

    items: str
    model: str
    kind: str
    file: str
    engine: str
    view: str
    style: str
    rotation: int
    size: float
    stand_in: bool
    reasked: bool
    about: dict[str, object]


def read_items(folder: Path) -> list[BenchmarkItem]:
    """Return the items of a folder. Raises NoItems if there are none, with the line where a row is none."""
    path = folder / ITEMS
    if not path.is_file() or not path.stat().st_size:
        raise NoItems(f"{folder} holds no {ITEMS}; run the step that makes the items again")
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            item = BenchmarkItem(row["key"], row["task"], row["question"], folder / IMAGES / row["file"])
        except (ValueError, KeyError, TypeError) as error:
            raise NoItems(f"{path}:{number} is no item: {error!r}") from None
        found.append(item)
    return found


def opened(items: Sequence[BenchmarkItem]) -> Iterator[tuple[BenchmarkItem, Image]]:
    """Yield items with their images, RGB, as they are seen. Raises InvalidImages."""
    from tenfold.imaging.files import open_image

    last: tuple[Path, Image] | None = None  # neighbours are often about one image
    for item in items:
        if last is None or last[0] != item.path:
            last = item.path, open_image(item.path, "RGB")
        yield item, last[1]


def digest_of(image: Image) -> str:
    """Return the name that pages of OCR go by: the sum of the image's shape and pixels."""
    pixels = np.ascontiguousarray(np.asarray(image))
    return hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()


def prediction_of(key: str, answer: Answer, width: int, height: int) -> Prediction:
    """Return an answer as a prediction; boxes of four place tokens become lists of shares of the image's sides."""
    return Prediction(key, in_shares(answer.reply, width, height), answer.status, STATUSES[answer.status])


def in_shares(reply: str, width: int, height: int) -> str:
    """Return a reply with each box of place tokens as [x0, y0, x1, y1], shares of an image of that size.

    The tokens are shares of the square around the image; tokens that are no box stay as they are.
    """

    def shares(match: re.Match[str]) -> str:
        box = read_box(match[0])
        if box is None:
            return match[0]
        x0, y0, x1, y1 = Square(width, height).pixels(box)
        return json.dumps([round(x0 / width, 4), round(y0 / height, 4), round(x1 / width, 4), round(y1 / height, 4)])

    return BOX.sub(shares, reply)


def write_predictions(predictions: Sequence[Prediction], path: Path) -> None:
    """Write one row per prediction into a file of JSON lines; its folder is made if need be."""
    path.parent.mkdir(exist_ok=True)
    lines = (json.dumps(asdict(one), ensure_ascii=False) for one in predictions)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_entries(entries: Sequence[Entry], out: Path) -> None:
    """Write the list of entries."""
    write_json(out / REPLIES, [asdict(entry) for entry in entries])
