"""A private retrieval memory in use: rows with labels are the memory, queries are classified by attention."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from steps.dp_cross_attention.privacy_columns import privacy_facts, write_table
from steps.step.json_files import read_json
from steps.step.params import Count, Field, Params, Positive, Share
from steps.step.run import Run
from tenfold.dp_cross_attention.baselines import class_means, mean_value, per_query
from tenfold.dp_cross_attention.calibration import setting
from tenfold.dp_cross_attention.diagnostic import attention_without_noise
from tenfold.dp_cross_attention.exact import exact_sums
from tenfold.dp_cross_attention.gp_exact import ExactKernelMemory
from tenfold.dp_cross_attention.memory import PrivateMemory
from tenfold.privacy.gaussian import gaussian_mu
from tenfold.privacy.noise import NoiseSource


class ClassifyParams(Params):
    """Temperatures, budgets and feature maps; nothing is tuned, all are shown."""

    logit_bounds: Annotated[list[Positive], Field(min_length=1)]
    epsilons: Annotated[list[Positive], Field(min_length=1)]
    delta: Share
    degrees: dict[str, Count]
    random_features: Count


def classify(prepared: Path, *, out: Path, params: ClassifyParams, run: Run) -> None:
    """Classify queries by the largest numerator Σ e^{s} over the rows of each class, with and without privacy.

    Values are one-hot labels, so the numerators alone decide and the denominator is not released: Δ = √2√T_g(B).

    Reads   prepared/<dataset>-<seed>.npz, meta.json
    Writes  accuracy.csv: dataset, seed, B, method, ε, accuracy, and the facts of the release
    """
    meta = read_json(prepared / "meta.json")
    rows: list[dict[str, Any]] = []
    for name, facts in meta.items():
        for seed in range(facts["seeds"]):
            data = np.load(prepared / f"{name}-{seed}.npz")
            one_hot = np.eye(facts["classes"])[data["labels"]]
            arms = _Arms(data["keys"], one_hot, data["queries"], data["answers"], params, run, name, seed)
            rows += [{"dataset": name, "seed": seed} | record for record in arms.records()]
        run.say(
            f"{name}: {facts['n']} rows of {facts['classes']} classes, {facts['m']} queries, {facts['seeds']} seeds"
        )
    write_table(out / "accuracy.csv", rows)


class _Arms:
    """Everything that classifies one split of one data set."""

    def __init__(
        self,
        keys: np.ndarray,
        one_hot: np.ndarray,
        queries: np.ndarray,
        answers: np.ndarray,
        params: ClassifyParams,
        run: Run,
        dataset: str,
        seed: int,
    ) -> None:
        self.keys, self.one_hot, self.queries, self.answers = keys, one_hot, queries, answers
        self.params, self.run, self.dataset, self.seed = params, run, dataset, seed

    def records(self) -> Iterator[dict[str, Any]]:
        yield self._record("class means, not private", self._means(None))
        for epsilon in self.params.epsilons:
            mu = gaussian_mu(epsilon, self.params.delta)
            facts = {
                "epsilon": epsilon,
                "delta": self.params.delta,
                "mu": mu,
                "relation": "replace_one",
                "insecure_seed": True,
            }
            yield self._record("class means", self._means(epsilon)) | facts
            mean = mean_value(
                self.one_hot, mu=mu, value_radius=1.0, source=self._source("mean", epsilon), nonnegative=True
            )
            yield self._record("mean value", np.tile(mean, (len(self.queries), 1))) | facts
        for bound in self.params.logit_bounds:
            yield from ({"logit_bound": bound} | record for record in self._attention(bound))

    def _attention(self, bound: float) -> Iterator[dict[str, Any]]:
        exact = exact_sums(self.queries, self.keys, self.one_hot, 1 / bound)
        yield self._record("exact attention, not private", exact)
        maps: dict[str, dict[str, Any]] = {
            "Taylor": {"features": "taylor", "degree": self.params.degrees[self.dataset]},
            "random": {"features": "rff", "feature_count": self.params.random_features, "feature_seed": self.seed},
        }
        for name, kind in maps.items():
            yield self._record(f"{name} sketch, not private", self._without_noise(bound, kind))
        for epsilon in self.params.epsilons:
            for name, kind in maps.items():
                scores, facts = self._sketch(bound, epsilon, kind)
                yield self._record(f"{name} sketch", scores) | facts
            scores, facts = self._fitted(ExactKernelMemory.fit, bound, epsilon, {"max_queries": len(self.queries)})
            yield self._record("exact kernel", scores) | facts
            mu = gaussian_mu(epsilon, self.params.delta)
            scores = per_query(
                self.queries,
                self.keys,
                self.one_hot,
                mu=mu,
                radius=1.0,
                value_radius=1.0,
                temperature=1 / bound,
                source=self._source(f"per query {bound}", epsilon),
                nonnegative=True,
            )
            facts = {
                "epsilon": epsilon,
                "delta": self.params.delta,
                "mu": mu,
                "relation": "replace_one",
                "insecure_seed": True,
            }
            yield self._record("noise for each query", scores) | facts

    def _sketch(self, bound: float, epsilon: float, kind: dict[str, Any]) -> tuple[np.ndarray, dict[str, Any]]:
        return self._fitted(PrivateMemory.fit, bound, epsilon, kind)

    def _without_noise(self, bound: float, kind: dict[str, Any]) -> np.ndarray:
        rows, dimension = self.keys.shape
        known = setting(
            rows=rows,
            dimension=dimension,
            value_dimension=self.one_hot.shape[1],
            radius=1.0,
            temperature=1 / bound,
            released="numerator",
            **kind,
        )
        return attention_without_noise(self.queries, self.keys, self.one_hot, known)

    def _fitted(
        self, fit: Callable[..., Any], bound: float, epsilon: float, kind: dict[str, Any]
    ) -> tuple[np.ndarray, dict[str, Any]]:
        memory = fit(
            self.keys,
            self.one_hot,
            epsilon=epsilon,
            delta=self.params.delta,
            radius=1.0,
            temperature=1 / bound,
            released="numerator",
            insecure_seed=self._seed(f"{bound} {sorted(kind.items())}", epsilon),
            **kind,
        )
        return memory.query(self.queries), privacy_facts(memory.ledger)

    def _means(self, epsilon: float | None) -> np.ndarray:
        if epsilon is None:
            return class_means(self.queries, self.keys, self.one_hot, mu=1.0, radius=1.0, source=None)
        mu, source = gaussian_mu(epsilon, self.params.delta), self._source("means", epsilon)
        return class_means(self.queries, self.keys, self.one_hot, mu=mu, radius=1.0, source=source)

    def _record(self, method: str, scores: np.ndarray) -> dict[str, Any]:
        return {"method": method, "accuracy": float((scores.argmax(axis=1) == self.answers).mean())}

    def _seed(self, purpose: str, epsilon: float) -> int:
        return int(self.run.generator(f"{self.dataset} {self.seed} {purpose} {epsilon}").integers(2**60))

    def _source(self, purpose: str, epsilon: float) -> NoiseSource:
        return NoiseSource(self._seed(purpose, epsilon))
