"""Sizes at which a text fits, and lines that a paragraph breaks into."""

from __future__ import annotations

from collections.abc import Sequence

from tenfold.rendering.canvas import line_width
from tenfold.rendering.colours import RGB
from tenfold.rendering.drawing import TextStyle
from tenfold.rendering.errors import TextDoesNotFit
from tenfold.rendering.fonts import Font, loaded

SMALLEST = 6  # pixels per em; smaller ones nobody reads
_REFERENCE = 64


def line_height(style: TextStyle) -> int:
    """Return the height of a line in pixels, ascent and descent of the face."""
    ascent, descent = loaded(style.font.path, style.size).getmetrics()
    return ascent + descent


def fitted(text: str, font: Font, colour: RGB, *, width: int, largest: int, smallest: int = SMALLEST) -> TextStyle:
    """Return the largest size, up to ``largest``, at which a line is no wider than ``width`` pixels.

    Raises TextDoesNotFit if it is wider even at ``smallest``.
    """
    advance = line_width(text, TextStyle(font, _REFERENCE, colour))
    size = min(largest, int(width * _REFERENCE / max(advance, 1)) + 1)
    while size >= smallest:
        style = TextStyle(font, size, colour)
        if line_width(text, style) <= width:
            return style
        size -= 1
    raise TextDoesNotFit(f"{text!r} in {font.name} is wider than {width} pixels even at {smallest} px: shorten it")


def wrapped(words: Sequence[str], style: TextStyle, width: int) -> list[str]:
    """Return the lines of a paragraph, each as many words as ``width`` pixels hold.

    Raises TextDoesNotFit if one word alone is wider.
    """
    lines: list[str] = []
    for word in words:
        if lines and line_width(f"{lines[-1]} {word}", style) <= width:
            lines[-1] = f"{lines[-1]} {word}"
            continue
        if line_width(word, style) > width:
            raise TextDoesNotFit(f"{word!r} in {style.font.name} at {style.size} px is wider than {width} pixels")
        lines.append(word)
    return lines
