"""T1's stylised network: one attention layer over a trained prefix that is both keys and values.

F(x) = √m · Σ_r a_r w_r e^{w_r·x} / Σ_r e^{w_r·x}, a_r = ±1 fixed, w_r ~ N(0, I) trained on ½Σ‖F(x) − y‖².
**Deviation:** the denominator is unsigned (a signed one can vanish), and the output is scaled by √m, with which the
kernel's size at the start does not depend on m.

Legend:  n points · d dimensions · m prefix length (width of the network)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float


@dataclass(frozen=True)
class Points:
    """Unit inputs x and targets y, both (n, d)."""

    x: Float[torch.Tensor, "n d"]
    y: Float[torch.Tensor, "n d"]


def draw_points(n: int, d: int, generator: torch.Generator) -> Points:
    """Return points with targets that are a random smooth function of the inputs."""
    x = torch.randn(n, d, generator=generator, dtype=torch.float64)
    x = x / x.norm(dim=1, keepdim=True)
    mixing = torch.randn(d, d, generator=generator, dtype=torch.float64) / d**0.5
    return Points(x, torch.sin(3 * x @ mixing))


def start(m: int, d: int, generator: torch.Generator) -> tuple[Float[torch.Tensor, "m d"], Float[torch.Tensor, " m"]]:
    """Return W and the signs a; the second half repeats the first with the other sign, so that F = 0 at the start."""
    half = torch.randn(m // 2, d, generator=generator, dtype=torch.float64)
    signs = torch.ones(m // 2, dtype=torch.float64)
    return torch.cat([half, half]), torch.cat([signs, -signs])


def forward(
    W: Float[torch.Tensor, "m d"], a: Float[torch.Tensor, " m"], x: Float[torch.Tensor, "n d"]
) -> Float[torch.Tensor, "n d"]:
    """Return F(x)."""
    weights = torch.softmax(x @ W.T, dim=-1)  # (n, m)
    return len(a) ** 0.5 * (weights * a) @ W


def kernel_at(
    W: Float[torch.Tensor, "m d"], a: Float[torch.Tensor, " m"], x: Float[torch.Tensor, "n d"]
) -> Float[torch.Tensor, "nd nd"]:
    """Return the neural tangent kernel JJᵀ of all outputs at all points."""
    jacobian = torch.func.jacrev(lambda weights: forward(weights, a, x))(W)  # (n, d, m, d)
    flat = jacobian.flatten(2).flatten(0, 1)
    return flat @ flat.T


@dataclass(frozen=True)
class Descent:
    """What gradient descent did: loss ½Σ‖F − y‖² before every update and at the end, and how far W moved."""

    losses: list[float]
    smallest_eigenvalue: float
    largest_move: float
    kernel_drift: float
    """‖K_end − K_0‖_F/‖K_0‖_F: 0 in the lazy regime"""


def descend(points: Points, m: int, updates: int, learning_rate: float, generator: torch.Generator) -> Descent:
    """Run gradient descent from a random prefix of length ``m`` with η = learning_rate/λ_max of the start's kernel."""
    W, a = start(m, points.x.shape[1], generator)
    first = W.clone()
    kernel = kernel_at(W, a, points.x)
    spectrum = torch.linalg.eigvalsh(kernel)
    step = learning_rate / float(spectrum[-1])
    losses = []
    for _ in range(updates):
        W.requires_grad_(True)
        loss = (forward(W, a, points.x) - points.y).square().sum() / 2
        (gradient,) = torch.autograd.grad(loss, W)
        losses.append(float(loss.detach()))
        W = W.detach() - step * gradient
    losses.append(float((forward(W, a, points.x) - points.y).square().sum() / 2))
    drift = float((kernel_at(W, a, points.x) - kernel).norm() / kernel.norm())
    return Descent(losses, float(spectrum[0].clamp(min=0)), float((W - first).norm(dim=1).max()), drift)
