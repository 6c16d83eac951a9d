"""Every private entry point keeps what it states, and half of its noise is caught: by its outputs alone."""

import numpy as np
import pytest

from tenfold.privacy.gaussian import gaussian_mu
from tenfold.privacy.noise import NoiseSource
from tenfold.privacy.output_audit import OutputAudit, audit_outputs
from tests.tenfold.privacy.entry_points import DELTA, ENTRY_POINTS, EPSILON

LESS_THAN_HALF_MISSING = ("ExactKernelMemory.query", "ContinualMemory")  # whose pairs spend all of μ


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


@pytest.mark.parametrize("name", LESS_THAN_HALF_MISSING)
def test_a_fifth_of_the_noise_missing_is_caught(name, tmp_path, monkeypatch):
    found = audited(name, tmp_path, monkeypatch, 0.8)
    assert found.violation and found.power(0.8) > 0.99, found
