"""Calibration: from a budget and public numbers, never from the data, to what a private mode needs."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tenfold.arguments import plain, whole
from tenfold.dp_john.sensitivity import moment_sensitivity, round_sensitivity
from tenfold.privacy.concentrated import concentrated_rho
from tenfold.privacy.gaussian import InvalidBudget, gaussian_mu, positive, probability, pure_epsilon, split
from tenfold.privacy.weak_delta import warn_of_weak_delta

NEIGHBOURS: dict[str, tuple[str, ...]] = {
    "input": ("close",),
    "input_exact": ("close",),
    "iterate": ("close",),
    "moment": ("replace", "add_remove"),
    "paper": ("close",),
}
MODES = tuple(NEIGHBOURS)
USES: dict[str, tuple[str, ...]] = {
    "input": ("closeness", "failure_probability"),
    "input_exact": ("closeness", "failure_probability"),
    "iterate": (
        *("closeness", "row_norm_bound", "row_norm_floor", "ridge", "rounds"),
        *("failure_probability", "release_share"),
    ),
    "moment": ("row_norm_bound", "fraction", "failure_probability", "release_share"),
    "paper": ("closeness", "noise_sd", "truncation", "rounds"),
}
DEFAULTS = {"truncation": 0.5, "fraction": 0.9, "failure_probability": 0.05, "release_share": 0.5}


class InvalidCalibration(ValueError):
    """A public number is missing, out of range or no number."""


class UnusedArgument(InvalidCalibration):
    """A number was given that the mode does not use, so that nothing would hold it."""


class CalibrationMismatch(InvalidCalibration):
    """A calibration is used for another mode, or for rows, than it was made for."""


@dataclass(frozen=True)
class Calibration:
    """A mode's noise and every public number it rests on; fields that the mode does not use are None.

    ``noise_sd`` is the sd of the noise on A's entries (``input``, ``input_exact``), on AᵀA (``moment``,
    Frobenius), or of the truncated relative noise on the weights (``paper``). ``iterate`` has no single sd:
    each of its ``rounds`` costs ``mu_main``/√rounds. ``n`` is None where neighbours are ``add_remove``, which hides
    it. ``mu_release`` pays for the matrix (``iterate``) or the scale (``moment``).
    """

    mode: str
    n: int | None
    d: int
    epsilon: float | None
    delta: float | None
    mu: float | None
    mu_main: float | None
    mu_release: float | None
    selection_epsilon: float | None
    neighbours: str
    closeness: float | None
    noise_sd: float | None
    grid_step: float | None
    grid_variance: int | None
    truncation: float | None
    row_norm_bound: float | None
    row_norm_floor: float | None
    ridge: float | None
    rounds: int | None
    fraction: float | None
    failure_probability: float

    def require(self, *modes: str) -> None:
        """Raise ``CalibrationMismatch`` unless this calibrates one of ``modes``: another's noise protects
        nothing.
        """
        if self.mode not in modes:
            raise CalibrationMismatch(f"calibrated for mode {self.mode!r}, used by mode {' or '.join(modes)}")

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values that JSON can hold."""
        return asdict(self)


def _count(value: object, name: str, least: int = 1) -> int:
    return whole(value, name, least=least, error=InvalidCalibration, says=", public")


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, int | float | str | None) else f"a {type(value).__name__}"


def _public(value: object, name: str, mode: str) -> float:
    if value is None:
        raise InvalidCalibration(f"mode {mode!r} needs {name}: give a number that does not come from the data")
    try:
        return positive(value, name)
    except InvalidBudget as error:
        raise InvalidCalibration(str(error)) from None


def _closeness(value: object, mode: str) -> float:
    if value is None:
        raise InvalidCalibration(
            f"mode {mode!r} needs closeness, the distance a row may move; where rows may change freely no ellipsoid "
            "mode exists: use mode 'moment'"
        )
    return _public(value, "closeness", mode)


def calibrate(
    mode: str,
    epsilon: float | None,
    delta: float | None,
    closeness: float | None,
    *,
    n: int,
    d: int,
    row_norm_bound: float | None = None,
    row_norm_floor: float | None = None,
    ridge: float | None = None,
    rounds: int | None = None,
    neighbours: str | None = None,
    noise_sd: float | None = None,
    truncation: float | None = None,
    fraction: float | None = None,
    failure_probability: float | None = None,
    release_share: float | None = None,
) -> Calibration:
    """Return the noise of ``mode`` for an (ε, δ) budget; every argument is a public number, never data.

    ``n``, ``d``: A's shape. ``closeness`` ε₀, ``row_norm_bound`` r and ``row_norm_floor`` r_min in A's units,
    ``ridge`` λ₀ in those of AᵀWA. ``release_share`` of μ² goes to the last release (``iterate``, ``moment``). What None
    stands for is in ``DEFAULTS``, what each mode uses in ``USES``.
    Choosing any of them by looking at A spends budget that is not counted here. Mode ``paper`` proves no ε:
    give ``noise_sd``, and leave ``epsilon`` and ``delta`` None. Warns WeakDelta if δ ≥ 1/n, where n is public.

    Raises InvalidBudget if ε ≤ 0, δ is outside (0, 1), or either is not a finite number; UnusedArgument if the mode
    does not use an argument; InvalidCalibration if the mode is unknown, a public number is missing or not finite and
    above zero, r_min > r, n < d, or the mode does not protect such neighbours; SensitivityUnbounded if mode ``iterate``
    has no bound even at the first round.
    """
    given = {
        "closeness": closeness,
        "row_norm_bound": row_norm_bound,
        "row_norm_floor": row_norm_floor,
        "ridge": ridge,
        "rounds": rounds,
        "noise_sd": noise_sd,
        "truncation": truncation,
        "fraction": fraction,
        "failure_probability": failure_probability,
        "release_share": release_share,
    }
    _refuse_unused(mode, given)
    chosen = DEFAULTS | {name: value for name, value in given.items() if value is not None}
    common = _common(mode, n, d, neighbours, chosen["failure_probability"])
    if mode == "paper":
        return _paper(common, epsilon, delta, closeness, noise_sd, chosen["truncation"], rounds)
    epsilon, delta = positive(epsilon, "epsilon"), probability(delta, "delta")
    mu = gaussian_mu(epsilon, delta)
    warn_of_weak_delta(delta, common["n"])
    common |= {"epsilon": epsilon, "delta": delta, "mu": mu}
    if mode == "input":
        distance = _closeness(closeness, mode)
        return Calibration(**common | {"closeness": distance, "noise_sd": distance / mu})
    if mode == "input_exact":
        return _input_exact(common, closeness)
    mu_release, mu_main = split(mu, _between(chosen["release_share"], "release_share"))
    common |= {
        "mu_main": mu_main,
        "mu_release": mu_release,
        "row_norm_bound": _public(row_norm_bound, "row_norm_bound", mode),
    }
    if mode == "iterate":
        return _iterate(common, closeness, row_norm_floor, ridge, rounds)
    return _moment(common, chosen["fraction"])


def _refuse_unused(mode: object, given: dict[str, Any]) -> None:
    if not isinstance(mode, str) or mode not in MODES:
        raise InvalidCalibration(f"unknown mode {_shown(mode)}: choose one of {', '.join(MODES)}")
    if mode == "moment" and given["closeness"] is not None:
        raise UnusedArgument("mode 'moment' lets a row change freely: leave closeness None")
    unused = [name for name, value in given.items() if value is not None and name not in USES[mode]]
    if unused:
        raise UnusedArgument(
            f"mode {mode!r} does not use {', '.join(unused)}: nothing would hold to it, so leave it None"
        )


def _common(mode: object, n: object, d: object, neighbours: object, failure: object) -> dict[str, Any]:
    assert isinstance(mode, str)  # seen by _refuse_unused
    columns, relation = _count(d, "d"), _neighbours(mode, neighbours)
    hidden = relation == "add_remove"  # of one row may be left none
    rows = _count(n, "n", least=0 if hidden else 1 if mode == "moment" else columns)
    common: dict[str, Any] = dict.fromkeys(Calibration.__dataclass_fields__)
    return common | {
        "mode": mode,
        "n": None if hidden else rows,
        "d": columns,
        "neighbours": relation,
        "failure_probability": _between(failure, "failure_probability"),
    }


def _neighbours(mode: str, neighbours: object) -> str:
    allowed = NEIGHBOURS[mode]
    if neighbours is None:
        return allowed[0]
    if not isinstance(neighbours, str) or neighbours not in allowed:
        raise InvalidCalibration(f"mode {mode!r} protects neighbours {' or '.join(allowed)}, not {_shown(neighbours)}")
    return neighbours


def _between(value: object, name: str) -> float:
    try:
        return probability(value, name)
    except InvalidBudget as error:
        raise InvalidCalibration(str(error)) from None


def _paper(
    common: dict[str, Any],
    epsilon: object,
    delta: object,
    closeness: object,
    noise_sd: object,
    truncation: object,
    rounds: object,
) -> Calibration:
    if epsilon is not None or delta is not None:
        raise InvalidBudget("mode 'paper' proves no epsilon: give noise_sd, and leave epsilon and delta None")
    is_zero = type(plain(noise_sd)) in (int, float) and noise_sd == 0
    return Calibration(
        **common
        | {
            "closeness": None if closeness is None else _closeness(closeness, "paper"),  # described, not used
            "noise_sd": 0.0 if is_zero else _public(noise_sd, "noise_sd", "paper"),
            "truncation": _between(truncation, "truncation"),  # below 1, or a weight could turn negative
            "rounds": _count(rounds, "rounds"),
        }
    )


def _input_exact(common: dict[str, Any], closeness: object) -> Calibration:
    """Use a grid of step 2^k ≤ ε₀/(1000√d): rounded neighbours are within ε₀ + step·√d.

    Rounding moves each entry by at most half a step, so the difference of two rows by at most step·√d. The
    noise's variance in squared steps is a whole number of at least D²/(2ρ), D that distance in steps.
    """
    distance, root = _closeness(closeness, "input_exact"), math.sqrt(common["d"])
    step = 2.0 ** math.floor(math.log2(distance / (1000 * root)))
    squared = (distance / step + root) ** 2 * (1 + 1e-9)  # rounded up, beyond float64's error
    rho = concentrated_rho(common["epsilon"], common["delta"])
    variance = math.ceil(squared / (2 * rho))
    exact = {"closeness": distance, "grid_step": step, "grid_variance": variance, "mu": None}
    return Calibration(**common | exact | {"noise_sd": step * math.sqrt(variance)})


def _iterate(
    common: dict[str, Any], closeness: object, row_norm_floor: object, ridge: object, rounds: object
) -> Calibration:
    bounds = {
        "closeness": _closeness(closeness, "iterate"),
        "row_norm_bound": common["row_norm_bound"],
        "row_norm_floor": _public(row_norm_floor, "row_norm_floor", "iterate"),
        "ridge": _public(ridge, "ridge", "iterate"),
    }
    if bounds["row_norm_floor"] > bounds["row_norm_bound"]:
        raise InvalidCalibration(
            f"row_norm_floor = {bounds['row_norm_floor']:g} is above row_norm_bound = {bounds['row_norm_bound']:g}"
        )
    n, d = common["n"], common["d"]
    round_sensitivity(np.full(n, d / n), **bounds)  # fails here rather than after looking at the data
    return Calibration(**common | bounds | {"rounds": _count(rounds, "rounds")})


def _moment(common: dict[str, Any], fraction: object) -> Calibration:
    sensitivity = moment_sensitivity(common["neighbours"], common["row_norm_bound"])
    return Calibration(
        **common
        | {
            "noise_sd": sensitivity / common["mu_main"],
            "selection_epsilon": pure_epsilon(common["mu_release"]),
            "fraction": _between(fraction, "fraction"),
        }
    )
