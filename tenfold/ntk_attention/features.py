"""Feature maps φ with φ(q)ᵀφ(p) in the place of exp(qᵀp/√d).

Every map scales its input by d^(−1/4) first, y = x/d^(1/4), so that y_q·y_p = qᵀp/√d.

Legend:  B batch · H heads · T tokens · d head size · r features
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from jaxtyping import Float
from torch import nn

from tenfold.ntk_attention.errors import InvalidAdapter

Vectors = Float[torch.Tensor, "... d"]
Features = Float[torch.Tensor, "... r"]


class FeatureMap(nn.Module, ABC):
    """φ: (…, d) → (…, r), computed in at least float32.

    ``non_negative``: φ ≥ 0, so that no sum of features can be negative. ``odd``: the polynomial's degree is odd, so
    that even φ(q)ᵀφ(p) > 0 is not sure. ``kernel_scale``: the factor that makes φ(q)ᵀφ(p) 1 where q = p = 0, as the
    exponential is.
    """

    non_negative = True
    odd = False

    def __init__(self, head_size: int, size: int, kernel_scale: float = 1.0) -> None:
        super().__init__()
        self.head_size, self.size, self.kernel_scale = head_size, size, kernel_scale

    def forward(self, x: Vectors) -> Features:
        y = x if x.dtype == torch.float64 else x.float()  # bfloat16 rounds elu(−8) + 1 to 0
        with torch.autocast(x.device.type, enabled=False):
            return self.of_scaled(y * self.head_size**-0.25)

    @abstractmethod
    def of_scaled(self, y: Vectors) -> Features:
        """Return φ of y = x/d^(1/4)."""


class _EluPlusOne(torch.autograd.Function):
    """y → y + 1 above 0, e^y below; the derivative is min(φ, 1), so that only φ is kept."""

    @staticmethod
    def forward(ctx: Any, y: Vectors) -> Features:
        phi = y.clamp(max=0).exp_().add_(y.clamp(min=0))
        ctx.save_for_backward(phi)
        return phi

    @staticmethod
    def backward(ctx: Any, gradient: Features) -> Vectors:
        (phi,) = ctx.saved_tensors
        return gradient * phi.clamp(max=1)


class Elu1(FeatureMap):
    """ELU(y) + 1, the released code's map: φ(q)ᵀφ(p) ≈ d for small inputs, hence kernel_scale = 1/d."""

    def __init__(self, head_size: int) -> None:
        super().__init__(head_size, head_size, 1.0 / head_size)

    def forward(self, x: Vectors) -> Features:
        """Return φ of x; without gradients in one pass over x, which agrees with ``of_scaled`` to 1e-7 (absolute)."""
        if x.requires_grad or x.dtype != torch.float32:
            return super().forward(x)
        shrink = self.head_size**-0.25  # aten's elu: scale·(max(0, x) + alpha·(e^{x·input_scale} − 1) below 0)
        return torch.ops.aten.elu(x, 1 / shrink, shrink, shrink).add_(1.0)

    def of_scaled(self, y: Vectors) -> Features:
        apply: Any = _EluPlusOne.apply
        return apply(y)


class Taylor(FeatureMap):
    """[1; y] or [1; y; vec(yyᵀ)/√2]: the exponential's expansion to degree 1 or 2."""

    non_negative = False

    def __init__(self, head_size: int, degree: int) -> None:
        super().__init__(head_size, 1 + head_size + (head_size**2 if degree == 2 else 0))
        self.degree, self.odd = degree, degree % 2 == 1

    def of_scaled(self, y: Vectors) -> Features:
        parts = [torch.ones_like(y[..., :1]), y]
        if self.degree == 2:
            parts.append((y[..., :, None] * y[..., None, :]).flatten(-2) / math.sqrt(2))
        return torch.cat(parts, dim=-1)


class Favor(FeatureMap):
    """exp(w·y − ‖y‖²/2)/√r with orthogonal Gaussian w: positive, and unbiased for the exponential (Choromanski et al.
    2021)."""

    projections: torch.Tensor

    def __init__(self, head_size: int, size: int | None = None, seed: int = 0) -> None:
        super().__init__(head_size, size or 2 * head_size)
        generator = torch.Generator().manual_seed(seed)
        blocks = []
        for _ in range(math.ceil(self.size / head_size)):
            gaussian = torch.randn(head_size, head_size, generator=generator, dtype=torch.float64)
            directions, _ = torch.linalg.qr(gaussian)
            lengths = torch.randn(head_size, head_size, generator=generator, dtype=torch.float64).norm(dim=1)
            blocks.append(directions * lengths[:, None])
        self.register_buffer("projections", torch.cat(blocks)[: self.size].float(), persistent=False)

    def of_scaled(self, y: Vectors) -> Features:
        exponent = y @ self.projections.to(y.dtype).T - y.square().sum(-1, keepdim=True) / 2
        return torch.exp(exponent.clamp(max=80.0)) / math.sqrt(self.size)


class Hedgehog(FeatureMap):
    """[softmax(Wy); softmax(−Wy)] with a trained W, the identity at first (Zhang et al. 2024); kernel_scale = d/2."""

    def __init__(self, head_size: int) -> None:
        super().__init__(head_size, 2 * head_size, head_size / 2)
        self.weight = nn.Parameter(torch.eye(head_size))

    def of_scaled(self, y: Vectors) -> Features:
        z = y @ self.weight.to(y.dtype).T
        return torch.cat([torch.softmax(z, dim=-1), torch.softmax(-z, dim=-1)], dim=-1)


def feature_map(name: str, head_size: int, *, size: int | None = None, seed: int = 0) -> FeatureMap:
    """Return the map ``name`` for heads of ``head_size``; ``size`` and ``seed`` are favor's.

    Raises InvalidAdapter if there is no such map.
    """
    if name == "elu1":
        return Elu1(head_size)
    if name in ("taylor1", "taylor2"):
        return Taylor(head_size, int(name[-1]))
    if name == "favor":
        return Favor(head_size, size, seed)
    if name == "hedgehog":
        return Hedgehog(head_size)
    raise InvalidAdapter(f"phi = {name!r}; choose one of elu1, taylor1, taylor2, favor, hedgehog")
