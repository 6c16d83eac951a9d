"""Audit every private mode, and the audit itself by planted bugs (E5)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np

from steps.step.json_files import write_json
from steps.step.params import Count, Field, Params, Positive, Share
from steps.step.run import Run
from tenfold.dp_ntk.audit import ModeAudit, audit_correct, audit_planted, audit_replacement


class AuditParams(Params):
    """The claim that is audited, and how often."""

    epsilon: Positive
    delta: Share
    closeness: Positive
    runs: Annotated[int, Field(ge=100)]
    seeds: Count  # of correct mechanisms: none may raise the alarm
    planted_seeds: Count


def audit(*, out: Path, params: AuditParams, run: Run) -> None:
    """Audit every mode on its canaries, then mechanisms that are broken on purpose.

    Writes  audits.json: kind (correct, planted, replacement), mechanism, canary, seed, ε's lower bound, alarm,
            observed over claimed noise, and the theorem's ε where a mode rests on one
    """
    claim: dict[str, Any] = {"delta": params.delta, "closeness": params.closeness, "runs": params.runs}
    records: list[dict[str, Any]] = []
    for seed in range(params.seeds):
        insecure_seed = int(run.generator(f"audit {seed}").integers(2**60))
        audits = audit_correct(epsilon=params.epsilon, insecure_seed=insecure_seed, **claim)
        records += [_record("correct", seed, params.epsilon, found) for found in audits]
        if seed < params.planted_seeds:
            audits = audit_planted(epsilon=params.epsilon, insecure_seed=insecure_seed, **claim)
            records += [_record("planted", seed, params.epsilon, found) for found in audits]
            replaced = audit_replacement(epsilon=params.epsilon, insecure_seed=insecure_seed, **claim)
            records.append(_record("replacement", seed, params.epsilon, replaced))
        worst = max(record["epsilon_lower_bound"] for record in records if record["kind"] == "correct")
        run.log({"audit/worst_epsilon_of_correct": worst}, update=seed)
    write_json(out / "audits.json", records)
    missed = [record["mechanism"] for record in records if record["kind"] == "planted" and not record["alarm"]]
    false = [record["mechanism"] for record in records if record["kind"] == "correct" and record["alarm"]]
    run.say(f"{len(records)} audits; missed: {missed or 'none'}; false alarms: {false or 'none'}")


def _record(kind: str, seed: int, claimed: float, found: ModeAudit) -> dict[str, Any]:
    noise, bound = found.noise, found.epsilon_lower_bound
    return {
        "kind": kind,
        "mechanism": found.mechanism,
        "canary": found.canary,
        "seed": seed,
        "claimed_epsilon": claimed,
        "epsilon_lower_bound": bound if np.isfinite(bound) else 1e9,
        "alarm": found.alarm,
        "noise_ratio": None if noise is None else noise.observed_sd / noise.claimed_sd,
        "implied_epsilon": found.implied,
    }
