"""Which text of a page is its title, subtitle or author, or a receipt's company, date or total."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from operator import attrgetter

from tenfold.mmr.asked import Place, Role
from tenfold.mmr.given_names import GIVEN_NAMES
from tenfold.mmr.text_blocks import Text, text_of
from tenfold.mmr.text_places import place_cost
from tenfold.ocr.page import Page

_DATE = re.compile(
    r"\b(?:\d{1,2}\s?[-/.]\s?(?:\d{1,2}|[A-Za-z]{3,9})\s?[-/.]\s?\d{2,4}|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}"
    r"|\d{1,2}\s?(?:st|nd|rd|th)?\s?[A-Za-z]{3,9}\.?,?\s?\d{4}|[A-Za-z]{3,9}\.?\s\d{1,2},?\s\d{4})"
)
_AMOUNT = re.compile(r"-?\d[\d,]*\.\s?\d{2}\b|-?\d+,\d{2}\b")
_TOTAL = re.compile(
    r"\b(?:grand\s*)?t[o0]ta[l1i]|amount\s*(?:due|payable)|\bnett?\s*(?:amt|amount)|\bjumlah", re.IGNORECASE
)
_NO_TOTAL = re.compile(
    r"sub|tax|gst|qty|quant|item|disc|saving|excl|before|change|cash|point|tend|paid|round(?:ing|ed)? ?adj",
    re.IGNORECASE,
)
_FIRM = re.compile(
    r"\b(?:sdn|bhd|b\.h\.d|s/?b|enterprise|trading|ltd|limited|inc|llc|restoran|restaurant|mart|store|shop|hardware"
    r"|stationery|book|market|pharmacy|cafe|kopitiam|bakery|company|co)\b",
    re.IGNORECASE,
)
_BY = re.compile(r"^(?:written |edited |illustrated |text )?(?:by|von|par|por)\s+(?=\w)", re.IGNORECASE)
_NAME = re.compile(r"(?:[^\W\d_][\w'’.-]*)(?:\s+(?:&|and\s+)?[^\W\d_][\w'’.-]*){1,4}")


def find_role(
    role: Role,
    page: Page,
    lines: Sequence[Text],
    blocks: Sequence[Text],
    *,
    place: Place | None = None,
    size: Callable[[Text], float] = attrgetter("size"),
) -> Text | None:
    """Return the text of a page that has a role, the one nearest to ``place`` if that is given; None if none has it.

    ``size`` measures the type of a block better than its box does.

    title     the largest block
    subtitle  the block below the title, or the largest of the others
    author    a block in the form of a name, best after "by", then with a given name, then at an edge of the page
    company   the first line of a firm's form, or the first line
    date, total  the first date, and the amount beside or below the last word for a total
    """
    if not blocks:
        return None
    if role == "date":
        return _first_match(_DATE, lines)
    if role == "total":
        return _total(lines)
    if role == "company":
        return _company(lines)
    if role == "title":
        return _title(blocks, page, place, size)
    title = _title(blocks, page, None, size)
    if role == "subtitle":
        return _subtitle(blocks, title, page, place)
    return _author(blocks, title, page, place)


def _title(blocks: Sequence[Text], page: Page, place: Place | None, size: Callable[[Text], float]) -> Text:
    lettered = [block for block in blocks if sum(one.isalpha() for one in block.text) >= 2] or list(blocks)
    return max(lettered, key=lambda one: size(one) * (1 if place is None else _nearness(one, place, page)))


def _subtitle(blocks: Sequence[Text], title: Text, page: Page, place: Place | None) -> Text | None:
    others = [block for block in blocks if block is not title and sum(one.isalpha() for one in block.text) >= 2]
    if not others:
        return None
    if place is not None:
        return max(others, key=lambda one: one.size * _nearness(one, place, page))

    def gap(block: Text) -> float:
        below = block.box[1] - title.box[3]
        return below if below > -0.3 * block.size else page.height + abs(below)

    return min(others, key=lambda one: (gap(one) > 0.25 * page.height, gap(one)))


def _author(blocks: Sequence[Text], title: Text, page: Page, place: Place | None) -> Text | None:
    def standing(block: Text) -> float:
        words = block.text.split()
        named = bool(_NAME.fullmatch(_BY.sub("", block.text).strip())) and 2 <= len(words) <= 6
        capital = all(word[0].isupper() or len(word) <= 3 for word in words)
        y = block.centre[1] / page.height
        edge = abs(y - 0.5) * 2 if place is None else 2 * _nearness(block, place, page)
        given = named and _BY.sub("", block.text).split()[0].casefold() in GIVEN_NAMES
        brief = 0.5 * (len(words) == 2)
        return (
            3 * bool(_BY.match(block.text)) + 2.5 * given + 1.5 * named + 0.5 * capital + edge + brief + 0.2 * (y > 0.5)
        )

    others = [block for block in blocks if block is not title]
    best = max(others, key=standing, default=None)
    if best is None:
        return None
    said = _BY.match(best.text)
    words = best.words[len(best.text[: said.end()].split()) :] if said else best.words
    return text_of(words or best.words)


def _nearness(block: Text, place: Place, page: Page) -> float:
    """Return 1 in the middle of a place, less further off; a wide text is near to whatever part of it is near."""
    return max(0.02, 1 - 2 * place_cost(block.box, place, page.width, page.height))


def _company(lines: Sequence[Text]) -> Text | None:
    lettered = [line for line in lines if sum(one.isalpha() for one in line.text) >= 3]
    firms = [line for line in lettered[:6] if _FIRM.search(line.text)]
    return firms[0] if firms else lettered[0] if lettered else None


def _total(lines: Sequence[Text]) -> Text | None:
    """Return the amount on the row of a word for a total, else on the next row, of the most total-like row."""
    amounts = [(line, part) for line in lines for part in (_matched(_AMOUNT, line),) if part is not None]
    if not amounts:
        return None
    found: list[tuple[tuple[int, float], Text]] = []
    for label in lines:
        if not _TOTAL.search(label.text):
            continue
        middle = label.centre[1]
        for line, part in amounts:
            gap = line.centre[1] - middle
            if line is not label and (abs(gap) > 0.7 * label.size or line.box[2] < label.box[0]):
                continue
            plain = not _NO_TOTAL.search(label.text)
            found.append(((int(plain), _value(part.text)), part))
    if found:
        return max(found, key=lambda one: one[0])[1]
    return max((part for _, part in amounts), key=lambda one: _value(one.text))


def _value(text: str) -> float:
    return float(re.sub(r"[^\d.]", "", text.replace(" ", "")) or 0)


def _first_match(pattern: re.Pattern[str], lines: Sequence[Text]) -> Text | None:
    return next((part for line in lines if (part := _matched(pattern, line)) is not None), None)


def _matched(pattern: re.Pattern[str], line: Text) -> Text | None:
    """Return the last part of a line that a pattern matches, with the box of the words that hold it."""
    matches = list(pattern.finditer(line.text))
    if not matches:
        return None
    match, at, kept = matches[-1], 0, []
    for word in line.words:
        end = at + len(word.text)
        if at < match.end() and end > match.start():
            kept.append(word)
        at = end + 1
    whole = text_of(kept or line.words)
    return Text(match[0], whole.box, whole.size, whole.words)
