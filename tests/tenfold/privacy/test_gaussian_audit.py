"""The audit by one threshold: right on Gaussian shifts, at its stated confidence."""

import numpy as np
import pytest

from tenfold.privacy.audit import InvalidScores
from tenfold.privacy.gaussian import InvalidBudget
from tenfold.privacy.gaussian_audit import audit_gaussian


def shifted(mu, runs, seed):
    generator = np.random.default_rng(seed)
    return generator.standard_normal(runs), mu + generator.standard_normal(runs)


@pytest.mark.parametrize("mu", [0.2, 1.0, 3.0])
def test_the_lower_bound_comes_near_the_truth(mu):
    found = audit_gaussian(*shifted(mu, 100_000, 0), claimed_mu=mu, delta=1e-6)
    assert 0.8 * mu < found.mu_lower_bound <= mu
    assert not found.violation and found.runs == 200_000


def test_it_errs_no_more_often_than_it_says():
    wrong = sum(audit_gaussian(*shifted(0.5, 2000, seed), claimed_mu=0.5, delta=1e-6).violation for seed in range(400))
    assert wrong <= 20  # 5 % of 400; the two bounds seldom err together


def test_too_much_is_refuted():
    found = audit_gaussian(*shifted(1.0, 20_000, 0), claimed_mu=0.8, delta=1e-6)
    assert found.violation and found.epsilon_lower_bound > 2


def test_separated_scores_and_equal_ones():
    assert audit_gaussian(np.zeros(100), np.ones(100), claimed_mu=1.0, delta=1e-6).mu_lower_bound > 2
    same = audit_gaussian(np.zeros(100), np.zeros(100), claimed_mu=1.0, delta=1e-6)
    assert same.mu_lower_bound == 0 and same.epsilon_lower_bound == 0


def test_broken_scores_are_refused():
    with pytest.raises(InvalidScores):
        audit_gaussian(np.zeros(4), np.zeros(100), claimed_mu=1.0, delta=1e-6)
    with pytest.raises(InvalidScores):
        audit_gaussian(np.full(100, np.nan), np.zeros(100), claimed_mu=1.0, delta=1e-6)
    with pytest.raises(InvalidBudget):
        audit_gaussian(np.zeros(100), np.zeros(100), claimed_mu=0.0, delta=1e-6)
