"""Rows that arrive over time: a tree over time against a new sketch at every step."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

from steps.dp_cross_attention.privacy_columns import root_mean_square, write_table
from steps.step.params import Count, Field, Params, Positive, Share
from steps.step.run import Run
from tenfold.dp_cross_attention.continual import ContinualMemory, levels_for
from tenfold.dp_cross_attention.diagnostic import attention_without_noise
from tenfold.dp_cross_attention.memory import PrivateMemory
from tenfold.dp_cross_attention.mixtures import Mixture, mixture
from tenfold.privacy.gaussian import gaussian_epsilon, gaussian_mu


class ContinualParams(Params):
    """Horizons, rows of each step, and one budget for all times together."""

    horizons: Annotated[list[Count], Field(min_length=2)]
    rows_per_step: Count
    dimension: Count
    degree: Count
    queries: Count
    epsilon: Positive
    delta: Share
    seeds: Count


def continual(*, out: Path, params: ContinualParams, run: Run) -> None:
    """Measure the noise of answers at the end of the horizon and just before, when all intervals are open.

    Writes  continual.csv: horizon T, time t, seed, levels, noise RMSE of the tree over time, of a sketch released anew
            at every step (each at μ/√T), and of one sketch of all rows at t released once
    """
    rows = []
    for horizon in params.horizons:
        for seed in range(params.seeds):
            data = mixture(
                horizon * params.rows_per_step, params.dimension, 2, params.queries, run.generator(f"{horizon} {seed}")
            )
            noise = int(run.generator(f"noise {horizon} {seed}").integers(2**60))
            growing = ContinualMemory(
                horizon,
                params.dimension,
                2,
                epsilon=params.epsilon,
                delta=params.delta,
                radius=1.0,
                temperature=1.0,
                degree=params.degree,
                insecure_seed=noise,
            )
            for step in range(horizon):
                part = slice(step * params.rows_per_step, (step + 1) * params.rows_per_step)
                growing.append(data.keys[part], data.values[part])
                if step + 1 in (horizon - 1, horizon):
                    rows.append(_at(growing, data, params, horizon, seed, noise))
    write_table(out / "continual.csv", rows)
    run.say(f"horizons {params.horizons}, {params.seeds} seeds")


def _at(
    growing: ContinualMemory, data: Mixture, params: ContinualParams, horizon: int, seed: int, noise: int
) -> dict[str, Any]:
    mu = gaussian_mu(params.epsilon, params.delta)
    each = max(gaussian_epsilon(params.delta, mu / math.sqrt(horizon)), 1e-9)
    count = growing.rows
    answers = {}
    for name, epsilon in (("anew", each), ("once", params.epsilon)):
        memory = PrivateMemory.fit(
            data.keys[:count],
            data.values[:count],
            epsilon=epsilon,
            delta=params.delta,
            radius=1.0,
            temperature=1.0,
            degree=params.degree,
            insecure_seed=noise,
        )
        answers[name] = memory.query(data.queries)
    answers["tree"] = growing.query(data.queries)
    plain = attention_without_noise(data.queries, data.keys[:count], data.values[:count], memory.setting)
    errors = {f"noise_{name}": root_mean_square(answers[name] - plain) for name in ("tree", "anew", "once")}
    release = growing.ledger.releases[-1]
    return {
        "horizon": horizon,
        "time": growing.time,
        "n": count,
        "seed": seed,
        "levels": levels_for(horizon),
        "intervals": growing.time.bit_count(),
        **errors,
        "epsilon": params.epsilon,
        "delta": params.delta,
        "mu": release.mu,
        "noise_sd": release.noise_sd,
        "sketches": release.sketches,
        "insecure_seed": True,
    }
