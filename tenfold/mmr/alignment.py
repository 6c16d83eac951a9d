"""Partial normalised Levenshtein similarity (PNLS), bug for bug as MMR's authors released it, and corrected beside it.

The released function aligns a reference with the best part of a reply, in a table of scores: a match +1, a mismatch
and a gap −1, no cost for the reply's characters before that part. The part ends at the first column whose score in the
last row is the highest and above −1; where none is, the reference faces gaps alone. The alignment goes back from there,
diagonally where that gives the cell's score, else up, else left. PNLS is the share of equal positions in it.

Two of its habits change scores. A reply that holds the reference scores 1, however long it is. A gap is written as a
hyphen, and so equals one: "a-b" against "ab" scores 1, and a reference that begins with a hyphen is counted from the
reply's beginning.

Source: ``util/metrics.py`` of the official repository at c897df0 (Chen et al. 2024, arXiv 2408.14594).

Legend:  N pairs · m characters of a reference · n of a reply
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float64, Int64

from tenfold.mmr.alignment_table import GAP, Table, Window, batches
from tenfold.mmr.errors import InvalidPredictions
from tenfold.text.anls import collapsed
from tenfold.text.normalise import normalised

ABOVE = 0.9  # a text is right if its score is strictly above
BODY = 256  # columns of a window that no other window has, at least


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
    longer. Both texts are in the form of `tenfold.text.normalise.normalised`, without double quotes; a text without
    letters and digits is compared with its white space collapsed instead. An empty reference scores 1 with an empty
    reply, 0 with any other. Raises InvalidPredictions as `pnls`.
    """
    wanted = [_normal(one) for one in references]
    given = [_normal(one) for one in predictions]
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


def _normal(text: str) -> str:
    return normalised(text).replace('"', "") or collapsed(text)


def _alignments(
    references: Sequence[str], predictions: Sequence[str], *, hyphen_is_gap: bool
) -> tuple[Int64[np.ndarray, " N"], Int64[np.ndarray, " N"]]:
    """Return the equal positions of each pair's alignment and its length, 0 for an empty reference."""
    if len(references) != len(predictions):
        raise InvalidPredictions(f"{len(references)} references cannot be compared with {len(predictions)} replies")
    length = [len(one) for one in references]
    equal = [one.count(GAP) if hyphen_is_gap else 0 for one in references]  # facing gaps alone
    windows: list[Window] = []
    for pair, (reference, prediction) in enumerate(zip(references, predictions, strict=True)):
        if reference in prediction and not (hyphen_is_gap and reference[:1] == GAP):
            equal[pair] = length[pair]  # the only alignment of the highest score that there is
        elif prediction:
            windows.extend(_windows(pair, length[pair], len(prediction)))
    best: dict[int, tuple[int, int]] = {}
    for batch in batches(windows):
        table = Table(
            [references[one.pair] for one in batch],
            [predictions[one.pair][one.start : one.stop] for one in batch],
            hyphen_is_gap=hyphen_is_gap,
        )
        for window, score, found, gaps in zip(batch, *table.best([one.first for one in batch]), strict=True):
            rank = (score, -window.start)  # the first column of the highest score
            if score > -1 and rank > best.get(window.pair, (-1, 0)):
                best[window.pair] = rank
                # a reference that begins with the sign for gaps is counted from the reply's beginning
                early = hyphen_is_gap and references[window.pair][0] == GAP
                before = predictions[window.pair].count(GAP, 0, window.start) if early else 0
                equal[window.pair] = found + before
                length[window.pair] = window.m + gaps + (window.start if early else 0)
    return np.array(equal, dtype=np.int64), np.array(length, dtype=np.int64)


def _windows(pair: int, m: int, n: int) -> Iterator[Window]:
    """Yield the windows of a reply of n characters.

    An alignment that counts has a score of 0 at least, so at most m gaps in the reference, and spans at most 2 m
    columns. A cell's score is exact 3 m columns after a window begins, since it is never below −row.
    """
    before, body = 5 * m + 2, max(BODY, 5 * m)
    if n <= before + 2 * body:
        yield Window(pair, m, 0, n, 0)
        return
    for end in range(body, n + body, body):
        start = max(0, end - body - before)
        yield Window(pair, m, start, min(end, n), end - body - start)
