"""Mode moment: free replacement, a fraction of the constraints, and no John ellipsoid."""

import itertools

import numpy as np
import pytest

from tenfold.dp_john.calibration import calibrate
from tenfold.dp_john.moment_perturbation import (
    LEVELS,
    candidate_levels,
    positive_moment,
    row_scores,
    select_level,
    selection_slack,
    selection_target,
    utilities,
)
from tenfold.dp_john.private import release_private
from tenfold.dp_john.release import ReleasedMatrixIndefinite
from tenfold.privacy.noise import NoiseSource


def calibration(neighbours="replace", epsilon=1.0, fraction=0.8, d=3, bound=1.0, n=40):
    return calibrate(
        "moment",
        epsilon,
        1e-6,
        None,
        n=n,
        d=d,
        row_norm_bound=bound,
        neighbours=neighbours,
        fraction=fraction,
        failure_probability=0.1,
    )


def unit_rows(n, d=3, seed=0):
    A = np.random.default_rng(seed).standard_normal((n, d))
    return A / np.linalg.norm(A, axis=1, keepdims=True)


def test_one_row_changes_no_utility_by_more_than_one():
    generator = np.random.default_rng(0)
    levels = np.linspace(0.1, 1.0, 7)
    worst = 0.0
    for _ in range(2000):
        n = int(generator.integers(1, 9))
        scores = generator.uniform(0, 1, n)
        others = scores.copy()
        others[0] = generator.uniform(0, 1)
        c = calibration(epsilon=60.0, fraction=float(generator.uniform(0.05, 0.95)))
        pairs = [(scores, others), (scores, np.append(scores, generator.uniform(0, 1)))]
        for before, after in pairs:
            changes = utilities(after, levels, selection_target(len(after), c)) - utilities(
                before, levels, selection_target(len(before), c)
            )
            worst = max(worst, np.abs(changes).max())
    assert 0.9 < worst <= 1 + 1e-9


def test_utilities_agree_with_a_naive_oracle():
    generator = np.random.default_rng(3)
    scores, levels, target = generator.uniform(0, 1, 9), np.linspace(0.05, 1.0, 12), 5.5
    below = [0] + [sum(score <= level for score in scores) for level in levels]
    naive = [-max(0, target - now, before - target) for before, now in itertools.pairwise(below)]
    assert utilities(scores, levels, target) == pytest.approx(naive)
    quantile = np.sort(scores)[5]  # the sixth smallest covers 5.5 rows
    best = levels[np.argmax(utilities(scores, levels, target))]
    assert best == levels[levels >= quantile].min()


def test_some_level_always_has_utility_zero():
    for n, target in itertools.product([1, 3, 10], [0.5, 1.0, 2.7]):
        scores = np.full(n, 0.5)
        assert utilities(scores, np.linspace(0.1, 1, 5), min(target, n)).max() == 0


@pytest.mark.parametrize("neighbours", ["replace", "add_remove"])
def test_the_promised_number_of_constraints_holds_as_often_as_promised(neighbours):
    A = unit_rows(3000) * np.random.default_rng(1).uniform(0.1, 1.0, (3000, 1))
    c = calibration(neighbours, n=3000)
    held = [np.sum(release_private(A, c, insecure_seed=seed).ellipsoid.scores(A) <= 1 + 1e-12) for seed in range(40)]
    promised = min(0.8 * 3000, 3000 - selection_slack(c))
    assert np.mean(np.array(held) >= promised) >= 0.9
    assert np.median(held) < 3000  # it does not hold them all: a quantile, not the maximum


def test_the_selection_is_the_exponential_mechanism():
    A = unit_rows(5, d=2)
    c = calibration(d=2, epsilon=20.0)
    S = A.T @ A + np.eye(2)
    stack = np.broadcast_to(A, (20_000, 5, 2))
    picks = select_level(stack, np.broadcast_to(S, (20_000, 2, 2)), c, NoiseSource(0))
    u = utilities(row_scores(A, S), candidate_levels(S, 1.0), selection_target(5, c))
    expected = np.exp(c.selection_epsilon / 2 * u)
    observed = np.bincount(picks, minlength=LEVELS) / len(picks)
    assert observed == pytest.approx(expected / expected.sum(), abs=0.01)


def test_levels_are_public_and_no_score_exceeds_them():
    A = unit_rows(50)
    S = A.T @ A + 0.3 * np.eye(3)
    levels = candidate_levels(S, 1.0)
    assert (np.diff(levels) > 0).all()
    assert row_scores(A, S).max() <= levels[-1] * (1 + 1e-12)


def test_n_appears_nowhere_when_rows_may_be_added():
    result = release_private(unit_rows(37), calibration("add_remove"), insecure_seed=0)
    assert result.weights is None and result.certificate is None
    assert all(37 not in value.shape for value in result.released.values())
    assert "37" not in str(result.privacy) and "37" not in result.method


def test_it_says_that_it_is_no_john_ellipsoid():
    result = release_private(unit_rows(40), calibration(), insecure_seed=0)
    assert "not a John ellipsoid" in result.method
    assert "not a John ellipsoid" in str(result.privacy)
    assert result.containment_probability is None and result.volume_gap is None


def test_a_moment_that_the_noise_made_indefinite_is_an_error():
    with pytest.raises(ReleasedMatrixIndefinite, match="epsilon"):
        positive_moment(-1e6 * np.eye(3), calibration())
