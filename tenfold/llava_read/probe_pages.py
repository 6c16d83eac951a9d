"""Pages to measure who reads what: black words on white, so many, in such a size, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tenfold.llava_read.pages import SIZE, Pixels
from tenfold.llava_read.parts import PARTS, Part, assets_of
from tenfold.llava_read.reading_errors import InvalidProbe
from tenfold.ocr.descriptions import described
from tenfold.ocr.page import Page
from tenfold.rendering.errors import TextDoesNotFit
from tenfold.rendering.fonts import Font
from tenfold.rendering.pages import draw_words
from tenfold.rendering.words import drawn_words


@dataclass(frozen=True)
class ProbePage:
    """A page of ``words`` words in ``text_size`` pixels per em, and what stands on it."""

    id: str
    text_size: int
    words: int
    image: Pixels
    truth: Page


def draw_probe_pages(
    part: Part,
    *,
    sizes: Sequence[int],
    counts: Sequence[int],
    per_cell: int,
    seed: int,
    fonts: Iterable[Font],
    size: tuple[int, int] = SIZE,
) -> list[ProbePage]:
    """Return ``per_cell`` pages for each text size and number of words, as far as a page holds so many.

    All pages of one place in a cell are in one face, whatever the cell. A cell whose words do not fit is left out as a
    whole: the ids say which cells there are. Raises InvalidProbe if none fits, or there are no sizes or counts.
    """
    assets = assets_of(part, fonts)
    pages: list[ProbePage] = []
    for text_size in sizes:
        for count in counts:
            cell = []
            for number in range(per_cell):
                face = assets.text_fonts[number % len(assets.text_fonts)]
                generator = np.random.default_rng([PARTS.index(part), seed, text_size, count, number])
                words = drawn_words(assets.words, count, generator)
                try:
                    drawing = draw_words(words, face, text_size=text_size, size=size)
                except TextDoesNotFit:
                    break
                name = f"probe-{part}-{seed}-{text_size:02d}px-{count:02d}-{number:03d}"
                cell.append(ProbePage(name, text_size, count, drawing.image, described(drawing)))
            if len(cell) == per_cell:
                pages += cell
    if not pages:
        raise InvalidProbe(
            f"no page of {size[0]}×{size[1]} holds {list(counts)} words at {list(sizes)} px, or none asked"
        )
    return pages
