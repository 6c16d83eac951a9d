"""A sheet: the page that a layout of the benchmark draws on, with its band, faces, sizes, colours and texts.

What decides a text's words knows nothing of its place, size and colour, so that no question gives its answer away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import numpy as np

from tenfold.mmr.author_names import GIVEN_NAMES
from tenfold.rendering.assets import Composition
from tenfold.rendering.canvas import Anchor, Canvas
from tenfold.rendering.colours import NAMED, RGB, contrast_ratio, delta_e, mixed, readable_on
from tenfold.rendering.drawing import Box, TextStyle
from tenfold.rendering.errors import TextDoesNotFit
from tenfold.rendering.fitting import line_height, wrapped
from tenfold.rendering.fonts import Font
from tenfold.rendering.shapes import SHAPES

Band = Literal["large", "small"]
Size = Literal["largest", "second", "other"]

BANDS: tuple[Band, ...] = ("large", "small")
SMALLEST_TEXT, LARGE_TEXT = 8, 12  # pixels per em; small texts are from 8 to below 12, large ones 12 and above
SMALL_OBJECT = 32  # pixels; small objects have both sides below (COCO's bound of small objects)
PALETTE_DISTANCE, OBJECT_DISTANCE = 34.0, 30.0  # ΔE between colours of texts, and of an object and what is behind it
LONGEST_WORD, WORDS = 8, 60  # letters, and how many different words a page draws from
GROUNDS: dict[str, RGB] = {
    **{name: NAMED[name] for name in ("white", "cream", "black", "navy")},
    **{f"light {name}": mixed(NAMED[name], (255, 255, 255), 0.84) for name in ("blue", "green", "orange", "pink")},
}

_distance = cache(delta_e)  # of the few colours that there are, asked for thousands of times a page


def palette_on(ground: RGB, band: Band, order: np.ndarray) -> list[str]:
    """Return colours that texts of a band can have on ``ground``, no two alike, first come first kept in ``order``."""
    contrast = 4.5 if band == "small" else 3.2
    readable = readable_on(ground, contrast)
    kept: list[str] = []
    for name in (list(NAMED)[place] for place in order.tolist()):
        if name in readable and all(_distance(NAMED[name], NAMED[one]) >= PALETTE_DISTANCE for one in kept):
            kept.append(name)
    return kept


@dataclass
class Sheet:
    """A page in the making; ``scale`` reduces its sizes where its words are too long for them."""

    page: Composition
    band: Band
    scale: float
    ground_name: str
    sized: bool = True  # one text is the largest, at least 1.25 times all others
    crowded: bool = False  # its places are small, and so is the largest text
    palette: list[str] = field(init=False)
    upper: bool = field(init=False)
    headline: Font = field(init=False)
    _sizes: dict[Size, int] = field(init=False)
    _texts: int = field(init=False, default=0)
    _objects: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        generator, assets = self.page.generator, self.page.assets
        kept = palette_on(self.ground, self.band, generator.permutation(len(NAMED)))
        self.palette = [kept[place] for place in generator.permutation(len(kept)).tolist()]
        self.upper = bool(generator.random() < 0.5)
        fonts = assets.text_fonts if self.upper or self.band == "small" else assets.fonts
        self.headline = self.page.pick(fonts) if generator.random() < 0.5 else self.page.document_font
        self._vocabulary = self.page.words(WORDS, longest=LONGEST_WORD)
        self._names = [GIVEN_NAMES[place] for place in generator.permutation(len(GIVEN_NAMES))[:4].tolist()]
        self._shapes = generator.permutation(len(SHAPES)).tolist()
        behind = [name for name in NAMED if self._visible(name)]
        self._colours = [behind[place] for place in generator.permutation(len(behind)).tolist()]
        self._sizes = self._drawn_sizes()

    @property
    def canvas(self) -> Canvas:
        """The canvas that is drawn on."""
        return self.page.canvas

    @property
    def ground(self) -> RGB:
        """What every text and object stands on."""
        return GROUNDS[self.ground_name]

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``, both included."""
        return self.page.whole(low, high)

    def phrase(self) -> str:
        """Return one to three new words, three of at most 18 letters in all."""
        count = self.whole(1, 3)
        words = [self._vocabulary.pop() for _ in range(count)]
        while sum(map(len, words)) > 18:
            words.pop()
        return self._cased(words)

    def author(self) -> str:
        """Return a new name of two words."""
        return self._cased([self._names.pop(), self._vocabulary.pop()])

    def text(
        self,
        words: str,
        box: Box,
        *,
        size: Size = "other",
        role: str = "text",
        anchor: Anchor = "middle",
        level: float = 0.5,
    ) -> int:
        """Write a text into ``box``, broken into lines, and return the first row below it.

        ``level`` is where it stands between the box's top (0) and bottom (1). Raises TextDoesNotFit if the box is too
        small.
        """
        font = self.headline if size == "largest" and self.sized else self.page.document_font
        style = TextStyle(font, self._sizes[size], NAMED[self.palette[self._texts % len(self.palette)]])
        lines = wrapped(words.split(), style, box[2] - box[0])
        leading = line_height(style)
        free = box[3] - box[1] - leading * len(lines)
        if free < 0:
            raise TextDoesNotFit(f"{words!r} at {style.size} px needs {-free} pixels more than its box of {box} has")
        x = {"left": box[0], "middle": (box[0] + box[2]) // 2, "right": box[2]}[anchor]
        y = box[1] + round(level * free)
        self.canvas.next_block()
        for line in lines:
            self.canvas.write(line, x, y, style, role=role, anchor=anchor)
            y += leading
        self._texts += 1
        return y

    def object(self, box: Box, *, largest: float = 0.2) -> None:
        """Draw a new shape in a new colour in ``box``, its side a share of the page's shorter one up to ``largest``."""
        room = min(box[2] - box[0], box[3] - box[1])
        low, high = (16, SMALL_OBJECT - 2) if self.band == "small" else self._large(largest)
        side = min(self.whole(low, high), room)
        if side < low:
            raise TextDoesNotFit(f"an object of {low} pixels does not fit its box of {box}")
        x = (box[0] + box[2] - side) // 2
        y = (box[1] + box[3] - side) // 2
        shape = SHAPES[self._shapes[self._objects % len(SHAPES)]]
        self.canvas.shape(shape, (x, y, x + side, y + side), self._colours[self._objects % len(self._colours)])
        self._objects += 1

    def _large(self, largest: float) -> tuple[int, int]:
        side = min(self.canvas.width, self.canvas.height)
        return max(40, round(0.1 * side)), max(44, round(largest * side))

    def _visible(self, name: str) -> bool:
        colour = NAMED[name]
        return _distance(colour, self.ground) >= OBJECT_DISTANCE and contrast_ratio(colour, self.ground) >= 2

    def _cased(self, words: list[str]) -> str:
        return " ".join(word.upper() if self.upper else word.capitalize() for word in words)

    def _drawn_sizes(self) -> dict[Size, int]:
        """Return the sizes of the page in pixels per em: the largest at least 1.6 times others, or all small."""
        if self.band == "small":
            other = 8 if self.sized else self.whole(8, 11)
            return {"largest": 11 if self.sized else other, "second": other, "other": other}
        unit = min(self.canvas.width, self.canvas.height) / 512
        low, high = (21, 25) if self.crowded else (round(34 * unit), round(50 * unit))
        largest = self.whole(low, high) if self.sized else self.whole(13, 18)
        other = self.whole(12, min(15, int(largest / 1.7))) if self.sized else largest
        second = max(round(1.3 * other), round(largest / 1.9)) if self.sized else largest
        return {
            "largest": max(LARGE_TEXT, round(self.scale * largest)),
            "second": max(LARGE_TEXT, round(self.scale * second)),
            "other": max(LARGE_TEXT, round(self.scale * other)),
        }
