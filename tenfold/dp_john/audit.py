"""The audit of the private modes: canaries, many runs, a lower bound on ε, and a test of the noise.

Helpers are run, many at a time; ``tenfold.privacy.output_audit`` judges a public entry point by its outputs. In 2·10⁴
runs half the noise of mode ``input`` is refuted at a claimed ε of 1 as at the default of 4, which leaves more room.
"""

from __future__ import annotations

from dataclasses import dataclass

from tenfold.dp_john.calibration import Calibration, calibrate
from tenfold.dp_john.canaries import CLOSE_CANARIES, CanaryPair, replaced_row
from tenfold.dp_john.observation import OBSERVE, Observe
from tenfold.dp_john.planted_bugs import PLANTED_BUGS
from tenfold.privacy.audit import AuditResult, NoiseTest, audit_scores, noise_sd_test
from tenfold.privacy.noise import NoiseSource

RUNS = 20_000


@dataclass(frozen=True)
class ModeAudit:
    """What an audit saw of a mechanism on one canary; ``noise`` is None where there is none to test."""

    mechanism: str
    canary: str
    result: AuditResult
    noise: NoiseTest | None

    @property
    def alarm(self) -> bool:
        """Whether the claimed ε is refuted, or the noise is smaller than claimed."""
        return self.result.violation or (self.noise is not None and self.noise.alarm)


def calibration_for(mode: str, canary: CanaryPair, epsilon: float, delta: float) -> Calibration:
    """Return the calibration of a canary's audit: its own norms and closeness are the public bounds."""
    n, d = canary.rows.shape
    if mode in ("input", "input_exact"):
        return calibrate(mode, epsilon, delta, canary.closeness, n=n, d=d)
    if mode == "moment":
        return calibrate(mode, epsilon, delta, None, n=n, d=d, row_norm_bound=canary.row_norm_bound)
    return calibrate(
        mode,
        epsilon,
        delta,
        canary.closeness,
        n=n,
        d=d,
        row_norm_bound=canary.row_norm_bound,
        row_norm_floor=canary.row_norm_floor,
        ridge=0.1,
        rounds=3,
    )


def audit_observation(
    mechanism: str,
    observe: Observe,
    canary: CanaryPair,
    calibration: Calibration,
    *,
    runs: int = RUNS,
    insecure_seed: int | None = None,
) -> ModeAudit:
    """Audit ``observe``, run half of the ``runs`` on the canary's rows and half on the neighbour."""
    assert calibration.epsilon is not None and calibration.delta is not None
    seeds = (None, None) if insecure_seed is None else (2 * insecure_seed, 2 * insecure_seed + 1)
    on_rows, on_neighbour = (
        observe(rows, canary, calibration, NoiseSource(seed), runs // 2)
        for rows, seed in zip((canary.rows, canary.neighbour), seeds, strict=True)
    )
    result = audit_scores(
        on_rows.scores, on_neighbour.scores, claimed_epsilon=calibration.epsilon, delta=calibration.delta
    )
    noise = noise_sd_test(on_rows.noise, 1.0) if on_rows.noise.size else None
    return ModeAudit(mechanism, canary.name, result, noise)


def canaries_for(mode: str, closeness: float) -> list[CanaryPair]:
    """Return the canaries of a mode: a row moved by ``closeness``, or a row replaced in mode ``moment``."""
    if mode == "moment":
        return [replaced_row(1.0)]
    return [make(closeness) for make in CLOSE_CANARIES.values()]


def audit_mode(
    mode: str,
    *,
    epsilon: float = 4.0,
    delta: float = 1e-5,
    closeness: float = 1e-3,
    runs: int = RUNS,
    insecure_seed: int | None = None,
) -> list[ModeAudit]:
    """Audit a mode's own code on each of its canaries: an audit can refute the claim, never prove it."""
    return [
        audit_observation(
            mode,
            OBSERVE[mode],
            canary,
            calibration_for(mode, canary, epsilon, delta),
            runs=runs,
            insecure_seed=insecure_seed,
        )
        for canary in canaries_for(mode, closeness)
    ]


def audit_planted_bugs(
    *,
    epsilon: float = 4.0,
    delta: float = 1e-5,
    closeness: float = 1e-3,
    runs: int = RUNS,
    insecure_seed: int | None = None,
) -> list[ModeAudit]:
    """Audit every planted bug on the first canary of its mode: each must raise the alarm."""
    audits = []
    for name, (mode, observe) in PLANTED_BUGS.items():
        canary = canaries_for(mode, closeness)[0]
        calibration = calibration_for(mode, canary, epsilon, delta)
        allowed = min(runs, 4000) if name == "zero row" else runs  # one run at a time, and certain in each
        audits.append(audit_observation(name, observe, canary, calibration, runs=allowed, insecure_seed=insecure_seed))
    return audits
