"""Items and replies for tests of what people look at."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tenfold.mmr.items import IMAGES, Item, ItemSet
from tenfold.mmr.predictions import Prediction, prediction_of
from tenfold.mmr.readings import Reading, readings_of
from tenfold.mmr.tasks import Task

QUESTION = "Question: Which color?\nChoices:\n1. red\n2. blue\n3. green\n4. white\n"
ANSWERS: dict[Task, str] = {
    "recognition_label": "Prodigal Night",
    "font_color": "2",
    "grounding_o": "[0.1, 0.2, 0.5, 0.6]",
    "grounding_t": '["Night", [0.1, 0.2, 0.5, 0.6]]',
}


def item(task: Task, key: str = "", **more: Any) -> Item:
    question = QUESTION if task == "font_color" else "What is it?"
    given = {"key": key or task, "image": "page", "task": task, "question": question, "answer": ANSWERS[task]}
    return Item(**(given | more))


def items(*rows: Item, folder: Path | None = None) -> ItemSet:
    return ItemSet("made up", rows, folder)


def with_image(folder: Path, *rows: Item, data: bytes | None = None) -> ItemSet:
    """Return a set of items whose images are one file each item names, of 200 × 100 pixels if not given."""
    (folder / IMAGES).mkdir(exist_ok=True)
    for one in rows:
        (folder / IMAGES / one.file).write_bytes(data or encoded(200, 100))
    return items(*rows, folder=folder)


def encoded(width: int, height: int, *, noise: bool = False, **more: Any) -> bytes:
    shape = (height, width, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape) if noise else np.full(shape, 90)
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, format="PNG", **more)
    return buffer.getvalue()


def reply(key: str, text: str | None, **more: Any) -> Prediction:
    return prediction_of(key, text, **more)


def reading(one: Item, text: str | None, **more: Any) -> Reading:
    return readings_of(items(one), [reply(one.key, text, **more)])[0]
