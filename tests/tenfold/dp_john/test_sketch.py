"""Sketched and sampled rounds: equal to the exact ones in the limit, unbiased before it."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold.dp_john import polytopes
from tenfold.dp_john.certificate import certify, leverage_scores
from tenfold.dp_john.fixed_point import fixed_point
from tenfold.dp_john.sampling import InvalidSample, SampledScores, sample_size, sampled_weights
from tenfold.dp_john.sketch import FixedSketch, SketchedScores

A = polytopes.log_spaced(400, 6, np.random.default_rng(0))
WEIGHTS = np.random.default_rng(1).random(400)
WEIGHTS *= 6 / WEIGHTS.sum()


def test_the_identity_sketch_is_exact() -> None:
    scores = FixedSketch(np.sqrt(400) * np.eye(400))(A, WEIGHTS)
    np.testing.assert_allclose(scores, leverage_scores(A, WEIGHTS), rtol=1e-10)


def test_the_identity_sketch_gives_the_exact_iteration() -> None:
    exact = fixed_point(A, 30)
    for ours, theirs in zip(fixed_point(A, 30, FixedSketch(np.sqrt(400) * np.eye(400))), exact, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_sketched_scores_equal_the_formula() -> None:
    S = np.random.default_rng(2).standard_normal((5, 400))
    M = A.T @ (WEIGHTS[:, None] * A)
    images = S @ (np.sqrt(WEIGHTS)[:, None] * A) @ np.linalg.inv(M) @ A.T
    np.testing.assert_allclose(FixedSketch(S)(A, WEIGHTS), np.square(images).mean(axis=0), rtol=1e-8)


def test_sketched_scores_are_unbiased_with_the_variance_of_chi_square() -> None:
    scores = SketchedScores(10, np.random.default_rng(3))
    ratios = np.array([scores(A, WEIGHTS) for _ in range(400)]) / leverage_scores(A, WEIGHTS)
    # τ̂/τ ~ χ²₁₀/10: mean 1, variance 0.2; 400 draws, rows correlated
    assert ratios.mean() == pytest.approx(1, abs=0.03)
    assert ratios.var() == pytest.approx(0.2, rel=0.1)


def test_the_sketch_is_drawn_afresh_and_reproduces_from_its_seed() -> None:
    first, second = SketchedScores(4, np.random.default_rng(4)), SketchedScores(4, np.random.default_rng(4))
    one = first(A, WEIGHTS)
    np.testing.assert_array_equal(one, second(A, WEIGHTS))
    assert not np.array_equal(one, first(A, WEIGHTS))


def test_larger_sketches_end_nearer_to_the_optimum() -> None:
    gaps = [certify(A, fixed_point(A, 60, SketchedScores(s, np.random.default_rng(5)))[0]).gap for s in (5, 50, 500)]
    assert gaps[0] > gaps[1] > gaps[2]


def test_sampling_is_unbiased() -> None:
    generator = np.random.default_rng(6)
    leverages = WEIGHTS * leverage_scores(A, WEIGHTS)
    mean = np.mean([sampled_weights(WEIGHTS, leverages, 60, generator) for _ in range(4000)], axis=0)
    M = (A.T * WEIGHTS) @ A
    root = np.linalg.inv(np.linalg.cholesky(M))
    np.testing.assert_allclose(root @ (A.T * mean) @ A @ root.T, np.eye(6), atol=0.05)


def test_the_sample_size_gives_the_accuracy() -> None:
    generator = np.random.default_rng(7)
    leverages = WEIGHTS * leverage_scores(A, WEIGHTS)
    root = np.linalg.inv(np.linalg.cholesky((A.T * WEIGHTS) @ A))
    for _ in range(20):
        sampled = sampled_weights(WEIGHTS, leverages, sample_size(6, 0.5), generator)
        assert np.count_nonzero(sampled) < 60
        assert np.abs(np.linalg.eigvalsh(root @ (A.T * sampled) @ A @ root.T) - 1).max() < 0.9


def test_sampled_rounds_come_near_the_exact_ones() -> None:
    big = polytopes.gaussian(2000, 5, np.random.default_rng(8))
    mean, _ = fixed_point(big, 60, SampledScores(600, np.random.default_rng(9)))
    assert certify(big, mean).gap < (2000 / 5) ** (1 / 60) - 1 + 0.05


def test_a_row_that_cannot_be_drawn_is_rejected() -> None:
    with pytest.raises(InvalidSample, match="probability 0"):
        sampled_weights(np.ones(3), np.array([1.0, 1.0, 0.0]), 5, np.random.default_rng(0))
    with pytest.raises(InvalidSample, match="at least one"):
        sampled_weights(np.ones(3), np.ones(3), 0, np.random.default_rng(0))
