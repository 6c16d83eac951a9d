"""Feature maps P with <P(q), P(k)> = T_g(<q, k>/τ) exactly (Taylor), or ≈ e^{<q, k>/τ} (random).

Legend: n rows, d columns, r features, τ temperature, g degree, B = ρ²/τ. Features stand in rows, (r, n), so that
one monomial is a product of two long contiguous rows; their constant factors are kept apart in ``scale`` (r,).
"""

from __future__ import annotations

import math
from collections import Counter
from functools import cached_property, lru_cache
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from jaxtyping import Float

from tenfold.dp_cross_attention.errors import InvalidSetting, TooManyFeatures
from tenfold.dp_cross_attention.taylor import even_degree, smallest, taylor

if TYPE_CHECKING:
    import torch

LARGEST_COUNT = 1 << 20


class FeatureMap(Protocol):
    """What a sketch needs of a feature map; P(x) = scale ∘ raw(x)."""

    dimension: int
    count: int
    temperature: float
    kernel_nonnegative: bool

    @property
    def scale(self) -> Float[np.ndarray, " r"]: ...

    def raw(self, rows: Float[np.ndarray, "n d"], out: np.ndarray | None = None) -> Float[np.ndarray, "r n"]: ...

    def raw_torch(self, rows: torch.Tensor) -> torch.Tensor: ...

    def norm_squared(self, squared_length: Any) -> Any: ...

    def kernel_range(self, bound: float) -> tuple[float, float]: ...


def feature_count(dimension: int, degree: int) -> int:
    """Return r = C(d + g, g), the number of monomials of degree at most g in d variables."""
    return math.comb(dimension + degree, degree)


class TaylorFeatures:
    """Monomials ∏x_j^{c_j}/√(∏c_j!) of x/√τ up to degree g, in graded order.

    Then <P(q), P(k)> = T_g(<q, k>/τ) and ‖P(k)‖² = T_g(‖k‖²/τ), both up to rounding.
    **Deviation:** the paper's count is C(2(d + s), 2s) with every ordered product; equal monomials are one here.

    Raises OddDegree or InvalidSetting if the degree is not an even number of at least 2; TooManyFeatures if there are
    too many monomials.
    """

    kernel_nonnegative = True

    def __init__(self, dimension: int, degree: int, temperature: float) -> None:
        self.dimension, self.degree, self.temperature = dimension, even_degree(degree), temperature
        self.count = feature_count(dimension, self.degree)
        if self.count > LARGEST_COUNT:
            raise TooManyFeatures(
                f"degree {degree} in {dimension} dimensions has {self.count:,} monomials, more than "
                f"{LARGEST_COUNT:,}: lower the degree, project the keys, or take features='rff'"
            )

    @property
    def scale(self) -> Float[np.ndarray, " r"]:
        """1/√(τ^j ∏c_j!) of every monomial of degree j, read-only."""
        return _taylor_scale(self.dimension, self.degree, self.temperature)

    @cached_property
    def _parents(self) -> list[list[int]]:
        """For every degree, how many of its monomials, the last ones, have no variable below each variable.

        These monomials times the variable are the monomials of the next degree whose first variable it is.
        """
        tails = range(self.dimension, 0, -1)  # number of variables from this one on
        return [[math.comb(tail + degree - 1, degree) for tail in tails] for degree in range(self.degree)]

    def raw(self, rows: Float[np.ndarray, "n d"], out: np.ndarray | None = None) -> Float[np.ndarray, "r n"]:
        """Return the monomials without their factors; ``out`` (r, n) is filled if given."""
        columns = np.ascontiguousarray(rows.T, dtype=np.float64)  # (d, n)
        monomials = np.empty((self.count, rows.shape[0])) if out is None else out
        monomials[0] = 1.0
        end = target = 1  # of the degree before, and of what is written
        for lengths in self._parents:
            for column, length in zip(columns, lengths, strict=True):
                np.multiply(monomials[end - length : end], column, out=monomials[target : target + length])
                target += length
            end = target
        return monomials

    def raw_torch(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the monomials without their factors, (r, n), on the device and in the precision of ``rows``."""
        import torch

        columns = rows.T.contiguous()  # (d, n)
        levels = [rows.new_ones((1, rows.shape[0]))]
        for lengths in self._parents:
            parts = [levels[-1][-length:] * column for column, length in zip(columns, lengths, strict=True)]
            levels.append(torch.cat(parts))
        return torch.cat(levels)  # (r, n)

    def norm_squared(self, squared_length: Any) -> Any:
        """Return ‖P(x)‖² = T_g(‖x‖²/τ)."""
        return taylor(np.asarray(squared_length) / self.temperature, self.degree)

    def kernel_range(self, bound: float) -> tuple[float, float]:
        """Return the smallest and largest T_g on [−B, B]."""
        return smallest(bound, self.degree), float(taylor(bound, self.degree))


@lru_cache(maxsize=8)
def _taylor_scale(dimension: int, degree: int, temperature: float) -> Float[np.ndarray, " r"]:
    factors = []
    for level in range(degree + 1):
        power = temperature**level if level * math.log10(temperature) < 300 else math.inf
        for variables in combinations_with_replacement(range(dimension), level):
            repeats = math.prod(math.factorial(times) for times in Counter(variables).values())
            factors.append(1 / math.sqrt(power * repeats))
    scale = np.array(factors)
    scale.setflags(write=False)
    return scale


class RandomFeatures:
    """cos and sin of random projections times e^{‖x‖²/2τ}: unbiased for e^{<q, k>/τ}, ‖P(x)‖² = e^{‖x‖²/τ} exactly.

    The projections are public: ``seed`` is stored beside the sketch and has nothing to do with the noise.

    Raises InvalidSetting if the count is not an even number of at least 2.
    """

    kernel_nonnegative = False

    def __init__(self, dimension: int, count: int, temperature: float, seed: int = 0) -> None:
        if count < 2 or count % 2:
            raise InvalidSetting(f"feature_count = {count} must be an even number of at least 2: pairs of cos and sin")
        self.dimension, self.count, self.temperature, self.seed = dimension, count, temperature, seed
        normal = np.random.default_rng([seed, 0x0FEA7]).standard_normal((count // 2, dimension))
        self.directions = normal / math.sqrt(temperature)  # ω ~ N(0, I/τ)

    @cached_property
    def scale(self) -> Float[np.ndarray, " r"]:
        """√(2/r), for every feature."""
        return np.full(self.count, math.sqrt(2 / self.count))

    def raw(self, rows: Float[np.ndarray, "n d"], out: np.ndarray | None = None) -> Float[np.ndarray, "r n"]:
        """Return the features without their factor."""
        angles = self.directions @ np.asarray(rows, dtype=np.float64).T  # (r/2, n)
        features = np.empty((self.count, rows.shape[0])) if out is None else out
        np.cos(angles, out=features[: self.count // 2])
        np.sin(angles, out=features[self.count // 2 :])
        features *= np.exp(np.einsum("nd,nd->n", rows, rows) / (2 * self.temperature))
        return features

    def raw_torch(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the features without their factor, (r, n), on the device and in the precision of ``rows``."""
        import torch

        angles = torch.as_tensor(self.directions, dtype=rows.dtype, device=rows.device) @ rows.T
        lengths = torch.exp(rows.square().sum(dim=1) / (2 * self.temperature))
        return torch.cat([angles.cos(), angles.sin()]) * lengths

    def norm_squared(self, squared_length: Any) -> Any:
        """Return ‖P(x)‖² = e^{‖x‖²/τ}."""
        return np.exp(np.asarray(squared_length) / self.temperature)

    def kernel_range(self, bound: float) -> tuple[float, float]:
        """Return e^{−B} and e^B, the range of what the features estimate."""
        return math.exp(-bound), math.exp(bound)


class ExactKernel:
    """The kernel e^{<q, k>/τ} itself (g = ∞): it has norms and a range, and no finite feature map."""

    kernel_nonnegative = True
    count = 0

    def __init__(self, dimension: int, temperature: float) -> None:
        self.dimension, self.temperature = dimension, temperature

    @property
    def scale(self) -> Float[np.ndarray, " r"]:
        """Raises InvalidSetting: the exact kernel has no finite feature map."""
        raise InvalidSetting("the exact kernel has no finite feature map; use ExactKernelMemory")

    def raw(self, rows: Any, out: Any = None) -> Any:
        """Raises InvalidSetting: the exact kernel has no finite feature map."""
        return self.scale

    raw_torch = raw
    norm_squared = RandomFeatures.norm_squared
    kernel_range = RandomFeatures.kernel_range


def features_of(features: FeatureMap, rows: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n r"]:
    """Return P(x) of every row, factors included."""
    return (features.scale[:, None] * features.raw(rows)).T
