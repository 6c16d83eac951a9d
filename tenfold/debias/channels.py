"""Rotary places and a causal convolution by channel, with their gradients written out: each a few passes over memory.

Legend:  B rows of a batch · T words · P queries, keys, values · H heads · d width of a head · D width · K words
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

Rotation = tuple[Tensor, Tensor]  # cosines and sines, (T, 1, 1, D/2H) or (B, T, 1, 1, D/2H)


class _Rotate(torch.autograd.Function):
    """Turns pairs of channels of the first parts by their angles; the others stay. Its gradient is turned back."""

    @staticmethod
    def forward(
        context: Any, x: Float[Tensor, "B T P H d"], cosine: Tensor, sine: Tensor, turned: int
    ) -> Float[Tensor, "B T P H d"]:
        context.save_for_backward(cosine, sine)
        context.turned = turned
        return _Rotate.turn(x, cosine, sine, turned)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        cosine, sine = context.saved_tensors
        return _Rotate.turn(gradient, cosine, -sine, context.turned), None, None, None

    @staticmethod
    def turn(x: Tensor, cosine: Tensor, sine: Tensor, turned: int) -> Tensor:
        found = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        cosine, sine, half = cosine.to(x.dtype), sine.to(x.dtype), x.shape[-1] // 2
        first, second = x[:, :, :turned, :, :half], x[:, :, :turned, :, half:]
        torch.mul(first, cosine, out=found[:, :, :turned, :, :half]).addcmul_(second, sine, value=-1)
        torch.mul(first, sine, out=found[:, :, :turned, :, half:]).addcmul_(second, cosine)
        found[:, :, turned:] = x[:, :, turned:]
        return found


class _Convolve(torch.autograd.Function):
    """A causal convolution by channel, without copies of its inputs at each place."""

    @staticmethod
    def forward(context: Any, x: Float[Tensor, "B T D"], weight: Float[Tensor, "K D"]) -> Float[Tensor, "B T D"]:
        context.save_for_backward(x, weight)
        found = x * weight[-1]
        for back in range(1, min(len(weight), x.shape[1])):
            found[:, back:].addcmul_(x[:, :-back], weight[-1 - back])
        return found

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = context.saved_tensors
        of_x, of_weight = gradient * weight[-1], torch.zeros_like(weight)
        of_weight[-1] = (gradient * x).sum(dim=(0, 1))
        for back in range(1, min(len(weight), x.shape[1])):
            of_x[:, :-back].addcmul_(gradient[:, back:], weight[-1 - back])
            of_weight[-1 - back] = (gradient[:, back:] * x[:, :-back]).sum(dim=(0, 1))
        return of_x, of_weight


def rotation_at(places: Int[Tensor, "*B T"], width: int, dtype: torch.dtype) -> Rotation:
    """Return the angles of words at their places, for heads of ``width`` channels."""
    rates = 1000.0 ** (-torch.arange(0, width, 2, device=places.device, dtype=torch.float32) / width)
    angles = places[..., None, None, None].float() * rates  # (…, T, 1, 1, D/2H)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotated(x: Float[Tensor, "B T P H d"], rotation: Rotation, turned: int = 2) -> Float[Tensor, "B T P H d"]:
    """Return the first ``turned`` of queries, keys and values turned by their words' places, the others as they are."""
    found: Tensor = _Rotate.apply(x, *rotation, turned)
    return found


def causal_convolution(x: Float[Tensor, "B T D"], weight: Float[Tensor, "K D"]) -> Float[Tensor, "B T D"]:
    """Return a causal convolution by channel; the last of the weights is the word's own."""
    found: Tensor = _Convolve.apply(x, weight)
    return found
