"""Calibration: from a budget and public numbers, never from the data, to the noise of each mode.

- ``input``: Gaussian noise on X; one record moves by at most β.
- ``ridge-sample``: G = ΦR + √λ₀N with R public; one record is replaced by any other.
- ``ssp``: noisy ZᵀZ and ZᵀY of public features Z; one record and its label are replaced.
- ``paper``: k draws of N(0, K) and truncated Laplace noise on X, on an assumption about K that nothing checks.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tenfold.arguments import whole
from tenfold.dp_ntk.mixture_accountant import smallest_noise_variance
from tenfold.dp_ntk.sensitivity import published_bound, whitened_bound
from tenfold.dp_ntk.truncated_laplace import truncated_laplace
from tenfold.privacy.gaussian import InvalidBudget, gaussian_mu, positive, probability, split
from tenfold.privacy.weak_delta import WeakDelta, warn_of_weak_delta

__all__ = ["Calibration", "CalibrationMismatch", "ConditionFails", "InvalidCalibration", "TooFewSamples", "WeakDelta"]

Mode = Literal["input", "ridge-sample", "ssp", "paper"]
NEIGHBOURS: dict[str, str] = {"input": "close", "ridge-sample": "replace", "ssp": "replace", "paper": "close"}
MODES = tuple(NEIGHBOURS)
LABEL_DIAMETER = 2 * math.sqrt(2.0)  # ‖y − y'‖ of two one-hot targets ±1
GRAM_SENSITIVITY = math.sqrt(2.0)  # ‖zzᵀ − z'z'ᵀ‖_F ≤ √2 for unit z, z'
ROUNDING = 1e-9  # by which a bound that was computed twice may differ


class InvalidCalibration(ValueError):
    """A public number is missing, out of range or no number."""


class TooFewSamples(InvalidCalibration):
    """The budget does not pay for one sample: k < 1 is refused, never rounded up to 1."""


class ConditionFails(InvalidCalibration):
    """The mechanism's theorem does not apply: Δ exceeds ε/(8 ln(1/δ)), whatever k is."""


class CalibrationMismatch(InvalidCalibration):
    """A calibration is used with records, labels, a kernel or projections that it was not made for."""


@dataclass(frozen=True)
class Calibration:
    """A mode's noise and every public number it rests on; fields that the mode does not use are None.

    ``noise_sd`` is that of the noise on X (``input``) or on ZᵀZ (``ssp``, Frobenius), ``cross_noise_sd`` on ZᵀY,
    ``label_noise_sd`` on the targets ±1, ``noise_variance`` λ₀. Labels are public where ``labels`` says so. A release
    is refused with CalibrationMismatch where ``n``, ``d``, ``classes``, ``samples``, ``diameter`` or ``operator_norm``
    is not that of what is released.
    """

    mode: str
    n: int | None
    d: int
    epsilon: float
    delta: float
    mu: float | None
    neighbours: str
    labels: str
    closeness: float | None = None
    noise_sd: float | None = None
    cross_noise_sd: float | None = None
    label_noise_sd: float | None = None
    noise_variance: float | None = None
    samples: int | None = None
    diameter: float | None = None
    eta_min: float | None = None
    whitened: float | None = None
    laplace_scale: float | None = None
    laplace_bound: float | None = None
    classes: int | None = None
    operator_norm: float | None = None

    def require(self, mode: str) -> None:
        """Raise ``CalibrationMismatch`` unless this calibrates ``mode``: another's noise protects nothing."""
        if self.mode != mode:
            raise CalibrationMismatch(f"calibrated for mode {self.mode!r}, used by mode {mode!r}")

    def require_equal(self, name: str, found: int, what: str) -> None:
        """Raise ``CalibrationMismatch`` unless ``found`` is the public count ``name``; None there binds nothing."""
        expected = getattr(self, name)
        if expected is not None and found != expected:
            raise CalibrationMismatch(
                f"{found} {what}, where the calibration counts on {expected}: calibrate for these"
            )

    def require_at_most(self, name: str, found: float) -> None:
        """Raise ``CalibrationMismatch`` if ``found`` exceeds the public bound ``name``."""
        bound = getattr(self, name)
        if bound is not None and found > bound * (1 + ROUNDING):
            raise CalibrationMismatch(f"{name} = {found:g}, where the calibration counts on {bound:g} at most")

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values that JSON can hold."""
        return asdict(self)


def calibrate(
    mode: str,
    epsilon: float,
    delta: float,
    *,
    d: int,
    n: int | None = None,
    classes: int = 2,
    closeness: float | None = None,
    samples: int | None = None,
    diameter: float | None = None,
    label_share: float = 0.0,
    eta_min: float | None = None,
    operator_norm: float = 1.0,
    bound: Literal["proven", "published"] = "proven",
) -> Calibration:
    """Return the noise of ``mode`` for an (ε, δ) budget; every argument is a public number, never data.

    ``d``: features, of the kernel's input (of Z in mode ``ssp``); ``closeness`` β (``input``, ``paper``);
    ``samples`` k and ``diameter`` D ≥ ‖φ(x) − φ(x')‖ (``ridge-sample``); ``label_share`` of μ² for noisy targets
    (``input``, ``ridge-sample``; at 0 labels count as public); ``classes`` C (``ssp``); ``eta_min`` and
    ``operator_norm`` ‖W‖_op/√m (``paper``, which needs ``n``), whose ε and δ are halved between X̃ and the samples.
    ``bound`` chooses Δ: ``proven`` for the quadratic kernel, or the published nβ/η_min. Warns WeakDelta if δ ≥ 1/n.

    Choosing any of them by looking at the data spends budget that is not counted here.

    Raises InvalidBudget if ε ≤ 0, δ is outside (0, 1), or either is not a finite number; InvalidCalibration if the
    mode is unknown, or a public number is missing or not above 0; TooFewSamples or ConditionFails if mode ``paper``
    cannot be run at this budget.
    """
    if mode not in MODES:
        raise InvalidCalibration(f"unknown mode {mode!r}: choose one of {', '.join(MODES)}")
    epsilon, delta = positive(epsilon, "epsilon"), probability(delta, "delta")
    d, n = _count(d, "d"), None if n is None else _count(n, "n")
    warn_of_weak_delta(delta, n)
    common: dict[str, Any] = {
        "mode": mode,
        "n": n,
        "d": d,
        "epsilon": epsilon,
        "delta": delta,
        "mu": None,
        "neighbours": NEIGHBOURS[mode],
        "labels": "private" if mode == "ssp" or label_share > 0 else "public",
    }
    match mode:
        case "input":
            return _input(common, closeness, label_share)
        case "ridge-sample":
            return _ridge_sample(common, samples, diameter, label_share)
        case "ssp":
            return _ssp(common, classes)
        case _:
            return _paper(common, closeness, eta_min, operator_norm, bound)


def _count(value: object, name: str) -> int:
    return whole(value, name, least=1, error=InvalidCalibration, says=", public")


def _public(value: object, name: str, mode: str) -> float:
    if value is None:
        raise InvalidCalibration(f"mode {mode!r} needs {name}: give a number that does not come from the data")
    try:
        return positive(value, name)
    except InvalidBudget as error:
        raise InvalidCalibration(str(error)) from None


def _label_noise(mu: float, label_share: float) -> tuple[float, float | None]:
    """Return μ for the rest, and the sd on the targets that costs μ√share."""
    if label_share == 0:
        return mu, None
    label_mu, rest = split(mu, label_share)
    return rest, LABEL_DIAMETER / label_mu


def _input(common: dict[str, Any], closeness: object, label_share: float) -> Calibration:
    beta = _public(closeness, "closeness", "input")
    mu = gaussian_mu(common["epsilon"], common["delta"])
    rest, label_sd = _label_noise(mu, label_share)
    return Calibration(**common | {"mu": mu, "closeness": beta, "noise_sd": beta / rest, "label_noise_sd": label_sd})


def _ridge_sample(common: dict[str, Any], samples: object, diameter: object, label_share: float) -> Calibration:
    k = _count(samples, "samples")
    distance = _public(diameter, "diameter", "ridge-sample")
    _, label_sd = _label_noise(gaussian_mu(common["epsilon"], common["delta"]), label_share)
    variance = smallest_noise_variance(
        common["epsilon"], common["delta"], distance, k, label_mu=LABEL_DIAMETER / label_sd if label_sd else 0.0
    )
    return Calibration(
        **common | {"samples": k, "diameter": distance, "noise_variance": variance, "label_noise_sd": label_sd}
    )


def _ssp(common: dict[str, Any], classes: int) -> Calibration:
    """ZᵀZ moves by √2, ZᵀY by ‖zyᵀ − z'y'ᵀ‖ ≤ 2‖y‖, y the centred one-hot target of norm √(1 − 1/C)."""
    mu = gaussian_mu(common["epsilon"], common["delta"])
    gram, cross = split(mu, 0.5)
    label_norm = math.sqrt(1 - 1 / _count(classes, "classes"))
    return Calibration(
        **common
        | {"mu": mu, "noise_sd": GRAM_SENSITIVITY / gram, "cross_noise_sd": 2 * label_norm / cross, "classes": classes}
    )


def _paper(common: dict[str, Any], closeness: object, eta_min: object, operator_norm: float, bound: str) -> Calibration:
    n, d = common["n"], common["d"]
    _count(n, "n")
    beta, eta = _public(closeness, "closeness", "paper"), _public(eta_min, "eta_min", "paper")
    if d * (d + 1) // 2 < n:
        raise InvalidCalibration(
            f"the quadratic kernel of {n} records with {d} features has rank ≤ d(d + 1)/2 = {d * (d + 1) // 2}, so "
            "that η_min = 0 and mode 'paper' protects nothing: use mode 'input' or 'ssp'"
        )
    half = {"epsilon": common["epsilon"] / 2, "delta": common["delta"] / 2}
    delta_bound = (
        whitened_bound(n, beta, eta, operator_norm=operator_norm)
        if bound == "proven"
        else published_bound(n, beta, eta)
    )
    k = affordable_samples(half["epsilon"], half["delta"], delta_bound)
    noise = truncated_laplace(half["epsilon"], half["delta"], beta, d)
    return Calibration(
        **common
        | {
            "closeness": beta,
            "eta_min": eta,
            "operator_norm": operator_norm,
            "whitened": delta_bound,
            "samples": k,
            "laplace_scale": noise.scale,
            "laplace_bound": noise.bound,
        }
    )


def affordable_samples(epsilon: float, delta: float, whitened: float) -> int:
    """Return the largest k with Δ ≤ min{ε/√(8k ln(1/δ)), ε/(8 ln(1/δ))}, Δ ≥ ‖K^{1/2}K'⁻¹K^{1/2} − I‖_F.

    The source states the theorem for ε < 1.
    Raises ConditionFails if the second branch is violated; TooFewSamples if k < 1.
    """
    log_term = 8 * math.log(1 / probability(delta, "delta"))
    if whitened > positive(epsilon, "epsilon") / log_term:
        raise ConditionFails(
            f"Δ = {whitened:.3g} exceeds ε/(8 ln(1/δ)) = {epsilon / log_term:.3g}: the theorem does not apply at any k"
        )
    k = math.floor(epsilon**2 / (log_term * whitened**2))
    if k < 1:
        raise TooFewSamples(f"Δ = {whitened:.3g} leaves k = {epsilon**2 / (log_term * whitened**2):.3g} < 1 samples")
    return k


def implied_epsilon(samples: int, delta: float, whitened: float) -> float:
    """Return the ε that the theorem gives for k samples at Δ: the inverse of ``affordable_samples``."""
    log_term = 8 * math.log(1 / probability(delta, "delta"))
    return max(whitened * math.sqrt(samples * log_term), whitened * log_term)
