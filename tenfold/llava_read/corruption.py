"""OCR text with a given share of its characters wrong: how much reading a model can lose before its answers go."""

from __future__ import annotations

import string
from dataclasses import replace

import numpy as np

from tenfold.llava_read.reading_errors import InvalidPrompt
from tenfold.ocr.page import Page

CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits)


def corrupted(page: Page, share: float, *, seed: int) -> Page:
    """Return a page with each letter and digit replaced, with chance ``share``, by another one of its kind.

    Words keep their number, length and boxes; the engine becomes "corrupted 15 % (…)". The same seed and page give the
    same errors. Raises InvalidPrompt for a share outside [0, 1].
    """
    if not 0 <= share <= 1:
        raise InvalidPrompt(f"the share of wrong characters is from 0 to 1, not {share!r}")
    letters = [ord(letter) for word in page.words for letter in word.text]
    generator = np.random.default_rng([seed, round(1000 * share), *letters])
    words = tuple(replace(word, text=_changed(word.text, share, generator)) for word in page.words)
    return replace(page, words=words, engine=f"corrupted {100 * share:g} % ({page.engine})")


def _changed(text: str, share: float, generator: np.random.Generator) -> str:
    found = []
    for letter, chance in zip(text, generator.random(len(text)).tolist(), strict=True):
        kind = next((one for one in CLASSES if letter in one), "")
        if kind and chance < share:
            others = kind.replace(letter, "")
            letter = others[int(generator.integers(0, len(others)))]
        found.append(letter)
    return "".join(found)
