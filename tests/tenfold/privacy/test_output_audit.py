"""The audit by outputs: its confidence and its power are what it says, and an output without noise is certain."""

import math

import numpy as np
import pytest

from tenfold.privacy.audit import InvalidScores
from tenfold.privacy.output_audit import audit_outputs


def outputs(generator, mu, runs, columns=5):
    """Two of the columns tell the neighbours apart, at different scales."""
    found = generator.standard_normal((2, runs, columns))
    found[1, :, :2] += mu * math.sqrt(0.5)
    return found * np.array([1e-6, 1e6, 1, 1, 1])[:columns]


@pytest.mark.parametrize("factor", [1.0, 0.8, 0.5])
def test_alarms_are_as_frequent_as_is_said(factor):
    generator = np.random.default_rng(0)
    found = [audit_outputs(*outputs(generator, 2 / factor, 200), claimed_mu=2.0, confidence=0.99) for _ in range(300)]
    share = np.mean([audit.violation for audit in found])
    power = found[0].power(factor)
    assert power == pytest.approx({1.0: 0.01, 0.8: 0.641, 0.5: 1.0}[factor], abs=2e-3)
    assert power - 0.12 < share < power + 0.02  # the direction is estimated, which costs some power


def test_an_output_without_noise_is_certain_and_a_constant_is_no_matter():
    found = np.random.default_rng(0).standard_normal((2, 60, 3))
    found[:, :, 2] = 7.0
    assert audit_outputs(*found, claimed_mu=2.0).mu_lower_bound < 1
    found[1, :, 2] = 7.1
    assert audit_outputs(*found, claimed_mu=2.0).mu_lower_bound == math.inf


def test_outputs_of_which_no_audit_can_be_made_are_refused():
    with pytest.raises(InvalidScores, match="runs ≥ 40"):
        audit_outputs(np.zeros((39, 2)), np.zeros((39, 2)), claimed_mu=1.0)
    with pytest.raises(InvalidScores, match="shape"):
        audit_outputs(np.zeros((50, 2)), np.zeros((50, 3)), claimed_mu=1.0)
    with pytest.raises(InvalidScores, match="finite"):
        audit_outputs(np.full((50, 2), np.inf), np.zeros((50, 2)), claimed_mu=1.0)
