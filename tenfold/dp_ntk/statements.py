"""The guarantee of each mode, in words and numbers: neighbours, assumptions, and what is not protected."""

from __future__ import annotations

from tenfold.dp_ntk.calibration import Calibration
from tenfold.privacy.noise import NoiseSource
from tenfold.privacy.statement import PrivacyStatement

PUBLIC = (
    "every number given to the calibration, the kernel's weights, the features and the classes are public and were not "
    "chosen by looking at the data",
    "every possible record has norm at most 1, and its label is one of the public classes",
)
UNPROTECTED = (
    "that a record is outside the public domain, or a label none of the public classes, when an error says so",
    "running time and memory",
    "the records themselves, wherever they are stored beside the release",
    "the queries at prediction time",
)
PUBLIC_LABELS = "labels: they are used as they are and count as public"


def _close(calibration: Calibration) -> str:
    label = " and whose label may change" if calibration.labels == "private" else "; all labels are equal"
    return (
        f"X and X' have the same number of records and differ in one, which moves by at most "
        f"{calibration.closeness:g} in ℓ2 norm{label}"
    )


def _beyond(calibration: Calibration) -> str:
    return f"where a record lies beyond the closeness of {calibration.closeness:g}: a replaced record can be seen"


def _replaced(calibration: Calibration) -> str:
    label = " together with its label" if calibration.labels == "private" else "; all labels are equal"
    return f"X and X' have the same number of records, and one is replaced by any other{label}"


def statement(calibration: Calibration, source: NoiseSource) -> PrivacyStatement:
    """Return what a release with this calibration guarantees; mode ``paper`` proves no ε, and says on what it rests."""
    c = calibration
    not_protected = UNPROTECTED if c.labels == "private" else (*UNPROTECTED, PUBLIC_LABELS)
    match c.mode:
        case "input":
            words = f"Gaussian noise of sd {c.noise_sd:.6g} on every feature of every record"
            return _proven(c, source, words, f"‖X − X'‖_F ≤ {c.closeness:g}", _close(c), (*not_protected, _beyond(c)))
        case "ridge-sample":
            words = (
                f"{c.samples} public random projections of the kernel's features, with noise of variance "
                f"{c.noise_variance:.6g}"
            )
            bound = f"‖φ(x) − φ(x')‖ ≤ {c.diameter:g}, times a length whose square is χ²_{c.samples} by the projections"
            return _proven(c, source, words, bound, _replaced(c), not_protected)
        case "ssp":
            words = f"Gaussian noise of sd {c.noise_sd:.6g} on ZᵀZ and {c.cross_noise_sd:.6g} on ZᵀY"
            bound = "‖zzᵀ − z'z'ᵀ‖_F ≤ √2 and ‖zyᵀ − z'y'ᵀ‖_F ≤ 2√(1 − 1/C) for unit z and centred one-hot y"
            return _proven(c, source, words, bound, _replaced(c), not_protected)
        case _:
            return _conditional(c, source, (*not_protected, _beyond(c)))


def _proven(
    c: Calibration,
    source: NoiseSource,
    mechanism: str,
    sensitivity: str,
    neighbours: str,
    not_protected: tuple[str, ...],
) -> PrivacyStatement:
    return PrivacyStatement(
        mechanism=mechanism,
        epsilon=c.epsilon,
        delta=c.delta,
        mu=c.mu,
        neighbour_relation=neighbours,
        closeness=c.closeness,
        sensitivity=sensitivity,
        assumptions=PUBLIC,
        not_protected=not_protected,
        proven=True,
        insecure_seed=source.insecure_seed is not None,
    )


def _conditional(c: Calibration, source: NoiseSource, not_protected: tuple[str, ...]) -> PrivacyStatement:
    return PrivacyStatement(
        mechanism=(
            f"conditional; β = {c.closeness:g}: {c.samples} draws of N(0, K) and truncated Laplace noise of scale "
            f"{c.laplace_scale:.6g} on X; ({c.epsilon:g}, {c.delta:g}) only if every assumption holds"
        ),
        epsilon=None,
        delta=None,
        mu=None,
        neighbour_relation=_close(c),
        closeness=c.closeness,
        sensitivity=f"‖K^½K'⁻¹K^½ − I‖_F ≤ {c.whitened:.6g}, if no eigenvalue of K or K' is below {c.eta_min:g}",
        assumptions=(
            *PUBLIC,
            f"no possible K has an eigenvalue below η_min = {c.eta_min:g}: not checked for neighbours, and private",
            "the sampling theorem holds at this ε, which its source states for ε < 1",
        ),
        not_protected=(*not_protected, "the declared η_min, where it was read off the data"),
        proven=False,
        insecure_seed=source.insecure_seed is not None,
    )
