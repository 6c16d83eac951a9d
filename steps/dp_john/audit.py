"""Audit every private mode, and the audit itself by planted bugs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np

from steps.step.json_files import write_json
from steps.step.params import Count, Field, Params, Positive, Share
from steps.step.run import Run
from tenfold.dp_john.audit import (
    ModeAudit,
    audit_mode,
    audit_observation,
    audit_planted_bugs,
    calibration_for,
)
from tenfold.dp_john.canaries import outward_row
from tenfold.dp_john.planted_bugs import half_noise

MODES = ("input", "iterate", "moment")


class AuditParams(Params):
    """The claim that is audited, and how often."""

    epsilon: Positive
    weak_epsilon: Positive  # a smaller claim, under which half the noise is audited, too
    delta: Share
    closeness: Positive
    runs: Annotated[int, Field(ge=100)]
    seeds: Count


def audit(*, out: Path, params: AuditParams, run: Run) -> None:
    """Audit every mode on its canaries, then mechanisms that are broken on purpose.

    Writes  audits.json: kind (correct, planted, weak claim), mechanism, canary, seed, ε's lower bound, alarm,
            observed to claimed noise and its p-value
    """
    claim: dict[str, Any] = {"delta": params.delta, "closeness": params.closeness, "runs": params.runs}
    records: list[dict[str, Any]] = []
    for seed in range(params.seeds):
        insecure_seed = int(run.generator(f"audit {seed}").integers(2**60))
        for mode in MODES:
            audits = audit_mode(mode, epsilon=params.epsilon, insecure_seed=insecure_seed, **claim)
            records += [_record("correct", seed, params.epsilon, found) for found in audits]
        planted = audit_planted_bugs(epsilon=params.epsilon, insecure_seed=insecure_seed, **claim)
        records += [_record("planted", seed, params.epsilon, found) for found in planted]
        canary = outward_row(params.closeness)
        weak = audit_observation(
            "half noise, input",
            half_noise("input"),
            canary,
            calibration_for("input", canary, params.weak_epsilon, params.delta),
            runs=params.runs,
            insecure_seed=insecure_seed,
        )
        records.append(_record("weak claim", seed, params.weak_epsilon, weak))
        worst = max(record["epsilon_lower_bound"] for record in records if record["kind"] == "correct")
        run.log({"audit/worst_epsilon_of_correct": worst}, update=seed)
    write_json(out / "audits.json", records)
    missed = [record["mechanism"] for record in records if record["kind"] == "planted" and not record["alarm"]]
    run.say(f"{len(records)} audits; planted bugs missed: {missed or 'none'}")


def _record(kind: str, seed: int, claimed: float, found: ModeAudit) -> dict[str, Any]:
    noise = found.noise
    bound = found.result.epsilon_lower_bound
    return {
        "kind": kind,
        "mechanism": found.mechanism,
        "canary": found.canary,
        "seed": seed,
        "claimed_epsilon": claimed,
        "epsilon_lower_bound": bound if np.isfinite(bound) else 1e9,
        "refuted_by_epsilon": found.result.violation,
        "alarm": found.alarm,
        "noise_ratio": None if noise is None else noise.observed_sd / noise.claimed_sd,
        "noise_p_too_small": None if noise is None else noise.p_too_small,
    }
