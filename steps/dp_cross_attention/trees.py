"""The paper's trees against one sketch: error at equal budget, the trade-off in α, copies, and the log^1.5 law."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from steps.dp_cross_attention.privacy_columns import root_mean_square, write_table
from steps.step.params import Count, Field, Params, Positive, Share
from steps.step.run import Run
from tenfold.dp_cross_attention import dptree
from tenfold.dp_cross_attention.diagnostic import noise_of
from tenfold.dp_cross_attention.exact import exact_attention
from tenfold.dp_cross_attention.features import features_of
from tenfold.dp_cross_attention.memory import PrivateMemory
from tenfold.dp_cross_attention.mixtures import mixture
from tenfold.dp_cross_attention.tree_memory import TreeMemory
from tenfold.privacy.noise import NoiseSource


class Case(Params):
    """One memory: d, g, n; its repr is part of the purposes that seeds derive from."""

    dimension: Count
    degree: Count
    rows: Count


class TreesParams(Params):
    """Sizes and ratios."""

    cases: list[Case]
    alphas: Annotated[list[Positive], Field(min_length=3)]
    copies: list[Count]
    prefix_bins: Annotated[list[Count], Field(min_length=2)]
    prefix_trees: Count
    queries: Count
    seeds: Count
    epsilon: Positive
    delta: Share


def trees(*, out: Path, params: TreesParams, run: Run) -> None:
    """Compare both routes on the same rows, features, ε and δ.

    Writes  routes.csv: case, route, error of the answer and noise of the sums over n;
            alpha.csv: α, bands, relative bias of the distances without noise, noise of the sums over n;
            copies.csv: copies, noise of the median; prefix.csv: N, rms of a prefix sum's noise at ε = 1
    """
    write_table(out / "routes.csv", [record for case in params.cases for record in _routes(case, params, run)])
    write_table(out / "alpha.csv", list(_alphas(params, run)))
    write_table(out / "copies.csv", list(_copies(params, run)))
    write_table(out / "prefix.csv", list(_prefixes(params, run)))
    run.say(f"{len(params.cases)} cases, {len(params.alphas)} ratios α, {params.seeds} seeds")


def _data(case: Case, seed: int, params: TreesParams, run: Run) -> Any:
    return mixture(case.rows, case.dimension, 1, params.queries, run.generator(f"data {case!r} {seed}"))


def _tree(case: Case, data: Any, params: TreesParams, seed: int, **more: Any) -> TreeMemory:
    return TreeMemory.fit(
        data.keys,
        data.values,
        epsilon=params.epsilon,
        delta=params.delta,
        radius=1.0,
        temperature=1.0,
        degree=case.degree,
        insecure_seed=seed,
        **more,
    )


def _routes(case: Case, params: TreesParams, run: Run) -> Any:
    for seed in range(params.seeds):
        data, noise = _data(case, seed, params, run), int(run.generator(f"noise {case!r} {seed}").integers(2**60))
        exact = exact_attention(data.queries, data.keys, data.values, 1.0)
        facts = {
            "d": case.dimension,
            "g": case.degree,
            "n": case.rows,
            "seed": seed,
            "epsilon": params.epsilon,
            "delta": params.delta,
            "relation": "replace_one",
            "insecure_seed": True,
        }
        arms: list[tuple[Literal["bands", "moments"], Literal["gaussian", "laplace"]]] = [
            ("bands", "gaussian"),
            ("bands", "laplace"),
            ("moments", "gaussian"),
        ]
        for query, kind in arms:
            noisy = _tree(case, data, params, noise, query=query, noise=kind)
            plain = _tree(case, data, params, noise, query=query, noise="none")
            yield facts | {
                "route": f"tree, {query}, {kind}",
                "releases": noisy.calibration.releases,
                "rmse": root_mean_square(noisy.query(data.queries) - exact),
                "noise": root_mean_square((noisy.sums(data.queries) - plain.sums(data.queries))[:, :-1]) / case.rows,
            }
        sketch = PrivateMemory.fit(
            data.keys,
            data.values,
            epsilon=params.epsilon,
            delta=params.delta,
            radius=1.0,
            temperature=1.0,
            degree=case.degree,
            insecure_seed=noise,
        )
        features = sketch.setting.feature_map()
        added = features_of(features, data.queries) @ noise_of(sketch, data.keys, data.values)[:, :-1]
        yield facts | {
            "route": "one sketch",
            "releases": 1,
            "rmse": root_mean_square(sketch.query(data.queries) - exact),
            "noise": root_mean_square(added) / case.rows,
        }


def _alphas(params: TreesParams, run: Run) -> Any:
    """One-dimensional trees: Σw(x − y)² by bands, its bias without noise and its noise, against α."""
    case = params.cases[-1]
    for seed in range(params.seeds):
        generator = run.generator(f"alpha {seed}")
        grid = dptree.Grid(1.0, dptree.bins_for(case.rows))
        nodes = dptree.dyadic_sums(grid, generator.uniform(-1, 1, (1, case.rows)), np.ones((case.rows, 1)))
        points = generator.uniform(-1, 1, (1, params.queries))
        source = NoiseSource(int(generator.integers(2**60)))
        noise = dptree.add_noise(np.zeros((params.prefix_trees, *nodes.shape[1:])), np.ones(1), "gaussian", source)
        spread = np.repeat(points, params.prefix_trees, axis=0)
        finest = dptree.distances_by_bands(nodes, grid, points, min(params.alphas) / 10, power=1)
        for alpha in params.alphas:
            plain = dptree.distances_by_bands(nodes, grid, points, alpha, power=1)
            yield {
                "alpha": alpha,
                "seed": seed,
                "bands": len(dptree.band_edges(grid, alpha)) - 1,
                "bias": float((plain / finest - 1).max()),
                "noise": root_mean_square(dptree.distances_by_bands(noise, grid, spread, alpha, power=1)),
            }


def _copies(params: TreesParams, run: Run) -> Any:
    case = params.cases[0]
    for seed in range(params.seeds):
        data = _data(case, seed, params, run)
        for copies in params.copies:
            noise = int(run.generator(f"copies {copies} {seed}").integers(2**60))
            noisy = _tree(case, data, params, noise, copies=copies)
            plain = _tree(case, data, params, noise, noise="none")
            difference = noisy.sums(data.queries) - plain.sums(data.queries)
            yield {"copies": copies, "seed": seed, "noise": root_mean_square(difference[:, :-1]) / case.rows}


def _prefixes(params: TreesParams, run: Run) -> Any:
    for bins in params.prefix_bins:
        scale = dptree.tree_sensitivity(bins, 1.0, "signed", 1)  # pure ε = 1, Laplace
        squares = []
        for tree in range(params.prefix_trees):
            source = NoiseSource(int(run.generator(f"prefix {bins} {tree}").integers(2**60)))
            nodes = dptree.add_noise(np.zeros((1, 2 * bins, 1)), np.array([scale]), "laplace", source)
            squares.append(float(np.square(dptree.prefix_sums(nodes)[0, 1:-1]).mean()))
        yield {"bins": bins, "rms": float(np.sqrt(np.mean(squares))), "one_sum": float(np.sqrt(2) * 2.0)}
