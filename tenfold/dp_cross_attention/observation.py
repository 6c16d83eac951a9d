"""What an observer of a mechanism sees of two neighbouring memories, as one score per run.

Each function runs the mechanism's own code on rows and on their neighbour and returns the scores of the lower and of
the higher of the two. The most powerful score of Gaussian noise is the projection on the difference, that of trees the
log-likelihood ratio over the nodes that differ. Memories here are tiny, because privacy does not depend on n.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tenfold.dp_cross_attention import tree_memory
from tenfold.dp_cross_attention.calibration import Setting, setting
from tenfold.dp_cross_attention.continual import ContinualMemory
from tenfold.dp_cross_attention.gp_exact import ExactKernelMemory
from tenfold.dp_cross_attention.memory import sums_of
from tenfold.dp_cross_attention.sketch import released
from tenfold.dp_cross_attention.tree_memory import TreeCalibration
from tenfold.privacy.gaussian import gaussian_mu
from tenfold.privacy.noise import NoiseSource

Scores = tuple[Float[np.ndarray, " runs"], Float[np.ndarray, " runs"]]
Observe = Callable[[float, float, int, int], Scores]  # ε, δ, runs of each, insecure seed


@dataclass(frozen=True)
class WorstPair:
    """Two neighbouring memories: one row has the same longest key and the opposite value."""

    keys: Float[np.ndarray, "n d"]
    values: Float[np.ndarray, "n v"]
    other_values: Float[np.ndarray, "n v"]


def worst_pair(dimension: int = 2, nonnegative: bool = False) -> WorstPair:
    """Return a pair at distance Δ exactly for T_g and e^s: two rows, of which the first changes."""
    keys = np.eye(2, dimension)
    values = np.array([[1.0, 0.0], [0.6, 0.0]])
    other = np.array([[0.0, 1.0] if nonnegative else [-1.0, 0.0], [0.6, 0.0]])
    return WorstPair(keys, values, other)


def box_pair(value_dimension: int = 2, rows: int = 8) -> WorstPair:
    """Return the worst pair of the trees, whose bound is on every value by itself: all values change sign at one
    key.
    """
    keys = np.tile(np.eye(2), (rows // 2, 1))
    values = np.ones((rows, value_dimension))
    other = values.copy()
    other[0] = -1
    return WorstPair(keys, values, other)


def sketch_scores(known: Setting, pair: WorstPair, noise_sd: float, runs: int, seed: int) -> Scores:
    """Return projections of the released matrix on the difference of the exact ones."""
    first, second = (sums_of(pair.keys, values, known) for values in (pair.values, pair.other_values))
    direction = first - second
    scores = []
    for sums, source in ((first, NoiseSource(2 * seed)), (second, NoiseSource(2 * seed + 1))):
        scores.append(np.einsum("nrc,rc->n", released(sums, noise_sd, source, runs), direction))
    return scores[1], scores[0]


def tiny(pair: WorstPair, **public: object) -> Setting:
    """Return the setting of an audit: ρ = ρ_v = τ = 1, degree 2 unless said otherwise."""
    given = {"radius": 1.0, "temperature": 1.0, "degree": 2} | public
    rows, dimension = pair.keys.shape
    return setting(rows=rows, dimension=dimension, value_dimension=pair.values.shape[1], **given)  # type: ignore[arg-type]


def joint(features: str = "taylor", neighbours: str = "replace_one", released_: str = "joint") -> Observe:
    """Observe the released sketch, at the noise that its own calibration gives."""

    def observe(epsilon: float, delta: float, runs: int, seed: int) -> Scores:
        pair = worst_pair(nonnegative=released_ == "numerator")
        known = tiny(pair, features=features, neighbours=neighbours, released=released_, feature_count=8)
        return sketch_scores(known, pair, known.sensitivity() / gaussian_mu(epsilon, delta), runs, seed)

    return observe


def gp_exact(epsilon: float, delta: float, runs: int, seed: int) -> Scores:
    """Observe answers to two queries of the exact-kernel memory: the numerators at ±the changed key."""
    pair, scores = worst_pair(), []
    queries = np.stack([pair.keys[0], -pair.keys[0]])
    for side, values in enumerate((pair.values, pair.other_values)):
        found = np.empty(runs)
        for run in range(runs):
            memory = ExactKernelMemory.fit(
                pair.keys,
                values,
                epsilon=epsilon,
                delta=delta,
                radius=1.0,
                temperature=1.0,
                insecure_seed=(2 * seed + side) * runs + run,
            )
            memory.query(queries)
            found[run] = memory._noisy[0, 0]  # the numerator at the key is the best score
        scores.append(found)
    return scores[1], scores[0]


def continual(epsilon: float, delta: float, runs: int, seed: int) -> Scores:
    """Observe every sketch that a continual memory of four steps releases; the first step's row changes."""
    pair = worst_pair()
    known = tiny(pair)
    direction = sums_of(pair.keys[:1], pair.values[:1], known) - sums_of(pair.keys[:1], pair.other_values[:1], known)
    scores = []
    for side, values in enumerate((pair.values, pair.other_values)):
        found = np.zeros(runs)
        for run in range(runs):
            memory = ContinualMemory(
                4,
                2,
                2,
                epsilon=epsilon,
                delta=delta,
                radius=1.0,
                temperature=1.0,
                degree=2,
                insecure_seed=(2 * seed + side) * runs + run,
            )
            for time in range(4):
                row = slice(0, 1) if time == 0 else slice(1, 2)
                memory.append(pair.keys[row], values[row])
                if time in (0, 1, 3):  # the intervals [1, 1], [1, 2] and [1, 4], which hold the row
                    found[run] += np.vdot(memory.sketch, direction)
        scores.append(found)
    return scores[1], scores[0]


def tree_scores(calibration: TreeCalibration, pair: WorstPair, runs: int, seed: int) -> Scores:
    """Return log-likelihood ratios over everything that a tree memory releases, up to a constant."""
    exact = [
        tree_memory.exact_statistics(calibration, pair.keys, values) for values in (pair.values, pair.other_values)
    ]
    zero = tree_memory.noisy_statistics(calibration, 0 * exact[0][0], 0 * exact[0][1], _UnitNoise())
    weights = [np.divide(1.0, part**2, out=np.zeros_like(part), where=part > 0) for part in zero]
    scores = []
    for side, statistics in enumerate(exact):
        nodes, scalars = (np.broadcast_to(part, (runs, *part.shape)) for part in statistics)
        noisy = tree_memory.noisy_statistics(calibration, nodes, scalars, NoiseSource(2 * seed + side))
        ratio = np.zeros(runs)
        for seen, first, second, weight in zip(noisy, exact[0], exact[1], weights, strict=True):
            ratio += seen.reshape(runs, -1) @ ((first - second) * weight).ravel()
        scores.append(ratio)
    return scores[1], scores[0]


class _UnitNoise(NoiseSource):
    """Noise that equals its own sd: what is added shows every entry's scale."""

    def gaussian(self, shape: tuple[int, ...], sd: float | np.ndarray) -> np.ndarray:
        return np.broadcast_to(np.asarray(sd, dtype=np.float64), shape)


def tree(query: tree_memory.Query = "bands") -> Observe:
    """Observe all trees of the paper's route, calibrated with sequential composition."""

    def observe(epsilon: float, delta: float, runs: int, seed: int) -> Scores:
        pair = box_pair()
        return tree_scores(tree_memory.calibrate(tiny(pair), epsilon, delta, query=query), pair, runs, seed)

    return observe


MECHANISMS: dict[str, Observe] = {
    "joint, Taylor": joint(),
    "joint, random features": joint(features="rff"),
    "numerators only": joint(released_="numerator"),
    "tree, bands": tree(),
    "tree, moments": tree("moments"),
}
SLOW: dict[str, Observe] = {"exact kernel": gp_exact, "continual": continual}  # one object a run
