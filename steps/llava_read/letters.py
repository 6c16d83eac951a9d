"""Letters that a reader reads of each word, and what its readings would score of other words: chance.

The similarity of whole pages is no measure: random letters are the more like a text the longer both are. Word by word
they are alike by as much whatever the number of words, and that much is measured and taken out.

Legend:  W words
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from tenfold.ocr.page import Line, Page

REACH = 0.25  # of a line's height, by which the middle of a word that was read may lie outside the line


def read_of_words(truth: Page, read: Page) -> list[str]:
    """Return the letters that an engine read of each word of a page, in the form in which words are compared.

    What it read on a line is aligned with the line's letters, spaces left out, by least edits: an engine gives lines,
    and may drop the spaces between words that it read well.
    """
    from tenfold.text.normalise import normalised

    found: list[str] = []
    for line in truth.lines:
        came = "".join(normalised(text) for text in _on_line(line, read))
        found += _aligned([normalised(word.text) for word in line.words], came)
    return found


def letters_of_words(wanted: Sequence[str], came: Sequence[str]) -> tuple[Float[np.ndarray, " W"], ...]:
    """Return one less the edit distance over the longer text of each word and its reading, and what chance gives.

    ``came`` are the readings of ``wanted``, pair by pair. Chance is the mean of the same measure between a reading and
    each of the other words; 0 where there is none.
    """
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cdist

    table = cdist(list(wanted), list(came), scorer=Levenshtein.normalized_similarity, dtype=np.float64)  # (W, W)
    names = np.array(wanted, dtype=object)
    others = names[:, None] != names[None, :]
    count = others.sum(axis=0)
    chance = np.divide((table * others).sum(axis=0), count, out=np.zeros(len(names)), where=count > 0)
    return np.diagonal(table).copy(), chance


def _on_line(line: Line, read: Page) -> list[str]:
    """Return the words that were read whose middle lies on a line, from left to right."""
    x0, y0, x1, y1 = line.box
    reach = REACH * (y1 - y0)
    inside = []
    for word in read.words:
        left, top, right, bottom = word.box
        if x0 - reach <= (left + right) / 2 <= x1 + reach and y0 - reach <= (top + bottom) / 2 <= y1 + reach:
            inside.append(word)
    return [word.text for word in sorted(inside, key=lambda word: word.box[0])]


def _aligned(words: Sequence[str], came: str) -> list[str]:
    """Return the part of ``came`` that belongs to each word; what was added belongs to the word before it."""
    from rapidfuzz.distance import Levenshtein

    owner = [number for number, word in enumerate(words) for _ in word]
    parts = [""] * len(words)
    for edit in Levenshtein.opcodes("".join(words), came):
        for place in range(edit.dest_start, edit.dest_end):
            at = max(edit.src_start - 1, 0) if edit.tag == "insert" else edit.src_start + place - edit.dest_start
            if owner:
                parts[owner[at]] += came[place]
    return parts
