"""Audit every mechanism, and the audit itself by planted bugs and by its false alarms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from steps.step.json_files import write_json
from steps.step.params import Count, Field, Params, Positive, Share
from steps.step.run import Run
from tenfold.dp_cross_attention.observation import MECHANISMS, SLOW, Observe
from tenfold.dp_cross_attention.planted_bugs import PLANTED_BUGS
from tenfold.privacy.gaussian import gaussian_mu
from tenfold.privacy.gaussian_audit import audit_gaussian

REPEATED_BUGS = ("factor 2 missing", "feature norm ignored", "20 % too little noise")


class AuditParams(Params):
    """The claims audited; runs count both neighbours."""

    epsilon: Positive
    delta: Share
    runs: Annotated[int, Field(ge=1000)]
    false_alarm_repeats: Count
    bug_repeats: Count
    wide_epsilon: Positive  # of mechanisms whose runs are dearer
    wide_runs: Annotated[int, Field(ge=200)]
    slow_runs: Annotated[int, Field(ge=200)]
    seeds: Count


def audit(*, out: Path, params: AuditParams, run: Run) -> None:
    """Run mechanisms and planted bugs on worst pairs of neighbours and bound μ from below.

    Writes  audits.json: kind (correct, planted, repeat), mechanism, repeat, claimed ε and μ, bounds on both, alarm
    """
    records: list[dict[str, Any]] = []
    name = "joint, Taylor"
    for repeat in range(params.false_alarm_repeats):
        records.append(_one(run, "repeat", name, MECHANISMS[name], params.epsilon, params.runs, repeat, params.delta))
    for bug in REPEATED_BUGS:
        for repeat in range(params.bug_repeats):
            records.append(
                _one(run, "planted", bug, PLANTED_BUGS[bug], params.epsilon, params.runs, repeat, params.delta)
            )
    others = {bug: observe for bug, observe in PLANTED_BUGS.items() if bug not in REPEATED_BUGS}
    groups = [
        ("correct", MECHANISMS, params.wide_runs),
        ("correct", SLOW, params.slow_runs),
        ("planted", others, params.wide_runs),
    ]
    for kind, mechanisms, runs in groups:
        for mechanism, observe in mechanisms.items():
            for seed in range(params.seeds):
                records.append(_one(run, kind, mechanism, observe, params.wide_epsilon, runs, seed, params.delta))
    write_json(out / "audits.json", records)
    alarms = sum(record["alarm"] for record in records if record["kind"] == "repeat")
    missed = sorted({record["mechanism"] for record in records if record["kind"] == "planted" and not record["alarm"]})
    run.log({"audit/false_alarms": alarms})
    run.say(f"{len(records)} audits; false alarms {alarms} of {params.false_alarm_repeats}; missed: {missed or 'none'}")


def _one(
    run: Run, kind: str, mechanism: str, observe: Observe, epsilon: float, runs: int, repeat: int, delta: float
) -> dict[str, Any]:
    seed = int(run.generator(f"{kind} {mechanism} {repeat}").integers(2**30))
    low, high = observe(epsilon, delta, runs // 2, seed)
    found = audit_gaussian(low, high, claimed_mu=gaussian_mu(epsilon, delta), delta=delta)
    return {
        "kind": kind,
        "mechanism": mechanism,
        "repeat": repeat,
        "claimed_epsilon": epsilon,
        "delta": delta,
        "claimed_mu": found.claimed_mu,
        "mu_lower_bound": found.mu_lower_bound,
        "epsilon_lower_bound": found.epsilon_lower_bound,
        "alarm": found.violation,
        "runs": runs,
        "insecure_seed": True,
    }
