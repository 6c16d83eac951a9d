"""What an engine read on an image: words with boxes and confidences, in lines.

Boxes are (x0, y0, x1, y1) in pixels of the image that was handed over, from its upper left corner, x1 and y1 exclusive;
turned text has the upright box around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Word:
    """One word: its text without white space, its box, how sure the engine is (0 to 1), and the number of its line."""

    text: str
    box: Box
    confidence: float = 1.0
    line: int = 0


@dataclass(frozen=True)
class Line:
    """The words of one line, joined by single spaces, and the box around them."""

    text: str
    box: Box
    words: tuple[Word, ...]


@dataclass(frozen=True)
class Page:
    """The words of an image of ``width`` × ``height`` pixels, and the engine that read them, with its version."""

    width: int
    height: int
    words: tuple[Word, ...]
    engine: str

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines in the engine's order; words of a line are those that bear its number, one after the other."""
        grouped = (tuple(words) for _, words in groupby(self.words, key=lambda word: word.line))
        return tuple(Line(" ".join(word.text for word in words), around(words), words) for words in grouped)

    @property
    def text(self) -> str:
        """The lines, one under the other."""
        return "\n".join(line.text for line in self.lines)

    def in_order(self, order: Sequence[int]) -> Page:
        """Return the page with its words in another order, such as that of `tenfold.ocr.reading_order.xy_cut`."""
        return replace(self, words=tuple(self.words[index] for index in order))

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold; coordinates to a tenth of a pixel, confidences to four digits."""
        return {
            "width": self.width,
            "height": self.height,
            "engine": self.engine,
            "words": [
                [word.text, [round(value, 1) for value in word.box], round(word.confidence, 4), word.line]
                for word in self.words
            ],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Page:
        """Return the page that ``to_json`` wrote."""
        words = tuple(
            Word(str(text), (float(x0), float(y0), float(x1), float(y1)), float(confidence), int(line))
            for text, (x0, y0, x1, y1), confidence, line in content["words"]
        )
        return cls(int(content["width"]), int(content["height"]), words, str(content["engine"]))


def around(words: Sequence[Word]) -> Box:
    """Return the box around all of ``words``, of which there must be one at least."""
    left, top, right, bottom = zip(*(word.box for word in words), strict=True)
    return min(left), min(top), max(right), max(bottom)


def words_of_line(text: str, box: Box, confidence: float, line: int) -> list[Word]:
    """Return the words of a line that an engine returned whole.

    Their boxes are not measured: the line's box is divided in proportion to the numbers of characters, spaces counted.
    """
    x0, y0, x1, y1 = box
    pitch = (x1 - x0) / max(len(text), 1)
    words, start = [], 0
    for part in text.split():
        start = text.index(part, start)
        end = start + len(part)
        words.append(Word(part, (x0 + start * pitch, y0, x0 + end * pitch, y1), confidence, line))
        start = end
    return words
