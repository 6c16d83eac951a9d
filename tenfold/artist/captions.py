"""Prompts from templates: with the wanted words in quotes or without, and prompts that want no words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Quotes = Literal["single", "double", "curly", "none"]
MARKS: dict[str, tuple[str, str]] = {
    "single": ("'", "'"),
    "double": ('"', '"'),
    "curly": ("\N{LEFT DOUBLE QUOTATION MARK}", "\N{RIGHT DOUBLE QUOTATION MARK}"),
    "none": ("", ""),
}
SUBJECTS = (
    *("sign", "poster", "book cover", "billboard", "label", "banner", "sticker", "plate", "mug", "card", "logo"),
    *("shop window", "street sign", "notebook", "box", "bottle", "wall", "screen", "ticket", "cake", "shirt", "flag"),
)
PLACES = (
    "",
    "",
    "",
    " in the city",
    " by the sea",
    " at night",
    " in a shop",
    " on a table",
    " in the park",
    " at home",
)
KINDS = ("a", "a", "the", "an old", "a small", "a red", "a wooden", "a bright", "a photo of a", "a drawing of a")
TEMPLATES = (
    "{kind} {subject}{place} that says {words}",
    "{kind} {subject}{place} saying {words}",
    "{kind} {subject} with the text {words}{place}",
    "{kind} {subject} with the words {words} written on it",
    "{kind} {subject} with the word {words}{place}",
    "{kind} {subject} that reads {words}{place}",
    "the text {words} on {kind} {subject}{place}",
    "the words {words} are written on {kind} {subject}",
    "{words} is written on {kind} {subject}{place}",
    "{words} printed on {kind} {subject}",
    "{kind} {subject} titled {words}",
    "{kind} {subject} called {words}, in bright colors",
    "{kind} {subject} labeled {words}, on a white background",
    "{kind} {subject}{place} with {words} in bold letters",
)
WITHOUT_WORDS = (
    "{kind} {subject}{place}",
    "{kind} {subject} without text",
    "{kind} {subject} and a cup of tea{place}",
    "two people looking at {kind} {subject}{place}",
    "{kind} {subject}, in bright colors",
    "a cat sleeping on {kind} {subject}",
)


@dataclass(frozen=True)
class Caption:
    """A prompt, the words that it wants to see on the image, in order, and from which letter to which they stand."""

    text: str
    words: tuple[str, ...]
    span: tuple[int, int] = (0, 0)


def caption(words: Sequence[str], generator: np.random.Generator, *, quotes: Quotes | None = None) -> Caption:
    """Return a prompt that wants ``words``, which may be none; ``quotes`` is drawn unless given."""
    marks = MARKS[quotes if quotes is not None else _one(tuple(MARKS), generator)]
    filling = {"kind": _one(KINDS, generator), "subject": _one(SUBJECTS, generator), "place": _one(PLACES, generator)}
    before, slot, after = _one(TEMPLATES if words else WITHOUT_WORDS, generator).partition("{words}")
    start, end = before.format(**filling), after.format(**filling)
    if not slot:
        return Caption(start, ())
    said = " ".join(words)
    text = f"{start}{marks[0]}{said}{marks[1]}{end}"
    first = len(start) + len(marks[0])
    return Caption(text, tuple(words), (first, first + len(said)))


def _one(items: Sequence[str], generator: np.random.Generator) -> str:
    return items[int(generator.integers(0, len(items)))]
