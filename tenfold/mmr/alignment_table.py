"""The tables of scores behind PNLS, many at a time, row by row.

A match is worth +1, a mismatch and a gap −1; what a reply holds before the aligned part costs nothing. Going back from
a cell, diagonal is preferred to up, and up to left. Nothing is traced back here: a cell carries the equal positions E
of its alignment, and its gaps G in the reference, along with its score, packed into one whole number. From high to low,
for row i and column j:

    score + i + j              a move up or left leaves it as it is, diagonal adds 1, or 3 with a match
    1 bit                      1 for diagonal, 0 for up, so that the maximum of both takes the preferred one
    k                          the column in which the row's last moves to the left began
    E + hyphens after column j
    G + columns after column j a move to the left leaves both as they are

A row's moves to the left are then one running maximum: of equal scores the greatest k, the last cell that has it by
itself, goes ahead.

Legend:  P windows of a batch · m characters of the longest reference · w of the longest window
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int64, UInt32

from tenfold.mmr.errors import InvalidPredictions

GAP = "-"  # how the released code writes a gap, and so what a hyphen equals
CELLS = 2**15  # of one row of a batch's tables
OVERHEAD = 4000  # cells whose computation takes as long as the calls that one row needs
PADDING, OTHER_PADDING, NO_CHARACTER = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD  # equal to no character


class Window(NamedTuple):
    """Columns ``start`` to ``stop`` of a pair's reply; alignments may end after the ``first`` of them."""

    pair: int
    m: int
    start: int
    stop: int
    first: int


def batches(windows: Sequence[Window]) -> Iterator[list[Window]]:
    """Yield windows of about one width together, shorter references first.

    A batch ends once its padding costs more than another batch would, or it has as many cells as fit well into a cache.
    """
    batch: list[Window] = []
    rows = widest = waste = 0
    for window in sorted(windows, key=lambda one: one.start - one.stop):
        width = window.stop - window.start
        waste += window.m * (widest - width)
        if batch and (waste > OVERHEAD * max(rows, window.m) or (len(batch) + 1) * widest > CELLS):
            yield sorted(batch, key=lambda one: one.m)
            batch = []
        if not batch:
            rows, widest, waste = 0, width, 0
        rows = max(rows, window.m)
        batch.append(window)
    if batch:
        yield sorted(batch, key=lambda one: one.m)


class Table:
    """The tables of a batch: a reference and a reply for each of P windows, none empty, shorter references first.

    Raises InvalidPredictions if a reference is too long for its cells to fit into 63 bits.
    """

    def __init__(self, references: Sequence[str], replies: Sequence[str], *, hyphen_is_gap: bool) -> None:
        self.sizes = np.array([len(one) for one in references])
        self.widths = np.array([len(one) for one in replies])
        self.m, self.w = int(self.sizes.max()), int(self.widths.max())
        self.bits = (self.m + self.w).bit_length()
        needed = 4 * self.bits + 3  # score + i + j is at most 2 m + w, gaps and columns after them 2 w
        if needed > 63:
            raise InvalidPredictions(f"a reference of {self.m:,} characters is too long to be aligned")
        self.kind: type[np.int32] | type[np.int64] = np.int32 if needed <= 31 else np.int64
        self.reference = _codes(references, self.sizes, self.m, PADDING)  # (P, m)
        self.reply = _codes(replies, self.widths, self.w, OTHER_PADDING)  # (P, w)
        hyphen = ord(GAP) if hyphen_is_gap else NO_CHARACTER
        self.row_gaps, self.column_gaps = self.reference == hyphen, self.reply == hyphen
        self.equal_at, self.column_at = self.bits + 1, 2 * self.bits + 1
        self.move_at, self.score_at = 3 * self.bits + 1, 3 * self.bits + 2

    def best(self, first: Sequence[int]) -> tuple[list[int], list[int], list[int]]:
        """Return the highest score of each last row, with the equal positions and gaps of its alignment.

        ``first`` (P,) says after which column the alignments may end; of equal scores the first one counts.
        """
        ends, places, column = self._last_rows(), np.arange(len(self.sizes)), np.arange(self.w + 1)
        allowed = (column > np.asarray(first)[:, None]) & (column <= self.widths[:, None])
        scores = (ends >> self.score_at).astype(np.int64) - column - self.sizes[:, None]
        scores = np.where(allowed, scores, -self.m - self.w - 1)
        chosen = scores.argmax(axis=1)  # the first of the highest
        packed = ends[places, chosen].astype(np.int64)
        after = self.hyphens_after[places, chosen]
        equal = ((packed >> self.equal_at) & ((1 << self.bits) - 1)) - after
        gaps = (packed & ((1 << self.equal_at) - 1)) - (self.w - chosen)
        return scores[places, chosen].tolist(), equal.tolist(), gaps.tolist()

    def _last_rows(self) -> np.ndarray:
        """Return the packed cells of each window's last row, (P, w + 1)."""
        kind, size = self.kind, len(self.sizes)
        mismatch: Any = np.array((1 << self.score_at) + (1 << self.move_at) - 1, dtype=kind)
        match = kind((2 << self.score_at) + (1 << self.equal_at))  # what it adds to that
        keep = kind(~((((1 << self.bits) - 1) << self.column_at) | (1 << self.move_at)))
        begins: Any = (np.arange(self.w + 1) << self.column_at).astype(kind)  # (w + 1,)
        if self.column_gaps.any():
            mismatch = mismatch - self.column_gaps * kind(1 << self.equal_at)  # (P, w): a hyphen fewer after it
        up, hyphens = self.row_gaps * kind(1 << self.equal_at), self.row_gaps.any(axis=0)  # (P, m), (m,)
        row, cells = self._first_row(), np.zeros((size, self.w + 1), kind)
        equal, gain = np.zeros((size, self.w), bool), np.zeros((size, self.w), kind)
        ends = np.zeros((size, self.w + 1), kind)
        stops = np.searchsorted(self.sizes, np.arange(self.m + 1), side="right")  # windows that end by each row
        for i in range(self.m):
            a, stop = stops[i], stops[i + 1]
            live, diagonal = cells[a:], gain[a:]
            np.equal(self.reply[a:], self.reference[a:, i, None], out=equal[a:])
            np.multiply(equal[a:], match, out=diagonal)
            diagonal += row[a:, :-1]
            diagonal += mismatch[a:] if mismatch.ndim else mismatch
            above = row[a:] + up[a:, i, None] if hyphens[i] else row[a:]
            np.maximum(above[:, 1:], diagonal, out=live[:, 1:])
            live[:, 0] = above[:, 0]
            live &= keep
            live += begins
            np.maximum.accumulate(live, axis=1, out=row[a:])
            if a < stop:
                ends[a:stop] = row[a:stop]
        return ends

    def _first_row(self) -> np.ndarray:
        """Return the packed cells above the first row, (P, w + 1): a score of 0 in each column j."""
        columns = np.arange(self.w + 1)
        counted = self.row_gaps[:, :1]  # a reference that begins with a hyphen is counted from the reply's beginning
        after = np.where(counted, self.hyphens_after[:, :1], self.hyphens_after)
        gaps = np.where(counted, self.w, self.w - columns)
        return ((columns << self.score_at) + (after << self.equal_at) + gaps).astype(self.kind)

    @cached_property
    def hyphens_after(self) -> Int64[np.ndarray, "P w+1"]:
        """How many hyphens stand after each column, where they count."""
        found = np.zeros((len(self.sizes), self.w + 1), dtype=np.int64)
        if self.column_gaps.any():
            found[:, :-1] = np.cumsum(self.column_gaps[:, ::-1], axis=1)[:, ::-1]
        return found


def _codes(texts: Sequence[str], lengths: np.ndarray, size: int, padding: int) -> UInt32[np.ndarray, "P size"]:
    """Return the code points of texts with ``padding`` after their ends."""
    found = np.full((len(texts), size), padding, dtype=np.uint32)
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    found[np.arange(size) < lengths[:, None]] = points
    return found
