"""AᵀWA from a sample of its rows, chosen by leverage: the other half of the fast round.

Source: Song, Yang, Yang & Zhou 2022 (arXiv:2211.14407).
Legend: n rows a_i, d columns, A (n, d), σ_i = w_iτ_i the leverage of row i of W^½A, Σσ = d.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, log

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from tenfold.dp_john.certificate import leverage_scores, scores_under
from tenfold.dp_john.whitening import factor_rows


class InvalidSample(ValueError):
    """A sampling probability is zero where a weight is not, or no row is to be sampled."""


def sample_size(d: int, accuracy: float) -> int:
    """Return the number of sampled rows ⌈d·log(d+1)/ζ²⌉ for the spectral accuracy ζ = ``accuracy``."""
    return ceil(d * log(d + 1) / accuracy**2)


def sampled_weights(
    weights: NDArray, overestimates: NDArray, count: int, generator: np.random.Generator
) -> Float64[np.ndarray, " n"]:
    """Return random weights w̃ (n,) with E AᵀW̃A = AᵀWA and at most ``count`` of them non-zero.

    ``overestimates`` (n,): non-negative, at least proportional to the leverages σ_i; rows are drawn with
    replacement with p_i ∝ them, and each draw adds w_i/(count·p_i).
    Raises InvalidSample if ``count`` < 1, or a row of positive weight has probability 0.
    """
    if count < 1:
        raise InvalidSample(f"at least one row must be sampled, not {count}")
    if np.any((weights > 0) & ~(overestimates > 0)):
        raise InvalidSample("a row of positive weight has sampling probability 0, which biases AᵀWA")
    probabilities = overestimates / overestimates.sum()
    drawn = generator.multinomial(count, probabilities)
    sampled = np.zeros(len(weights))
    hit = drawn > 0
    sampled[hit] = drawn[hit] * weights[hit] / (count * probabilities[hit])
    return sampled


@dataclass(eq=False)
class SampledScores:
    """Estimated scores a_iᵀM̃⁻¹a_i, M̃ from ``count`` rows drawn afresh at each call.

    Probabilities come from the scores of the call before, w_iτ_i, mixed with the uniform distribution so that
    no row is left out; the first call is exact, since it has none before it.
    """

    count: int
    generator: np.random.Generator
    uniform_share: float = 0.1
    _scores: NDArray | None = field(default=None, repr=False)

    def __call__(self, A: NDArray, weights: NDArray) -> Float64[np.ndarray, " n"]:
        if self._scores is None:
            self._scores = leverage_scores(A, weights)
            return self._scores
        leverages = weights * self._scores
        shares = (1 - self.uniform_share) * leverages / leverages.sum() + self.uniform_share / len(weights)
        sampled = sampled_weights(weights, shares, self.count, self.generator)
        support = np.flatnonzero(sampled)
        self._scores = scores_under(factor_rows(np.asarray(A[support]), sampled[support]), A)
        return self._scores
