"""A fitted classifier as files: its release and coefficients in model.safetensors, the rest in estimator.json."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tenfold.dp_ntk.kernel import FiniteKernel, LimitKernel
from tenfold.dp_ntk.random_features import RandomFeatures
from tenfold.dp_ntk.release import Model, Release
from tenfold.models.folder import WEIGHTS
from tenfold.privacy.account import Account, kept_in
from tenfold.privacy.statement import PrivacyStatement

if TYPE_CHECKING:
    from tenfold.dp_ntk.estimator import PrivateNTKClassifier

Estimator = TypeVar("Estimator", bound="PrivateNTKClassifier")
SETTINGS = "estimator.json"
KERNELS = {kind.__name__: kind for kind in (FiniteKernel, LimitKernel, RandomFeatures)}
KERNEL_WEIGHTS, COEFFICIENTS = "kernel.weights", "coefficients"
RELEASED = "released."  # before the name of each array of the release


def save(estimator: PrivateNTKClassifier, folder: Path) -> None:
    """Write a fitted classifier into ``folder``."""
    from safetensors.numpy import save_file

    release = estimator.release_
    kernel = asdict(release.kernel)
    arrays = {f"{RELEASED}{name}": array for name, array in release.arrays.items()}
    arrays[COEFFICIENTS] = estimator.model_.coefficients
    if "weights" in kernel:
        arrays[KERNEL_WEIGHTS] = kernel.pop("weights")
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / WEIGHTS)
    settings = {
        "parameters": estimator.get_params(),
        "classes": estimator.classes_,
        "features": estimator.n_features_in_,
        "feature_names": getattr(estimator, "feature_names_in_", None),
        "account": estimator._opened().as_dict(),
        "kernel": {"kind": type(release.kernel).__name__, **kernel},
        "noise_sd": release.noise_sd,
        "privacy": estimator.privacy_.as_dict(),
        "last_release": release.privacy.as_dict(),
    }
    (folder / SETTINGS).write_text(json.dumps(settings, indent=1, default=_plain, ensure_ascii=False) + "\n", "utf-8")


def load(kind: type[Estimator], folder: Path) -> Estimator:
    """Return the classifier in ``folder``, as an object of class ``kind``.

    Raises NoAccount if an earlier version wrote it, which kept none.
    """
    from safetensors.numpy import load_file

    arrays = load_file(folder / WEIGHTS)
    settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    account, kernel = Account.from_dict(kept_in(settings, folder / SETTINGS)), settings["kernel"]
    if KERNEL_WEIGHTS in arrays:
        kernel["weights"] = arrays[KERNEL_WEIGHTS]
    privacy: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in settings["last_release"].items()
    }
    found = kind(**settings["parameters"])
    found.release_ = Release(
        mode=found.mode,
        kernel=KERNELS[kernel.pop("kind")](**kernel),
        arrays={name.removeprefix(RELEASED): array for name, array in arrays.items() if name.startswith(RELEASED)},
        noise_sd=settings["noise_sd"],
        privacy=PrivacyStatement(**privacy),
    )
    found.model_ = Model(found.release_, arrays[COEFFICIENTS])
    found._account = account
    found.classes_, found.n_features_in_ = np.array(settings["classes"]), settings["features"]
    if settings["feature_names"] is not None:
        found.feature_names_in_ = np.array(settings["feature_names"], dtype=object)
    return found


def _plain(value: Any) -> Any:
    """Return NumPy's numbers and arrays as what JSON holds."""
    return value.tolist()
