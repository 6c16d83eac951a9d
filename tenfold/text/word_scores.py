"""How many of the words that an image should show were read on it: MARIO-Eval's scores, official and corrected.

Legend:  N images
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from tenfold.text.errors import UnpairedTexts

SMALL = 1e-8  # added to counts before they divide, as in the official script
Table = Float64[np.ndarray, "N 3"]  # accuracy, precision and recall of each image


@dataclass(frozen=True)
class WordScores:
    """Means over images: accuracy, precision, recall, and F of the two means."""

    accuracy: float
    precision: float
    recall: float

    @property
    def f_measure(self) -> float:
        """Return the harmonic mean of mean precision and mean recall; 0 if both are."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def official_word_scores(targets: Sequence[Sequence[str]], lines: Sequence[Sequence[str]]) -> WordScores:
    """Return the scores as MARIO-Eval's script computes them (Chen et al. 2023, TextDiffuser).

    ``targets`` are the words of each image's prompt, ``lines`` what an engine read there: **its lines, each one item**,
    stripped and in lower case, so that an engine whose lines hold several words scores 0 on them; hand over words to
    compare engines. Hits are counted as in multisets, divided by the numbers read and wanted plus 1e-8: an image on
    which nothing was read, or nothing was wanted, has 0. Accuracy is 1 if the sorted items, **joined without a
    separator**, are the same, so that "ab", "c" equals "a", "bc", and two empty lists agree.
    Raises UnpairedTexts if the numbers of images differ, or there are none.
    """
    return mean_word_scores(official_word_table(targets, lines))


def corrected_word_scores(targets: Sequence[Sequence[str]], lines: Sequence[Sequence[str]]) -> WordScores:
    """Return the same scores with lines split into words, and accuracy 1 only if the multisets of words are the same.

    Raises UnpairedTexts if the numbers of images differ, or there are none.
    """
    return mean_word_scores(corrected_word_table(targets, lines))


def official_word_table(targets: Sequence[Sequence[str]], lines: Sequence[Sequence[str]]) -> Table:
    """Return accuracy, precision and recall of each image, as in `official_word_scores`. Raises UnpairedTexts."""
    return _table(targets, lines, lambda wanted, read: "".join(sorted(wanted)) == "".join(sorted(read)))


def corrected_word_table(targets: Sequence[Sequence[str]], lines: Sequence[Sequence[str]]) -> Table:
    """Return accuracy, precision and recall of each image, as in `corrected_word_scores`. Raises UnpairedTexts."""
    words = [[word for line in read for word in line.split()] for read in lines]
    wanted = [[word for line in target for word in line.split()] for target in targets]
    return _table(wanted, words, lambda one, other: Counter(one) == Counter(other))


def mean_word_scores(table: Table) -> WordScores:
    """Return the means over images, whose F is that of mean precision and mean recall."""
    accuracy, precision, recall = table.mean(axis=0).tolist()
    return WordScores(accuracy, precision, recall)


def _table(
    targets: Sequence[Sequence[str]],
    lines: Sequence[Sequence[str]],
    equal: Callable[[Sequence[str], Sequence[str]], bool],
) -> Table:
    if len(targets) != len(lines) or not len(targets):
        raise UnpairedTexts(f"{len(targets)} lists of words and {len(lines)} images that were read: pair them up")
    rows = []
    for target, read in zip(targets, lines, strict=True):
        wanted = [word.strip().lower() for word in target]
        found = [item.strip().lower() for item in read]
        hits = sum((Counter(wanted) & Counter(found)).values())
        rows.append((float(equal(wanted, found)), hits / (len(found) + SMALL), hits / (len(wanted) + SMALL)))
    return np.array(rows, dtype=np.float64)
