"""Lines of a receipt, and what can be asked about them without doubt.

Ambiguity is rejected here: texts that come twice, boxes that overlap, sizes too close, places near a border.

Legend:  L lines of a receipt · a box is x0, y0, x1, y1 in pixels · W, H width and height of the image
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from tenfold.data.receipts import Receipt

SIZE_RATIO = 1.25  # between the height asked for and the next one
OFFSET = 0.1  # of the image's side: the least distance of a centre from a border, or of two centres
SAME_ROW = 0.5  # of the lower line's height: lines that share more stand in one row
LEAST_LETTERS = 3
PLACES = ("In the upper left part", "In the upper right part", "In the lower left part", "In the lower right part")
RELATIONS = ("Above it", "Below it", "To the left of it", "To the right of it")


def plain(text: str) -> str:
    """Return a text in lower case without spaces: what makes two transcripts the same."""
    return re.sub(r"\s+", "", text).casefold()


@dataclass(frozen=True)
class Lines:
    """The lines of one receipt."""

    receipt: Receipt

    @property
    def texts(self) -> tuple[str, ...]:
        """The transcripts, in the order of the annotations."""
        return self.receipt.texts

    @property
    def boxes(self) -> Float[np.ndarray, "L 4"]:
        """The boxes, in pixels."""
        return self.receipt.boxes

    @cached_property
    def heights(self) -> Float[np.ndarray, " L"]:
        """The heights of the boxes, in pixels."""
        return self.boxes[:, 3] - self.boxes[:, 1]

    @cached_property
    def centres(self) -> Float[np.ndarray, "L 2"]:
        """The centres of the boxes, as shares of the image's sides."""
        middle = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2
        return middle / [self.receipt.width, self.receipt.height]

    @cached_property
    def clear(self) -> tuple[int, ...]:
        """The lines that can be asked about: in the image, with letters, no other like them, none overlapping them."""
        counts = Counter(plain(text) for text in self.texts)
        whole = "\n".join(plain(text) for text in self.texts)
        return tuple(
            place
            for place, text in enumerate(self.texts)
            if counts[plain(text)] == 1
            and whole.count(plain(text)) == 1  # nor is it a part of another
            and sum(character.isalnum() for character in text) >= LEAST_LETTERS
            and '"' not in text
            and "[" not in text
            and self._stands_alone(place)
        )

    def _stands_alone(self, place: int) -> bool:
        x0, y0, x1, y1 = self.boxes[place]
        if not (0 <= x0 < x1 <= self.receipt.width and 0 <= y0 < y1 <= self.receipt.height):
            return False
        wide = np.minimum(self.boxes[:, 2], x1) - np.maximum(self.boxes[:, 0], x0)
        tall = np.minimum(self.boxes[:, 3], y1) - np.maximum(self.boxes[:, 1], y0)
        shared = np.clip(wide, 0, None) * np.clip(tall, 0, None)
        shared[place] = 0
        return bool(shared.max(initial=0) <= 0.1 * (x1 - x0) * (y1 - y0))

    def row_of(self, place: int) -> tuple[int, ...]:
        """Return the lines that stand in one row with the line ``place``, itself included."""
        shared = np.minimum(self.boxes[:, 3], self.boxes[place, 3]) - np.maximum(self.boxes[:, 1], self.boxes[place, 1])
        lower = np.minimum(self.heights, self.heights[place])
        return tuple(int(other) for other in np.flatnonzero(shared > SAME_ROW * lower))

    def next_below(self, place: int) -> int | None:
        """Return the only line of the next row, if it is directly below the line ``place``; None if that is unclear."""
        if self.row_of(place) != (place,):
            return None
        lower = [other for other in range(len(self.texts)) if self.centres[other, 1] > self.centres[place, 1]]
        if not lower:
            return None
        found = min(lower, key=lambda other: self.centres[other, 1])
        gap = self.boxes[found, 1] - self.boxes[place, 3]
        over = min(self.boxes[found, 2], self.boxes[place, 2]) - max(self.boxes[found, 0], self.boxes[place, 0])
        near = gap < self.heights[place] and over > 0.5 * min(
            self.boxes[found, 2] - self.boxes[found, 0], self.boxes[place, 2] - self.boxes[place, 0]
        )
        return found if near and self.row_of(found) == (found,) and found in self.clear else None

    def field_line(self, field: str) -> int | None:
        """Return the clear line whose whole text is that of a field; None if there is none."""
        wanted = plain(self.receipt.fields.get(field, ""))
        return next((place for place in self.clear if plain(self.texts[place]) == wanted), None)

    def shows(self, field: str) -> bool:
        """Whether the text of a field can be read on the receipt, in one line or over several."""
        wanted = plain(self.receipt.fields.get(field, ""))
        return len(wanted) >= LEAST_LETTERS and wanted in "".join(plain(text) for text in self.texts)

    def quarter(self, place: int) -> int | None:
        """Return the number in PLACES of the part that a line stands in; None if it is near a border between parts."""
        x, y = self.centres[place]
        crosses = self.boxes[place, 0] < self.receipt.width / 2 < self.boxes[place, 2]
        if abs(x - 0.5) < OFFSET or abs(y - 0.5) < OFFSET or crosses:
            return None
        return 2 * int(y > 0.5) + int(x > 0.5)

    def relation(self, place: int, other: int) -> int | None:
        """Return the number in RELATIONS of where ``place`` is as seen from ``other``; None if it is none of them."""
        dx, dy = self.centres[place] - self.centres[other]
        if other in self.row_of(place):
            apart = max(self.boxes[place, 0] - self.boxes[other, 2], self.boxes[other, 0] - self.boxes[place, 2])
            return (2 if dx < 0 else 3) if abs(dx) >= OFFSET and apart > 0 else None
        if abs(dy) < OFFSET or abs(dx) >= OFFSET:
            return None
        return 0 if dy < 0 else 1

    def sized_apart(self, chosen: tuple[int, ...], *, largest: bool) -> int | None:
        """Return which of four lines has the largest (or smallest) letters; None if another one's are as large."""
        heights = self.heights[list(chosen)]
        order = np.argsort(-heights if largest else heights)
        first, second = heights[order[0]], heights[order[1]]
        ratio = first / second if largest else second / first
        return int(order[0]) if ratio >= SIZE_RATIO else None

    def options(self, count: int, generator: np.random.Generator) -> Iterator[tuple[int, ...]]:
        """Yield drawn sets of ``count`` clear lines, without end if there are enough."""
        if len(self.clear) < count:
            return
        while True:
            yield tuple(int(place) for place in generator.choice(self.clear, count, replace=False))
