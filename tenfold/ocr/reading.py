"""Images to pages by the name of an engine: the entry to this room.

from tenfold.ocr.reading import read
pages = read(images, engine="ppocr6")
print(pages[0].text)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

import numpy as np

from tenfold.ocr.engine import Engine, NoEngine, as_rgb, enlarged, reduced
from tenfold.ocr.errors import UnknownEngine
from tenfold.ocr.page import Page

DEFAULT = "ppocr6"


def _ppocr6() -> Engine:
    from tenfold.ocr.ppocr import PaddleOcr

    return PaddleOcr()


def _ppocr4() -> Engine:
    from tenfold.ocr.ppocr import V4, PaddleOcr

    return PaddleOcr(V4)


def _easyocr() -> Engine:
    from tenfold.ocr.easyocr import EasyOcr

    return EasyOcr.load()


def _tesseract() -> Engine:
    from tenfold.ocr.tesseract import Tesseract

    return Tesseract()


ENGINES: dict[str, Callable[[], Engine]] = {
    "ppocr6": _ppocr6,
    "ppocr4": _ppocr4,
    "easyocr": _easyocr,
    "tesseract": _tesseract,
    "none": NoEngine,
}


def load_engine(name: str = DEFAULT) -> Engine:
    """Return an engine by name, loaded once per process.

    Raises UnknownEngine if there is none of that name, EngineNotInstalled, with what to install, if it is not on this
    machine, and EngineMismatch if what is installed is another version.
    """
    return _loaded(_known(name))


def fresh_engine(name: str = DEFAULT) -> Engine:
    """Return another engine of that name, for a thread of its own: one engine reads one image at a time.

    Raises what `load_engine` raises.
    """
    return ENGINES[_known(name)]()


def _known(name: str) -> str:
    if name not in ENGINES:
        raise UnknownEngine(f"no engine is called {name!r}; there are {', '.join(ENGINES)}")
    return name


@cache
def _loaded(name: str) -> Engine:
    return ENGINES[name]()


def read(images: Iterable[np.ndarray], engine: str | Engine = DEFAULT, *, enlarge: int = 1) -> list[Page]:
    """Return what ``engine`` reads on each image, uint8 grey (H, W) or RGB (H, W, 3).

    With ``enlarge``, images are made that many times as large (bicubic) before they are read, which small type needs;
    boxes are in pixels of the images as handed over all the same. ``engine`` is a name, or an engine such as
    `tenfold.ocr.descriptions.Described`. Raises InvalidPages for other images, and what `load_engine` raises.
    """
    reader = load_engine(engine) if isinstance(engine, str) else engine
    pages = []
    for image in images:
        pixels = as_rgb(image)
        page = reader.read(enlarged(pixels, enlarge))
        pages.append(page if enlarge == 1 else reduced(page, enlarge, pixels.shape[1], pixels.shape[0]))
    return pages


def read_crops(
    images: Iterable[np.ndarray], engine: str | Engine = DEFAULT, *, enlarge: int = 1
) -> list[tuple[str, float]]:
    """Return text and confidence of each image of one word or line; where it stands is taken as known.

    Raises what `read` raises.
    """
    reader = load_engine(engine) if isinstance(engine, str) else engine
    return [reader.read_crop(enlarged(as_rgb(image), enlarge)) for image in images]
