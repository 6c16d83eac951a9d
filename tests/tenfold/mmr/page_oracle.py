"""Answers recomputed from pages.jsonl alone, by other means than the library's: words, centres, counting."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from tenfold.rendering.colours import NAMED, lab

COLUMNS, ROWS = ("left", "center", "right"), ("top", "middle", "bottom")
DIRECTIONS = ("above", "below", "to the left of", "to the right of")


class Oracle:
    """Answers items about one page, given its row of pages.jsonl."""

    def __init__(self, page: dict[str, Any]) -> None:
        self.size = np.array([page["width"], page["height"]], float)
        words: dict[int, list[list[int]]] = {}
        for word in page["words"]:
            words.setdefault(page["lines"][word["line"]]["block"], []).append(word["box"])
        self.texts: dict[str, dict[str, Any]] = {}
        for block, boxes in words.items():
            lines = [line for line in page["lines"] if line["block"] == block]
            corners = np.array(boxes)
            text = " ".join(line["text"] for line in lines)
            assert text not in self.texts, "a text stands twice on the page"
            self.texts[text] = {
                "box": np.array([*corners[:, :2].min(0), *corners[:, 2:].max(0)], float),
                "role": lines[0]["role"],
                "size": lines[0]["size"],
                "colour": lines[0]["colour"],
            }
        spoken = {"moon": "crescent moon", "bolt": "lightning bolt"}
        self.objects = {
            f"{shape['colour']} {spoken.get(shape['name'], shape['name'])}": np.array(shape["box"], float)
            for shape in page["shapes"]
        }
        assert len(self.objects) == len(page["shapes"]), "two objects have one name"

    def answer(self, task: str, question: str) -> str:
        """Return the answer; for a choice, the number of the only option that is true."""
        head, _, tail = question.partition("\nChoices:\n")
        if not tail:
            return self._open(task, head)
        options = [line.split(". ", 1) for line in tail.split("\n")]
        assert [number for number, _ in options] == ["1", "2", "3", "4"]
        true = [number for number, option in options if self._true(task, head, option.strip('"'))]
        assert len(true) == 1, (question, true)
        return true[0]

    def _open(self, task: str, head: str) -> str:
        if task == "recognition_label":
            role = "author" if "author" in head else "subtitle" if "subtitle" in head else "title"
            return self._only(text for text, one in self.texts.items() if one["role"] == role)
        if task == "grounding_o":
            return json.dumps(self._shares(self._box(head)))
        place = re.search(r"at the ([a-z ]+?) of the image", head)
        if task == "grounding_t":
            role = re.search(r"the (title|subtitle|author|text) at", head)
            assert place and role
            text = self._only(
                text
                for text, one in self.texts.items()
                if self._part(one["box"]) == place[1] and role[1] in ("text", one["role"])
            )
            return json.dumps([text, self._shares(self.texts[text]["box"])])
        if place:
            return self._only(text for text, one in self.texts.items() if self._part(one["box"]) == place[1])
        direction = self._only(one for one in DIRECTIONS if f"directly {one} " in head)
        return self._next(self._box(head), direction, list(self.texts))

    def _true(self, task: str, head: str, option: str) -> bool:
        if task == "font_size":
            largest = max(self.texts[text]["size"] for text in self.texts if f'"{text}"' not in head)
            return self.texts[option]["size"] == largest
        if task == "font_color":
            colour = self._text(head)["colour"]
            return min(NAMED, key=lambda name: np.linalg.norm(lab(tuple(colour)) - lab(NAMED[name]))) == option
        if task.startswith("localize"):
            return self._part(self._box(head)) == re.sub(r"^(At|In) the | of the image$", "", option)
        if "directly" in head:
            direction = self._only(one for one in DIRECTIONS if f"directly {one} " in head)
            return self._next(self._box(head), direction, list(self.texts)) == option
        return self._relation(*self._pair(head), option)

    def _relation(self, thing: np.ndarray, other: np.ndarray, said: str) -> bool:
        """Whether an option such as "Above and to the left of it" is true, by which edges are past which."""
        past = {
            "left": thing[2] <= other[0],
            "right": thing[0] >= other[2],
            "above": thing[3] <= other[1],
            "below": thing[1] >= other[3],
        }
        stated = {word for word in past if re.search(rf"\b{word}\b", re.sub('".*"', "", said).lower())}
        return {word for word, true in past.items() if true} == stated

    def _pair(self, head: str) -> tuple[np.ndarray, np.ndarray]:
        one, two = re.split(r" in relation to | relative to ", re.sub(" located in relation", " in relation", head))
        return self._box(one), self._box(two)

    def _text(self, said: str) -> dict[str, Any]:
        return self.texts[self._only(text for text in self.texts if f'"{text}"' in said)]

    def _box(self, said: str) -> np.ndarray:
        if '"' in said:
            return self._text(said)["box"]
        return self.objects[self._only(name for name in self.objects if re.search(rf"\bthe {name}\b", said))]

    def _part(self, box: np.ndarray) -> str:
        column, row = ((box[:2] + box[2:]) / 2 // (self.size / 3)).astype(int)
        return "center" if (column, row) == (1, 1) else f"{ROWS[row]} {COLUMNS[column]}"

    def _next(self, box: np.ndarray, direction: str, texts: list[str]) -> str:
        """Return the text that faces ``box`` in a direction with the smallest gap between them."""
        axis = 1 if direction in ("above", "below") else 0
        gaps = {}
        for text in texts:
            other = self.texts[text]["box"]
            gap = (
                box[axis] - other[axis + 2] if direction in ("above", "to the left of") else other[axis] - box[axis + 2]
            )
            if gap >= 0 and max(other[1 - axis], box[1 - axis]) < min(other[3 - axis], box[3 - axis]):
                gaps[text] = gap
        return min(gaps, key=lambda text: gaps[text])

    def _shares(self, box: np.ndarray) -> list[float]:
        return np.round(box / np.tile(self.size, 2), 4).tolist()

    @staticmethod
    def _only(found: Any) -> str:
        (one,) = found
        return one
