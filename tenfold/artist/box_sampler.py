"""Where words go: boxes drawn after those of real layouts, and rows in the middle where nothing else is known."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from tenfold.artist.layouts import InvalidLayout, Layout, UnitBox
from tenfold.rendering.word_canvases import parts_of

ROW_HEIGHT = 0.8  # of a row, what a centred word takes
LETTER_WIDTH = 0.6  # widths of a letter per height of its word, where no layouts say otherwise
LARGEST_UNIT = 1 << 20  # pixels per side that boxes are divided in before they become shares


@dataclass(frozen=True)
class BoxSampler:
    """Draws boxes for words, one row or column of the canvas each.

    ``table`` (M, 4) has one row per word that was seen: its height as a share of its place's, the width of a letter per
    height of the word, and where it stood in the room that was left, 0 to 1 from the left and from above. ``aspect`` is
    width over height of the canvases.
    """

    table: Float64[np.ndarray, "M 4"]
    aspect: float
    across: bool

    @classmethod
    def fit(cls, layouts: Sequence[Layout], *, across: bool = True) -> BoxSampler:
        """Return the sampler of layouts of one size; ``across`` says that their words stand side by side.

        Raises InvalidLayout if there are no words, or sizes differ.
        """
        sizes = {(layout.width, layout.height) for layout in layouts}
        if len(sizes) != 1 or not any(layout.words for layout in layouts):
            raise InvalidLayout(f"boxes are learnt from words on canvases of one size, not of {len(sizes)}")
        ((width, height),) = sizes
        rows = [
            _row(box, part, len(text))
            for layout in layouts
            for text, box, part in zip(
                layout.texts,
                layout.boxes,
                parts_of((width, height), len(layout.words), across=across) if layout.words else [],
                strict=True,
            )
        ]
        return cls(np.array(rows, dtype=np.float64), width / height, across)

    def sample(self, words: Sequence[str], *, key: str, seed: int = 0) -> tuple[UnitBox, ...]:
        """Return a box for each word, as shares of the sides; the same ``key`` and seed give the same boxes.

        A word that would be wider than its place becomes smaller as a whole.
        """
        digest = hashlib.sha256(f"{seed}\0{key}\0{' '.join(words)}".encode()).digest()
        generator = np.random.default_rng(list(digest[:16]))
        boxes = []
        for word, (x0, y0, x1, y1) in zip(words, _unit_parts(len(words), self.across), strict=True):
            tall, letter, left, top = self.table[int(generator.integers(0, len(self.table)))]
            height = tall * (y1 - y0)
            width = letter * len(word) * height / self.aspect
            shrunk = min(1.0, (x1 - x0) / width)
            width, height = width * shrunk, height * shrunk
            x, y = x0 + left * (x1 - x0 - width), y0 + top * (y1 - y0 - height)
            boxes.append((x, y, x + width, y + height))
        return tuple(boxes)


def centred_rows(words: Sequence[str], *, aspect: float = 1.0) -> tuple[UnitBox, ...]:
    """Return boxes of words one under the other, in the middle of a canvas of ``aspect`` (width over height)."""
    boxes = []
    for word, (_, y0, _, y1) in zip(words, _unit_parts(len(words), across=False), strict=True):
        height = ROW_HEIGHT * (y1 - y0)
        width = min(1.0, LETTER_WIDTH * len(word) * height / aspect)
        middle = (y0 + y1) / 2
        boxes.append(((1 - width) / 2, middle - height / 2, (1 + width) / 2, middle + height / 2))
    return tuple(boxes)


def _unit_parts(count: int, across: bool) -> list[UnitBox]:
    if not count:
        return []
    side = LARGEST_UNIT
    parts = parts_of((side, side), count, across=across)
    return [(x0 / side, y0 / side, x1 / side, y1 / side) for x0, y0, x1, y1 in parts]


def _row(box: tuple[int, int, int, int], part: tuple[int, int, int, int], letters: int) -> list[float]:
    (x0, y0, x1, y1), (left, top, right, bottom) = box, part
    width, height = x1 - x0, y1 - y0
    room_x, room_y = right - left - width, bottom - top - height
    return [
        height / (bottom - top),
        width / letters / height,
        min(1.0, max(0.0, (x0 - left) / room_x)) if room_x > 0 else 0.5,
        min(1.0, max(0.0, (y0 - top) / room_y)) if room_y > 0 else 0.5,
    ]
