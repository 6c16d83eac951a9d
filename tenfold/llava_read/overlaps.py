"""What training, validation and test share, which must be nothing: ids, images, words, designs, layouts, companies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from tenfold.llava_read.pages import ReadingPage
from tenfold.llava_read.parts import Part
from tenfold.llava_read.reading_errors import PartsOverlap
from tenfold.llava_read.receipts import ALIKE
from tenfold.rendering.fonts import Font

RECEIPT = "receipt"  # the layout of receipts, whose words and print are what they are in every part
_WORD = re.compile(r"[^\W\d_]{2,}")  # numbers and dates are drawn anew on each page


def part_overlaps(parts: Mapping[Part, Sequence[ReadingPage]], fonts: Iterable[Font]) -> dict[str, int]:
    """Return how many ids, images, words, designs of fonts, layouts and companies two parts or more share.

    ``fonts`` are those that the pages may be set in. Words, designs and layouts are those of drawn pages; companies
    are those of receipts, spellings that are alike counting as one. Each is 0 where nothing is shared.
    """
    designs = {font.name: font.design for font in fonts}
    found: dict[str, dict[Part, set[str]]] = {}
    for part, pages in parts.items():
        drawn = [page for page in pages if page.layout != RECEIPT]
        lines = [line for page in drawn for line in page.description["lines"]]
        facts = [page.description["facts"] for page in pages if page.layout == RECEIPT]
        kinds = {
            "ids": {page.id for page in pages},
            "images": {page.sha256 for page in pages},
            "words": {word.casefold() for line in lines for word in _WORD.findall(line["text"])},
            "designs": {designs.get(line["font"], line["font"]) for line in lines},
            "layouts": {page.layout for page in drawn},
            "companies": {_letters(fact["company"]) for fact in facts},
        }
        for kind, values in kinds.items():
            found.setdefault(kind, {})[part] = values
    return {kind: _shared(kind, sets) for kind, sets in found.items()}


def refuse_overlaps(counts: Mapping[str, int]) -> None:
    """Raise PartsOverlap, naming what is shared, unless every count of ``part_overlaps`` is 0."""
    shared = [f"{count} {kind}" for kind, count in counts.items() if count]
    if shared:
        raise PartsOverlap(f"training, validation and test share {', '.join(shared)}: no score would mean anything")


def _shared(kind: str, sets: Mapping[Part, set[str]]) -> int:
    from rapidfuzz.fuzz import ratio

    pairs = list(combinations(sets.values(), 2))
    if kind == "companies":
        return sum(ratio(one, other) >= ALIKE for first, second in pairs for one in first for other in second)
    return len(set().union(*(first & second for first, second in pairs)))


def _letters(company: str) -> str:
    return "".join(letter for letter in company.casefold() if letter.isalnum())
