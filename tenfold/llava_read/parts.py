"""The parts of the pages: training, validation and test share no word, no design of fonts, no layout and no company.

All three keep away from what the reading benchmark's items are made of, which is the part "evaluation" of
`tenfold.rendering.reading_parts`. Of that room's other two, "validation" makes the test pages here; "train" is cut once
more, by digests, so that validation pages have words and designs of their own too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal, get_args

from tenfold.rendering.assets import Assets
from tenfold.rendering.colours import NAMED
from tenfold.rendering.errors import CannotSplit
from tenfold.rendering.fonts import Font
from tenfold.rendering.reading_parts import part_of as room_part_of
from tenfold.rendering.shapes import SHAPES
from tenfold.rendering.words import english_words

Part = Literal["train", "validation", "test"]

PARTS: tuple[Part, ...] = get_args(Part)
SALT = 7  # under it, each part has one of the designs that are always there
HELD_OUT = 0.15  # of the room's training part, for validation
LONGEST_WORD = 8
LAYOUTS: dict[Part, tuple[str, ...]] = {
    "train": ("form", "slip", "poster", "notice", "leaflet", "bars"),
    "validation": ("label", "pillars"),
    "test": ("sign", "timetable", "card", "pins"),
}
UNWRITTEN = frozenset([*NAMED, *SHAPES, "gold", "silver", "colored", "coloured", "golden", "shaped"])


def part_of(name: str) -> Part | None:
    """Return the part of a word, a design or a company, whatever its case; None for what the benchmark's items have."""
    room = room_part_of(name)
    if room == "evaluation":
        return None
    if room == "validation":
        return "test"
    return "validation" if share_of(name) < HELD_OUT else "train"


def share_of(name: str) -> float:
    """Return where a name falls between 0 and 1 by its digest, whatever its case."""
    digest = hashlib.sha256(f"llava_read:{SALT}:{name.casefold()}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def words_of(part: Part, words: Iterable[str] | None = None) -> tuple[str, ...]:
    """Return the words of a part, of the English ones if none are given, none of them naming a colour or a shape.

    Raises CannotSplit if there is none.
    """
    given = english_words(longest=LONGEST_WORD) if words is None else words
    kept = tuple(word for word in given if part_of(word) == part and word.casefold() not in UNWRITTEN)
    if not kept:
        raise CannotSplit(f"none of the words belongs to the part {part!r}: bring more words")
    return kept


def fonts_of(part: Part, fonts: Iterable[Font]) -> tuple[Font, ...]:
    """Return the fonts whose design belongs to a part, in order. Raises CannotSplit if there is none."""
    kept = tuple(font for font in fonts if part_of(font.design) == part)
    if not kept:
        raise CannotSplit(f"none of the fonts belongs to the part {part!r}: bring more, such as the bundled ones")
    return kept


def assets_of(part: Part, fonts: Iterable[Font]) -> Assets:
    """Return what pages of a part are made of. Raises CannotSplit if none of the fonts belongs to the part."""
    return Assets(fonts_of(part, fonts), words_of(part))
