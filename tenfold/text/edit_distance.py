"""Levenshtein distances of many pairs of texts at once, by rapidfuzz.

Legend:  N pairs · M candidates
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64

from tenfold.text.errors import UnpairedTexts


def edit_distances(one: Sequence[str], other: Sequence[str]) -> Int64[np.ndarray, " N"]:
    """Return the Levenshtein distance of each pair: insertions, deletions and substitutions cost 1 (Levenshtein 1966).

    Characters are Unicode code points, compared as they are. Raises UnpairedTexts if the numbers of texts differ.
    """
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cpdist

    if len(one) != len(other):
        raise UnpairedTexts(f"{len(one)} texts cannot be compared with {len(other)}: pair them up")
    if not len(one):
        return np.zeros(0, np.int64)
    return cpdist(list(one), list(other), scorer=Levenshtein.distance, dtype=np.int64)


def edit_distance_table(rows: Sequence[str], columns: Sequence[str]) -> Int64[np.ndarray, "N M"]:
    """Return the Levenshtein distance of each of N texts from each of M."""
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cdist

    if not len(rows) or not len(columns):
        return np.zeros((len(rows), len(columns)), np.int64)
    return cdist(list(rows), list(columns), scorer=Levenshtein.distance, dtype=np.int64)


def normalised_edit_similarity(predictions: Sequence[str], references: Sequence[str]) -> Float64[np.ndarray, " N"]:
    """Return 1 − distance / (length of the longer text + 1e-5) of each pair, as AnyText's evaluation (Tuo et al. 2023).

    Its code calls this NED; 1 is best, and two empty texts score 1. Raises UnpairedTexts if the numbers differ.
    """
    distances = edit_distances(predictions, references)
    longest = np.array([max(map(len, pair)) for pair in zip(predictions, references, strict=True)], dtype=np.float64)
    return 1 - distances / (longest + 1e-5)
