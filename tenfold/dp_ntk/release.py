"""What a private mode releases, and models computed from a release alone.

The functions that see private records return a ``Release``; the functions that fit and predict take one, and have no
other argument that could carry records. A release can be stored and used any number of times; drawing another one
spends the budget again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tenfold.dp_ntk.kernel import FiniteKernel, LimitKernel
from tenfold.dp_ntk.random_features import RandomFeatures
from tenfold.dp_ntk.regression import fit_dense, fit_primal, fit_woodbury
from tenfold.dp_ntk.sampling import project
from tenfold.privacy.noise import symmetric_gaussian_norm_bound
from tenfold.privacy.statement import PrivacyStatement

Queries = Float[np.ndarray, "q d"]
FAILURE = 0.05  # with which the noise on ZᵀZ may exceed the ridge that ``ssp`` takes for it


@dataclass(frozen=True)
class Release:
    """Everything that left the mechanism (``arrays``) beside public numbers, and what is guaranteed of it.

    ``input``: rows X̃ (n, d), targets (n, C). ``ridge-sample``: samples G (n, k), directions R (k, d, h), targets.
    ``ssp``: gram (p, p), cross (p, C). ``paper``: rows X̃, samples G, targets.
    """

    mode: str
    kernel: FiniteKernel | LimitKernel | RandomFeatures
    arrays: Mapping[str, np.ndarray]
    noise_sd: float | None
    privacy: PrivacyStatement


@dataclass(frozen=True)
class Model:
    """A fitted predictor: ``coefficients`` on the kernel with ``support``, on projections, or on public features."""

    release: Release
    coefficients: Float[np.ndarray, "k C"]

    def decision_function(self, queries: Queries) -> Float[np.ndarray, "q C"]:
        """Return one score per class; queries are not protected by the release, which does not know them."""
        kernel, arrays = self.release.kernel, self.release.arrays
        if isinstance(kernel, RandomFeatures):
            return kernel.transform(queries) @ self.coefficients
        if self.release.mode == "ridge-sample":
            # k̂(x)ᵀα = φ(x)ᵀRGᵀα/k: the k projections are combined to one a class first
            combined = np.einsum("kc,kdh->cdh", self.coefficients, arrays["directions"], optimize=True)
            return project(kernel, queries, combined)
        return kernel.matrix(queries, arrays["rows"]) @ self.coefficients  # K(x, X̃)α


def fit(release: Release, ridge: float) -> Model:
    """Fit kernel ridge regression to a release, with λ = ``ridge``, a public number: post-processing.

    In mode ``ssp`` the bound on the noise's norm is added to λ, so that ZᵀZ + noise stays positive definite.

    Raises SingularSystem if λ is not above 0, or too small for the noise in the system.
    """
    arrays = release.arrays
    match release.mode:
        case "ssp":
            assert release.noise_sd is not None
            p = len(arrays["gram"])
            margin = symmetric_gaussian_norm_bound(p, release.noise_sd, FAILURE)
            return Model(release, fit_dense(arrays["gram"], arrays["cross"], ridge + margin))
        case "ridge-sample":
            return Model(release, fit_primal(arrays["samples"], arrays["targets"], ridge))
        case "paper":
            return Model(release, fit_woodbury(arrays["samples"], arrays["targets"], ridge))
        case _:
            kernel = release.kernel
            assert not isinstance(kernel, RandomFeatures)
            return Model(release, fit_dense(kernel.matrix(arrays["rows"]), arrays["targets"], ridge))
