"""What is trained beside one attention layer: the sums (Z, k) of NTK-Attention, or a prefix of keys and values.

Legend:  B batch · H query heads · T queries · S keys · d head size · v value size · r features · s rank · m prefix
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import nn

from tenfold.ntk_attention.attention import BACKENDS, Mask, memory_from_prefix, prefix_attention, read_memory
from tenfold.ntk_attention.config import AdapterConfig, NTKAttentionConfig, PrefixConfig
from tenfold.ntk_attention.errors import InvalidAdapter
from tenfold.ntk_attention.features import feature_map

NEAR_ZERO = 1e-4  # as the released code starts its language model
SMALLEST = 1e-8  # k that softplus can be asked for


class NTKMemory(nn.Module):
    """Z (H, r, v) and k (H, r) of one layer: e^{s}-weighted sums over a prefix that may be arbitrarily long.

    ``clamped`` counts the queries whose φᵀk was negative and was set to 0, which only maps of either sign need.
    """

    clamped: torch.Tensor

    def __init__(
        self, config: NTKAttentionConfig, heads: int, head_size: int, value_size: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.config = config
        self.phi = feature_map(config.phi, head_size, size=config.feature_size, seed=config.seed)
        r = self.phi.size
        if config.rank is not None and config.rank > min(r, value_size):
            raise InvalidAdapter(f"rank = {config.rank} exceeds Z's {r} × {value_size}; choose at most the smaller")
        start = NEAR_ZERO if config.init in ("near_zero", "unit_k") else 0.0
        if config.rank is None:
            self.Z = nn.Parameter(start * torch.randn(heads, r, value_size, generator=generator))
        else:  # Z_B = 0 leaves Z_A without a gradient: one of the two starts at its usual size
            self.Z_A = nn.Parameter(torch.randn(heads, r, config.rank, generator=generator) / math.sqrt(r))
            self.Z_B = nn.Parameter(start * torch.randn(heads, config.rank, value_size, generator=generator))
        if config.k_param != "zero":
            self.k_raw = nn.Parameter(self._raw(torch.full((heads, r), 1.0 if config.init == "unit_k" else start)))
        self.register_buffer("clamped", torch.zeros((), dtype=torch.int64), persistent=False)

    @property
    def values(self) -> Float[torch.Tensor, "H r v"]:
        """Z, or Z_A Z_B."""
        return self.Z if self.config.rank is None else self.Z_A @ self.Z_B

    @property
    def normaliser(self) -> Float[torch.Tensor, "H r"]:
        """k, kept from being negative by ``k_param``; free for maps of either sign, whose sums may be negative."""
        if self.config.k_param == "zero":
            return self.values.new_zeros(self.values.shape[:2])
        if not self.phi.non_negative:
            return self.k_raw
        return self.k_raw.abs() if self.config.k_param == "abs" else nn.functional.softplus(self.k_raw)

    def _raw(self, k: Float[torch.Tensor, "H r"]) -> Float[torch.Tensor, "H r"]:
        """Return what ``normaliser`` turns into k."""
        if self.config.k_param == "softplus" and self.phi.non_negative:
            k = k.clamp(min=SMALLEST)
            return k + torch.log(-torch.expm1(-k))
        return k

    @torch.no_grad()
    def initialise_from_prefix(
        self,
        prefix_key: Float[torch.Tensor, "H m d"],
        prefix_value: Float[torch.Tensor, "H m v"],
        *,
        divided: bool = True,
    ) -> None:
        """Set (Z, k) to a prefix's sums, times the map's ``kernel_scale`` (1/d for elu1) unless not ``divided``.

        A Z of low rank becomes the nearest matrix of that rank (SVD).
        """
        Z, k = memory_from_prefix(prefix_key, prefix_value, self.phi)
        if not divided:
            Z, k = Z / self.phi.kernel_scale, k / self.phi.kernel_scale
        if self.config.rank is None:
            self.Z.copy_(Z)
        else:
            left, sizes, right = torch.linalg.svd(Z, full_matrices=False)
            root = sizes[:, : self.config.rank].sqrt()
            self.Z_A.copy_(left[:, :, : self.config.rank] * root[:, None, :])
            self.Z_B.copy_(root[:, :, None] * right[:, : self.config.rank])
        if self.config.k_param != "zero":
            self.k_raw.copy_(self._raw(k))

    def forward(
        self,
        query: Float[torch.Tensor, "B H T d"],
        key: torch.Tensor,
        value: torch.Tensor,
        mask: Mask,
        scale: float,
        *,
        unrotated: torch.Tensor | None = None,
    ) -> Float[torch.Tensor, "B H T v"]:
        """Return the layer's attention with the memory in it; ``unrotated`` is the query before any rotation."""
        if torch.is_autocast_enabled(query.device.type):  # φ, the sums and the exponentials stay in float32
            half = torch.get_autocast_dtype(query.device.type)
            query, key, value = query.to(half), key.to(half), value.to(half)
            with torch.autocast(query.device.type, enabled=False):
                return self(query, key, value, mask, scale, unrotated=unrotated)
        chosen = query if unrotated is None else unrotated
        other = scale * math.sqrt(chosen.shape[-1])  # a scale other than 1/√d
        features = self.phi(chosen if math.isclose(other, 1.0) else chosen * other)
        if self.config.dropout:
            active = self.training or self.config.dropout_mode == "always"
            features = nn.functional.dropout(features, self.config.dropout, training=active)
        numerator, denominator = read_memory(features, self.values, self.normaliser)
        if not self.phi.non_negative:
            negative = denominator < 0
            self.clamped += negative.sum()
            denominator = denominator.clamp(min=0)
        return BACKENDS[self.config.backend](query, key, value, (numerator, denominator), mask, scale)


class Prefix(nn.Module):
    """Trained keys (H, m, d) and values (H, m, v) of one layer, before the layer's other keys and values."""

    def __init__(
        self, config: PrefixConfig, heads: int, head_size: int, value_size: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.config = config
        self.key = nn.Parameter(config.sd * torch.randn(heads, config.length, head_size, generator=generator))
        if not config.tied:
            self.value = nn.Parameter(config.sd * torch.randn(heads, config.length, value_size, generator=generator))
        elif head_size != value_size:
            raise InvalidAdapter("a tied prefix needs keys and values of one size")

    def forward(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: Mask,
        scale: float,
        *,
        unrotated: torch.Tensor | None = None,
    ) -> torch.Tensor:
        prefix_value = self.key if self.config.tied else self.value
        return prefix_attention(query, key, value, self.key[None], prefix_value[None], mask, scale)


def adapter(
    config: AdapterConfig, heads: int, head_size: int, value_size: int, generator: torch.Generator
) -> NTKMemory | Prefix:
    """Return the adapter of one layer that ``config`` describes."""
    if isinstance(config, PrefixConfig):
        return Prefix(config, heads, head_size, value_size, generator)
    return NTKMemory(config, heads, head_size, value_size, generator)


def parameter_count(config: AdapterConfig, heads: int, head_size: int, value_size: int, layers: int) -> int:
    """Return how many numbers are trained: layers·H·(r·v + r) for a full Z with k, and so on; no classifier."""
    if isinstance(config, PrefixConfig):
        return layers * heads * config.length * (head_size + (0 if config.tied else value_size))
    phi = feature_map(config.phi, head_size, size=config.feature_size)
    r = phi.size
    own = r * value_size if config.rank is None else config.rank * (r + value_size)
    trained = sum(parameter.numel() for parameter in phi.parameters())
    return layers * (heads * (own + (0 if config.k_param == "zero" else r)) + trained)
