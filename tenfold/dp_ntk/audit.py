"""The audit of the private modes, and of the audit itself by mechanisms that are broken on purpose.

Helpers are run, many at a time; ``tenfold.privacy.output_audit`` judges a public entry point by its outputs. In 2·10⁴
runs half the noise of mode ``input`` is refuted at a claimed ε of 1 as at the default of 4, which leaves more room.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tenfold.dp_ntk.calibration import Calibration, calibrate, implied_epsilon
from tenfold.dp_ntk.observation import (
    OBSERVE,
    Canary,
    Observation,
    Observe,
    calibration_for,
    sample_scores,
)
from tenfold.dp_ntk.planted_bugs import exact_targets, half_noise, raw_cross_terms
from tenfold.dp_ntk.sensitivity import published_bound
from tenfold.privacy.audit import AuditResult, NoiseTest, audit_scores, noise_sd_test
from tenfold.privacy.noise import NoiseSource

RUNS = 20_000


@dataclass(frozen=True)
class ModeAudit:
    """What an audit saw: lower bounds on ε, the noise against its claimed sd, and the theorem's own ε.

    ``implied`` is the ε that the theorem gives for the calibration that was used, recomputed from the true public
    numbers; None where a proof needs no such check.
    """

    mechanism: str
    canary: str
    result: AuditResult
    noise: NoiseTest | None = None
    implied: float | None = None

    @property
    def epsilon_lower_bound(self) -> float:
        """The lower bound that refutes the claim made: modes whose noise is not Gaussian claim no Gaussian curve."""
        gaussian = self.implied is None
        return self.result.epsilon_lower_bound if gaussian else self.result.epsilon_from_ratio

    @property
    def alarm(self) -> bool:
        """Whether ε is refuted, the noise is smaller than claimed, or the theorem gives a larger ε than claimed."""
        less_noise = self.noise is not None and self.noise.alarm
        wrong = self.implied is not None and self.implied > self.result.claimed_epsilon * (1 + 1e-9)
        return self.epsilon_lower_bound > self.result.claimed_epsilon or less_noise or wrong


def _rows(row: list[float]) -> np.ndarray:
    others = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.6, 0.8, 0.0]])
    return np.vstack([row, others])


def _targets(first: int) -> np.ndarray:
    labels = np.array([first, 0, 1, 0, 1])
    return np.where(labels[:, None] == np.arange(2), 1.0, -1.0)


def replaced(label: bool = False) -> Canary:
    """A record replaced by an orthogonal one, the largest change of xxᵀ; with ``label`` its class changes too."""
    h = float(np.sqrt(0.5))
    return Canary(
        "record and label replaced" if label else "record replaced",
        _rows([h, 0.0, h]),
        _rows([h, 0.0, -h]),
        _targets(0),
        _targets(1 if label else 0),
        0,
    )


def negated() -> Canary:
    """A record replaced by its negative: the largest change of ZᵀY (with the label it would cancel for two classes)."""
    rows = _rows([0.6, 0.0, 0.8])
    neighbour = rows.copy()
    neighbour[0] *= -1
    return Canary("record negated", rows, neighbour, _targets(0), _targets(0), 0)


def close(closeness: float, label: bool = False) -> Canary:
    """A record moved by ``closeness`` along a coordinate, inside the unit ball."""
    row = np.array([0.6, 0.0, 0.7])
    moved = row + closeness * np.array([0.0, 1.0, 0.0])
    return Canary(
        f"record moved by {closeness:g}" + (", label changed" if label else ""),
        _rows(row.tolist()),
        _rows(moved.tolist()),
        _targets(0),
        _targets(1 if label else 0),
        0,
    )


def duplicate(closeness: float) -> Canary:
    """Two records in nearly the same direction, one moved by ``closeness``: K is closest to singular there."""
    row = np.array([0.8, 0.1, 0.4])
    moved = row + closeness * np.array([0.0, 0.0, 1.0])
    return Canary("near duplicate moved", _rows(row.tolist()), _rows(moved.tolist()), _targets(0), _targets(0), 0)


def audit_observation(
    mechanism: str, observe: Observe, canary: Canary, calibration: Calibration, *, runs: int, insecure_seed: int | None
) -> ModeAudit:
    """Audit ``observe``, half of the ``runs`` on the canary's input and half on its neighbour."""
    seeds = (None, None) if insecure_seed is None else (2 * insecure_seed, 2 * insecure_seed + 1)
    on_rows, on_neighbour = (
        observe(canary, neighbour, calibration, NoiseSource(seed), runs // 2)
        for neighbour, seed in zip((False, True), seeds, strict=True)
    )
    result = audit_scores(
        on_rows.scores, on_neighbour.scores, claimed_epsilon=calibration.epsilon, delta=calibration.delta
    )
    noise = noise_sd_test(on_rows.noise, 1.0) if on_rows.noise.size else None
    implied = None
    if calibration.mode == "paper":
        assert calibration.samples is not None and calibration.whitened is not None
        implied = 2 * implied_epsilon(calibration.samples, calibration.delta / 2, calibration.whitened)
    return ModeAudit(mechanism, canary.name, result, noise, implied)


def correct_audits(closeness: float) -> list[tuple[str, Canary]]:
    """Return every mode with each of its canaries; all must pass."""
    return [
        ("input", close(closeness)),
        ("input", close(closeness, label=True)),
        ("ridge-sample", replaced()),
        ("ridge-sample", replaced(label=True)),
        ("ssp", replaced(label=True)),
        ("ssp", negated()),
        ("paper", close(closeness)),
        ("paper", duplicate(2 / 3 * closeness)),
    ]


def audit_correct(
    *,
    epsilon: float = 4.0,
    delta: float = 1e-5,
    closeness: float = 6e-4,
    runs: int = RUNS,
    insecure_seed: int | None = None,
) -> list[ModeAudit]:
    """Audit every mode's own code on its canaries: an audit can refute a claim, never prove one."""
    return [
        audit_observation(
            mode,
            OBSERVE[mode],
            canary,
            calibration_for(mode, canary, epsilon, delta),
            runs=runs,
            insecure_seed=insecure_seed,
        )
        for mode, canary in correct_audits(closeness)
    ]


def wrong_count(canary: Canary, epsilon: float, delta: float, *, count: int = 1) -> Calibration:
    """Return a calibration of mode ``paper`` whose Δ = nβ/η was computed with too small an n, as published."""
    n, d = canary.rows.shape
    eta = 0.99 * min(float(np.linalg.eigvalsh(K)[0]) for K in canary.kernels())
    wrong = calibrate("paper", epsilon, delta, d=d, n=count, closeness=canary.distance, eta_min=eta, bound="published")
    return replace(wrong, n=n, whitened=published_bound(n, canary.distance, eta))


Planted = Callable[[float, float, float], tuple[Observe, Canary, Calibration]]


def planted_bugs() -> dict[str, Planted]:
    """Return every planted bug by name: from (ε, δ, β) to what is run, on which canary, under which claim."""

    def halved(mode: str, canary: Callable[[float], Canary]) -> Planted:
        def make(epsilon: float, delta: float, closeness: float) -> tuple[Observe, Canary, Calibration]:
            pair = canary(closeness)
            return half_noise(mode), pair, calibration_for(mode, pair, epsilon, delta)

        return make

    def raw(epsilon: float, delta: float, closeness: float) -> tuple[Observe, Canary, Calibration]:
        pair = close(closeness)
        return raw_cross_terms, pair, calibration_for("paper", pair, epsilon, delta)

    def labels(epsilon: float, delta: float, closeness: float) -> tuple[Observe, Canary, Calibration]:
        pair = replaced(label=True)
        return exact_targets, pair, calibration_for("ridge-sample", pair, epsilon, delta)

    def count(epsilon: float, delta: float, closeness: float) -> tuple[Observe, Canary, Calibration]:
        pair = close(6 * closeness)  # so that k stays small enough to draw
        return OBSERVE["paper"], pair, wrong_count(pair, epsilon, delta)

    return {
        "half noise, input": halved("input", close),
        "half noise, ridge-sample": halved("ridge-sample", lambda _: replaced()),
        "half noise, ssp": halved("ssp", lambda _: negated()),
        "raw X in the cross terms": raw,
        "exact Y": labels,
        "too small an n in k": count,
    }


def audit_planted(
    *,
    epsilon: float = 4.0,
    delta: float = 1e-5,
    closeness: float = 6e-4,
    runs: int = RUNS,
    insecure_seed: int | None = None,
) -> list[ModeAudit]:
    """Audit every planted bug: each must raise the alarm."""
    audits = []
    for name, make in planted_bugs().items():
        observe, canary, calibration = make(epsilon, delta, closeness)
        audits.append(audit_observation(name, observe, canary, calibration, runs=runs, insecure_seed=insecure_seed))
    return audits


def audit_replacement(
    *,
    epsilon: float = 4.0,
    delta: float = 1e-5,
    closeness: float = 6e-4,
    runs: int = RUNS,
    insecure_seed: int | None = None,
) -> ModeAudit:
    """Audit mode ``paper``, calibrated for β-close records, on a record that is replaced: it must be caught."""
    samples = calibration_for("paper", close(closeness), epsilon, delta).samples
    assert samples is not None

    def observe(c: Canary, neighbour: bool, calibration: Calibration, source: NoiseSource, runs: int) -> Observation:
        return Observation(sample_scores(c, neighbour, samples, source, runs), np.zeros(0))

    canary = Canary(
        "record replaced", _rows([0.6, 0.0, 0.8]), _rows([0.0, 0.6, 0.8]), _targets(0), _targets(0), 0
    )  # its neighbour has another K, which ``replaced`` has not
    claimed = calibrate("input", epsilon, delta, d=3, closeness=closeness)
    return audit_observation(
        "mode paper, record replaced", observe, canary, claimed, runs=runs, insecure_seed=insecure_seed
    )
