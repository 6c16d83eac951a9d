"""Adaptive queries against released sketches, measured against bounds on the supremum."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np

from steps.dp_cross_attention.privacy_columns import write_table
from steps.step.params import Count, Field, Params, Positive, Share
from steps.step.run import Run
from tenfold.dp_cross_attention.adaptive import (
    averaged_error,
    cauchy_schwarz_bound,
    gradient_search,
    net_bound,
    standardised_noise,
)
from tenfold.dp_cross_attention.diagnostic import attention_without_noise, noise_of
from tenfold.dp_cross_attention.memory import PrivateMemory
from tenfold.dp_cross_attention.mixtures import mixture, unit


class AttackParams(Params):
    """The sketch attacked, and how hard."""

    rows: Count
    dimension: Count
    value_dimension: Count
    degree: Count
    epsilon: Positive
    delta: Share
    starts: Count
    updates: Count
    random_queries: Count
    averaged_queries: Annotated[int, Field(ge=100)]
    averaged_spread: Positive
    failure_probability: Share
    seeds: Count


def attack(*, out: Path, params: AttackParams, run: Run) -> None:
    """Search, by the gradient, for the query with the largest noise, and average many answers around one query.

    The search sees the noise itself, which no user does; being local, it finds a lower bound on the largest.

    Writes  attack.csv: seed, largest noise in its own sd among random and searched queries, Cauchy–Schwarz and net
            bounds, worst error of an answer at random and searched queries, error left after averaging
    """
    rows = []
    for seed in range(params.seeds):
        generator = run.generator(f"data {seed}")
        data = mixture(params.rows, params.dimension, params.value_dimension, 1, generator)
        memory = PrivateMemory.fit(
            data.keys,
            data.values,
            epsilon=params.epsilon,
            delta=params.delta,
            radius=1.0,
            temperature=1.0,
            degree=params.degree,
            insecure_seed=int(run.generator(f"noise {seed}").integers(2**60)),
        )
        features = memory.setting.feature_map()
        noise = noise_of(memory, data.keys, data.values) / memory.noise_sd
        asked = unit(generator.standard_normal((params.random_queries, params.dimension)))
        random = np.abs(standardised_noise(features, noise, asked))
        found, heights = gradient_search(features, noise, 1.0, asked[: params.starts], params.updates)
        errors = [
            np.linalg.norm(memory.query(q) - attention_without_noise(q, data.keys, data.values, memory.setting), axis=1)
            for q in (asked, found)
        ]
        left, fresh = averaged_error(
            features, noise, 0.8 * asked[0], 1.0, params.averaged_spread, params.averaged_queries, generator
        )
        rows.append(
            {
                "seed": seed,
                "one_query": float(random.std()),
                "random": float(random.max()),
                "searched": float(heights.max()),
                "cauchy_schwarz": cauchy_schwarz_bound(noise),
                "net": net_bound(params.dimension, noise.shape[1], 1.0, params.degree, params.failure_probability),
                "random_error": float(errors[0].max()),
                "searched_error": float(errors[1].max()),
                "typical_error": float(np.sqrt(np.square(errors[0]).mean())),
                "left_after_averaging": left,
                "fresh_noise": fresh,
                "queries": params.averaged_queries,
                "epsilon": params.epsilon,
                "delta": params.delta,
                "mu": memory.ledger.mu,
                "noise_sd": memory.noise_sd,
                "feature_count": features.count,
                "insecure_seed": True,
            }
        )
    write_table(out / "attack.csv", rows)
    run.say(f"{params.seeds} sketches attacked from {params.starts} starts")
