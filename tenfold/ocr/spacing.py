"""The text of a page with its layout kept by spaces, so that a language model sees columns and tables.

The rule is that of LATIN-Prompt (Wang et al. 2023, arXiv:2306.00526). **Deviation:** the width of a character is that
of the words themselves, gaps between words left out; words keep one space between them however close they stand;
nothing that is handed over is changed; boxes without width do no harm, nor words that stand very far apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from tenfold.ocr.page import Word
from tenfold.ocr.reading_order import rows_of

MOST_COLUMNS = 2000  # to which a line is padded, however far apart words stand


def space_layout(words: Sequence[Word], *, character_width: float | None = None) -> str:
    """Return the words in rows, each padded with spaces to the column at which it stands.

    ``character_width``, in pixels, is that of the row with most characters if not given. An empty page is "".
    """
    boxes = [word.box for word in words]
    rows = rows_of(boxes)
    if not rows:
        return ""
    width = character_width or _character_width(words, rows)
    left = min(box[0] for box in boxes)
    lines = []
    for row in rows:
        line = ""
        for index in row:
            column = round(min((boxes[index][0] - left) / width, MOST_COLUMNS))
            gap = max(column - len(line), 1 if line else 0)
            line += " " * gap + words[index].text
        lines.append(line)
    return "\n".join(lines)


def _character_width(words: Sequence[Word], rows: Sequence[Sequence[int]]) -> float:
    """Return the mean width of a character in the row that has most of them; 1 if that row has no width."""
    longest = max(rows, key=lambda row: sum(len(words[index].text) for index in row))
    characters = sum(len(words[index].text) for index in longest)
    width = sum(words[index].box[2] - words[index].box[0] for index in longest)
    return width / characters if width > 0 and characters else 1.0
