"""The audit: silent on the modes as they are, loud on every planted bug."""

import numpy as np
import pytest

from tenfold.dp_john.audit import (
    audit_mode,
    audit_observation,
    audit_planted_bugs,
    calibration_for,
    canaries_for,
)
from tenfold.dp_john.canaries import CLOSE_CANARIES, replaced_row
from tenfold.dp_john.domain import rows_in_domain
from tenfold.dp_john.observation import OBSERVE
from tenfold.dp_john.planted_bugs import PLANTED_BUGS, half_noise
from tenfold.dp_john.polytope import ZeroRow
from tenfold.privacy.noise import NoiseSource


@pytest.mark.parametrize("mode", OBSERVE)
def test_the_modes_as_they_are_raise_no_alarm(mode):
    runs = 5000 if mode == "input_exact" else 20_000  # exact samples are slow
    audits = audit_mode(mode, epsilon=4.0, runs=runs, insecure_seed=0)
    for audit in audits:
        assert not audit.alarm, audit
        assert audit.result.runs == runs
    strongest = max(audit.result.epsilon_lower_bound for audit in audits)
    assert strongest > (2.5 if mode == "input" else 1.5)  # the audit has power: it sees most of what is spent


def test_every_planted_bug_raises_the_alarm_by_its_epsilon():
    audits = {audit.mechanism: audit for audit in audit_planted_bugs(epsilon=4.0, insecure_seed=0)}
    assert set(audits) == set(PLANTED_BUGS)
    for audit in audits.values():
        assert audit.alarm
        assert audit.result.violation, audit  # refuted by what was released, not only by the noise's sd
    assert audits["half noise, input"].result.epsilon_lower_bound > 6
    assert audits["leaked matrix"].result.epsilon_lower_bound > 20
    assert audits["zero row"].result.epsilon_lower_bound > 20


@pytest.mark.parametrize("mode", ["input", "iterate", "moment"])
def test_the_noise_test_sees_half_the_noise_in_every_mode(mode):
    canary = canaries_for(mode, 1e-3)[-1]
    calibration = calibration_for(mode, canary, 4.0, 1e-5)
    audit = audit_observation("half", half_noise(mode), canary, calibration, runs=2000, insecure_seed=1)
    assert audit.noise.p_too_small < 1e-6
    assert audit.noise.observed_sd == pytest.approx(0.5, rel=0.02)


def test_slightly_too_little_noise_is_seen_by_its_sd_alone():
    class NinetyFive(NoiseSource):
        def gaussian(self, shape, sd):
            return 0.95 * super().gaussian(shape, sd)

    def observe(A, canary, calibration, source, runs):
        return OBSERVE["input"](A, canary, calibration, NinetyFive(source.insecure_seed), runs)

    canary = CLOSE_CANARIES["outward row"](1e-3)
    audit = audit_observation("95%", observe, canary, calibration_for("input", canary, 4.0, 1e-5), insecure_seed=0)
    assert not audit.result.violation
    assert audit.alarm


def test_without_a_seed_runs_are_fresh():
    first, second = (audit_mode("input", runs=400)[0].noise.observed_sd for _ in range(2))
    assert first != second


@pytest.mark.parametrize("name", CLOSE_CANARIES)
def test_canaries_are_neighbours_at_exactly_the_closeness(name):
    canary = CLOSE_CANARIES[name](1e-3)
    moved = np.linalg.norm(canary.neighbour - canary.rows, axis=1)
    assert np.flatnonzero(moved) == [canary.row]
    assert moved[canary.row] == pytest.approx(1e-3)
    for rows in (canary.rows, canary.neighbour):
        norms = np.linalg.norm(rows, axis=1)
        assert canary.row_norm_floor <= norms.min() and norms.max() <= canary.row_norm_bound


def test_the_replaced_row_is_the_worst_case_of_the_moment():
    canary = replaced_row(2.0)
    change = canary.neighbour.T @ canary.neighbour - canary.rows.T @ canary.rows
    assert np.linalg.norm(change) == pytest.approx(np.sqrt(2) * 4)


def test_the_zero_row_bug_is_what_the_domain_check_prevents():
    canary = CLOSE_CANARIES["outward row"](1e-3)
    rows = canary.rows.copy()
    rows[canary.row] = 0
    with pytest.raises(ZeroRow):
        rows_in_domain(rows, calibration_for("input", canary, 4.0, 1e-5))
