"""Average normalised Levenshtein similarity (ANLS; Biten et al. 2019), in the two conventions that are in use.

They differ in three points, which the literature seldom names:

| | `anls_lmms` | `anls_docvqa` |
| --- | --- | --- |
| who computes it so | lmms-eval, VLMEvalKit | the metric's paper, DocVQA's and ICDAR's servers |
| a similarity of exactly ½ | counts | is 0 |
| divided by the longer length of | the raw texts | the normalised texts |

Numbers of both never stand in one table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float64

from tenfold.text.edit_distance import edit_distances
from tenfold.text.errors import UnpairedTexts

THRESHOLD = 0.5


def anls_lmms(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> Float64[np.ndarray, " N"]:
    """Return each item's ANLS as lmms-eval and VLMEvalKit compute it, the best over its references.

    The distance is that of the texts in lower case with white space collapsed, divided by the longer *raw* length; what
    is below ½ counts 0, and **exactly ½ stays**. Two empty texts score 1. The mean over items is the figure published.
    Raises UnpairedTexts if the numbers differ, or an item has no reference.
    """
    return _best(predictions, references, _raw_lengths, lambda similarity: similarity >= THRESHOLD)


def anls_docvqa(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> Float64[np.ndarray, " N"]:
    """Return each item's ANLS as its paper defines it (Biten et al. 2019, Eq. (1)), the best over its references.

    The distance is that of the texts in lower case with white space collapsed, divided by the longer length of these;
    a normalised distance of ½ or more counts 0, so **exactly ½ is 0**. Two empty texts score 1.
    Raises UnpairedTexts if the numbers differ, or an item has no reference.
    """
    return _best(predictions, references, _normal_lengths, lambda similarity: similarity > THRESHOLD)


def collapsed(text: str) -> str:
    """Return a text in lower case with runs of white space as one space and none at the ends."""
    return " ".join(text.lower().split())


def _raw_lengths(prediction: str, reference: str) -> int:
    return max(len(prediction), len(reference))


def _normal_lengths(prediction: str, reference: str) -> int:
    return max(len(collapsed(prediction)), len(collapsed(reference)))


def _best(
    predictions: Sequence[str],
    references: Sequence[Sequence[str]],
    length: Callable[[str, str], int],
    counts: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Return the best similarity of each item; all pairs of prediction and reference are compared in one call."""
    if len(predictions) != len(references) or not all(len(listed) for listed in references):
        raise UnpairedTexts(f"{len(predictions)} predictions need {len(predictions)} lists of references, none empty")
    if not len(predictions):
        return np.zeros(0)
    pairs = [(prediction, one) for prediction, listed in zip(predictions, references, strict=True) for one in listed]
    distances = edit_distances([collapsed(one) for one, _ in pairs], [collapsed(other) for _, other in pairs])
    lengths = np.array([length(*pair) for pair in pairs])
    similarity = 1 - distances / np.maximum(lengths, 1)
    kept = np.where(counts(similarity), similarity, 0.0)
    starts = np.cumsum([0, *(len(listed) for listed in references[:-1])])
    return np.maximum.reduceat(kept, starts)
