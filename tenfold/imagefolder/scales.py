"""The scales of a token map: where each lies in the sequence, and the resampling between them as matrices.

Area averaging and bicubic interpolation are linear and the maps small, so each is one matrix, made once.

Legend:  S scales · p side of a scale · K side of the latent map · L = Σ p² positions
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as functional
from jaxtyping import Float
from torch import Tensor


def slices(sides: tuple[int, ...]) -> list[slice]:
    """Return where each scale's positions lie in the sequence of all."""
    found, start = [], 0
    for side in sides:
        found.append(slice(start, start + side * side))
        start += side * side
    return found


def area_matrix(source: int, target: int) -> Float[Tensor, "source2 target2"]:
    """Return D with ``map.flatten(-2) @ D`` the area average of a source² map on target²."""
    basis = torch.eye(source * source).view(source * source, 1, source, source)
    return functional.interpolate(basis, size=(target, target), mode="area").flatten(1)


def bicubic_matrix(source: int, target: int) -> Float[Tensor, "source2 target2"]:
    """Return U with ``map.flatten(-2) @ U`` the bicubic interpolation of a source² map to target²."""
    basis = torch.eye(source * source).view(source * source, 1, source, source)
    return functional.interpolate(basis, size=(target, target), mode="bicubic").flatten(1)


def nearest_tick(scale: int, scales: int, convolutions: int) -> int:
    """Return which of the shared convolutions φ serves scale number ``scale`` (from 0): the tick next to i/(S − 1)."""
    at = scale / max(1, scales - 1)
    margin = 1 / 3 / convolutions if convolutions == 4 else 1 / 2 / convolutions
    # Ten scales and four ticks tie twice; numpy's rounding decides as it did for the published weights.
    ticks = np.linspace(margin, 1 - margin, convolutions)
    return int(np.abs(ticks - at).argmin())
