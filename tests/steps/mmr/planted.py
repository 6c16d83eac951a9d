"""Items and replies with known effects, in the files in which the steps write them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from steps.mmr.item_sets import OFFICIAL, RECEIPTS, RENDERED, UNUSED, write_about
from steps.mmr.replies import OTHER_IMAGE, SHUFFLED, SPLIT, Kind, RepliesWriter
from steps.step.json_files import write_json
from tenfold.mmr.items import Item, ItemSet, write_items
from tenfold.mmr.predictions import Prediction, prediction_of
from tenfold.mmr.tasks import CHOICE, RECOGNITION, TASKS, Task

OPTIONS = "\n".join(f"{number}. the option {word}" for number, word in enumerate(("red", "blue", "tall", "wide"), 1))
RECEIPT_TASKS: tuple[Task, ...] = (
    "recognition_label",
    "recognition_pos",
    "font_size",
    "localize_t",
    "spatial_tt",
    "grounding_t",
)
OTHERS = "all the other words of the page, one after the other "
NOWHERE = "[0.90, 0.90, 0.95, 0.95]"


@dataclass(frozen=True)
class Reader:
    """How often a model is right: in recognition, in choices (at chance where it is not), in each kind of box."""

    text: float = 0.0
    choice: float = 0.0
    object_box: float = 0.0
    grounded: float = 0.0
    text_box: float = 0.0
    around: str = ""  # what it writes around a text


PERFECT = Reader(1, 1, 1, 1, 1)
READS = Reader(0.8, 0.7, 0.2, 0.8, 0.7)
TALKS = Reader(0.3, 0.15, 0.0, 0.2, 0.0)
BLIND = Reader()


def item_set(name: str, per_task: int = 20, tasks: Sequence[Task] = TASKS, images: int = 40) -> ItemSet:
    """Return items of each task; an image has items of several tasks."""
    rows = []
    for number, task in enumerate(tasks):
        for place in range(per_task):
            image = f"{name}-{(place + 3 * number) % images}"
            box = [0.1 + 0.01 * (place % 5), 0.3, 0.5, 0.4]
            answer = {"grounding_o": json.dumps(box), "grounding_t": json.dumps([f"words of {place}", box])}.get(
                task, f"a longer text {place}" if task in RECOGNITION else str(1 + place % 4)
            )
            question = f"Question: which is it of {task}?\n{OPTIONS}" if task in CHOICE else f"What is {task} {place}?"
            band, layout = ("small", "jacket") if place % 2 else ("large", "playbill")
            rows.append(
                Item(
                    f"{name}/{task}/{place}",
                    image,
                    task,
                    question,
                    answer,
                    width=400,
                    height=300,
                    band=band,
                    layout=layout,
                )
            )
    return ItemSet(name, tuple(rows))


def replied(items: ItemSet, reader: Reader, seed: int) -> list[Prediction]:
    """Return the replies of a reader."""
    generator = np.random.default_rng(seed)
    return [prediction_of(item.key, _reply(item, reader, generator)) for item in items.rows]


def _reply(item: Item, reader: Reader, generator: np.random.Generator) -> str:
    lucky, other = generator.random(2)
    guess = str(generator.integers(1, 5))
    if item.task in CHOICE:
        return item.answer if lucky < reader.choice else guess
    if item.task in RECOGNITION:
        text = item.answer if lucky < reader.text else "something else altogether"
        return f"{reader.around}{text}{reader.around}"
    if item.task == "grounding_o":
        return item.answer if lucky < reader.object_box else NOWHERE
    text, box = json.loads(item.answer)
    said = text if lucky < reader.grounded else "something else altogether"
    return f'"{said}", {json.dumps(box) if other < reader.text_box else NOWHERE}'


def write_set(folder: Path, items: ItemSet, *, stand_in: bool = False) -> ItemSet:
    """Write a set of items as the steps that make them do."""
    folder.mkdir(parents=True, exist_ok=True)
    write_items(items.rows, folder)
    write_about(folder, items, origin="mirror", stand_in=stand_in, detail="planted", rejected={})
    return items


def write_sets(root: Path, per_task: int = 20, **stand_in: bool) -> dict[str, ItemSet]:
    """Write all three sets below ``root``."""
    tasks: dict[str, Sequence[Task]] = {OFFICIAL: TASKS, RENDERED: TASKS, RECEIPTS: RECEIPT_TASKS}
    made = {name: item_set(name, per_task, own) for name, own in tasks.items()}
    return {name: write_set(root / name, own, stand_in=stand_in.get(name, False)) for name, own in made.items()}


Planted = Mapping[str, tuple[Kind, Reader] | tuple[Kind, Reader, Mapping[str, Any]]]
USUAL: Planted = {
    "Oracle": ("oracle", PERFECT),
    "Random": ("blind", BLIND),
    "ConstantIndex": ("blind", BLIND),
    "ConstantBox": ("blind", Reader(object_box=0.3, text_box=0.1)),
    "Constants": ("blind", Reader(object_box=0.3, text_box=0.1)),
    "BlindText": ("blind", BLIND),
    "PageDump ppocr6": ("dump", Reader(text=1.0, around=OTHERS)),
    f"PageDump ppocr6 · {OTHER_IMAGE}": ("dump", BLIND, {"variant": OTHER_IMAGE}),
    f"BlindText · {SPLIT} 0": ("blind", BLIND, {"variant": f"{SPLIT} 0"}),
    f"BlindText · {SPLIT} 1": ("blind", BLIND, {"variant": f"{SPLIT} 1"}),
    f"BlindText · {SHUFFLED} 0": ("blind", BLIND, {"variant": f"{SHUFFLED} 0"}),
    f"BlindText · {SHUFFLED} 1": ("blind", BLIND, {"variant": f"{SHUFFLED} 1"}),
    UNUSED: ("blind", Reader(object_box=0.3)),
    "OCRRules ppocr6": ("rules", READS, {"engine": "ppocr6"}),
    "OCRRules ppocr4": ("rules", READS, {"engine": "ppocr4"}),
    "SmolLM2 ppocr6": ("language", TALKS, {"engine": "ppocr6"}),
}


def write_replied(folder: Path, sets: Mapping[str, ItemSet], planted: Planted | None = None) -> Path:
    """Write what the steps that predict write: each reader's replies to each set; a variant stands behind " · "."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = RepliesWriter(folder)
    for name, items in sets.items():
        for seed, (model, (kind, reader, *about)) in enumerate((planted or USUAL).items()):
            if name == OFFICIAL and kind not in ("oracle", "blind", "pretrained", "trained"):
                continue
            if name != OFFICIAL and model.partition(" · ")[0] == UNUSED:
                continue
            writer.add(name, model.partition(" · ")[0], kind, replied(items, reader, seed), **dict(*about))
    writer.close()
    return folder


def write_read(folder: Path, engine: str) -> Path:
    """Write what the step that reads writes of itself."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {"pages": 40, "words": 900, "recall_words": 0.9, "recall_words_small": 0.8, "recall_characters": 0.95}
    sets = {"rendered": {"native": found, "336": found | {"recall_words": 0.5}}, "receipts": {"native": found}}
    write_json(folder / "read.json", {"engine": engine, "why_not": "", "sets": sets})
    return folder
