"""Every private entry point keeps what it states, and half of its noise is caught: by its outputs alone."""

import numpy as np
import pytest
from scipy.special import expit, ndtri

from tenfold.dp_john import private_john_ellipsoid
from tenfold.privacy.gaussian import gaussian_mu, pure_epsilon
from tenfold.privacy.noise import NoiseSource
from tenfold.privacy.output_audit import OutputAudit, audit_outputs
from tests.tenfold.privacy.entry_points import DELTA, ENTRY_POINTS, EPSILON, LEVEL_ROWS, LEVEL_SLACK, john_level

LESS_THAN_HALF_MISSING = {"ExactKernelMemory.query": 0.8, "ContinualMemory": 0.8, "TreeMemory": 0.65}


def audited(name, folder, monkeypatch, factor=1.0, runs=None) -> OutputAudit:
    """Audit an entry point whose noise is multiplied by ``factor`` at its source; the system's entropy is replayed."""
    entry = ENTRY_POINTS[name]
    monkeypatch.setattr("os.urandom", np.random.default_rng(1).bytes)
    if factor != 1:
        _less_noise(monkeypatch, factor)
    runs = runs or entry.runs
    sides = [[entry.release(neighbour, folder) for _ in range(runs)] for neighbour in (False, True)]
    stated = {seen[1:] for side in sides for seen in side}
    assert len(stated) == 1
    epsilon, delta = stated.pop()
    assert delta == DELTA and epsilon == pytest.approx(EPSILON if "refit" not in name else epsilon)
    outputs = [np.array([seen[0] for seen in side]) for side in sides]
    return audit_outputs(*outputs, claimed_mu=gaussian_mu(epsilon, delta), confidence=0.9999)


def _less_noise(monkeypatch, factor):
    import tenfold.dp_john.input_perturbation as exact

    gaussian, discrete = NoiseSource.gaussian, exact.discrete_gaussian
    monkeypatch.setattr(NoiseSource, "gaussian", lambda *given: factor * gaussian(*given))
    monkeypatch.setattr(
        exact, "discrete_gaussian", lambda shape, variance, source: discrete(shape, int(factor**2 * variance), source)
    )


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_outputs_spend_what_is_stated_and_not_more(name, tmp_path, monkeypatch, capsys):
    found, entry = audited(name, tmp_path, monkeypatch), ENTRY_POINTS[name]
    assert not found.violation, found
    assert found.mu_estimate > 0.75 * entry.attained * found.claimed_mu  # the pair is as bad as it is said to be
    assert found.power(0.5 / entry.attained) > 0.99  # half the noise is caught with this probability, or more


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_half_the_noise_is_caught(name, tmp_path, monkeypatch, capsys):
    assert audited(name, tmp_path, monkeypatch, 0.5).violation


@pytest.mark.parametrize(("name", "factor"), LESS_THAN_HALF_MISSING.items())
def test_a_part_of_the_noise_missing_is_caught(name, factor, tmp_path, monkeypatch):
    """A fifth where the pair spends all of μ; where it cannot, what makes the pair spend a sixth more than μ."""
    found = audited(name, tmp_path, monkeypatch, factor)
    assert found.violation and found.power(factor / ENTRY_POINTS[name].attained) > 0.99, found


def test_half_of_the_gumbel_noise_alone_keeps_what_is_stated():
    """So no audit can catch it. The level's ε is that of a pure mechanism, and its range is ε, too (Dong et al. 2020).

    With half the noise the odds of two outcomes move by 2ε, and such a pair shows no more than randomised response at
    ε does, from which ε was taken.
    """
    for mu in (0.1, 1.0, 1.638, 4.0):
        middle, epsilon = np.linspace(-8, 8, 801), pure_epsilon(mu)
        shown = ndtri(expit(middle + epsilon)) - ndtri(expit(middle - epsilon))
        assert shown.max() == pytest.approx(mu, rel=1e-9) and shown.argmax() == 400


def test_a_fifth_of_the_gumbel_noise_alone_is_caught(tmp_path, monkeypatch):
    gumbel, runs = NoiseSource.gumbel, 1000
    monkeypatch.setattr("os.urandom", np.random.default_rng(1).bytes)
    found = []
    for factor in (1.0, 0.2):
        monkeypatch.setattr(NoiseSource, "gumbel", lambda *given, factor=factor: factor * gumbel(*given))
        sides = [[john_level(neighbour, tmp_path) for _ in range(runs)] for neighbour in (False, True)]
        assert {seen[1:] for side in sides for seen in side} == {(EPSILON, DELTA)}
        outputs = [np.array([seen[0] for seen in side]) for side in sides]
        found.append(audit_outputs(*outputs, claimed_mu=gaussian_mu(EPSILON, DELTA), confidence=0.9999))
    assert not found[0].violation and found[1].violation, found
    assert found[1].power(found[1].claimed_mu / found[1].mu_estimate) > 0.99


def test_the_slack_that_the_rows_of_a_level_are_made_for_is_the_one_stated():
    rows = np.array([*LEVEL_ROWS, 1.0])[:, None]
    made = private_john_ellipsoid(rows, mode="moment", row_norm_bound=1.0, epsilon=EPSILON, delta=DELTA)
    assert float(made.released["slack"]) == pytest.approx(LEVEL_SLACK)
