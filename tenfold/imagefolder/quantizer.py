"""Multi-scale residual quantisation of P latent maps at once, each with a codebook of its own.

With r₁ = z, for each scale i of side pᵢ:

    kᵢ = argmax cos(area_down(rᵢ, pᵢ), e)        the embedding added is not normalised
    hᵢ = φᵢ(bicubic_up(e[kᵢ]))                    no resampling at the last scale
    f̂ᵢ = f̂ᵢ₋₁ + mᵢ·hᵢ;   rᵢ₊₁ = rᵢ − hᵢ          m masks dropped scales; the residual is not masked

Legend:  B images · P branches · c code_dim · V codes · S scales · p side of a scale · K side of the latent map ·
         L = Σ p² positions.  Maps are kept flat: (B, P, c, K²).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import torch
import torch.nn.functional as functional
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from tenfold.imagefolder.config import TokenizerConfig
from tenfold.imagefolder.errors import InvalidTokens
from tenfold.imagefolder.scales import area_matrix, bicubic_matrix, nearest_tick, slices

Maps = Float[Tensor, "B P c K2"]
Indices = Int[Tensor, "B P L"]


@dataclass
class Quantized:
    """``output`` is z + sg(f̂ − z); ``sums`` the running f̂ᵢ of every scale; ``kept`` how many scales each kept."""

    output: Maps
    indices: Indices
    sums: Float[Tensor, "S B P c K2"]
    kept: Int[Tensor, " B"]
    codebook_loss: Float[Tensor, ""]
    commitment_loss: Float[Tensor, ""]


class Quantizer(nn.Module):
    """P codebooks and the shared convolutions φ, with all branches in each operation.

    It stays in float32 where its model is cast to fewer bits: a residual's last digits choose codes.
    """

    first_codes: Tensor

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        P, V, c, sides = config.branches, config.codebook_size, config.code_dim, config.sides
        self.config, self.side, self.slices = config, sides[-1], slices(sides)
        start = torch.empty(P, V, c).uniform_(-1 / V, 1 / V)
        self.codebook = nn.Parameter(functional.normalize(start, dim=-1))
        bound = (9 * c) ** -0.5  # as convolutions start
        shape = (config.shared_convolutions, P * c, c, 3, 3)
        self.kernels = nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
        self.biases = nn.Parameter(torch.empty(shape[:2]).uniform_(-bound, bound))
        self.ticks = [nearest_tick(i, len(sides), config.shared_convolutions) for i in range(len(sides))]
        self.register_buffer("first_codes", V * torch.arange(P)[:, None], persistent=False)  # of each branch
        for i, side in enumerate(sides):
            self.register_buffer(f"down{i}", area_matrix(self.side, side), persistent=False)
            self.register_buffer(f"up{i}", bicubic_matrix(side, self.side), persistent=False)

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        def moved(tensor: Tensor) -> Tensor:
            found = fn(tensor)
            return tensor.to(found.device) if found.dtype in (torch.float16, torch.bfloat16) else found

        return super()._apply(moved, recurse)

    def down(self, maps: Tensor, scale: int) -> Tensor:
        """Area-average (…, K²) to the side of one scale."""
        return maps if self.config.sides[scale] == self.side else maps @ self.get_buffer(f"down{scale}")

    def up(self, codes: Tensor, scale: int) -> Tensor:
        """Interpolate (…, p²) to the side K, bicubically."""
        return codes if self.config.sides[scale] == self.side else codes @ self.get_buffer(f"up{scale}")

    def nearest(self, vectors: Float[Tensor, "B P c n"]) -> Int[Tensor, "B P n"]:
        """Return the codes of the largest cosine; the vectors' own length does not matter."""
        codes = functional.normalize(self.codebook, dim=-1)  # (P, V, c)
        flat = vectors.permute(1, 0, 3, 2).flatten(1, 2)  # (P, B·n, c)
        found = torch.bmm(flat, codes.transpose(1, 2)).argmax(dim=-1)  # (P, B·n)
        return found.view(len(found), len(vectors), -1).transpose(0, 1)

    def embed(self, indices: Int[Tensor, "B P n"]) -> Float[Tensor, "B P c n"]:
        """Look codes up, each branch in its own codebook."""
        rows = functional.embedding(indices + self.first_codes, self.codebook.flatten(0, 1))
        return rows.transpose(2, 3)

    def refine(self, maps: Maps, scale: int) -> Maps:
        """φ(u) = ½u + ½·Conv3×3(u), the branches as groups of one convolution."""
        B, P, c, _ = maps.shape
        ratio, tick = self.config.residual_ratio, self.ticks[scale]
        square = maps.reshape(B, P * c, self.side, self.side)
        convolved = functional.conv2d(square, self.kernels[tick], self.biases[tick], padding=1, groups=P)
        return (1 - ratio) * maps + ratio * convolved.view_as(maps)

    def draw_kept(self, B: int, device: torch.device, generator: torch.Generator | None) -> Int[Tensor, " B"]:
        """Draw how many scales each sample keeps: the first ⌊share·B⌋ draw from start_drop … S, the others keep all."""
        S = len(self.config.sides)
        kept = torch.full((B,), S, device=device)
        dropped = int(self.config.quantizer_dropout * B)
        if dropped:
            drawn = torch.randint(self.config.start_drop, S + 1, (dropped,), generator=generator)
            kept[:dropped] = drawn.to(device)
        return kept

    def forward(self, z: Maps, generator: torch.Generator | None = None, *, dropout: bool = True) -> Quantized:
        """Quantise; in training mode ``generator`` draws the dropped scales, unless ``dropout`` is False."""
        with torch.autocast(z.device.type, enabled=False):
            if self.training and dropout:
                kept = self.draw_kept(len(z), z.device, generator)
            else:
                kept = torch.full((len(z),), len(self.config.sides), device=z.device)
            return self._quantize(z.to(self.codebook.dtype), kept)

    def _quantize(self, z: Maps, kept: Int[Tensor, " B"]) -> Quantized:
        fixed = z.detach()
        residual, running = fixed, torch.zeros_like(fixed)
        indices, sums = [], []
        for i in range(len(self.config.sides)):
            with torch.no_grad():
                found = self.nearest(self.down(residual, i))
            h = self.refine(self.up(self.embed(found), i), i)
            running = running + h * (kept > i).view(-1, 1, 1, 1)
            residual = residual - h.detach()
            indices.append(found)
            sums.append(running)
        stacked = torch.stack(sums)  # (S, B, P, c, K²)
        mask = kept > torch.arange(len(sums), device=z.device)[:, None]  # (S, B)
        codebook = masked_mean((stacked - fixed).square().mean(dim=(2, 3, 4)), mask)
        commitment = masked_mean((stacked.detach() - z).square().mean(dim=(2, 3, 4)), mask)
        if self.config.commit_reduction == "sum":
            commitment = commitment * len(sums)
        return Quantized(
            z + (running - z).detach(), torch.cat(indices, dim=2), stacked.detach(), kept, codebook, commitment
        )

    def tokens(self, z: Maps) -> Indices:
        """Return the indices alone: those of ``forward`` without dropout, at less work."""
        with torch.autocast(z.device.type, enabled=False):
            residual = z.to(self.codebook.dtype)
            found: list[Tensor] = []
            for i in range(len(self.config.sides)):
                if i:
                    residual = residual - self.refine(self.up(self.embed(found[-1]), i - 1), i - 1)
                found.append(self.nearest(self.down(residual, i)))
            return torch.cat(found, dim=2)

    def running_sums(self, indices: Indices) -> Float[Tensor, "S B P c K2"]:
        """Return f̂₁ … f̂_S of given indices, all scales and branches in one convolution.

        Raises InvalidTokens for another shape than (B, P, L) or a code outside the codebook.
        """
        config, S = self.config, len(self.config.sides)
        self.check(indices)
        codes = self.embed(indices.long())  # (B, P, c, L)
        maps = torch.stack([self.up(codes[..., part], i) for i, part in enumerate(self.slices)], dim=1)
        B, P, c = len(indices), config.branches, config.code_dim
        square = maps.reshape(B, S * P * c, self.side, self.side)
        kernels, biases = self.kernels[self.ticks].flatten(0, 1), self.biases[self.ticks].flatten()
        convolved = functional.conv2d(square, kernels, biases, padding=1, groups=S * P).view_as(maps)
        ratio = config.residual_ratio
        return ((1 - ratio) * maps + ratio * convolved).cumsum(dim=1).transpose(0, 1)

    def check(self, indices: Indices) -> None:
        """Raise InvalidTokens for another shape than (B, P, L) or a code outside the codebook."""
        config = self.config
        expected = (config.branches, config.positions)
        whole = not indices.dtype.is_floating_point and indices.dtype != torch.bool
        if indices.ndim != 3 or tuple(indices.shape[1:]) != expected or not whole:
            raise InvalidTokens(f"tokens are whole numbers (B, {expected[0]}, {expected[1]}), not {indices.shape}")
        indices = indices.long()  # a uint16 tensor has no minimum
        if indices.numel() and not 0 <= int(indices.min()) <= int(indices.max()) < config.codebook_size:
            raise InvalidTokens(f"a token is outside 0 … {config.codebook_size - 1}; another codebook made them")


def masked_mean(values: Float[Tensor, "S B"], mask: Bool[Tensor, "S B"]) -> Float[Tensor, ""]:
    """Average over each scale's kept samples, then over the scales that somebody kept."""
    counts = mask.sum(dim=1)
    means = (values * mask).sum(dim=1) / counts.clamp(min=1)
    return means.sum() / (counts > 0).sum()
