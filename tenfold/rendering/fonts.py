"""Fonts with their licences: DejaVu and STIX, which matplotlib carries and are always there, and folders of fonts.

Text is laid out by Pillow's basic engine, so that the same version of Pillow makes the same bytes everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tenfold.data.checksums import sha256_file
from tenfold.rendering.errors import MissingFonts
from tenfold.rendering.splits import disjoint_parts

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

SUFFIXES = (".ttf", ".otf")
NEEDED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:;-'\"!?()&$%/#@+*=")
DEJAVU = "Bitstream Vera licence, DejaVu changes in the public domain"
STIX = "STIX Font Licence"
ALWAYS_THERE = {  # file in matplotlib's folder of fonts -> licence
    **dict.fromkeys(("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"), DEJAVU),
    **dict.fromkeys(("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"), DEJAVU),
    **dict.fromkeys(("DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique"), DEJAVU),
    **dict.fromkeys(("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"), STIX),
}
LICENCES = {"Open Font License": "SIL Open Font License 1.1", "Apache License": "Apache-2.0"}
DISPLAY = frozenset(  # designs for a few large words; documents are set in others where there are any
    [
        *("amatic sc", "berkshire swash", "cookie", "courgette", "fredoka one", "germania one", "grand hotel"),
        *("kaushan script", "lobster", "metal mania", "oleo script", "pacifico", "pirata one", "rubik mono one"),
        *("satisfy", "seymour one", "trade winds"),
    ]
)
_WEIGHTS = re.compile(  # what tells faces of one design apart
    r"\b(thin|extra ?light|light|regular|medium|semi ?bold|bold|extra ?bold|black|condensed|italic|oblique)\b", re.I
)


@dataclass(frozen=True)
class Font:
    """One face: ``family`` and ``style`` as the file names them, and the licence that it may be used under."""

    family: str
    style: str
    path: Path
    licence: str

    @property
    def name(self) -> str:
        """Family and style, as "Lora Bold"."""
        return f"{self.family} {self.style}"

    @property
    def design(self) -> str:
        """The family without words for weight, width and slant: "Roboto Condensed" and "Roboto" are one design."""
        return _WEIGHTS.sub("", self.family).strip().casefold()

    @property
    def for_display(self) -> bool:
        """Whether the design is made for a few large words rather than for text."""
        return self.design in DISPLAY

    @property
    def sha256(self) -> str:
        """The sum of the file, which belongs beside whatever is drawn with it."""
        return sha256_file(self.path)


def bundled_fonts() -> tuple[Font, ...]:
    """Return the faces of DejaVu Sans, Serif and Sans Mono and of STIX General that matplotlib carries.

    Matplotlib is not imported. Raises MissingFonts if it is not installed, or without its fonts.
    """
    spec = find_spec("matplotlib")
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise MissingFonts("matplotlib, which carries the fonts that are always there, is not installed: install it")
    folder = Path(next(iter(folders))) / "mpl-data" / "fonts" / "ttf"
    return _faces(folder)


@cache
def _faces(folder: Path) -> tuple[Font, ...]:
    return tuple(_face(folder / f"{name}.ttf", licence) for name, licence in ALWAYS_THERE.items())


def fonts_in(folder: Path) -> tuple[Font, ...]:
    """Return the faces in a folder, as a data stage brings one, that have every character of ``NEEDED``.

    They stand in the order of their names; the licence is what the file itself says. Raises MissingFonts if there is
    none.
    """
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    found = [(path, *_tables(path)) for path in paths]
    fonts = tuple(_face(path, licence) for path, characters, licence in found if characters >= NEEDED)
    if not fonts:
        raise MissingFonts(f"{folder} holds no font with Latin letters, digits and punctuation ({', '.join(SUFFIXES)})")
    return fonts


def split_fonts(fonts: Sequence[Font], shares: Mapping[str, float], *, seed: int = 0) -> dict[str, tuple[Font, ...]]:
    """Return fonts in parts that share no design: a bold face stands where its regular one does.

    Raises CannotSplit if there are fewer designs than parts, or shares are not positive and of sum 1.
    """
    return disjoint_parts(fonts, shares, seed=seed, key=lambda font: font.design)


@lru_cache(maxsize=1024)
def loaded(path: Path, size: int) -> FreeTypeFont:
    """Return a face in a size, in pixels per em. Raises MissingFonts if the file is no font."""
    from PIL import ImageFont

    try:
        return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
    except OSError as error:
        raise MissingFonts(f"{path} cannot be read as a font: {error}") from None


def _face(path: Path, licence: str) -> Font:
    family, style = loaded(path, 16).getname()
    return Font(str(family), str(style), path, licence)


def _tables(path: Path) -> tuple[frozenset[str], str]:
    """Return the characters of a font file, and its licence in words."""
    from fontTools.ttLib import TTFont, TTLibError

    try:
        with TTFont(path, lazy=True) as file:
            characters = frozenset(map(chr, file.getBestCmap() or {}))
            stated = " ".join(str(file["name"].getDebugName(number) or "") for number in (13, 14, 0))
    except (TTLibError, KeyError, OSError) as error:
        raise MissingFonts(f"{path} cannot be read as a font: {error}") from None
    known = next((licence for words, licence in LICENCES.items() if words.casefold() in stated.casefold()), None)
    if known is None and "OFL" in stated:
        known = LICENCES["Open Font License"]
    return characters, known or stated.strip()[:80] or "none stated in the file"
