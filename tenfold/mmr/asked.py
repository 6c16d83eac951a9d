"""What a question asks for, by patterns: its options, the texts that it quotes, places, directions and roles.

The patterns fit the official annotations' wording and that of the rendered and receipt sets; what none fits is None.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Role = Literal["title", "subtitle", "author", "company", "date", "total"]
Direction = tuple[int, int]  # x to the right, y downwards, each −1, 0 or 1

_OPTION = re.compile(r"^[ \t]*([1-9])[.)][ \t]*(.*?)[ \t]*$", re.MULTILINE)
_PREFIX = re.compile(r"^\s*question\s*:\s*", re.IGNORECASE)
_SUFFIX = re.compile(r"\s*(?:choices|options)\s*:?\s*$", re.IGNORECASE)
_QUOTED = re.compile(r'"([^"]+)"|“([^”]+)”|«([^»]+)»|(?<!\w)[\'‘](.+?)[\'’](?!\w)')
_ROLES: tuple[tuple[Role, str], ...] = (
    ("subtitle", r"sub-?title|sub-?heading|tag-?line|subtext"),
    ("author", r"author|writer|illustrator|editor|artist|narrator|director|composer|photographer"),
    ("company", r"company|shop|store|seller|merchant|vendor|business|restaurant"),
    ("date", r"date"),
    ("total", r"total|amount"),
    ("title", r"title|heading|headline|\bname of the (?:book|album|film|movie)"),
)
_DIRECTIONS: tuple[tuple[Direction, str], ...] = (
    ((0, -1), r"above\b|over\b|on top of|before\b|preced|followed by"),
    ((0, 1), r"below|under(?:neath)?|beneath|after|following(?! (?:texts?|phrases?|words?|lines?|quotes?))"),
    ((-1, 0), r"(?:to|on|at) the (?:immediate )?left(?:[- ]hand)?(?: side)? of|left of|left to"),
    ((1, 0), r"(?:to|on|at) the (?:immediate )?right(?:[- ]hand)?(?: side)? of|right of|right to"),
)
_BESIDE = re.compile(
    r"\b(?:to|on|at) the (?:immediate )?(?:left|right)(?:[- ]hand)?(?: side)? of "
    r"(?!(?:the |this |an? )?(?:[\w']+ )?(?:image|cover|page|poster|picture|photo|sign|receipt|document|menu|map))"
)
_AGAINST = (
    r"\b(?:in relation to|relative to|with respect to|in comparison (?:to|with)|compared? (?:to|with)|as seen from)\b"
)
_LEFT_ALONE, _RIGHT_ALONE = r"\bleft\b", r"\bright\b(?! (?:above|below|under|beneath|next|at the))"
_VERTICAL = ((0, r"\b(?:top|upper|uppermost)\b"), (2, r"\b(?:bottom|lower|lowest|foot)\b"))
_MIDDLE = r"\b(?:cent(?:er|re)|middle|central|midsection)\b"


@dataclass(frozen=True)
class Asked:
    """A question without its options, the options, and the texts that the question quotes."""

    stem: str
    options: tuple[str, ...]
    quoted: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """A part of an image by thirds: column and row, 0 to 2 each, None where any will do."""

    column: int | None
    row: int | None


def asked(question: str) -> Asked:
    """Return a question in its parts; options are the lines that begin with 1., 2., 3. … in this order, if any do."""
    lines = list(_OPTION.finditer(question))
    numbers = [int(line[1]) for line in lines]
    starts = (start for start in range(len(lines)) if numbers[start:] == list(range(1, len(lines) - start + 1)))
    start = next(starts, len(lines))
    options = tuple(line[2] for line in lines[start:])
    stem = question[: lines[start].start()] if options else question
    stem = _SUFFIX.sub("", _PREFIX.sub("", stem).strip()).strip()
    return Asked(stem, options, quoted(stem))


def quoted(text: str) -> tuple[str, ...]:
    """Return the texts in quotation marks, straight or curly, double or single; apostrophes are none."""
    return tuple(span for span, _, _ in quotations(text))


def quotations(text: str) -> list[tuple[str, int, int]]:
    """Return the texts in quotation marks, each with where its marks begin and end."""
    found = ((next(part for part in one.groups() if part is not None), one) for one in _QUOTED.finditer(text))
    return [(part.strip(), one.start(), one.end()) for part, one in found if part.strip()]


def unquoted(text: str) -> str:
    """Return a text without what it quotes, in lower case."""
    for _, start, end in reversed(quotations(text)):
        text = f"{text[:start]} ” {text[end:]}"
    return text.casefold()


def role_of(text: str) -> Role | None:
    """Return the role that is named first in a text, what it quotes left out; "title of the book" is a title."""
    plain = unquoted(text)
    found = [(match.start(), role) for role, words in _ROLES if (match := re.search(rf"\b(?:{words})", plain))]
    return min(found)[1] if found else None


def place_of(text: str) -> Place | None:
    """Return the part of the image that a text names, None if it names none.

    "Center" is the middle one in the direction that the text says nothing else of: "bottom center" is in the last row,
    "middle left" in the middle row. "Right below" and "to the right of it" are no places.
    """
    plain = _BESIDE.sub(" ", unquoted(text))
    row = next((number for number, words in _VERTICAL if re.search(words, plain)), None)
    column = 0 if re.search(_LEFT_ALONE, plain) else 2 if re.search(_RIGHT_ALONE, plain) else None
    if re.search(_MIDDLE, plain):
        if column is None:
            return Place(1, 1 if row is None else row)
        row = 1 if row is None else row
    return None if column is None and row is None else Place(column, row)


def direction_of(text: str) -> Direction | None:
    """Return the direction in which a text says that something lies from something else, None if it says none.

    "Above and to the left of it" is both; "above" in what is quoted does not count.
    """
    plain = unquoted(text)
    across = down = 0
    for (x, y), words in _DIRECTIONS:
        if re.search(rf"\b(?:{words})", plain):
            across, down = across or x, down or y
    if not across and not down:
        alone = re.fullmatch(r"\W*(?:(?:to|on|at) the )?(left|right)(?: side)?\W*", plain)
        across = 0 if alone is None else -1 if alone[1] == "left" else 1
    return (across, down) if across or down else None


def directed_anchors(stem: str) -> list[tuple[Direction, str]]:
    """Return the quoted texts that follow a word of direction, each with that direction: below "A" and above "B".

    What is "between" two quoted texts is below the first and above the second.
    """
    found: list[tuple[Direction, str]] = []
    before = 0
    marks = quotations(stem)
    for text, start, end in marks:
        direction = direction_of(stem[before:start])
        if direction is not None:
            found.append((direction, text))
        before = end
    if not found and len(marks) >= 2 and re.search(r"\bbetween\b", unquoted(stem)):
        found = [((0, 1), marks[0][0]), ((0, -1), marks[1][0])]
    return found


def wants_smaller(stem: str) -> bool:
    """Return whether a question about sizes asks for the smaller or smallest text."""
    plain = unquoted(stem)
    return bool(re.search(r"\bsmall", plain)) and not re.search(r"\b(?:larg|big|tall)", plain)


def about_size(stem: str) -> bool:
    """Return whether a question is about the size of type."""
    return bool(re.search(r"\b(?:larg|small|bigg|size)", unquoted(stem)))


def two_things(stem: str) -> tuple[str, str] | None:
    """Return the parts of "where is A in relation to B" that speak of A and of B, None for another question."""
    split = re.split(_AGAINST, stem)
    if len(split) == 2:
        first = re.split(r"\b(?:where|what|how)\b", split[0], flags=re.IGNORECASE)[-1]
        return first, split[1]
    between = re.search(r"\bbetween\b(.*)\band\b(.*)", stem)
    return (between[1], between[2]) if between else None
