"""Models that never look at an image: the truth itself, chance, and the best constant answers.

What they score says how much of a total needs no reading. None is in the paper or its release.

Legend:  N items · M candidate boxes
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

from tenfold.metrics.boxes import iou_table
from tenfold.mmr.errors import InvalidItem, InvalidModel
from tenfold.mmr.items import Item, ItemSet
from tenfold.mmr.predictions import Prediction, prediction_of
from tenfold.mmr.queries import Model, Query
from tenfold.mmr.tasks import CHOICE, GROUNDING, Task

NO_TEXT = "unknown"  # what stands where a text is asked for and none is known
STEP = 0.05  # of the grid of constant boxes, as a share of the side
NEEDED = 0.3  # the intersection over union that a box must exceed for its point
CHUNK = 4096  # candidate boxes compared at once


class Oracle:
    """Answers with the annotations themselves, in the official format: all points, or the scorer is broken."""

    name = "Oracle"

    def __init__(self, items: ItemSet) -> None:
        self._replies = {item.key: true_reply(item) for item in items.rows}

    def identity(self) -> dict[str, Any]:
        """Return the kind, and the digest of what it answers."""
        digest = hashlib.sha256(json.dumps(self._replies, sort_keys=True).encode()).hexdigest()
        return {"kind": "oracle", "replies": digest}

    def answer(self, queries: Sequence[Query]) -> list[Prediction]:
        """Return the true answers; a query about an item that it does not know has failed."""
        return [prediction_of(one.key, self._replies.get(one.key), why=self._why(one.key)) for one in queries]

    def _why(self, key: str) -> str:
        return "" if key in self._replies else "the oracle knows no such item"


def true_reply(item: Item) -> str:
    """Return a reply that is right in the official format: the number, the text, the box, or text and box.

    Raises InvalidItem if the answer of a text with a box is not in the form of the annotations.
    """
    if item.task != "grounding_t":
        return item.answer
    text, box = _text_and_box(item)
    return f"{text} {json.dumps(box)}"


class RandomModel:
    """Answers by chance: a number from 1 to 4, a box with uniform corners, a word of the question.

    A reply depends on ``seed`` and the item's key alone. Raises InvalidModel if the seed is negative.
    """

    name = "Random"

    def __init__(self, seed: int = 0) -> None:
        if seed < 0:
            raise InvalidModel(f"a seed is 0 or more, not {seed}")
        self.seed = int(seed)

    def identity(self) -> dict[str, Any]:
        """Return the kind and the seed."""
        return {"kind": "random", "seed": self.seed}

    def answer(self, queries: Sequence[Query]) -> list[Prediction]:
        """Return a drawn answer for each query."""
        return [prediction_of(query.key, self._reply(query)) for query in queries]

    def _reply(self, query: Query) -> str:
        digest = hashlib.sha256(query.key.encode()).digest()
        generator = np.random.default_rng([self.seed, *np.frombuffer(digest, ">u4").tolist()])
        if query.task in CHOICE:
            return str(generator.integers(1, 5))
        words = query.question.split() or [NO_TEXT]
        word = words[int(generator.integers(0, len(words)))].replace("[", "")
        corners = np.sort(generator.uniform(0, 1, (2, 2)), axis=0).ravel()  # x0, y0, x1, y1
        box = json.dumps([round(float(value), 3) for value in corners])
        return {"grounding_o": box, "grounding_t": f"{word or NO_TEXT} {box}"}.get(query.task, word or NO_TEXT)


class ConstantIndex:
    """Answers each choice task with one number, whatever the question; other tasks get an empty reply."""

    name = "ConstantIndex"

    def __init__(self, numbers: Mapping[Task, str]) -> None:
        self.numbers = dict(numbers)

    @classmethod
    def fitted(cls, items: ItemSet) -> ConstantIndex:
        """Return the model with each task's commonest number, the lower of two; 1 for a task that the items lack."""
        counts = {task: Counter(item.answer for item in items.rows if item.task == task) for task in CHOICE}
        return cls({task: max("1234", key=lambda number: counts[task][number]) for task in CHOICE})

    def identity(self) -> dict[str, Any]:
        """Return the kind and the numbers."""
        return {"kind": "constant index", "numbers": self.numbers}

    def answer(self, queries: Sequence[Query]) -> list[Prediction]:
        """Return the constant number of each query's task."""
        return [prediction_of(query.key, self.numbers.get(query.task, "")) for query in queries]


class ConstantBox:
    """Answers each grounding task with one box, and with no text; other tasks get an empty reply."""

    name = "ConstantBox"

    def __init__(self, boxes: Mapping[Task, tuple[float, float, float, float]]) -> None:
        self.boxes = dict(boxes)

    @classmethod
    def fitted(cls, items: ItemSet, *, step: float = STEP) -> ConstantBox:
        """Return the model with the box of a grid of ``step`` that most items' boxes overlap by more than 0.3.

        Of several such boxes it is the one with the greatest mean intersection over union. A task without items has no
        box. Raises InvalidModel unless 0.01 <= step <= 0.5.
        """
        if not 0.01 <= step <= 0.5:
            raise InvalidModel(f"the grid's step is from 0.01 to 0.5, not {step}")
        boxes = {}
        for task in GROUNDING:
            wanted = np.array([box_of(item) for item in items.rows if item.task == task], dtype=np.float64)
            if len(wanted):
                boxes[task] = best_box(wanted, step)
        return cls(boxes)

    def identity(self) -> dict[str, Any]:
        """Return the kind and the boxes."""
        return {"kind": "constant box", "boxes": {task: list(box) for task, box in self.boxes.items()}}

    def answer(self, queries: Sequence[Query]) -> list[Prediction]:
        """Return the constant box of each query's task."""
        return [prediction_of(query.key, self._reply(query.task)) for query in queries]

    def _reply(self, task: Task) -> str:
        if task not in self.boxes:
            return ""
        box = json.dumps(list(self.boxes[task]))
        return f"{NO_TEXT} {box}" if task == "grounding_t" else box


class FirstAnswer:
    """Asks several models and takes the first answer, such as that of a constant index, then of a constant box."""

    def __init__(self, name: str, models: Sequence[Model]) -> None:
        if not models:
            raise InvalidModel(f"{name} needs one model at least")
        self.name, self.models = name, tuple(models)

    def identity(self) -> dict[str, Any]:
        """Return the identities of all."""
        return {"kind": "first answer", "models": [model.identity() for model in self.models]}

    def answer(self, queries: Sequence[Query]) -> list[Prediction]:
        """Return the first answer to each query; the last model's prediction where none has one."""
        all_of_them = zip(*(model.answer(queries) for model in self.models), strict=True)
        return [next((one for one in found if one.answer is not None), found[-1]) for found in all_of_them]


def best_box(wanted: Float64[np.ndarray, "N 4"], step: float = STEP) -> tuple[float, float, float, float]:
    """Return the box of a grid that exceeds IoU 0.3 with most of ``wanted``; of several, that of greatest mean IoU."""
    edges = np.linspace(0, 1, round(1 / step) + 1)
    pairs = np.array([(low, high) for low in edges for high in edges if high > low])
    x, y = np.meshgrid(np.arange(len(pairs)), np.arange(len(pairs)), indexing="ij")
    candidates = np.concatenate([pairs[x.ravel()], pairs[y.ravel()]], axis=1)[:, [0, 2, 1, 3]]  # (M, 4)
    hits, means = np.empty(len(candidates)), np.empty(len(candidates))
    for start in range(0, len(candidates), CHUNK):
        table = iou_table(candidates[start : start + CHUNK], wanted)
        over: Bool[np.ndarray, "m N"] = table > NEEDED
        hits[start : start + CHUNK], means[start : start + CHUNK] = over.sum(axis=1), table.mean(axis=1)
    x0, y0, x1, y1 = (round(float(value), 4) for value in candidates[np.lexsort((means, hits))[-1]])
    return x0, y0, x1, y1


def box_of(item: Item) -> list[float]:
    """Return the box of a grounding item's answer, as it is. Raises InvalidItem if it is in another form."""
    if item.task == "grounding_t":
        return _text_and_box(item)[1]
    return _checked(item, _loaded(item))


def _text_and_box(item: Item) -> tuple[str, list[float]]:
    found = _loaded(item)
    if not isinstance(found, list) or len(found) != 2 or not isinstance(found[0], str):
        raise InvalidItem(f"{item.key}: a text with its box is [text, [x0, y0, x1, y1]], not {item.answer!r}")
    return found[0], _checked(item, found[1])


def _checked(item: Item, box: Any) -> list[float]:
    if not isinstance(box, list) or len(box) != 4 or not all(isinstance(value, int | float) for value in box):
        raise InvalidItem(f"{item.key}: a box is four numbers, not {box!r}")
    return [float(value) for value in box]


def _loaded(item: Item) -> Any:
    try:
        return json.loads(item.answer)
    except json.JSONDecodeError as error:
        raise InvalidItem(f"{item.key}: {item.answer!r} is no JSON: {error}") from None
