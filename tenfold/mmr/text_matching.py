"""Where a phrase stands on a page, though an engine misread letters or left out spaces."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from tenfold.mmr.text_blocks import Text, text_of
from tenfold.ocr.page import Word

WHOLE, PART = 88.0, 70.0  # of 100: likeness from which a text is the phrase, or a part of the page is


def find_text(phrase: str, lines: Sequence[Text], blocks: Sequence[Text]) -> Text | None:
    """Return the words of a page that are a phrase, None if nothing is like it.

    A line or block that is the phrase as a whole comes first; else the part of the page's letters, in reading order and
    without spaces, that is most like it. A word of which only a part belongs to the phrase has its box divided.
    """
    from rapidfuzz import fuzz

    wanted = letters_of(phrase)
    if not wanted:
        return None
    texts = [*lines, *blocks]
    likeness = [fuzz.ratio(wanted, letters_of(text.text)) for text in texts]
    if likeness and max(likeness) >= WHOLE:
        return texts[likeness.index(max(likeness))]
    found: list[tuple[float, Text]] = []
    for order in (blocks, lines):  # a phrase may go on in the next line of its block, or in the next column
        part = _part([word for text in order for word in text.words], wanted)
        if part is not None:
            found.append(part)
    best = max(found, key=lambda one: one[0], default=None)
    return best[1] if best is not None and best[0] >= PART else None


def letters_of(text: str) -> str:
    """Return the letters and digits of a text in lower case and NFKC form; all that is no space where it has none."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(one for one in plain if one.isalnum()) or "".join(plain.split())


def _part(words: Sequence[Word], wanted: str) -> tuple[float, Text] | None:
    from rapidfuzz import fuzz

    owners = [(number, place) for number, word in enumerate(words) for place in range(len(letters_of(word.text)))]
    letters = "".join(letters_of(word.text) for word in words)
    if not letters:
        return None
    if len(letters) <= len(wanted):
        return fuzz.ratio(wanted, letters), text_of(words)
    match = fuzz.partial_ratio_alignment(wanted, letters)
    if match is None or match.dest_end <= match.dest_start:
        return None
    taken: dict[int, list[int]] = {}
    for number, place in owners[match.dest_start : match.dest_end]:
        taken.setdefault(number, []).append(place)
    parts = [_cut(words[number], places) for number, places in taken.items()]
    kept = [part for part in parts if part is not None]
    return (match.score, text_of(kept)) if kept else None


def _cut(word: Word, places: list[int]) -> Word | None:
    """Return a word, or the part of it that holds some of its letters; None for less than a third of a short word."""
    length = len(letters_of(word.text))
    share = len(places) / length
    if share >= 0.75:
        return word
    if length <= 6 and share < 1 / 3:
        return None
    x0, y0, x1, y1 = word.box
    start, end = places[0] / length, (places[-1] + 1) / length
    inner = word.text[round(start * len(word.text)) : round(end * len(word.text))]
    return replace(word, text=inner or word.text, box=(x0 + start * (x1 - x0), y0, x0 + end * (x1 - x0), y1))
