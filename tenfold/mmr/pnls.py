"""Partial normalised Levenshtein similarity (PNLS), bug for bug as MMR's authors released it, and corrected beside it.

The released function aligns a reference with the best part of a reply, in a table of scores: a match +1, a mismatch
and a gap −1, no cost for the reply's characters before that part. The part ends at the first column whose score in the
last row is the highest and above −1; where none is, the reference faces gaps alone. The alignment goes back from there,
diagonally where that gives the cell's score, else up, else left. PNLS is the share of equal positions in it.

Two of its habits change scores. A reply that holds the reference scores 1, however long it is. A gap is written as a
hyphen, and so equals one: "a-b" against "ab" scores 1, and a reference that begins with a hyphen is counted from the
reply's beginning.

Here the cells of one anti-diagonal are computed together, for all pairs. A cell packs into one whole number its score,
the direction it came from (so that a maximum takes the preferred one), the equal positions and the length of its
alignment; nothing is traced back. Long replies are cut into windows that overlap far enough to hold every alignment.

Source: ``util/metrics.py`` of the official repository at c897df0 (Chen et al. 2024, arXiv 2408.14594).

Legend:  N pairs · P windows of a batch · m characters of the longest reference · w of the longest window
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from tenfold.mmr.errors import InvalidPredictions

GAP = "-"
ABOVE = 0.9  # a text is right if its score is strictly above
CELLS = 2**14  # of one anti-diagonal in a batch
BODY = 256  # columns of a window that no other window has, at least
NO_CHARACTER, NO_OTHER = 0xFFFFFFFF, 0xFFFFFFFE  # padding, which equals nothing


def pnls(references: Sequence[str], predictions: Sequence[str]) -> Float64[np.ndarray, " N"]:
    """Return the PNLS of each reply, 0 to 1, as the released runner computes it: both in lower case, the reference
    without double quotes.

    A reference that is empty then scores 1 with any reply. What else the runner takes out of replies is its parser's.
    Raises InvalidPredictions if the numbers of texts differ, or a reference is too long for the table.
    """
    return alignment_share([_lower(one) for one in references], [one.lower() for one in predictions])


def pnls_spaceless(references: Sequence[str], predictions: Sequence[str]) -> Float64[np.ndarray, " N"]:
    """Return the PNLS of texts whose white space is taken out first, otherwise as `pnls`."""
    return pnls([_spaceless(one) for one in references], [_spaceless(one) for one in predictions])


def pnls_length(references: Sequence[str], predictions: Sequence[str]) -> Float64[np.ndarray, " N"]:
    """Return a PNLS that a long reply cannot win, 0 to 1, with no hyphen for a gap: this project's correction.

    The equal positions of the same alignment are divided by its length or that of the whole reply, whichever is
    longer. Both texts are in lower case, with white space collapsed and without double quotes. An empty reference
    scores 1 with an empty reply, 0 with any other. Raises InvalidPredictions as `pnls`.
    """
    wanted = [_collapsed(one) for one in references]
    given = [_collapsed(one) for one in predictions]
    equal, length = _alignments(wanted, given, hyphen_is_gap=False)
    longest = np.maximum(length, [len(one) for one in given])
    return np.divide(equal, longest, out=np.ones(len(equal)), where=longest > 0)


def alignment_share(references: Sequence[str], predictions: Sequence[str]) -> Float64[np.ndarray, " N"]:
    """Return the released function's score of texts just as they are, 0 to 1; an empty reference scores 1.

    Raises InvalidPredictions if the numbers of texts differ, or a reference is too long for the table.
    """
    equal, length = _alignments(references, predictions, hyphen_is_gap=True)
    return np.divide(equal, length, out=np.ones(len(equal)), where=length > 0)


def _lower(text: str) -> str:
    return text.lower().replace('"', "")


def _spaceless(text: str) -> str:
    return "".join(text.split())


def _collapsed(text: str) -> str:
    return " ".join(_lower(text).split())


@dataclass(frozen=True)
class _Window:
    """The columns ``start`` to ``stop`` of a pair's reply; alignments may end after ``first`` of them."""

    pair: int
    start: int
    stop: int
    first: int


def _alignments(
    references: Sequence[str], predictions: Sequence[str], *, hyphen_is_gap: bool
) -> tuple[Int64[np.ndarray, " N"], Int64[np.ndarray, " N"]]:
    """Return the equal positions of each pair's alignment and its length, 0 for an empty reference."""
    if len(references) != len(predictions):
        raise InvalidPredictions(f"{len(references)} references cannot be compared with {len(predictions)} replies")
    length = np.array([len(one) for one in references], dtype=np.int64)
    equal = np.zeros(len(references), dtype=np.int64)
    windows: list[_Window] = []
    for pair, (reference, prediction) in enumerate(zip(references, predictions, strict=True)):
        if not reference:
            continue
        if reference in prediction and not (hyphen_is_gap and reference[0] == GAP):
            equal[pair] = len(reference)  # the only alignment of the highest score that there is
            continue
        equal[pair] = reference.count(GAP) if hyphen_is_gap else 0
        if prediction:
            windows.extend(_windows(pair, len(reference), len(prediction)))
    best, begins = np.full(len(references), -1, dtype=np.int64), np.zeros(len(references), dtype=np.int64)
    for batch in _batches(windows, length):
        table = _Table(references, predictions, batch, hyphen_is_gap)
        for window, score, found, size in zip(batch, *table.best(), strict=True):
            pair = window.pair
            if score > best[pair] or (score == best[pair] > -1 and window.start < begins[pair]):
                best[pair], begins[pair], equal[pair], length[pair] = score, window.start, found, size
    return equal, length


def _windows(pair: int, m: int, n: int) -> Iterator[_Window]:
    """Yield the windows of a reply of n characters.

    An alignment that counts has a score of 0 at least, so at most m gaps in the reference, and spans at most 2 m
    columns. A cell's score is exact 3 m columns after a window begins, since it is never below −row.
    """
    before, body = 5 * m + 2, max(BODY, 5 * m)
    if n <= before + 2 * body:
        yield _Window(pair, 0, n, 0)
        return
    for end in range(body, n + body, body):
        start = max(0, end - body - before)
        yield _Window(pair, start, min(end, n), end - body - start)


def _batches(windows: list[_Window], lengths: np.ndarray) -> Iterator[list[_Window]]:
    """Yield windows of about one size together, no more than `CELLS` allows."""
    ordered = sorted(windows, key=lambda one: (one.stop - one.start + lengths[one.pair], one.pair, one.start))
    batch: list[_Window] = []
    m = 0
    for window in ordered:
        m = max(m, int(lengths[window.pair]))
        if batch and (len(batch) + 1) * m > CELLS:
            yield batch
            batch, m = [], int(lengths[window.pair])
        batch.append(window)
    if batch:
        yield batch


class _Table:
    """The tables of scores of a batch of windows, one anti-diagonal after the other.

    A cell is score · 2^(2b + 2) + direction · 2^(2b) + equal positions · 2^b + length, the direction 2 for diagonal, 1
    for up, 0 for left, taken out again once the maximum is chosen.
    """

    def __init__(
        self, references: Sequence[str], predictions: Sequence[str], batch: list[_Window], hyphen_is_gap: bool
    ) -> None:
        rows = [references[one.pair] for one in batch]
        columns = [predictions[one.pair][one.start : one.stop] for one in batch]
        self.batch, self.sizes = batch, np.array([len(one) for one in rows])
        self.widths = np.array([len(one) for one in columns])
        self.m, self.w = int(self.sizes.max()), int(self.widths.max())
        self.bits = int(self.m + self.w + 1).bit_length()
        if 3 * self.bits + 3 > 63:
            raise InvalidPredictions(f"a reference of {self.m:,} characters is too long to be aligned")
        self.dtype = np.int32 if 3 * self.bits + 3 <= 31 else np.int64
        self.reference = _codes(rows, self.m, NO_CHARACTER)  # (m, P)
        padding = np.full((self.m, len(batch)), NO_OTHER, dtype=np.uint32)
        reply = _codes(columns, self.w, NO_OTHER)  # (w, P)
        self.reply = np.concatenate([padding, reply, padding])[::-1].copy()  # (w + 2 m, P), from the last on
        hyphens = ord(GAP) if hyphen_is_gap else NO_CHARACTER - 2
        self.row_gaps, self.column_gaps = self.reference == hyphens, self.reply == hyphens
        self.early = self._early(reply == hyphens) if hyphen_is_gap else None
        self.skipped = np.array(
            [
                (predictions[one.pair].count(GAP, 0, one.start), one.start) if row.startswith(GAP) else (0, 0)
                for one, row in zip(batch, rows, strict=True)
            ]
        ).T

    def _early(self, hyphens: np.ndarray) -> np.ndarray | None:
        """Return what the reply's characters before an alignment add, (w + 1, P), where they are counted at all."""
        counted = self.row_gaps[0]  # the reference begins with the sign that gaps are written as
        if not counted.any():
            return None
        found = np.zeros((self.w + 1, len(self.batch)), dtype=np.int64)
        found[1:] = np.cumsum(hyphens, axis=0)
        return np.where(counted, (found << self.bits) + np.arange(self.w + 1)[:, None], 0).astype(self.dtype)

    def best(self) -> tuple[list[int], list[int], list[int]]:
        """Return the highest score of each window's last row, with the equal positions and length of its alignment."""
        ends = self._last_rows()  # (w + 1, P)
        column = np.arange(self.w + 1)[:, None]
        allowed = (column > [one.first for one in self.batch]) & (column <= self.widths)
        scores = np.where(allowed, ends >> (2 * self.bits + 2), -(self.m + self.w) - 1)
        chosen = scores.argmax(axis=0)  # the first of the highest
        places = np.arange(len(self.batch))
        packed, mask = ends[chosen, places].astype(np.int64), (1 << self.bits) - 1
        equal, length = (packed >> self.bits) & mask, packed & mask
        if self.early is not None:  # and what comes before the window
            equal, length = equal + self.skipped[0], length + self.skipped[1]
        return scores[chosen, places].tolist(), equal.tolist(), length.tolist()

    def _last_rows(self) -> np.ndarray:
        """Return the packed cells of each window's last row, (w + 1, P)."""
        m, w, b = self.m, self.w, self.bits
        one, kind = 1 << (2 * b + 2), self.dtype
        step = kind(1 - one)  # each move: a score of −1, a length of 1
        match = kind(2 * one + (1 << b))  # and of +1 with an equal position instead
        diagonal, keep = kind(2 << (2 * b)), kind(~(3 << (2 * b)))
        up = (self.row_gaps.astype(kind) << kind(b)) + kind(1 << (2 * b))  # (m, P)
        left = self.column_gaps.astype(kind) << kind(b) if self.column_gaps.any() else None
        first_column = np.arange(1, m + 1)[:, None] * int(step) + (np.cumsum(self.row_gaps, axis=0) << b)  # (m, P)
        first_column = first_column.astype(kind)
        shape = (m + 1, len(self.batch))
        before, last, cells = np.zeros(shape, kind), np.zeros(shape, kind), np.zeros(shape, kind)
        equal, moved = np.zeros(up.shape, bool), np.zeros(up.shape, kind)
        ends, places = np.zeros((w + m + 1, len(self.batch)), kind), np.arange(len(self.batch))
        if self.early is not None:
            last[0] = self.early[0]
        for d in range(1, m + w + 1):
            window = slice(w + m - d + 1, w + 2 * m - d + 1)
            inner = cells[1:]
            np.equal(self.reference, self.reply[window], out=equal)
            np.multiply(equal, match, out=inner)
            inner += before[:-1]
            inner += diagonal
            np.add(last[:-1], up, out=moved)
            np.maximum(inner, moved, out=inner)
            np.maximum(inner, last[1:] if left is None else last[1:] + left[window], out=inner)
            inner &= keep
            inner += step
            if self.early is not None:
                cells[0] = self.early[min(d, w)]
            if d <= m:
                cells[d] = first_column[d - 1]
            ends[d] = cells[self.sizes, places]
            before, last, cells = last, cells, before
        columns = self.sizes + np.arange(w + 1)[:, None]  # row m of column j lies on diagonal m + j
        return ends[columns, places]


def _codes(texts: list[str], size: int, padding: int) -> np.ndarray:
    """Return the code points of texts, uint32 (size, P), with ``padding`` after their ends."""
    found = np.full((size, len(texts)), padding, dtype=np.uint32)
    for place, text in enumerate(texts):
        found[: len(text), place] = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return found
