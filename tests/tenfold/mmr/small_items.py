"""A few items of every task with images of their own, and what a model would say that knows the answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tenfold.mmr.items import IMAGES, Item, ItemSet, read_items, write_items
from tenfold.mmr.tasks import CHOICE, TASKS, Task

WIDTH, HEIGHT = 60, 40
ANSWERS: dict[Task, str] = {
    "recognition_label": "The Tides of Ōtautahi",
    "recognition_pos": "two words",
    "grounding_o": "[0.1, 0.2, 0.5, 0.6]",
    "grounding_t": '["a title", [0.1, 0.2, 0.5, 0.6]]',
}


def item(task: Task, number: int = 0, image: str = "") -> Item:
    """Return an item of a task; a choice's answer is option ``number`` + 1 of four."""
    choice = task in CHOICE
    options = "".join(f"\n{place}. option {place} of {task}" for place in range(1, 5)) if choice else ""
    name = image or f"image-{number}"
    return Item(
        f"{task}/{number}",
        name,
        task,
        f"What about {task} {number}?{chr(10) + 'Choices:' if choice else ''}{options}",
        str(number % 4 + 1) if choice else ANSWERS[task],
        file=f"{name}.png",
        width=WIDTH,
        height=HEIGHT,
    )


def of_all_tasks(per_task: int = 2) -> list[Item]:
    return [item(task, number) for task in TASKS for number in range(per_task)]


def write(folder: Path, rows: list[Item]) -> ItemSet:
    """Write items with an image each, of random pixels by its name, and return them."""
    from PIL import Image

    (folder / IMAGES).mkdir(parents=True)
    for one in rows:
        generator = np.random.default_rng(list(one.image.encode()))
        pixels = generator.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / IMAGES / one.file)
    write_items(rows, folder)
    return read_items(folder)


def reply_of(one: Item) -> str:
    """Return a right reply in the official form."""
    if one.task != "grounding_t":
        return one.answer
    text, box = json.loads(one.answer)
    return f'"{text}", {json.dumps(box)}'
