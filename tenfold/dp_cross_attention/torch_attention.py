"""Checking, building and answering with torch tensors, on their own device; computed in float64.

Legend: H heads with a sketch each, m queries per head, d key columns, c = d_v + 1 sketch columns, r features.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from tenfold.dp_cross_attention.answer import Answer
from tenfold.dp_cross_attention.calibration import Setting
from tenfold.dp_cross_attention.errors import BoundViolated, InvalidMemory
from tenfold.dp_cross_attention.features import FeatureMap
from tenfold.dp_cross_attention.sketch import build_torch
from tenfold.dp_cross_attention.taylor import attention_error_bound
from tenfold.dp_cross_attention.validation import SLACK, OnViolation


def clipped(rows: torch.Tensor, radius: float, name: str, on_violation: OnViolation) -> torch.Tensor:
    """Return rows (…, d) in float64 with lengths of at most ``radius``, by error or by clipping, after the cast.

    Raises InvalidMemory if a row holds NaN or infinity; BoundViolated if a row is longer and ``on_violation`` is
    "error".
    """
    slack = max(SLACK, 8 * torch.finfo(rows.dtype).eps) if rows.is_floating_point() else SLACK
    rows = rows.double()
    if not torch.isfinite(rows).all():
        raise InvalidMemory(f"{name} hold NaN or infinity, which no bound covers")
    lengths = rows.norm(dim=-1, keepdim=True)
    if on_violation == "error" and bool((lengths > radius * (1 + slack)).any()):
        raise BoundViolated(
            f"{name} have a row longer than the public bound {radius:g}; scale by public numbers, state a larger "
            "bound, or ask for on_violation='clip'"
        )
    return torch.where(lengths > radius, rows * (radius / lengths.clamp_min(1e-300)), rows)


def sums_torch(keys: torch.Tensor, values: torch.Tensor, known: Setting, on_violation: OnViolation) -> Any:
    """Return the sketch without noise, (r, c) NumPy float64, computed on the tensors' device: private."""
    keys = clipped(keys, known.radius, "keys", on_violation)
    values = clipped(values, known.value_radius, "values", on_violation)
    if known.released == "numerator":
        if bool((values < 0).any()):
            raise BoundViolated("released='numerator' is proved for non-negative values only; release both, 'joint'")
        return build_torch(known.feature_map(), keys, values)
    ones = values.new_full((len(values), 1), known.denominator_weight)
    return build_torch(known.feature_map(), keys, torch.cat([values, ones], dim=1))


def attend(
    features: FeatureMap,
    weights: torch.Tensor,
    rows: torch.Tensor,
    known: Setting,
    allowed: tuple[float, float],
    *,
    clamp: bool = True,
    project: bool = True,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return attention (H, m, d_v) and the denominators before clamping (H, m).

    ``weights`` (H, r, c) hold the features' scale, ``rows`` (H, m, d) are within their bound. Gradients flow to rows.
    """
    heads, count, _ = rows.shape
    raw = features.raw_torch(rows.reshape(heads * count, -1)).reshape(-1, heads, count)  # (r, H, m)
    found = torch.einsum("rhm,hrc->hmc", raw, weights)
    if known.released == "numerator":
        return found, found.new_ones(found.shape[:2])
    D = found[..., -1] / known.denominator_weight
    bounded = D.clamp(*allowed) if clamp else D
    values = found[..., :-1] / bounded[..., None]
    if project:
        lengths = values.norm(dim=-1, keepdim=True).clamp_min(1e-300)
        values = values * (known.value_radius / lengths).clamp(max=1.0)
    return values, D


def answer(
    features: FeatureMap,
    weights: torch.Tensor,
    queries: torch.Tensor,
    known: Setting,
    allowed: tuple[float, float],
    noise_sd: float,
    clamp: bool,
    project: bool,
) -> Answer:
    """Return the answer to queries (m, d) from one sketch (r, c), with its error bars, in the queries' dtype."""
    values, D = attend(features, weights[None], queries[None], known, allowed, clamp=clamp, project=project)
    values, D = values[0], D[0]
    squared = queries.detach().double().square().sum(dim=1).cpu().numpy()
    lengths = torch.as_tensor(features.norm_squared(squared), device=queries.device).sqrt()
    noise = (noise_sd * lengths)[:, None]
    if known.released == "numerator":
        return Answer(values, noise.expand_as(values), torch.zeros_like(D, dtype=torch.bool), None)  # type: ignore[arg-type]
    bounded = D.clamp(*allowed) if clamp else D
    spread = noise / bounded.abs()[:, None] * (1 + (values / known.denominator_weight) ** 2).sqrt()
    outside = (allowed[0] > D) | (allowed[1] < D)
    bias = math.inf if known.degree is None else attention_error_bound(known.logit_bound, known.degree)
    truncation = None if known.degree is None else bias * known.value_radius
    return Answer(values, spread.detach(), outside, truncation)  # type: ignore[arg-type]
