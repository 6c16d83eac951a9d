"""What a page says before it is laid out: the texts of its table, its title, its coloured shapes.

Whatever a question asks for is drawn without regard to what the question names: whoever sees only the question knows
nothing. Colours and shapes that are asked for run through all their pairs, so that in every 64 pages each pair is asked
for once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tenfold.rendering.assets import Composition
from tenfold.rendering.errors import TextDoesNotFit

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")
SHAPES = ("circle", "ring", "triangle", "square", "star", "heart", "cross", "moon")
TRIES = 60  # words that are drawn for one place before the page is given up
PAIRS = len(COLOURS) * len(SHAPES)

Fits = Callable[[str], bool]


@dataclass(frozen=True)
class Figure:
    """A shape and its colour, both by name."""

    shape: str
    colour: str


def figures_of(number: int, count: int, seed: tuple[int, ...], generator: np.random.Generator) -> tuple[Figure, ...]:
    """Return ``count`` figures of different shapes and colours for page ``number``.

    The first is whose colour is asked for, the second whose shape; both run through all shapes and all colours in
    every 8 pages from a multiple of 8, and through all 64 pairs in every 64. The others are drawn.
    """
    fixed = np.random.default_rng([*seed, PAIRS])
    shapes, colours = fixed.permutation(len(SHAPES)), fixed.permutation(len(COLOURS))
    one = number % len(SHAPES)
    other = (number + number // len(SHAPES)) % len(COLOURS)
    step = 1 + (number // PAIRS) % (len(SHAPES) - 1)
    taken = [(one, other), ((one + step) % len(SHAPES), (other + step) % len(COLOURS))]
    rest = [
        [place for place in generator.permutation(len(names)).tolist() if place not in used]
        for names, used in ((SHAPES, [pair[0] for pair in taken]), (COLOURS, [pair[1] for pair in taken]))
    ]
    taken += list(zip(*rest, strict=True))
    return tuple(Figure(SHAPES[int(shapes[shape])], COLOURS[int(colours[colour])]) for shape, colour in taken[:count])


class Texts:
    """Texts for one page, none of which stands in another, whatever the case."""

    def __init__(self, page: Composition, case: Callable[[str], str]) -> None:
        self._page, self._case = page, case
        self._taken: list[str] = []

    def word(self, fits: Fits) -> str:
        """Return a new word that ``fits``. Raises TextDoesNotFit if none of the tries does."""
        return self._new(lambda: self._case(self._page.pick(self._page.assets.words)), fits)

    def value(self, fits: Fits) -> str:
        """Return a new value that ``fits``: a word, a whole number, a price or a date."""
        chance = self._page.generator.random()
        if chance < 0.6:
            return self.word(fits)
        if chance < 0.8:
            return self._new(lambda: str(self._page.whole(100, 9999)), fits)
        if chance < 0.9:
            return self._new(self._price, fits)
        return self._new(self._page.date, fits)

    def number(self, low: int, high: int) -> str:
        """Return a new whole number from ``low`` to ``high``."""
        return self._new(lambda: str(self._page.whole(low, high)), lambda text: True)

    def _price(self) -> str:
        hundredths = self._page.price(90)
        return f"{hundredths // 100}.{hundredths % 100:02d}"

    def _new(self, draw: Callable[[], str], fits: Fits) -> str:
        for _ in range(TRIES):
            text = draw()
            folded = text.casefold()
            if fits(text) and not any(folded in one or one in folded for one in self._taken):
                self._taken.append(folded)
                return text
        raise TextDoesNotFit(f"no new text fits its place in {TRIES} tries")


def rows_of_cells(
    texts: Texts, rows: int, fits: Sequence[Fits], *, values_from: int = 1
) -> tuple[tuple[str, ...], ...]:
    """Return ``rows`` rows of one cell per column; columns from ``values_from`` hold values, those before it words.

    Raises TextDoesNotFit where no text fits.
    """
    return tuple(
        tuple(
            texts.word(fits_here) if column < values_from else texts.value(fits_here)
            for column, fits_here in enumerate(fits)
        )
        for _ in range(rows)
    )
