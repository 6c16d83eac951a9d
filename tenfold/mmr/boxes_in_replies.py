"""Four numbers of a reply that are a box, and where they stand in it.

Numbers in brackets come first, since a text may hold four numbers in a row; then sides with names, such as x_min; then
any four in a row. A longer list is no box.

Legend:  a box is (x0, y0, x1, y1), or whatever convention the reply has
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tenfold.mmr.coordinates import Box

SEPARATORS = (",", ";", ":", "-", "–", "—")
OPENING, CLOSING = "[({", "])}"
_N = r"(?<![\d.])([-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d++)?)"
_COMMA = r"\s{0,8}[,;\s]\s{0,8}"
_BETWEEN = rf"(?:{_COMMA}|\s{{0,8}}[\])]\s{{0,8}},?\s{{0,8}}[\[(]\s{{0,8}})"
FOUR = rf"{_N}{_COMMA}{_N}{_BETWEEN}{_N}{_COMMA}{_N}"  # with four groups
_FOUR = re.compile(rf"(?<![\w.]){FOUR}(?![\w%]|\.\d|\s{{0,8}},\s{{0,8}}[-+.\d])")
_MORE = re.compile(r"\d[\])]?\s{0,8},\s{0,8}\Z")  # a number before the first: a longer list
_SIDES = {
    "x0": r"x_?min|x_?1|x_?0|left",
    "y0": r"y_?min|y_?1|y_?0|top",
    "x1": r"x_?max|x_?2|right",
    "y1": r"y_?max|y_?2|bottom",
}
_SIDE = {
    side: re.compile(rf"(?<![A-Za-z_])(?:{names})[\"'\s]{{0,8}}[:=]\s{{0,8}}{_N}", re.IGNORECASE)
    for side, names in _SIDES.items()
}
BOX_NAME = r"(?:bounding\s*box|bbox(?:_2d)?|box|position|coordinates|location)"
_LEADS_TO_BOX = re.compile(
    rf"(?:(?:^|[\n,;(\-–—]|(?<=\.))[\s*_]{{0,8}}(?:and\s{{1,8}})?(?:(?:the|its|with)\s{{1,8}}){{0,4}}{BOX_NAME}[\s*_\"']{{0,8}}(?:(?:is|are|at)\b|[:=]){{0,3}}"
    rf"|(?<![\w\"“])(?:(?:the|its)[ \t]{{1,8}})?{BOX_NAME}[\s*_]{{0,8}}(?:(?:is|are|at)\b|[:=]){{1,3}}"
    rf"|[\"']{BOX_NAME}[\"']\s{{0,8}}[:=]"
    rf"|(?<=[\"”*])[\s,]{{0,8}}(?:(?:with|and|in|the|its|a)\s{{1,8}}){{0,4}}{BOX_NAME}"
    r"|(?<=[\"”*])[\s,]{0,8}(?:(?:which|is|are|located|found|positioned)\s{1,8}){0,4}(?:at|in|within)"
    r"|,\s{0,8}(?:located|found|positioned)\s{1,8}(?:at|in|within)"
    r"|\b(?:is|are)\s{1,8}(?:(?:located|found|positioned)\s{1,8})?(?:at|in|within))[\s:=*_]{0,8}\Z",
    re.IGNORECASE,
)


class Found(NamedTuple):
    """A box with where it begins and ends in its text, its brackets in it."""

    box: Box
    start: int
    end: int


def box_in(plain: str, *, last: bool = False) -> Found | None:
    """Return the first box of a text, or the ``last``; None if there are no four numbers."""
    every = [
        _found(plain, *match.span(), [match])
        for match in _FOUR.finditer(plain)
        if not _MORE.search(plain, max(0, match.start() - 24), match.start())
    ]
    bracketed = [one for one in every if plain[one.start] in OPENING]
    chosen = bracketed or _named_sides(plain) or every
    return chosen[-1 if last else 0] if chosen else None


def text_before(text: str) -> str:
    """Return what stands before a box without the words that lead to the box, and one sign that parts the two."""
    text = inside_brackets(text)
    cut = _LEADS_TO_BOX.sub("", text)
    if cut == text and text.endswith(SEPARATORS):
        cut = text[:-1]
    return cut.strip()


def enclosed(text: str) -> str:
    """Return what stands between the first bracket that opens and the last that closes, both in it; "" if nothing."""
    starts = [place for sign in OPENING if (place := text.find(sign)) >= 0]
    return text[min(starts) : 1 + max(text.rfind(sign) for sign in CLOSING)] if starts else ""


def inside_brackets(text: str) -> str:
    """Return a text without a bracket at its ends that has no partner in it, since it is around text and box."""
    text = text.strip()
    for opening, closing in zip(OPENING, CLOSING, strict=True):
        if text.startswith(opening) and text.count(opening) > text.count(closing):
            text = text[1:].lstrip()
        if text.endswith(closing) and text.count(closing) > text.count(opening):
            text = text[:-1].rstrip()
        if text.endswith(opening):
            text = text[:-1].rstrip()
    return text


def _named_sides(plain: str) -> list[Found]:
    """Return the box whose sides have names, if all four have."""
    found = [match for pattern in _SIDE.values() if (match := pattern.search(plain))]
    if len(found) < len(_SIDE):
        return []
    return [_found(plain, min(one.start() for one in found), max(one.end() for one in found), found)]


def _found(plain: str, start: int, end: int, matches: list[re.Match[str]]) -> Found:
    """Return a box with the brackets around it: those that open before it and close after it."""
    x0, y0, x1, y1 = (float(value) for match in matches for value in match.groups())
    while True:
        before, after = plain[:start].rstrip(), plain[end:].lstrip()
        before = before.rstrip("\"' ") if before.rstrip("\"' ")[-1:] == "{" else before  # the quote of a key
        if not before or not after or CLOSING.find(after[0]) != OPENING.find(before[-1]) or before[-1] not in OPENING:
            return Found((x0, y0, x1, y1), start, end)
        start, end = len(before) - 1, len(plain) - len(after) + 1
