"""One knob at a time: λ, joint or split budgets, clamping, accountants, heads, what is released."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from steps.dp_cross_attention.privacy_columns import root_mean_square, write_table
from steps.step.params import Count, Params, Positive, Share
from steps.step.run import Run
from tenfold.dp_cross_attention.calibration import Accounting
from tenfold.dp_cross_attention.diagnostic import attention_without_noise
from tenfold.dp_cross_attention.memory import PrivateMemory
from tenfold.dp_cross_attention.mixtures import Mixture, mixture
from tenfold.privacy.gaussian import gaussian_epsilon, gaussian_mu


class AblationsParams(Params):
    """One base case, and what is varied around it."""

    rows: Count
    dimension: Count
    value_dimension: Count
    degree: Count
    queries: Count
    seeds: Count
    epsilon: Positive
    delta: Share
    denominator_weights: list[Positive]
    heads: list[Count]
    small_rows: Count  # a memory so small at an ε so small that noise reaches the denominator
    small_epsilon: Positive


def ablations(*, out: Path, params: AblationsParams, run: Run) -> None:
    """Measure the error of an answer with one thing changed at a time, on the same rows and noise seeds.

    Writes  ablations.csv: ablation, value, seed, RMSE against the sketch without noise, share of clamped denominators
    """
    rows: list[dict[str, Any]] = []
    for seed in range(params.seeds):
        generator = run.generator(f"data {seed}")
        data = mixture(params.rows, params.dimension, params.value_dimension, params.queries, generator)
        bench = _Bench(data, params, int(run.generator(f"noise {seed}").integers(2**60)))
        small = mixture(params.small_rows, params.dimension, params.value_dimension, params.queries, generator)
        records = [*bench.weights(), *bench.budgets(), *bench.accountants(), *bench.heads()]
        records += _clamps(small, params, bench.noise_seed)
        rows += [{"seed": seed} | record for record in records]
    write_table(out / "ablations.csv", rows)
    run.say(f"{len(rows)} measurements of {len({row['ablation'] for row in rows})} ablations")


class _Bench:
    def __init__(self, data: Mixture, params: AblationsParams, noise_seed: int) -> None:
        self.data, self.params, self.noise_seed = data, params, noise_seed
        self.plain = attention_without_noise(data.queries, data.keys, data.values, self._fit().setting)

    def _fit(self, **changed: Any) -> PrivateMemory:
        public = {
            "degree": self.params.degree,
            "epsilon": self.params.epsilon,
            "insecure_seed": self.noise_seed,
        } | changed
        return PrivateMemory.fit(
            self.data.keys, self.data.values, delta=self.params.delta, radius=1.0, temperature=1.0, **public
        )

    def _record(self, ablation: str, value: object, answer: np.ndarray, clamped: float = math.nan) -> dict[str, Any]:
        error = root_mean_square(answer - self.plain)
        return {"ablation": ablation, "value": str(value), "rmse": error, "clamped": clamped}

    def weights(self) -> Iterator[dict[str, Any]]:
        """λ in units of ρ_v: a heavier denominator column is quieter, until it costs sensitivity above λ = ρ_v."""
        for weight in self.params.denominator_weights:
            yield self._record("λ", weight, self._fit(denominator_weight=weight).query(self.data.queries))

    def budgets(self) -> Iterator[dict[str, Any]]:
        """Numerator and denominator released together, or each by itself at half of the squared budget."""
        yield self._record("budget", "joint", self._fit().query(self.data.queries))
        share = gaussian_epsilon(self.params.delta, gaussian_mu(self.params.epsilon, self.params.delta) / math.sqrt(2))
        # the numerator alone: v signed, Δ = 2ρ_v√T, as a sketch with a denominator column of no weight
        numerator = self._fit(epsilon=share, denominator_weight=1e-9)
        # the denominator alone: one column of λ = 1 with Δ = √2·√T, as values ≥ 0
        ones = np.ones((len(self.data.keys), 1))
        denominator = PrivateMemory.fit(
            self.data.keys,
            ones,
            epsilon=share,
            delta=self.params.delta,
            radius=1.0,
            temperature=1.0,
            degree=self.params.degree,
            released="numerator",
            insecure_seed=self.noise_seed + 1,
        )
        features = numerator.setting.feature_map()
        P = (features.scale[:, None] * features.raw(self.data.queries)).T
        D = np.maximum(denominator.query(self.data.queries), len(ones) * features.kernel_range(1.0)[0])
        yield self._record("budget", "split", (P @ numerator.sketch[:, :-1]) / D)

    def accountants(self) -> Iterator[dict[str, Any]]:
        names: list[Accounting] = ["analytic", "concentrated", "classical"]
        for name in names:
            yield self._record("accounting", name, self._fit(accounting=name).query(self.data.queries))

    def heads(self) -> Iterator[dict[str, Any]]:
        """Each of H heads' sketches is released at μ/√H, so that all of them together stay at (ε, δ)."""
        mu = gaussian_mu(self.params.epsilon, self.params.delta)
        for heads in self.params.heads:
            share = gaussian_epsilon(self.params.delta, mu / math.sqrt(heads))
            if share <= 0:
                continue  # so little that (0, δ) covers it: no ε to calibrate by
            yield self._record("heads", heads, self._fit(epsilon=share).query(self.data.queries))


def _clamps(data: Mixture, params: AblationsParams, noise_seed: int) -> Iterator[dict[str, Any]]:
    memory = PrivateMemory.fit(
        data.keys,
        data.values,
        epsilon=params.small_epsilon,
        delta=params.delta,
        radius=1.0,
        temperature=1.0,
        degree=params.degree,
        insecure_seed=noise_seed,
    )
    plain = attention_without_noise(data.queries, data.keys, data.values, memory.setting)
    for name, clamp, project in (
        ("clamped and projected", True, True),
        ("clamped", True, False),
        ("as it comes", False, False),
    ):
        answer = memory.query(data.queries, errors=True, clamp=clamp, project=project)
        error = root_mean_square(answer.values - plain)
        yield {"ablation": "denominator", "value": name, "rmse": error, "clamped": float(answer.clamped.mean())}
