"""How far private attention is from exact attention: against rows and ε, and against temperature and degree."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from steps.dp_cross_attention.privacy_columns import privacy_facts, root_mean_square, write_table
from steps.step.params import Count, Field, Params, Positive, Share
from steps.step.run import Run
from tenfold.dp_cross_attention.diagnostic import attention_without_noise
from tenfold.dp_cross_attention.exact import exact_attention
from tenfold.dp_cross_attention.gp_exact import ExactKernelMemory
from tenfold.dp_cross_attention.memory import PrivateMemory
from tenfold.dp_cross_attention.mixtures import Mixture, mixture


class ErrorsParams(Params):
    """Sizes, budgets, degrees and temperatures."""

    rows: Annotated[list[Count], Field(min_length=3)]
    epsilons: Annotated[list[Positive], Field(min_length=3)]
    dimension: Count
    value_dimension: Count
    degree: Count
    queries: Count
    seeds: Count
    delta: Share
    logit_bounds: list[Positive]
    degrees: list[Count]
    random_features: list[Count]
    temperature_rows: Count
    temperature_dimension: Count


def errors(*, out: Path, params: ErrorsParams, run: Run) -> None:
    """Measure errors of one sketch against exact attention (a diagnostic that is not private).

    Writes  grid.csv: n, ε, seed, RMSE in all, of truncation and of noise, its prediction, coverage of error bars;
            temperature.csv: B, feature map, degree, the same errors
    """
    grid = write_table(out / "grid.csv", list(_grid(params, run)))
    sweep = write_table(out / "temperature.csv", list(_temperature(params, run)))
    run.say(f"{len(grid)} errors by rows and ε, {len(sweep)} by temperature")


def _grid(params: ErrorsParams, run: Run) -> Any:
    for rows in params.rows:
        for seed in range(params.seeds):
            generator = run.generator(f"mixture {rows} {seed}")
            data = mixture(rows, params.dimension, params.value_dimension, params.queries, generator)
            exact = exact_attention(data.queries, data.keys, data.values, 1.0)
            plain: np.ndarray | None = None
            for epsilon in params.epsilons:
                noise_seed = int(run.generator(f"noise {rows} {seed} {epsilon}").integers(2**60))
                memory = _memory(data, 1.0, epsilon, params.delta, seed=noise_seed, degree=params.degree)
                if plain is None:  # the same for every ε
                    plain = attention_without_noise(data.queries, data.keys, data.values, memory.setting)
                yield {"n": rows, "seed": seed} | _errors(memory, data.queries, exact, plain)


def _temperature(params: ErrorsParams, run: Run) -> Any:
    kinds: list[dict[str, Any]] = [{"features": "taylor", "degree": degree} for degree in params.degrees]
    kinds += [{"features": "rff", "feature_count": count} for count in params.random_features]
    for seed in range(params.seeds):
        generator = run.generator(f"temperature {seed}")
        data = mixture(
            params.temperature_rows, params.temperature_dimension, params.value_dimension, params.queries, generator
        )
        for bound in params.logit_bounds:
            exact = exact_attention(data.queries, data.keys, data.values, 1 / bound)
            noise_seed = int(run.generator(f"noise {bound} {seed}").integers(2**60))
            for kind in kinds:
                more = kind | ({"feature_seed": seed} if kind["features"] == "rff" else {})
                memory = _memory(data, 1 / bound, 1.0, params.delta, seed=noise_seed, **more)
                plain = attention_without_noise(data.queries, data.keys, data.values, memory.setting)
                yield {"seed": seed, "kind": _name(kind)} | _errors(memory, data.queries, exact, plain)
            kernel = ExactKernelMemory.fit(
                data.keys,
                data.values,
                epsilon=1.0,
                delta=params.delta,
                radius=1.0,
                temperature=1 / bound,
                insecure_seed=noise_seed,
            )
            yield {"seed": seed, "kind": "exact kernel"} | _errors(kernel, data.queries, exact, exact)


def _name(kind: dict[str, Any]) -> str:
    return f"Taylor {kind['degree']}" if kind["features"] == "taylor" else f"random {kind['feature_count']}"


def _memory(
    data: Mixture, temperature: float, epsilon: float, delta: float, *, seed: int, **more: Any
) -> PrivateMemory:
    return PrivateMemory.fit(
        data.keys,
        data.values,
        epsilon=epsilon,
        delta=delta,
        radius=1.0,
        temperature=temperature,
        insecure_seed=seed,
        **more,
    )


def _errors(memory: Any, queries: np.ndarray, exact: np.ndarray, plain: np.ndarray) -> dict[str, Any]:
    """Return the errors of one memory; ``noise`` compares with the same sketch without noise."""
    raw = memory.query(queries, errors=True, clamp=False, project=False)
    answer = memory.query(queries, errors=True)
    noise = raw.values - plain
    return {
        "rmse": root_mean_square(answer.values - exact),
        "max_error": float(np.abs(answer.values - exact).max()),
        "truncation": root_mean_square(plain - exact),
        "noise": root_mean_square(noise),
        "predicted": root_mean_square(raw.noise_sd),
        "covered": float((np.abs(noise) <= 1.96 * raw.noise_sd).mean()),
        "clamped": float(answer.clamped.mean()),
        "truncation_bound": answer.truncation if answer.truncation is not None else math.nan,
    } | privacy_facts(memory.ledger)
