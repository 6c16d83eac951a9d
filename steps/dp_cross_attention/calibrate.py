"""Turn budgets and public numbers into noise; there is no data path into this step."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

from steps.step.json_files import write_json
from steps.step.params import Count, Field, Params, Positive, Share
from steps.step.run import Run
from tenfold.dp_cross_attention.calibration import setting, unit_noise
from tenfold.dp_cross_attention.taylor import degree_for
from tenfold.privacy.gaussian import InvalidBudget, gaussian_mu

ACCOUNTING = ("analytic", "concentrated", "classical")


class CalibrateParams(Params):
    """The grid of budgets and temperatures."""

    epsilons: Annotated[list[Positive], Field(min_length=1)]
    logit_bounds: Annotated[list[Positive], Field(min_length=1)]
    heads: Annotated[list[Count], Field(min_length=1)]
    delta: Share
    useful_noise: Positive  # share of ρ_v below which the noise of an answer is called useful


def calibrate(*, out: Path, params: CalibrateParams, run: Run) -> None:
    """Compute the noise of every budget by every accountant, and what temperature and heads make of it.

    Writes  ledger.json: accounting (σ/Δ by ε and method, null where the method is not private), temperature (by B:
            degrees for 10 % and 1 % and the n that makes noise useful at ε = 1, worst case and with D ≥ n), heads
            (σ growth by number of heads)
    """
    accounting = [
        {
            "epsilon": epsilon,
            "delta": params.delta,
            **{name: _noise(epsilon, params.delta, name) for name in ACCOUNTING},
        }
        for epsilon in params.epsilons
    ]
    temperature = []
    unit = unit_noise(1.0, params.delta)
    for bound in params.logit_bounds:
        known = setting(
            rows=1, dimension=1, value_dimension=1, radius=math.sqrt(bound), temperature=1.0, features="exact"
        )
        worst = known.sensitivity() * unit * math.exp(bound / 2)  # sd of a numerator at ‖q‖ = ρ
        temperature.append(
            {
                "logit_bound": bound,
                "degree_10": degree_for(bound, 0.1),
                "degree_1": degree_for(bound, 0.01),
                "rows_worst": worst / math.exp(-bound) / params.useful_noise,
                "rows_if_D_at_least_n": worst / params.useful_noise,
            }
        )
    mu = gaussian_mu(1.0, params.delta)
    heads = [
        {"heads": count, "noise_growth": math.sqrt(count), "mu_of_each": mu / math.sqrt(count)}
        for count in params.heads
    ]
    content = {
        "accounting": accounting,
        "temperature": temperature,
        "heads": heads,
        "useful_noise": params.useful_noise,
    }
    write_json(out / "ledger.json", content)
    run.say(f"{len(accounting)} budgets, {len(temperature)} temperatures")


def _noise(epsilon: float, delta: float, name: Any) -> float | None:
    try:
        return unit_noise(epsilon, delta, name)
    except InvalidBudget:
        return None
