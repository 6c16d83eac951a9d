"""What an engine read as texts: lines, and blocks of lines that belong together.

Engines cut lines up differently; lines are made anew from neighbours on one row. A block is a run of lines of about one
size and colour, one under the other without a gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from tenfold.mmr.ink import ink_of
from tenfold.ocr.page import Box, Page, Word, around
from tenfold.ocr.reading_order import rows_of
from tenfold.rendering.colours import delta_e

WORD_GAP = 1.0  # of the height: wider than a space, narrower than between columns
LIKE = 1.35  # ratio of the sizes of two lines up to which they are of one block
OTHER_INK = 22.0  # ΔE between the inks of two lines from which they are of two blocks
LINE_GAP = 0.75  # of the size: more room between two lines parts blocks


@dataclass(frozen=True)
class Text:
    """Words in reading order, the box around them, and the size of their type in pixels (the height of tall words)."""

    text: str
    box: Box
    size: float
    words: tuple[Word, ...]

    @property
    def readable(self) -> bool:
        """Whether there is a letter or digit in it: engines take shapes for signs."""
        return any(one.isalnum() for one in self.text)

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the box, x and y in pixels."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


def text_of(words: Sequence[Word], *, lines: Sequence[str] | None = None) -> Text:
    """Return one text of some words, of which there must be one at least, in their order."""
    heights = sorted(word.box[3] - word.box[1] for word in words)
    said = " ".join(word.text for word in words) if lines is None else " ".join(lines)
    return Text(said, around(words), heights[3 * (len(heights) - 1) // 4 + (len(heights) > 1)], tuple(words))


def lines_of(page: Page) -> list[Text]:
    """Return the lines of a page from top to bottom: words of one row that stand no further apart than words do."""
    boxes = [word.box for word in page.words]
    found: list[Text] = []
    for row in rows_of(boxes):
        run = [page.words[row[0]]]
        for index in row[1:]:
            word, last = page.words[index], run[-1]
            heights = [one.box[3] - one.box[1] for one in (last, word)]
            if word.box[0] - last.box[2] > WORD_GAP * max(heights) or max(heights) > 2 * min(heights):
                found.append(text_of(run))
                run = []
            run.append(word)
        found.append(text_of(run))
    return found


def blocks_of(lines: Sequence[Text], image: UInt8[np.ndarray, "H W 3"] | None = None) -> list[Text]:
    """Return lines joined into blocks, from top to bottom as their first lines.

    With the image, uint8 RGB (H, W, 3), lines whose ink is not of one colour are of two blocks.
    """
    blocks: list[list[Text]] = []
    for line in sorted(lines, key=lambda one: (one.box[1], one.box[0])):
        for block in blocks:
            if _continues(block[-1], line) and (image is None or _one_colour(block[-1], line, image)):
                block.append(line)
                break
        else:
            blocks.append([line])
    return [text_of([word for line in block for word in line.words]) for block in blocks]


def _one_colour(one: Text, other: Text, image: np.ndarray) -> bool:
    inks = [ink_of(image, line.box) for line in (one, other)]
    return any(ink is None for ink in inks) or delta_e(*(ink.colour for ink in inks if ink)) < OTHER_INK


def _continues(above: Text, below: Text) -> bool:
    """Return whether one line goes on in another: just below it, of its size, over the same columns."""
    sizes = above.size, below.size
    gap = below.box[1] - above.box[3]
    shared = min(above.box[2], below.box[2]) - max(above.box[0], below.box[0])
    narrower = min(above.box[2] - above.box[0], below.box[2] - below.box[0])
    return (
        max(sizes) <= LIKE * min(sizes)
        and -0.5 * min(sizes) <= gap <= LINE_GAP * min(sizes)
        and below.box[1] > above.box[1] + 0.3 * min(sizes)
        and shared > 0.5 * narrower
    )
