"""A layout as the arrays that a network takes: which letter each place belongs to, where inside its letter, and masks.

A word's box is divided into as many slots of equal width as the word has letters. A place of the map, ``stride`` pixels
wide and high, belongs to the slot that its centre lies in. ``u`` and ``v`` say where in the slot the centre is, from 0
at the left and upper end to 1; they are 0 where there is no letter. Where boxes overlap, the later word is seen.

Legend:  N layouts · H, W canvas · h, w places, H/stride and W/stride · L letters of the longest text
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64

from tenfold.artist.layouts import InvalidLayout, Layout, PlacedWord

FIRST, LAST = "!", "~"  # printable ASCII but the space
NO_LETTER = 0
SPACE = ord(LAST) - ord(FIRST) + 2  # between words of a sequence
VOCABULARY = SPACE + 1  # no letter, 94 letters, the space


class UnknownLetter(ValueError):
    """A text holds a letter that has no number."""


@dataclass(frozen=True)
class Conditioning:
    """What says which words are wanted where.

    ``letters`` holds the letter's number at each place, 0 where there is none; ``places`` u and v; ``mask`` 1 inside a
    box; ``sequence`` the letters of all words one after the other, a space between words, 0 after the last one.
    """

    letters: Int64[np.ndarray, "N h w"]
    places: Float32[np.ndarray, "N 2 h w"]
    mask: Float32[np.ndarray, "N 1 h w"]
    sequence: Int64[np.ndarray, "N L"]


def letter_numbers(text: str) -> list[int]:
    """Return the number of each letter of a word, from 1. Raises UnknownLetter for what is not printable ASCII."""
    for letter in text:
        if not FIRST <= letter <= LAST:
            raise UnknownLetter(f"{letter!r} of {text!r} has no number: only printable ASCII has")
    return [ord(letter) - ord(FIRST) + 1 for letter in text]


def text_of(numbers: Sequence[int]) -> str:
    """Return the text that numbers of letters spell; a space for the space, nothing for 0."""
    signs = {NO_LETTER: "", SPACE: " "}
    return "".join(signs.get(number, chr(number - 1 + ord(FIRST))) for number in map(int, numbers))


def condition(layouts: Sequence[Layout], *, stride: int = 2, longest: int | None = None) -> Conditioning:
    """Return the arrays of layouts of one size.

    ``longest`` is the length of ``sequence`` where a network wants a fixed one, by default that of the longest text.
    Raises InvalidLayout if sizes differ or are no multiple of ``stride``, if a letter's slot holds the centre of no
    place, or if a text is longer than ``longest``; UnknownLetter.
    """
    sizes = {(layout.height, layout.width) for layout in layouts}
    if len(sizes) != 1:
        raise InvalidLayout(f"layouts of one canvas size are needed, not of {len(sizes)}: {sorted(sizes)}")
    ((height, width),) = sizes
    if height % stride or width % stride:
        raise InvalidLayout(f"a canvas of {width}×{height} is no multiple of the stride {stride}")
    shape = (len(layouts), height // stride, width // stride)
    letters, places = np.zeros(shape, np.int64), np.zeros((shape[0], 2, *shape[1:]), np.float32)
    for number, layout in enumerate(layouts):
        for word in layout.words:
            _write(word, letters[number], places[number], stride)
    mask = (letters != NO_LETTER).astype(np.float32)[:, None]
    return Conditioning(letters, places, mask, letter_sequences(layouts, longest=longest))


def letter_sequences(layouts: Sequence[Layout], *, longest: int | None = None) -> Int64[np.ndarray, "N L"]:
    """Return the letters of each layout's words, as in `Conditioning`. Raises InvalidLayout, UnknownLetter."""
    rows = []
    for layout in layouts:
        row: list[int] = []
        for text in layout.texts:
            row += [SPACE, *letter_numbers(text)] if row else letter_numbers(text)
        rows.append(row)
    length = max(1, *(len(row) for row in rows)) if longest is None else longest
    for layout, row in zip(layouts, rows, strict=True):
        if len(row) > length:
            raise InvalidLayout(f"{' '.join(layout.texts)!r} has {len(row)} letters; the limit is {length} (longest)")
    return np.array([row + [NO_LETTER] * (length - len(row)) for row in rows], np.int64)


def conditioning_dump(
    layouts: Sequence[Layout], arrays: Conditioning, *, stride: int = 2
) -> list[list[dict[str, Any]]]:
    """Return, for each layout, its words and boxes as they can be read off the arrays that go into a network.

    ``text`` is the word that was asked for, ``found`` what stands in the map inside its box, and ``cells`` how many
    places say so. The two differ where boxes overlap, or where a layout never reached the arrays.
    """
    rows = []
    for layout, letters in zip(layouts, arrays.letters, strict=True):
        words: list[dict[str, Any]] = []
        for word in layout.words:
            rows_of, columns = _covered(word, stride)
            found = letters[rows_of, columns]
            slots = _slots(word, stride)
            seen = [_slot_text(found[:, slots == number]) for number in range(len(word.text))]
            words.append(
                {"text": word.text, "box": list(word.box), "found": "".join(seen), "cells": int((found > 0).sum())}
            )
        rows.append(words)
    return rows


def _slot_text(numbers: np.ndarray) -> str:
    """Return the letter that fills a slot; ? where several do, nothing where none does."""
    kinds = np.unique(numbers[numbers > 0])
    return text_of(kinds.tolist()) if len(kinds) < 2 else "?"


def _write(word: PlacedWord, letters: np.ndarray, places: np.ndarray, stride: int) -> None:
    rows, columns = _covered(word, stride)
    slots, numbers = _slots(word, stride), np.array(letter_numbers(word.text))
    x0, y0, x1, y1 = word.box
    if len(np.unique(slots)) < len(numbers) or rows.start == rows.stop:
        raise InvalidLayout(
            f"{word.text!r} in a box of {x1 - x0}×{y1 - y0} pixels: each of its {len(numbers)} letters needs a place "
            f"of {stride} pixels of its own; take a larger box"
        )
    u = (np.arange(columns.start, columns.stop) + 0.5) * stride - x0
    u = u / (x1 - x0) * len(numbers) - slots
    v = ((np.arange(rows.start, rows.stop) + 0.5) * stride - y0) / (y1 - y0)
    letters[rows, columns] = numbers[slots]
    places[0, rows, columns] = u
    places[1, rows, columns] = v[:, None]


def _covered(word: PlacedWord, stride: int) -> tuple[slice, slice]:
    """Return the rows and columns of places whose centres lie in a word's box."""
    x0, y0, x1, y1 = word.box
    return _centres(y0, y1, stride), _centres(x0, x1, stride)


def _centres(start: int, end: int, stride: int) -> slice:
    first = int(np.ceil(start / stride - 0.5))
    return slice(first, max(first, int(np.ceil(end / stride - 0.5))))


def _slots(word: PlacedWord, stride: int) -> np.ndarray:
    """Return the number of the slot that each covered column lies in."""
    x0, _, x1, _ = word.box
    columns = _centres(x0, x1, stride)
    centres = (np.arange(columns.start, columns.stop) + 0.5) * stride
    slots = ((centres - x0) / (x1 - x0) * len(word.text)).astype(int)
    return np.minimum(slots, len(word.text) - 1)
