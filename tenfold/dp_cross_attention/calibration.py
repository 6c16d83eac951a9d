"""From a budget and public numbers, never from the data, to a sketch's noise.

Legend: ρ ≥ ‖k‖ and ρ_v ≥ ‖v‖ public radii, τ temperature, B = ρ²/τ, g degree, r features, λ the weight of the
denominator's column, Δ the ℓ2-sensitivity, σ = Δ/μ the noise's standard deviation.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from tenfold.arguments import whole
from tenfold.dp_cross_attention.errors import InvalidSetting
from tenfold.dp_cross_attention.features import ExactKernel, FeatureMap, RandomFeatures, TaylorFeatures
from tenfold.dp_cross_attention.sensitivity import Neighbours, Released, sketch_sensitivity
from tenfold.dp_cross_attention.taylor import logit_bound
from tenfold.privacy.concentrated import concentrated_rho
from tenfold.privacy.gaussian import InvalidBudget, gaussian_mu, positive, probability

Accounting = Literal["analytic", "concentrated", "classical"]
Temperature = float | Literal["d", "sqrt_d"]
Kind = Literal["taylor", "rff", "exact"]
DEFAULT_RANDOM_FEATURES = 1024


def unit_noise(epsilon: float, delta: float, accounting: Accounting = "analytic") -> float:
    """Return σ/Δ for (ε, δ).

    ``analytic`` is tight (Balle & Wang 2018); ``concentrated`` goes through zCDP, σ = Δ/√(2ρ); ``classical`` is
    √(2 ln(1.25/δ))/ε, proved for ε ≤ 1 only.

    Raises InvalidBudget if ε ≤ 0, δ is outside (0, 1), or ``classical`` is asked for above ε = 1.
    """
    if accounting == "analytic":
        return 1 / gaussian_mu(epsilon, delta)
    if accounting == "concentrated":
        return 1 / math.sqrt(2 * concentrated_rho(epsilon, delta))
    if accounting != "classical":
        raise InvalidSetting(f"accounting = {accounting!r} is none of analytic, concentrated, classical")
    epsilon, delta = positive(epsilon, "epsilon"), probability(delta, "delta")
    if epsilon > 1:
        raise InvalidBudget(f"the classical noise √(2 ln(1.25/δ))/ε is not private above ε = 1, here {epsilon:g}")
    return math.sqrt(2 * math.log(1.25 / delta)) / epsilon


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The public numbers of one sketch; ``rows`` is None where the relation hides n.

    ``degree`` is None for random features, ``feature_seed`` for Taylor features. ``group`` rows belong to one
    privacy unit, whose whole change costs ``group``·Δ.
    """

    dimension: int
    value_dimension: int
    rows: int | None
    radius: float
    value_radius: float
    temperature: float
    features: Kind
    degree: int | None
    feature_count: int
    feature_seed: int | None
    denominator_weight: float
    neighbours: Neighbours
    released: Released
    group: int
    privacy_unit: str

    @property
    def logit_bound(self) -> float:
        """B = ρ²/τ."""
        return self.radius**2 / self.temperature

    @property
    def columns(self) -> int:
        """d_v + 1, or d_v where the denominator is not released."""
        return self.value_dimension + (self.released == "joint")

    def feature_map(self) -> FeatureMap:
        """Return the feature map that the setting describes."""
        if self.features == "taylor":
            assert self.degree is not None
            return TaylorFeatures(self.dimension, self.degree, self.temperature)
        if self.features == "exact":
            return ExactKernel(self.dimension, self.temperature)
        assert self.feature_seed is not None
        return RandomFeatures(self.dimension, self.feature_count, self.temperature, self.feature_seed)

    def sensitivity(self) -> float:
        """Return Δ for the whole group."""
        features = self.feature_map()
        return self.group * sketch_sensitivity(
            float(features.norm_squared(self.radius**2)),
            self.value_radius,
            self.denominator_weight,
            kernel_nonnegative=features.kernel_nonnegative,
            neighbours=self.neighbours,
            released=self.released,
        )

    def with_shape(self, rows: int, dimension: int, value_dimension: int) -> Setting:
        """Return the same setting for another memory of the same kind."""
        shape = {"rows": rows if self.neighbours == "replace_one" else None, "dimension": dimension}
        return replace(self, **shape, value_dimension=value_dimension)  # type: ignore[arg-type]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values that JSON can hold."""
        return asdict(self)


def temperature_of(temperature: Temperature, dimension: int) -> float:
    """Return τ: a number, the paper's ``"d"`` (logits <q, k>/d), or ordinary attention's ``"sqrt_d"``.

    Raises InvalidSetting if τ is another word; InvalidBudget if it is not a finite number above zero.
    """
    if temperature == "d":
        return float(dimension)
    if temperature == "sqrt_d":
        return math.sqrt(dimension)
    if isinstance(temperature, str):
        raise InvalidSetting(f"temperature = {temperature!r} must be a number, 'd' or 'sqrt_d'")
    return positive(temperature, "temperature")


def setting(
    *,
    rows: int,
    dimension: int,
    value_dimension: int,
    radius: float,
    value_radius: float = 1.0,
    temperature: Temperature = "d",
    features: Kind = "taylor",
    degree: int = 4,
    feature_count: int | None = None,
    feature_seed: int = 0,
    denominator_weight: float | None = None,
    neighbours: Neighbours = "replace_one",
    released: Released = "joint",
    group: int = 1,
    privacy_unit: str = "one row of (keys, values)",
) -> Setting:
    """Check public numbers and return the setting; λ is ρ_v unless given.

    Raises InvalidSetting, OddDegree, LogitBoundTooLarge, TooManyFeatures or InvalidBudget if a public number is out
    of range.
    """
    tau = temperature_of(temperature, dimension)
    radius, value_radius = positive(radius, "radius"), positive(value_radius, "value_radius")
    logit_bound(radius**2 / tau)
    if features not in ("taylor", "rff", "exact"):
        raise InvalidSetting(f"features = {features!r} is none of 'taylor', 'rff', 'exact'")
    group = whole(group, "group", least=1, error=InvalidSetting, says=": the rows of one privacy unit")
    feature_seed = whole(feature_seed, "feature_seed", least=0, error=InvalidSetting)
    if feature_count is not None:
        feature_count = whole(feature_count, "feature_count", error=InvalidSetting)
    made: FeatureMap
    if features == "taylor":
        made = TaylorFeatures(dimension, degree := whole(degree, "degree", error=InvalidSetting), tau)
    elif features == "exact":
        made = ExactKernel(dimension, tau)
    else:
        made = RandomFeatures(
            dimension, DEFAULT_RANDOM_FEATURES if feature_count is None else feature_count, tau, feature_seed
        )
    lam = value_radius if denominator_weight is None else positive(denominator_weight, "denominator_weight")
    found = Setting(
        dimension=dimension,
        value_dimension=value_dimension,
        radius=radius,
        value_radius=value_radius,
        rows=rows if neighbours == "replace_one" else None,
        temperature=tau,
        features=features,
        degree=degree if features == "taylor" else None,
        feature_count=made.count,
        feature_seed=feature_seed if features == "rff" else None,
        denominator_weight=lam,
        neighbours=neighbours,
        released=released,
        group=group,
        privacy_unit=privacy_unit,
    )
    found.sensitivity()
    return found
