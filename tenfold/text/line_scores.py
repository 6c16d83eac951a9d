"""How well single lines of text were read on images: AnyText's and GlyphControl's scores, and the latter corrected.

Legend:  N lines or images
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from tenfold.text.edit_distance import edit_distance_table, normalised_edit_similarity
from tenfold.text.errors import UnpairedTexts


@dataclass(frozen=True)
class LineScores:
    """Means over lines: the share that is read exactly, and the normalised edit similarity, called NED."""

    accuracy: float
    ned: float


@dataclass(frozen=True)
class PhraseScores:
    """GlyphControl's scores over images.

    ``exact`` and ``exact_any_case`` are shares of all images on which some line is the phrase. ``distance`` is the mean
    over images of the least edit distance of a line; ``images`` how many have counted for it, ``skipped`` how many had
    no line and did not. NaN where no image counted.
    """

    exact: float
    exact_any_case: float
    distance: float
    images: int
    skipped: int


def line_scores(targets: Sequence[str], lines: Sequence[str]) -> LineScores:
    """Return the scores of lines, each read in its known box, as AnyText's evaluation (Tuo et al. 2023).

    ``lines[n]`` is what was read in the box of ``targets[n]``, case and all; "" for nothing. Accuracy is exact
    agreement; NED is 1 − distance / (length of the longer text + 1e-5), so that a blank has 0 in both.
    Raises UnpairedTexts if the numbers differ, or there are none.
    """
    if len(targets) != len(lines) or not len(targets):
        raise UnpairedTexts(f"{len(targets)} lines are wanted and {len(lines)} were read: pair them up")
    equal = [one == other for one, other in zip(targets, lines, strict=True)]
    return LineScores(float(np.mean(equal)), float(normalised_edit_similarity(lines, targets).mean()))


def official_phrase_scores(phrases: Sequence[str], lines: Sequence[Sequence[str]]) -> PhraseScores:
    """Return the scores as GlyphControl's script computes them (Yang et al. 2023).

    A phrase counts if some line that the engine read is the same. **The edit distance skips images on which no line was
    read**, which flatters: a method whose images are blank half the time is judged by the other half.
    Raises UnpairedTexts if the numbers of images differ, or there are none.
    """
    distances = _least_distances(phrases, lines)
    return _phrase_scores(phrases, lines, distances[~np.isnan(distances)])


def corrected_phrase_scores(phrases: Sequence[str], lines: Sequence[Sequence[str]]) -> PhraseScores:
    """Return the same scores, with an image without lines counted as one empty line. Raises UnpairedTexts."""
    return _phrase_scores(phrases, lines, _least_distances(phrases, [read or ("",) for read in lines]))


def _least_distances(phrases: Sequence[str], lines: Sequence[Sequence[str]]) -> Float64[np.ndarray, " N"]:
    """Return the least edit distance of each image's lines from its phrase, NaN for an image without lines."""
    if len(phrases) != len(lines) or not len(phrases):
        raise UnpairedTexts(f"{len(phrases)} phrases and {len(lines)} images that were read: pair them up")
    return np.array(
        [
            edit_distance_table([phrase], list(read)).min() if len(read) else np.nan
            for phrase, read in zip(phrases, lines, strict=True)
        ],
        dtype=np.float64,
    )


def _phrase_scores(phrases: Sequence[str], lines: Sequence[Sequence[str]], distances: np.ndarray) -> PhraseScores:
    pairs = list(zip(phrases, lines, strict=True))
    return PhraseScores(
        exact=float(np.mean([phrase in read for phrase, read in pairs])),
        exact_any_case=float(np.mean([phrase.lower() in [line.lower() for line in read] for phrase, read in pairs])),
        distance=float(distances.mean()) if len(distances) else float("nan"),
        images=len(distances),
        skipped=len(phrases) - len(distances),
    )
