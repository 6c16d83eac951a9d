"""The paper's route: attention from one noisy tree per feature and column, with composition done right.

Σ w_i<P(k_i), P(q)> = ½(Σw_i‖P(k_i)‖² + ‖P(q)‖²Σw_i − Σ_j Σ_i w_i (P_j(k_i) − P_j(q))²), the last sum from r trees,
once for every value column and once with unit weights for the denominator. All trees hold the same rows, so their
budgets compose sequentially: of K releases each gets μ/√K. An implementation that spends ε/2 on the denominator and
ε/2 on *each* value column is not (ε, δ)-private.
**Deviation:** features are those of ``TaylorFeatures`` (r = C(d+g, g)), not the paper's larger set, which flatters
this route; the median is over independent copies, which share the budget.

Legend: m queries, r features, c = d_v + 1 columns, N bins, α the bands' ratio less one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq

from tenfold.dp_cross_attention import dptree
from tenfold.dp_cross_attention.calibration import Setting, unit_noise
from tenfold.dp_cross_attention.calibration import setting as checked_setting
from tenfold.dp_cross_attention.dptree import Grid
from tenfold.dp_cross_attention.errors import InvalidMemory, InvalidSetting
from tenfold.dp_cross_attention.features import FeatureMap, features_of
from tenfold.dp_cross_attention.ledger import CONTEXTUAL, RELATIONS
from tenfold.dp_cross_attention.validation import OnViolation, matrix, within
from tenfold.privacy.noise import NoiseSource
from tenfold.privacy.statement import PrivacyStatement
from tenfold.privacy.weak_delta import warn_of_weak_delta

Query = Literal["bands", "moments"]
TREE_STATISTICS = {"bands": 1, "moments": 3}  # Σw; Σw, Σwx, Σwx²
SCALARS = 2  # Σw‖P(k)‖² and Σw of a column


@dataclass(frozen=True)
class TreeCalibration:
    """What one release of all trees costs: K statistics of μ/√K each, or of ε₀ each for Laplace noise."""

    setting: Setting
    query: Query
    noise: Literal["gaussian", "laplace"]
    copies: int
    bins: int
    half_width: float
    share: float  # μ or ε₀ of one statistic of one tree
    epsilon: float
    delta: float

    @property
    def releases(self) -> int:
        """K, all copies counted."""
        return releases_of(self.setting.feature_count, self.setting.value_dimension, self.query, self.copies)

    def scale(self, bound: float, weights: dptree.Weights) -> float:
        """Return a node's noise: sd for Gaussian, b for Laplace noise."""
        norm: Literal[1, 2] = 2 if self.noise == "gaussian" else 1
        return dptree.tree_sensitivity(self.bins, bound, weights, norm) / self.share


def releases_of(features: int, value_dimension: int, query: Query, copies: int = 1) -> int:
    """Return K = copies·(d_v + 1)·(r·statistics + 2)."""
    return copies * (value_dimension + 1) * (features * TREE_STATISTICS[query] + SCALARS)


def coordinate_bound(bound: float, degree: int) -> float:
    """Return Γ = max_j √(B^j/j!), the largest |P_j(k)|: the squares of one degree sum to B^j/j!."""
    return max(math.sqrt(bound**j / math.factorial(j)) for j in range(degree + 1))


def advanced_share(epsilon: float, delta: float, releases: int) -> float:
    """Return ε₀ with ε₀√(2K ln(1/δ)) + Kε₀(e^{ε₀} − 1) = ε (Dwork, Rothblum & Vadhan 2010)."""

    def excess(share: float) -> float:
        return share * math.sqrt(2 * releases * math.log(1 / delta)) + releases * share * math.expm1(share) - epsilon

    return float(brentq(excess, 0.0, epsilon))


def calibrate(
    setting: Setting, epsilon: float, delta: float, *, query: Query = "bands", noise: Any = "gaussian", copies: int = 1
) -> TreeCalibration:
    """Return the calibration of all trees together at (ε, δ), replace-one.

    Raises InvalidSetting if n is secret, since the trees' size is read off it, or the features are not Taylor's.
    """
    if setting.rows is None or setting.degree is None:
        raise InvalidSetting("trees need a public n and Taylor features: neighbours='replace_one', features='taylor'")
    K = releases_of(setting.feature_count, setting.value_dimension, query, copies)
    share = (
        1 / (unit_noise(epsilon, delta) * math.sqrt(K)) if noise == "gaussian" else advanced_share(epsilon, delta, K)
    )
    half_width = coordinate_bound(setting.logit_bound, setting.degree)
    return TreeCalibration(
        setting, query, noise, copies, dptree.bins_for(setting.rows), half_width, share, epsilon, delta
    )


class TreeMemory:
    """The released trees of all features and columns, which answer any number of queries."""

    def __init__(
        self,
        calibration: TreeCalibration,
        copies: list[tuple[np.ndarray, np.ndarray]],
        privacy: PrivacyStatement | None,
    ) -> None:
        """``privacy`` is None for a diagnostic without noise."""
        self.calibration, self.privacy = calibration, privacy
        self._features: FeatureMap = calibration.setting.feature_map()
        self._grid = Grid(calibration.half_width, calibration.bins)
        self._copies = copies

    @classmethod
    def fit(
        cls,
        keys: Any,
        values: Any,
        *,
        epsilon: float,
        delta: float,
        radius: float,
        query: Query = "bands",
        noise: Literal["gaussian", "laplace", "none"] = "gaussian",
        copies: int = 1,
        on_violation: OnViolation = "error",
        insecure_seed: int | None = None,
        **public: Any,
    ) -> TreeMemory:
        """Release all trees as one (ε, δ)-DP memory, replace-one; arguments as ``PrivateMemory.fit``.

        ``noise="none"`` is a diagnostic without privacy.
        Each call is a release of its own; the budgets of several on the same rows are the user's to add. Warns
        WeakDelta if δ ≥ 1/n.
        Raises InvalidMemory or BoundViolated if the rows are at fault; InvalidSetting if a public number is.
        """
        keys, values = matrix(keys, "keys"), matrix(values, "values")
        if len(keys) != len(values):
            raise InvalidMemory("there are not as many keys as values: give one value per key")
        known = checked_setting(
            rows=len(keys), dimension=keys.shape[1], value_dimension=values.shape[1], radius=radius, **public
        )
        kind = "gaussian" if noise == "none" else noise
        calibration = calibrate(known, epsilon, delta, query=query, noise=kind, copies=copies)
        keys = within(keys, known.radius, "keys", on_violation)
        values = within(values, known.value_radius, "values", on_violation)
        nodes, scalars = exact_statistics(calibration, keys, values)
        source = NoiseSource(insecure_seed)
        if noise == "none":
            return cls(calibration, [(nodes, scalars)] * copies, None)
        warn_of_weak_delta(delta, known.rows)
        noisy = [noisy_statistics(calibration, nodes, scalars, source) for _ in range(copies)]
        return cls(calibration, noisy, statement(calibration, insecure_seed is not None))

    @property
    def released(self) -> tuple[np.ndarray, np.ndarray]:
        """Everything that was released: nodes (copies, r, 2N, statistics·c) and scalars (copies, 2, c)."""
        nodes, scalars = zip(*self._copies, strict=True)
        return np.stack(nodes), np.stack(scalars)

    def query(self, queries: Any, *, alpha: float = 0.1, clamp: bool = True) -> Float[np.ndarray, "m v"]:
        """Answer queries (m, d); the median over copies. ``alpha`` is used by bands only."""
        known = self.calibration.setting
        rows = within(matrix(queries, "queries", known.dimension), known.radius, "queries", "error")
        sums = self.sums(rows, alpha=alpha)  # (m, c)
        denominators = sums[:, -1]
        if clamp:
            assert known.rows is not None
            least, most = self._features.kernel_range(known.logit_bound)
            denominators = np.clip(denominators, known.rows * least, known.rows * most)
        ratio = sums[:, :-1] / denominators[:, None]
        lengths = np.linalg.norm(ratio, axis=1, keepdims=True)
        return np.where(lengths > known.value_radius, ratio * known.value_radius / np.maximum(lengths, 1e-300), ratio)

    def sums(self, queries: Float[np.ndarray, "m d"], *, alpha: float = 0.1) -> Float[np.ndarray, "m c"]:
        """Return numerators and the denominator, [Σw<P(k), P(q)>, Σ<P(k), P(q)>]."""
        points = features_of(self._features, queries)  # (m, r)
        found = [self._one(nodes, scalars, points, alpha) for nodes, scalars in self._copies]
        return np.median(np.stack(found), axis=0)

    def _one(self, nodes: np.ndarray, scalars: np.ndarray, points: np.ndarray, alpha: float) -> np.ndarray:
        columns = scalars.shape[1]
        if self.calibration.query == "bands":
            distances = dptree.distances_by_bands(nodes, self._grid, points.T, alpha, power=2).sum(axis=0)  # (m, c)
        else:
            w, wx, wxx = (nodes[:, 1, part * columns : (part + 1) * columns] for part in range(3))  # roots, (r, c)
            distances = wxx.sum(axis=0) - 2 * points @ wx + np.square(points) @ w
        lengths = np.square(points).sum(axis=1, keepdims=True)
        return 0.5 * (scalars[0] + lengths * scalars[1] - distances)


def statement(calibration: TreeCalibration, insecure_seed: bool) -> PrivacyStatement:
    """Return the guarantee of all trees together."""
    c, known = calibration, calibration.setting
    gaussian = c.noise == "gaussian"
    return PrivacyStatement(
        mechanism=f"{c.releases} statistics of dyadic trees, each with {c.noise} noise for its share of the budget",
        epsilon=c.epsilon,
        delta=c.delta,
        mu=c.share * math.sqrt(c.releases) if gaussian else None,
        neighbour_relation=f"{RELATIONS['replace_one']}; unit: {known.privacy_unit}",
        closeness=None,
        sensitivity="per tree: a row is in log₂N + 1 nodes; the budgets of all trees and columns add up",
        assumptions=(
            f"‖k‖ ≤ {known.radius:g}, ‖v‖ ≤ {known.value_radius:g}, τ = {known.temperature:g} are public",
            "at most 1 row belongs to one unit",
        ),
        not_protected=("queries, and who asks them", CONTEXTUAL),
        proven=True,
        insecure_seed=insecure_seed,
    )


def exact_statistics(
    calibration: TreeCalibration, keys: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the nodes (r, 2N, statistics·c) and the scalars (2, c) without noise: private.

    Raises InvalidSetting if keys and values are not of the shape that was calibrated for.
    """
    known = calibration.setting
    if (keys.shape, values.shape) != ((known.rows, known.dimension), (known.rows, known.value_dimension)):
        raise InvalidSetting(f"calibrated for {known.rows} keys of {known.dimension} columns, not {keys.shape}")
    positions = features_of(calibration.setting.feature_map(), keys).T  # (r, n)
    weights = np.concatenate([values, np.ones((len(values), 1))], axis=1)  # (n, c)
    grid = Grid(calibration.half_width, calibration.bins)
    nodes = dptree.dyadic_sums(grid, positions, weights)
    if calibration.query == "moments":
        parts = [nodes]
        for power in (1, 2):
            made = [
                dptree.dyadic_sums(grid, row[None], weights * row[:, None] ** power) for row in positions
            ]  # a coordinate's moment goes to its own tree
            parts.append(np.concatenate(made))
        nodes = np.concatenate(parts, axis=2)
    lengths = np.square(positions).sum(axis=0)
    return nodes, np.stack([lengths @ weights, weights.sum(axis=0)])


def noisy_statistics(
    calibration: TreeCalibration, nodes: np.ndarray, scalars: np.ndarray, source: NoiseSource
) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and scalars with their noise; leading axes are independent runs."""
    known, Gamma = calibration.setting, calibration.half_width
    R, v = known.value_radius, known.value_dimension
    scales = [*[calibration.scale(R, "signed")] * v, calibration.scale(1.0, "nonnegative")]
    if calibration.query == "moments":
        scales += [*[calibration.scale(R * Gamma, "signed")] * v, calibration.scale(Gamma, "signed")]
        scales += [*[calibration.scale(R * Gamma**2, "signed")] * v, calibration.scale(Gamma**2, "nonnegative")]
    noisy = dptree.add_noise(nodes, np.array(scales), calibration.noise, source)
    # scalars: |Σw‖P‖²| moves by 2R·T_g(B) at most (T_g(B) for w = 1), Σw by 2R (0 for w = 1: n is public)
    T = float(known.feature_map().norm_squared(known.radius**2))
    norms = np.array([*[2 * R * T] * v, T]) / calibration.share
    weights = np.array([*[2 * R] * v, 0.0]) / calibration.share
    first = dptree.add_noise(scalars[..., 0, :], norms, calibration.noise, source)
    second = scalars[..., 1, :].copy()
    second[..., :-1] = dptree.add_noise(second[..., :-1], weights[:-1], calibration.noise, source)
    return noisy, np.stack([first, second], axis=-2)
