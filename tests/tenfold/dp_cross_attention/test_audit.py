"""Audits: silent on mechanisms as they are, loud on planted bugs; the threshold test itself."""

import pytest

from tenfold.dp_cross_attention.observation import MECHANISMS, SLOW
from tenfold.dp_cross_attention.planted_bugs import PLANTED_BUGS
from tenfold.privacy.gaussian import gaussian_mu
from tenfold.privacy.gaussian_audit import audit_gaussian

DELTA = 1e-6


def audit(observe, epsilon, runs, seed=0):
    low, high = observe(epsilon, DELTA, runs // 2, seed)
    assert len(low) == len(high) == runs // 2
    return audit_gaussian(low, high, claimed_mu=gaussian_mu(epsilon, DELTA), delta=DELTA)


@pytest.mark.parametrize("name", MECHANISMS)
def test_mechanisms_as_they_are_raise_no_alarm(name):
    # a right mechanism exceeds its μ with at most 5 %; the seed is fixed
    found = audit(MECHANISMS[name], 4.0, 10_000)
    assert not found.violation, found
    assert found.mu_lower_bound > 0.4 * found.claimed_mu  # it sees most of what is spent


@pytest.mark.parametrize("name", SLOW)
def test_mechanisms_with_an_object_a_run_raise_no_alarm(name):
    found = audit(SLOW[name], 4.0, 1200)
    assert not found.violation and found.mu_lower_bound > 0.4 * found.claimed_mu


@pytest.mark.parametrize("name", PLANTED_BUGS)
def test_every_planted_bug_is_caught(name):
    found = audit(PLANTED_BUGS[name], 4.0, 40_000 if "20 %" in name else 10_000)
    assert found.violation, found


@pytest.mark.parametrize("name", ["factor 2 missing", "feature norm ignored", "20 % too little noise"])
def test_bugs_show_at_an_epsilon_of_one_too(name):
    assert audit(PLANTED_BUGS[name], 1.0, 200_000).violation


def test_false_alarms_are_rare():
    alarms = sum(audit(MECHANISMS["joint, Taylor"], 1.0, 20_000, seed).violation for seed in range(40))
    assert alarms <= 2  # at most 5 % of 40
