"""Attention with a memory by the CPU's fused kernel, with gradients.

With ℓ the log-sum-exp over the unmasked keys and o the ordinary attention, L = log(e^ℓ + φᵀk) is the logarithm of the
whole denominator, and

    out = e^{ℓ−L} o + e^{−L} φᵀZ

The weight of key j is p_j = e^{s_j−L} and ∂out/∂s_j = p_j (v_j − out): what the kernel's own backward pass computes if
it is handed L and out in the place of ℓ and o. Kernel and formula thus share one pass each way; no logits are kept.

Legend:  B batch · H heads · T queries · S keys · d head and value size
"""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable

LARGEST = 80.0  # exponent that float32 holds with room for what it multiplies
FARTHEST = 60.0  # exponent that still leaves room for the sums over a prefix of any length


def takes(query: torch.Tensor, value: torch.Tensor) -> bool:
    """Return whether the kernel takes such tensors: on a CPU, values as large as keys, no float16."""
    return query.device.type == "cpu" and query.shape[-1] == value.shape[-1] and query.dtype != torch.float16


def attended_and_log_sum(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    bias: torch.Tensor | None,
    scale: float,
    dtype: torch.dtype,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return o (B, H, T, d) and ℓ (B, H, T, 1)."""
    attended, log_sum = torch._scaled_dot_product_flash_attention_for_cpu(
        query, key, value, 0.0, False, attn_mask=bias, scale=scale
    )
    return attended.to(dtype), log_sum.to(dtype)[..., None]


def bias_of(mask: torch.Tensor | None, dtype: torch.dtype) -> torch.Tensor | None:
    """Return what the kernel adds to the logits: 0 where a key is shown, −∞ where it is hidden."""
    return None if mask is None else torch.zeros(mask.shape, dtype=dtype).masked_fill_(~mask, -torch.inf)


def merged_without_gradients(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    numerator: torch.Tensor,
    denominator: torch.Tensor,
    mask: torch.Tensor | None,
    scale: float,
) -> torch.Tensor:
    """Return (o + e^{−ℓ}φᵀZ)/(1 + e^{−ℓ}φᵀk), the same number in the fewest passes; φᵀk may be of either sign.

    e^{−ℓ} stops at e^60: a memory has all the weight there, unless it is 0, which leaves o as it is.
    """
    attended, log_sum = attended_and_log_sum(query, key, value, bias_of(mask, query.dtype), scale, numerator.dtype)
    if mask is not None:  # a row without keys has neither o nor ℓ, whatever the kernel says
        empty = ~mask.any(dim=-1, keepdim=True)
        attended, log_sum = attended.masked_fill(empty, 0.0), log_sum.masked_fill(empty, -torch.inf)
    own = log_sum.neg_().clamp_(max=FARTHEST).exp_()
    out = attended.addcmul_(own, numerator).div_(own.mul_(denominator).add_(1.0))
    return out.to(query.dtype)


class FusedMerge(torch.autograd.Function):
    """(q, k, v, φᵀZ, φᵀk ≥ 0, mask, scale) → out (B, H, T, d)."""

    @staticmethod
    def forward(
        ctx: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        numerator: torch.Tensor,
        denominator: torch.Tensor,
        mask: torch.Tensor | None,
        scale: float,
    ) -> torch.Tensor:
        bias = bias_of(mask, query.dtype)
        attended, log_sum = attended_and_log_sum(query, key, value, bias, scale, numerator.dtype)
        if mask is not None:  # a row without keys has neither o nor ℓ, whatever the kernel says
            empty = ~mask.any(dim=-1, keepdim=True)
            attended, log_sum = attended.masked_fill(empty, 0.0), log_sum.masked_fill(empty, -torch.inf)
        whole = torch.logaddexp(log_sum, denominator.log())  # L
        if mask is not None:  # nor a denominator, if there is no memory either
            whole = whole.masked_fill(torch.isneginf(whole), 0.0)
        own = whole.neg().clamp_(max=LARGEST).exp_()  # e^{−L}
        out = attended.mul_(log_sum.sub_(whole).exp_()).addcmul_(numerator, own).to(query.dtype)
        ctx.save_for_backward(query, key, value, out, whole, own, bias)
        ctx.scale, ctx.wide = scale, numerator.dtype
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        query, key, value, out, whole, own, bias = ctx.saved_tensors
        of_query, of_key, of_value = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(
            gradient, query, key, value, out, whole[..., 0], 0.0, False, attn_mask=bias, scale=ctx.scale
        )
        weighted = gradient.to(ctx.wide) * own  # of φᵀZ
        of_denominator = -torch.linalg.vecdot(weighted, out.to(ctx.wide))[..., None]
        return of_query, of_key, of_value, weighted, of_denominator, None, None
