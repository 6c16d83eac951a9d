"""Attention with a prefix, and with the prefix's sums (Z, k) in its place, in four ways that agree.

With s_j = qᵀk_j·scale over the unmasked keys and φ = φ(q), Section "Method":

    out = (Σ_j e^{s_j} v_j + φᵀZ) / (Σ_j e^{s_j} + φᵀk)

The four are ``eager``, ``merged``, ``marker`` and ``flex``. All stay finite at any logit: numerator and denominator are
multiplied by e^{−M}, where e^M is at least as large as either part of the denominator, so that a memory of zeros leaves
ordinary attention also where every logit is far below 0. A row whose keys are all masked answers from the memory alone;
a row without a memory to divide by either is 0.

Legend:  B batch · H heads · T queries · S keys · d head size · v value size · r features · m prefix length
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch.nn import functional

from tenfold.ntk_attention.errors import InvalidAdapter
from tenfold.ntk_attention.features import FeatureMap
from tenfold.ntk_attention.fused import LARGEST, FusedMerge, merged_without_gradients, takes

Queries = Float[torch.Tensor, "B H T d"]
Keys = Float[torch.Tensor, "B H S d"]
Values = Float[torch.Tensor, "B H S v"]
Output = Float[torch.Tensor, "B H T v"]
Mask = Bool[torch.Tensor, "B #H T S"] | None
Memory = tuple[Float[torch.Tensor, "B H T v"], Float[torch.Tensor, "B H T 1"]]  # φᵀZ and φᵀk
TINY = 1e-30


def prefix_attention(
    query: Queries,
    key: Keys,
    value: Values,
    prefix_key: Keys,
    prefix_value: Values,
    mask: Mask,
    scale: float,
    dropout: float = 0.0,
) -> Output:
    """Return softmax attention over the prefix (1 or B, H, m, d) and the keys; the prefix is never masked."""
    batch, m = query.shape[0], prefix_key.shape[-2]
    key = torch.cat([prefix_key.expand(batch, -1, -1, -1).to(key.dtype), key], dim=-2)
    value = torch.cat([prefix_value.expand(batch, -1, -1, -1).to(value.dtype), value], dim=-2)
    mask = None if mask is None else functional.pad(mask, (m, 0), value=True)
    return functional.scaled_dot_product_attention(query, key, value, mask, dropout, scale=scale)


def memory_from_prefix(
    prefix_key: Float[torch.Tensor, "... m d"], prefix_value: Float[torch.Tensor, "... m v"], phi: FeatureMap
) -> tuple[Float[torch.Tensor, "... r v"], Float[torch.Tensor, "... r"]]:
    """Return Z = c·Σ_t φ(p_t)u_tᵀ and k = c·Σ_t φ(p_t), c the map's ``kernel_scale``."""
    features = phi(prefix_key) * phi.kernel_scale  # (…, m, r)
    return features.mT @ prefix_value.to(features.dtype), features.sum(dim=-2)


def eager(query: Queries, key: Keys, value: Values, memory: Memory, mask: Mask, scale: float) -> Output:
    """Return the formula read plainly: every logit is formed, in float32 at least."""
    numerator, denominator = _readable(memory, mask, query.dtype)
    wide = numerator.dtype
    logits = query.to(wide) @ key.to(wide).mT * scale  # (B, H, T, S)
    if mask is not None:
        logits = logits.masked_fill(~mask, -torch.inf)
    top = _larger(logits.amax(dim=-1, keepdim=True), denominator)
    weights = torch.exp(logits - top)
    own = torch.exp((-top).clamp(max=LARGEST))
    total = weights.sum(dim=-1, keepdim=True) + own * denominator
    out = (weights @ value.to(wide) + own * numerator) / _away_from_zero(total)
    return out.to(query.dtype)


def merged(query: Queries, key: Keys, value: Values, memory: Memory, mask: Mask, scale: float) -> Output:
    """Merge ordinary attention o and its log-sum-exp ℓ with the memory: the stable form of the specification.

    On a CPU o, ℓ and all gradients come from the fused kernel. Every logit is formed elsewhere, where values have
    another size than keys, and in training where φᵀk < 0 somewhere, so that the denominator may have no logarithm. A
    compiled graph cannot look at the data: there φᵀk < 0 may give NaN. Adapters keep φᵀk from being negative.
    """
    memory = _readable(memory, mask, query.dtype)
    if takes(query, value) and not torch.is_grad_enabled():
        return merged_without_gradients(query, key, value, *memory, mask, scale)
    compiling = torch.compiler.is_compiling()
    if takes(query, value) and (compiling or not bool((memory[1] < 0).any())):
        merge: Any = FusedMerge.apply
        return merge(query, key, value, *memory, mask, scale)
    return _merge(*_attend_with_log_sum(query, key, value, mask, scale), memory, mask, query.dtype)


def flex(query: Queries, key: Keys, value: Values, memory: Memory, mask: Mask, scale: float) -> Output:
    """Merge as ``merged`` does, o and ℓ from PyTorch's FlexAttention: one fused kernel on a GPU, with gradients.

    FlexAttention is compiled on a GPU at the first call. On a CPU it runs uncompiled and forms every logit, for
    comparison; there ℓ has no gradient, which the formula needs.

    Raises InvalidAdapter if gradients are wanted on a CPU.
    """
    from torch.nn.attention.flex_attention import AuxRequest

    if query.device.type == "cpu" and torch.is_grad_enabled() and any(x.requires_grad for x in (query, key, value)):
        raise InvalidAdapter('FlexAttention has no gradient on a CPU; choose backend="marker"')
    memory = _readable(memory, mask, query.dtype)
    bias = None
    if mask is not None:
        shown = mask.expand(query.shape[0], *mask.shape[1:])

        def bias(score, b, h, t, j):
            return torch.where(shown[b, 0, t, j], score, -torch.inf)

    call = _flex_attention(query.device.type)
    attended, found = call(query, key, value, score_mod=bias, scale=scale, return_aux=AuxRequest(lse=True))
    return _merge(attended, found.lse, memory, mask, query.dtype)


@cache
def _flex_attention(device: str) -> Callable[..., Any]:
    from torch.nn.attention.flex_attention import flex_attention

    compiled: Any = torch.compile(flex_attention, dynamic=False) if device == "cuda" else flex_attention
    return compiled


def _merge(
    attended: Output, log_sum: Float[torch.Tensor, "B H T"], memory: Memory, mask: Mask, dtype: torch.dtype
) -> Output:
    numerator, denominator = memory
    log_sum = log_sum.to(numerator.dtype)[..., None]
    attended = attended.to(numerator.dtype)
    if mask is not None:  # a row without keys has neither o nor ℓ, whatever the kernel says
        empty = ~mask.any(dim=-1, keepdim=True)
        attended, log_sum = attended.masked_fill(empty, 0.0), log_sum.masked_fill(empty, -torch.inf)
    top = _larger(log_sum, denominator)
    theirs, own = torch.exp(log_sum - top), torch.exp((-top).clamp(max=LARGEST))
    total = _away_from_zero(theirs + own * denominator)  # (B, H, T, 1): dividing here spares a pass over the output
    own = (own / total).clamp(max=torch.finfo(total.dtype).max)  # 0·∞ would be NaN
    if not torch.is_grad_enabled():  # in place: fresh memory costs as much as the arithmetic
        return attended.mul_(theirs / total).addcmul_(numerator, own).to(dtype)
    return torch.addcmul(attended * (theirs / total), numerator, own).to(dtype)


def marker(query: Queries, key: Keys, value: Values, memory: Memory, mask: Mask, scale: float) -> Output:
    """Let stock SDPA return its own normaliser: by one more key 0 (logit 0), and two more columns of the values.

    One column is 1 for the marker alone, the other for all keys but the marker. With A = Σ_j e^{s_j}, SDPA then returns
    o' = Σ_j e^{s_j}v_j/(1 + A), w₀ = 1/(1 + A) and w₁ = A/(1 + A), so that out = (o' + w₀ φᵀZ)/(w₁ + w₀ φᵀk), with
    exact gradients. (Taking 1 − w₀ for w₁ would lose every digit where all logits are below −16.) The columns are
    filled up to a multiple of eight, and queries and keys with zeros to the same width, for the fused kernels. In
    float32 a memory of exact zeros is no change as long as a row's largest logit is above −80.
    """
    numerator, denominator = _readable(memory, mask, query.dtype)
    size, width = value.shape[-1], -(-max(value.shape[-1] + 2, key.shape[-1]) // 8) * 8
    key = functional.pad(key, (0, width - key.shape[-1], 1, 0))  # (B, H, 1 + S, w)
    query_wide = functional.pad(query, (0, width - query.shape[-1]))
    columns = value.new_zeros(value.shape[-2] + 1, width - size)
    columns[0, 0] = 1
    columns[1:, 1] = 1
    value = functional.pad(value, (0, 0, 1, 0))
    value = torch.cat([value, columns.expand(*value.shape[:-1], -1)], dim=-1)  # (B, H, 1 + S, w)
    mask = None if mask is None else functional.pad(mask, (1, 0), value=True)
    all_of_it = functional.scaled_dot_product_attention(query_wide, key, value, mask, scale=scale).to(numerator.dtype)
    attended, w0, w1 = all_of_it[..., :size], all_of_it[..., size : size + 1], all_of_it[..., size + 1 : size + 2]
    out = (attended + w0 * numerator) / _away_from_zero(w1 + w0 * denominator)
    return out.to(query.dtype)


def released(query: Queries, key: Keys, value: Values, memory: Memory, mask: Mask, scale: float) -> Output:
    """Exponentiate the logits as they come, in float32, as the released code does: overflows where a logit exceeds 88.

    The backends are compared with this function; it is none itself.
    """
    numerator, denominator = memory
    weights = torch.exp(query.float() @ key.float().mT * scale)
    if mask is not None:
        weights = weights.masked_fill(~mask, 0.0)
    return (weights @ value.float() + numerator) / (weights.sum(dim=-1, keepdim=True) + denominator)


BACKENDS: dict[str, Callable[..., Output]] = {"eager": eager, "merged": merged, "marker": marker, "flex": flex}


def read_memory(
    features: Float[torch.Tensor, "B H T r"], Z: Float[torch.Tensor, "H r v"], k: Float[torch.Tensor, "H r"]
) -> Memory:
    """Return φᵀZ and φᵀk."""
    Z, k = Z.to(features.dtype), k.to(features.dtype)
    denominator = torch.linalg.vecdot(features, k[:, None])[..., None]  # four times as fast as a matrix of one column
    if features.shape[-2] == 1:  # decoding: the batch as a matrix's rows, which spares a copy of Z for each of them
        rows = features[:, :, 0].transpose(0, 1)  # (H, B, r)
        return torch.bmm(rows, Z).transpose(0, 1)[:, :, None], denominator
    return features @ Z, denominator


def error_bound(
    query: Queries, prefix_key: Keys, prefix_value: Values, value: Values, phi: FeatureMap, scale: float
) -> tuple[float, float]:
    """Return η and 2η/(1 − η)·max‖value‖, which bounds how far attention by (Z, k) is from attention with the prefix.

    η is the largest |c·φ(q)ᵀφ(p) − e^{s}|/e^{s} over all pairs; the bound is infinite where η ≥ 1. The values are those
    of the prefix and of the keys.
    """
    kernel = phi(query) @ phi(prefix_key).mT * phi.kernel_scale
    exact = torch.exp((query.to(kernel.dtype) @ prefix_key.to(kernel.dtype).mT) * scale)
    eta = float(((kernel - exact).abs() / exact).max())
    largest = max(float(prefix_value.norm(dim=-1).max()), float(value.norm(dim=-1).max()))
    return eta, 2 * eta / (1 - eta) * largest if eta < 1 else float("inf")


def _readable(memory: Memory, mask: Mask, dtype: torch.dtype) -> Memory:
    """Return the memory with φᵀZ = 0 where no key is shown and φᵀk is 0 (``k_param="zero"``), negative, or too small.

    φᵀZ/φᵀk may not be larger there than what ``dtype`` can square: a norm's squares must not overflow.
    """
    numerator, denominator = memory
    if mask is None:
        return memory
    beyond = numerator.detach().abs().amax(dim=-1, keepdim=True) > denominator * torch.finfo(dtype).max ** 0.5
    return numerator.masked_fill(beyond & ~mask.any(dim=-1, keepdim=True), 0.0), denominator


def _larger(log_sum: torch.Tensor, denominator: torch.Tensor) -> torch.Tensor:
    """Return M = max(ℓ, log φᵀk); 0 where both are −∞."""
    top = torch.maximum(log_sum, denominator.clamp(min=0).log()).detach()
    return top.masked_fill(torch.isneginf(top), 0.0)


def _away_from_zero(total: torch.Tensor) -> torch.Tensor:
    return torch.where(total.abs() < TINY, torch.full_like(total, TINY), total)


def _attend_with_log_sum(
    query: Queries, key: Keys, value: Values, mask: Mask, scale: float
) -> tuple[Output, Float[torch.Tensor, "B H T"]]:
    wide = torch.promote_types(query.dtype, torch.float32)
    logits = query.to(wide) @ key.to(wide).mT * scale
    if mask is not None:
        logits = logits.masked_fill(~mask, -torch.inf)
    log_sum = torch.logsumexp(logits, dim=-1)
    safe = log_sum.masked_fill(torch.isneginf(log_sum), 0.0)
    return torch.exp(logits - safe[..., None]) @ value.to(wide), log_sum
