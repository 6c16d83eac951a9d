"""The parts of what papers about reading draw: what trains a model shares no font, word or layout with what tests it.

A design or a word belongs to a part by the digest of its name under ``SEED``, whatever else is there: two papers that
draw from different sets of fonts agree about every font that both have.

    from tenfold.rendering.reading_parts import assets_of
    assets = assets_of("evaluation", fonts=(*bundled_fonts(), *fonts_in(folder)))
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal, get_args

from tenfold.rendering.assets import Assets
from tenfold.rendering.errors import CannotSplit
from tenfold.rendering.fonts import Font
from tenfold.rendering.words import english_words

Part = Literal["train", "validation", "evaluation"]

PARTS: tuple[Part, ...] = get_args(Part)
SHARES: dict[Part, float] = {"train": 0.60, "validation": 0.15, "evaluation": 0.25}
SEED = 116  # the faces that are always there, of four designs, fill every part; seven text designs test
LAYOUTS: dict[Part, tuple[str, ...]] = {  # those of evaluation are drawn by tenfold.mmr, the others in this room
    "train": ("sign", "poster", "columns", "receipt", "form", "chart"),
    "validation": ("cover", "table"),
    "evaluation": ("jacket", "playbill", "pinboard", "directory", "programme"),
}


def part_of(name: str) -> Part:
    """Return the part that a word or a design of fonts belongs to, whatever its case."""
    digest = hashlib.sha256(f"{SEED}:{name.casefold()}".encode()).digest()
    place, total = int.from_bytes(digest[:8], "big") / 2**64, 0.0
    for part in PARTS[:-1]:
        total += SHARES[part]
        if place < total:
            return part
    return PARTS[-1]


def fonts_of(part: Part, fonts: Iterable[Font]) -> tuple[Font, ...]:
    """Return the fonts whose design belongs to a part, in order. Raises CannotSplit if there is none."""
    kept = tuple(font for font in fonts if part_of(font.design) == part)
    if not kept:
        raise CannotSplit(f"none of the fonts belongs to the part {part!r}: bring more, such as the bundled ones")
    return kept


def words_of(part: Part, words: Iterable[str] | None = None) -> tuple[str, ...]:
    """Return the words that belong to a part, in order, of the English ones if none are given.

    Raises CannotSplit if there is none.
    """
    kept = tuple(word for word in (english_words() if words is None else words) if part_of(word) == part)
    if not kept:
        raise CannotSplit(f"none of the words belongs to the part {part!r}: bring more words")
    return kept


def assets_of(part: Part, fonts: Iterable[Font]) -> Assets:
    """Return what pages of a part are made of: its fonts among ``fonts``, and its English words.

    Raises CannotSplit if none of the fonts belongs to the part.
    """
    return Assets(fonts_of(part, fonts), words_of(part))
