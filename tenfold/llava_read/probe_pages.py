"""Pages to measure who reads what: black words on white, so many, in such a size, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.files import open_image
from tenfold.llava_read.pages import IMAGES, PAGES, SIZE, Pixels
from tenfold.llava_read.parts import PARTS, Part, assets_of
from tenfold.llava_read.reading_errors import InvalidProbe, NoPages
from tenfold.ocr.descriptions import described, digest
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

    @cached_property
    def sha256(self) -> str:
        """The sum of the image's shape and bytes."""
        return digest(self.image)


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


def write_probe_pages(pages: Iterable[ProbePage], folder: Path) -> int:
    """Write pages.jsonl and images/*.png, grey, into ``folder``, which is made if need be; return how many pages."""
    from PIL import Image

    (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    count = 0
    with (folder / PAGES).open("w", encoding="utf-8") as file:
        for page in pages:
            Image.fromarray(page.image[..., 0]).save(folder / IMAGES / f"{page.id}.png", compress_level=1)
            row = {"id": page.id, "text_size": page.text_size, "words": page.words, "truth": page.truth.to_json()}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def read_probe_pages(folder: Path) -> list[ProbePage]:
    """Return the pages that ``write_probe_pages`` wrote into ``folder``, in order.

    Raises NoPages, with the line, if there are none, a row is no page of the probe, or an image is missing.
    """
    path = folder / PAGES
    if not path.is_file() or not path.stat().st_size:
        raise NoPages(f"{folder} holds no {PAGES}; name a folder of probe pages")
    pages = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            pixels = np.asarray(open_image(folder / IMAGES / f"{row['id']}.png", "RGB"))
            pages.append(ProbePage(row["id"], row["text_size"], row["words"], pixels, Page.from_json(row["truth"])))
        except (InvalidImages, ValueError, TypeError, KeyError, OSError) as error:
            raise NoPages(f"{path}:{number}: {error!r}; write the pages again") from error
    return pages
