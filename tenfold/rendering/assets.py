"""What pages are made of (fonts, words, photographs) and how a page draws from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8

from tenfold.rendering.canvas import Canvas
from tenfold.rendering.colours import NAMED, RGB, readable_on
from tenfold.rendering.drawing import TextStyle
from tenfold.rendering.errors import InvalidDrawing
from tenfold.rendering.fonts import Font
from tenfold.rendering.words import drawn_words

Item = TypeVar("Item")


@dataclass(frozen=True)
class Assets:
    """The fonts, words and photographs of one part of the data; parts that share none make pages that share none.

    What a layout says by itself (TOTAL, Date, Subtotal …) and digits are the same in every part.
    """

    fonts: tuple[Font, ...]
    words: tuple[str, ...]
    photographs: tuple[UInt8[np.ndarray, "H W 3"], ...] = ()

    @property
    def text_fonts(self) -> tuple[Font, ...]:
        """The fonts that a document can be set in; all of them if all are for display."""
        return tuple(font for font in self.fonts if not font.for_display) or self.fonts


@dataclass
class Composition:
    """A canvas with what is drawn onto it, and in which size.

    ``body`` is the size of running text in pixels per em; ``busy`` says that the background is a photograph, on which
    neither text nor shape may stand without a panel.
    """

    canvas: Canvas
    assets: Assets
    generator: np.random.Generator
    body: int
    busy: bool = False
    document_font: Font = field(init=False)

    def __post_init__(self) -> None:
        self.document_font = self.pick(self.assets.text_fonts)

    @property
    def unit(self) -> float:
        """Pixels per 1/256 of the canvas's shorter side: what margins are measured in."""
        return min(self.canvas.width, self.canvas.height) / 256

    def pick(self, items: Sequence[Item]) -> Item:
        """Return one of ``items``, all with equal chances. Raises InvalidDrawing if there are none."""
        if not items:
            raise InvalidDrawing("a page needs one font and one word at least, and a colour that can be read")
        return items[int(self.generator.integers(0, len(items)))]

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``, both included."""
        return int(self.generator.integers(low, high + 1))

    def words(self, count: int, *, longest: int = 12) -> list[str]:
        """Return different words of the list, none longer than ``longest`` letters where there are enough."""
        short = [word for word in self.assets.words if len(word) <= longest]
        return drawn_words(short if len(short) >= count else self.assets.words, count, self.generator)

    def title(self, count: int, *, longest: int = 12) -> str:
        """Return ``count`` words, each with a capital letter."""
        return " ".join(word.capitalize() for word in self.words(count, longest=longest))

    def price(self, highest: int = 40) -> int:
        """Return a price in hundredths."""
        return self.whole(1, highest) * 100 + self.pick((0, 20, 25, 49, 50, 75, 80, 90, 95, 99))

    def date(self) -> str:
        """Return a date, as 07/11/2019."""
        return f"{self.whole(1, 28):02d}/{self.whole(1, 12):02d}/{self.whole(2012, 2025)}"

    def colour_on(self, background: RGB, *, contrast: float = 4.5) -> str:
        """Return the name of a colour that text can be read in on ``background``."""
        return self.pick(readable_on(background, contrast))

    def style(self, colour: RGB, *, size: float = 1.0, font: Font | None = None) -> TextStyle:
        """Return the document's face, or another, in ``size`` times the size of running text."""
        return TextStyle(font or self.document_font, max(1, round(self.body * size)), colour)

    def ink_on(self, background: RGB) -> RGB:
        """Return black or white, whichever can be read better."""
        return NAMED["black" if sum(background) > 360 else "white"]
