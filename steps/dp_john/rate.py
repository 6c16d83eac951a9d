"""How fast the fixed point converges: exact, sketched and sampled."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from steps.step.params import Count, Field, Params, Positive, Share
from steps.step.run import Run
from tenfold.dp_john.certificate import certificate_of, certify, leverage_scores
from tenfold.dp_john.fixed_point import Scores, initial_weights, scaled_to_dimension
from tenfold.dp_john.sampling import SampledScores
from tenfold.dp_john.sketch import SketchedScores
from tenfold.dp_john.truncated_noise import truncated_gaussian
from tenfold.privacy.noise import NoiseSource

FIELDS = ("dataset", "n", "variant", "seed", "updates", "averaged", "last", "bound")


class RateParams(Params):
    """Which data sets, for how many updates, with which sketch and sample sizes."""

    datasets: Annotated[list[str], Field(min_length=1)]  # for exact scores
    updates: Annotated[int, Field(ge=10)]
    random_datasets: list[str]  # for sketched, sampled and noisy scores
    random_updates: Annotated[int, Field(ge=10)]
    checkpoints: Annotated[int, Field(ge=3)]  # numbers of updates at which the exact pass is made
    sketch_rows: Annotated[list[Count], Field(min_length=1)]
    sampled_rows: Annotated[list[Count], Field(min_length=1)]
    noise_sds: list[Positive]  # of the truncated noise of mode ``paper``
    truncation: Share
    seeds: Count
    noise_seeds: Count


class FixedPoint:
    """The iteration w ← w∘τ(w), which may be stopped after any round."""

    def __init__(self, rows: np.ndarray, scores: Scores) -> None:
        self.rows, self.scores = rows, scores
        self.weights = initial_weights(*rows.shape)
        self.total = np.zeros(len(rows))
        self.updates = 0

    def update(self) -> None:
        """Do one round; ``total`` sums the iterates before it."""
        self.total += self.weights
        self.weights = self.weights * self.scores(self.rows, self.weights)
        self.updates += 1

    def largest_leverages(self) -> tuple[float, float]:
        """Return max_i h_i of the averaged and of the last iterate, from exact passes with Σw = d."""
        d = self.rows.shape[1]
        averaged = certify(self.rows, scaled_to_dimension(self.total / self.updates, d))
        last_weights = scaled_to_dimension(self.weights, d)
        last = certificate_of(leverage_scores(self.rows, last_weights), d)
        return averaged.max_leverage, last.max_leverage


class NoisyScores:
    """Exact scores times 1 + truncated Gaussian noise, as in mode ``paper``."""

    def __init__(self, noise_sd: float, truncation: float, insecure_seed: int) -> None:
        self.noise_sd, self.truncation = noise_sd, truncation
        self.source = NoiseSource(insecure_seed)

    def __call__(self, A: np.ndarray, weights: np.ndarray) -> np.ndarray:
        tau = leverage_scores(A, weights)
        return tau * (1 + truncated_gaussian(tau.shape, self.noise_sd, self.truncation, self.source))


def rate(prepared: Path, *, out: Path, params: RateParams, run: Run) -> None:
    """Measure the largest leverage against the number of updates.

    Reads   prepared/<dataset>.npy (n, d)
    Writes  curves.csv: dataset, n, variant, seed, updates, averaged, last, bound = (n/d)^(1/T)
    Logs    rate/exact/averaged by update (first data set)
    Raises  RankDeficient
    """
    records: list[dict[str, Any]] = []
    for index, dataset in enumerate(params.datasets):
        rows = np.load(prepared / f"{dataset}.npy")
        curve = _curve(dataset, "exact", 0, FixedPoint(rows, leverage_scores), _marks(params, params.updates))
        records += curve
        for record in curve if index == 0 else []:
            run.log({"rate/exact/averaged": float(record["averaged"])}, update=record["updates"])
        run.say(f"{dataset}: {rows.shape[0]} × {rows.shape[1]}, exact scores, {params.updates} updates")
    for dataset in params.random_datasets:
        rows = np.load(prepared / f"{dataset}.npy")
        for variant, seed, scores in _variants(params, run, dataset):
            records += _curve(dataset, variant, seed, FixedPoint(rows, scores), _marks(params, params.random_updates))
        run.say(f"{dataset}: {rows.shape[0]} × {rows.shape[1]}, random scores, {params.random_updates} updates")
    with open(out / "curves.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(records)


def _marks(params: RateParams, updates: int) -> list[int]:
    """Return the numbers of updates, evenly spaced in the logarithm, at which the exact pass is made."""
    return np.unique(np.geomspace(1, updates, params.checkpoints).round().astype(int)).tolist()


def _variants(params: RateParams, run: Run, dataset: str) -> list[tuple[str, int, Scores]]:
    """Return (name, seed, scores) of every random variant, once per seed."""
    variants: list[tuple[str, int, Scores]] = []
    for seed in range(params.seeds):
        for count in params.sketch_rows:
            generator = run.generator(f"{dataset} sketch {count} {seed}")
            variants.append((f"sketch {count}", seed, SketchedScores(count, generator)))
        for count in params.sampled_rows:
            generator = run.generator(f"{dataset} sample {count} {seed}")
            variants.append((f"sample {count}", seed, SampledScores(count, generator)))
    for seed in range(params.noise_seeds):
        for noise_sd in params.noise_sds:
            insecure_seed = int(run.generator(f"{dataset} noise {noise_sd} {seed}").integers(2**60))
            variants.append((f"noise {noise_sd}", seed, NoisyScores(noise_sd, params.truncation, insecure_seed)))
    return variants


def _curve(dataset: str, variant: str, seed: int, state: FixedPoint, marks: list[int]) -> list[dict[str, Any]]:
    n, d = state.rows.shape
    records = []
    for mark in marks:
        while state.updates < mark:
            state.update()
        averaged, last = state.largest_leverages()
        records.append(
            {
                "dataset": dataset,
                "n": n,
                "variant": variant,
                "seed": seed,
                "updates": mark,
                "averaged": repr(averaged),
                "last": repr(last),
                "bound": repr((n / d) ** (1 / mark)),
            }
        )
    return records
