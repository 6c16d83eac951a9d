"""What a user would take instead, at the same (ε, δ) and the same adjacency: AdaSSP, DP-SGD, and no privacy.

Adjacency is "one record and its label replaced" throughout. Accountants of DP-SGD mostly assume that a record is
added or removed; replacing one moves a sum of clipped gradients by twice the clipping norm.

Legend:  n records · d features · p public features · C classes
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from tenfold.dp_ntk.calibration import GRAM_SENSITIVITY
from tenfold.dp_ntk.mechanisms import centred
from tenfold.dp_ntk.regression import fit_dense
from tenfold.privacy.gaussian import gaussian_mu
from tenfold.privacy.noise import NoiseSource

Targets = Float[np.ndarray, "n C"]
FAILURE = 0.05


def adassp(
    Z: Float[np.ndarray, "n p"], Y: Targets, epsilon: float, delta: float, source: NoiseSource
) -> Float[np.ndarray, "p C"]:
    """Return AdaSSP's coefficients (Wang 2018, Algorithm 2) for unit rows Z, with Gaussian noise throughout.

    The budget μ² is shared in thirds between λ_min(ZᵀZ), ZᵀZ and ZᵀY. Replacing a record moves λ_min by at most 1,
    ZᵀZ by √2 and ZᵀY by 2√(1 − 1/C). The noisy λ_min, lowered so that it understates with high probability,
    chooses the ridge.
    """
    p, classes = Z.shape[1], Y.shape[1]
    part = gaussian_mu(epsilon, delta) / math.sqrt(3)
    gram, cross = Z.T @ Z, Z.T @ centred(Y)
    smallest = float(np.linalg.eigvalsh(gram)[0]) + float(source.gaussian((), 1 / part))
    understated = max(smallest - math.sqrt(2 * math.log(6 / FAILURE)) / part, 0.0)
    gram = gram + source.symmetric_gaussian(gram.shape, GRAM_SENSITIVITY / part)
    cross = cross + source.gaussian(cross.shape, 2 * math.sqrt(1 - 1 / classes) / part)
    ridge = max(0.0, math.sqrt(p * math.log(2 * p * p / FAILURE)) * GRAM_SENSITIVITY / part - understated)
    return fit_dense(gram, cross, ridge)


def no_solve(kernel_matrix: Float[np.ndarray, "q n"], Y: Targets) -> Float[np.ndarray, "q C"]:
    """Return K(x, X)Y, which solves nothing: the control that shows how much raw cross terms alone tell."""
    return kernel_matrix @ (Y - Y.mean(axis=0))


@dataclass(frozen=True)
class GradientDescent:
    """Settings of the DP-SGD probe, all public; full batches, so that no amplification has to be accounted for."""

    updates: int
    learning_rate: float
    max_grad_norm: float
    momentum: float = 0.9


def replace_one_noise_multiplier(epsilon: float, delta: float, updates: int) -> float:
    """Return z = 2√T/μ(ε, δ): T Gaussian releases of a sum that moves by 2C, with noise of sd zC, compose to μ."""
    return 2 * math.sqrt(updates) / gaussian_mu(epsilon, delta)


def dp_sgd(
    X: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    classes: int,
    epsilon: float,
    delta: float,
    settings: GradientDescent,
    insecure_seed: int,
) -> Float[np.ndarray, "d C"]:
    """Return a linear softmax probe trained by Opacus' DP-SGD with full batches at replace-one (ε, δ).

    Opacus clips and adds noise; its own accountant, which is for adding or removing a record, is not used.
    """
    import torch
    from opacus import GradSampleModule
    from opacus.optimizers import DPOptimizer

    torch.manual_seed(insecure_seed)
    rows, wanted = torch.from_numpy(X.astype(np.float32)), torch.from_numpy(labels)
    model = GradSampleModule(torch.nn.Linear(X.shape[1], classes, bias=False))
    torch.nn.init.zeros_(model._module.weight)
    optimizer = DPOptimizer(
        torch.optim.SGD(model.parameters(), lr=settings.learning_rate, momentum=settings.momentum),
        noise_multiplier=replace_one_noise_multiplier(epsilon, delta, settings.updates),
        max_grad_norm=settings.max_grad_norm,
        expected_batch_size=len(X),
        generator=torch.Generator().manual_seed(insecure_seed),
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Full backward hook is firing")  # the rows need no gradient
        for _ in range(settings.updates):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(rows), wanted).backward()
            optimizer.step()
    return model._module.weight.detach().numpy().T.astype(np.float64)
