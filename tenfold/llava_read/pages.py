"""Pages with questions, by part, number and seed: a title, a table of texts, coloured shapes; every fifth is a chart.

    from tenfold.llava_read.pages import draw_pages
    from tenfold.rendering.fonts import bundled_fonts
    pages = list(draw_pages("test", 240, seed=0, fonts=bundled_fonts()))

A page is the same whatever other pages are drawn. The same part, number, seed, size, fonts and version of Pillow give
the same bytes.

Legend:  H, W height and width
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.files import open_image
from tenfold.llava_read.chart_layouts import FORMS, draw_chart
from tenfold.llava_read.contents import Figure, figures_of
from tenfold.llava_read.layouts import ARRANGEMENTS, draw_table_page
from tenfold.llava_read.parts import LAYOUTS, PARTS, Part, assets_of
from tenfold.llava_read.questions import Question, questions_about
from tenfold.llava_read.reading_errors import NoPages
from tenfold.ocr.page import Page, Word
from tenfold.rendering.assets import Assets, Composition
from tenfold.rendering.backgrounds import gradient, paper, plain, stripes
from tenfold.rendering.canvas import Canvas
from tenfold.rendering.colours import NAMED, RGB, mixed
from tenfold.rendering.drawing import Drawing
from tenfold.rendering.errors import InvalidDrawing, TextDoesNotFit
from tenfold.rendering.fonts import Font
from tenfold.rendering.pages import SMALLEST_SIDE

Pixels = UInt8[np.ndarray, "H W 3"]

PAGES, IMAGES = "pages.jsonl", "images"
SIZE = (256, 256)
CHART_EVERY = 5
BODY = (6, 8, 8, 10, 10, 12, 12, 14, 14, 16, 18, 20, 24)  # pixels per em of a table's texts, on a page of 256
LARGE_BODY = (20, 24, 28, 32)
CHART_BODY = (8, 10, 12, 14, 16)
GROUNDS: tuple[RGB, ...] = (
    *(NAMED["white"], NAMED["cream"], NAMED["navy"], NAMED["black"]),
    *(mixed(NAMED[name], (255, 255, 255), 0.86) for name in ("blue", "green", "orange", "pink")),
)
GRAIN = 128
TRIES = 8  # of one size of text, before the next smaller one is taken


@dataclass(frozen=True)
class ReadingPage:
    """A page: its image, and its description in what JSON can hold, which answers its questions.

    ``description`` is that of `tenfold.rendering.drawing.Drawing`: words, lines and shapes with boxes in pixels.
    """

    id: str
    part: str
    image: Pixels
    description: Mapping[str, Any]
    questions: tuple[Question, ...]

    @property
    def layout(self) -> str:
        """The layout's name."""
        return str(self.description["layout"])

    @cached_property
    def truth(self) -> Page:
        """What stands on the page, as the oracle reads it: words with the boxes of their ink."""
        words = tuple(
            Word(one["text"], (*map(float, one["box"]),), 1.0, one["line"])  # type: ignore[arg-type]
            for one in self.description["words"]
        )
        return Page(self.description["width"], self.description["height"], words, "described")

    @cached_property
    def sha256(self) -> str:
        """The sum of the image's shape and bytes: pages of two parts never share one."""
        return hashlib.sha256(f"{self.image.shape}".encode() + np.ascontiguousarray(self.image).tobytes()).hexdigest()


def draw_pages(
    part: Part, count: int, *, seed: int, fonts: Iterable[Font], first: int = 0, size: tuple[int, int] = SIZE
) -> Iterator[ReadingPage]:
    """Return pages ``first`` to ``first + count`` of a part, each ``size`` (width, height) pixels, one at a time.

    Raises InvalidDrawing for a side below 128 pixels, and CannotSplit if none of the fonts belongs to the part.
    """
    if min(size) < SMALLEST_SIDE:
        raise InvalidDrawing(f"a page of {size[0]}×{size[1]}: its sides have {SMALLEST_SIDE} pixels or more")
    assets = assets_of(part, fonts)
    return (_page(part, number, seed, assets, size) for number in range(first, first + count))


def _page(part: Part, number: int, seed: int, assets: Assets, size: tuple[int, int]) -> ReadingPage:
    drawing = draw_numbered(part, number, seed=seed, assets=assets, size=size)
    name = f"{part}-{seed}-{number:05d}"
    description = drawing.description()
    asked = questions_about(name, description, number=_turn(number), seed=seed)
    return ReadingPage(name, part, drawing.image, description, asked)


def draw_numbered(part: Part, number: int, *, seed: int, assets: Assets, size: tuple[int, int] = SIZE) -> Drawing:
    """Draw one page of a part.

    A page whose texts have no place is drawn anew, at last in a smaller size. Raises TextDoesNotFit if it has no place
    in the smallest.
    """
    chart = number % CHART_EVERY == CHART_EVERY - 1
    layouts = [name for name in LAYOUTS[part] if (name in FORMS) == chart]
    layouts += [name for name in layouts if not chart and not ARRANGEMENTS[name].large]  # dense ones twice as often
    generator = np.random.default_rng([PARTS.index(part), number, seed])
    layout = layouts[int(generator.integers(0, len(layouts)))]
    large = not chart and ARRANGEMENTS[layout].large
    sizes = CHART_BODY if chart else LARGE_BODY if large else BODY
    place = int(generator.integers(0, len(sizes)))
    for smaller in range(place, -1, -1):
        for _ in range(TRIES):
            body = max(1, round(sizes[smaller] * min(size) / 256))
            try:
                return _drawn(layout, _turn(number), (PARTS.index(part), seed), assets, size, body, generator)
            except TextDoesNotFit:
                continue
    raise TextDoesNotFit(f"a page of {size[0]}×{size[1]} in layout {layout!r} has no room for its texts: enlarge it")


def _turn(number: int) -> int:
    """Return a page's number among the charts, or among the pages that are none."""
    if number % CHART_EVERY == CHART_EVERY - 1:
        return number // CHART_EVERY
    return number - number // CHART_EVERY


def _drawn(
    layout: str,
    turn: int,
    seed: tuple[int, ...],
    assets: Assets,
    size: tuple[int, int],
    body: int,
    generator: np.random.Generator,
) -> Drawing:
    chart = layout in FORMS
    light = GROUNDS[:2] if chart else GROUNDS
    ground = light[int(generator.integers(0, len(light)))]
    page = Composition(Canvas(_background(size, ground, generator)), assets, generator, body)
    if chart:
        return page.canvas.finished(layout, draw_chart(page, layout, turn, ground))
    figures = figures_of(turn, page.whole(2, 4), seed, generator)
    facts = draw_table_page(page, ARRANGEMENTS[layout], figures, ground)
    return page.canvas.finished(layout, {**facts, "figures": [asdict(figure) for figure in figures]})


def _background(size: tuple[int, int], ground: RGB, generator: np.random.Generator) -> Pixels:
    near = mixed(ground, (255, 255, 255) if sum(ground) < 384 else (0, 0, 0), 0.07)
    match int(generator.integers(0, 4)):
        case 0:
            return plain(*size, ground)
        case 1:
            return gradient(*size, ground, near)
        case 2:
            return _repeated(paper(GRAIN, GRAIN, ground, generator), size)
        case _:
            period = int(generator.integers(8, 24))
            return _repeated(stripes(period, period, ground, mixed(ground, near, 0.5), period=period), size)


def _repeated(tile: Pixels, size: tuple[int, int]) -> Pixels:
    """Return a tile repeated over ``size``, which is quicker to draw and to compress."""
    width, height = size
    return tile[np.arange(height) % tile.shape[0]][:, np.arange(width) % tile.shape[1]]  # (H, W, 3)


def figures_on(description: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Return the shapes of a description, from what was drawn."""
    return tuple(Figure(shape["name"], shape["colour"]) for shape in description["shapes"])


def write_pages(pages: Iterable[ReadingPage], folder: Path) -> int:
    """Write pages.jsonl and images/*.png into ``folder``, which is made if need be, and return how many pages."""
    from PIL import Image

    (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    count = 0
    with (folder / PAGES).open("w", encoding="utf-8") as file:
        for page in pages:
            Image.fromarray(page.image).save(folder / IMAGES / f"{page.id}.png", compress_level=1)
            row = {"id": page.id, "part": page.part, "description": page.description}
            questions = [asdict(question) for question in page.questions]
            file.write(json.dumps({**row, "questions": questions}, ensure_ascii=False) + "\n")
            count += 1
    return count


def read_pages(folder: Path) -> Iterator[ReadingPage]:
    """Return the pages that ``write_pages`` wrote into ``folder``, one at a time, in order.

    Raises NoPages, with the line, if there are none, a row is no page, or an image is missing.
    """
    path = folder / PAGES
    if not path.is_file() or not path.stat().st_size:
        raise NoPages(f"{folder} holds no {PAGES}; name a folder of pages")
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                row = json.loads(line)
                asked = tuple(Question(**one | {"answers": tuple(one["answers"])}) for one in row["questions"])
                pixels = np.asarray(open_image(folder / IMAGES / f"{row['id']}.png", "RGB"))
                page = ReadingPage(row["id"], row["part"], pixels, row["description"], asked)
            except (InvalidImages, ValueError, TypeError, KeyError, OSError) as error:
                raise NoPages(f"{path}:{number}: {error!r}; write the pages again") from error
            yield page
