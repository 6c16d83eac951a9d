"""Tokenizer and sampling as the formulas stand: one branch, one scale and one guidance pass after the other.

Written out anew, without a batch over branches or scales, with torch's own resampling in place of matrices, and with
every token in every block of the tokenizer, whose attention is softmax(qkᵀ/√d)v as in the formula, or, where asked,
torch's fused kernel. Linear layers, norms and embeddings are the library's, and so are the generator's blocks. Given
the same weights and seed it makes the same tokens.

Legend:  N images · c code_dim · V codes · p side of a scale · K side of the latent map · L positions
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor

from tenfold.imagefolder.generator import Cache, NextScaleGenerator
from tenfold.imagefolder.quantizer import Quantizer
from tenfold.imagefolder.sampling import guidance_at, image_uniforms
from tenfold.imagefolder.scales import slices
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.nn.transformer import Transformer


def refined(quantizer: Quantizer, codes: Tensor, branch: int, scale: int) -> Tensor:
    """Return h = φ(bicubic_up(e[k])) of one branch and scale: (N, p²) codes to (N, c, K, K)."""
    config, K, p = quantizer.config, quantizer.side, quantizer.config.sides[scale]
    vectors = quantizer.codebook[branch][codes].transpose(1, 2).unflatten(2, (p, p))  # (N, c, p, p)
    if p != K:
        vectors = functional.interpolate(vectors, size=(K, K), mode="bicubic")
    own, tick = slice(branch * config.code_dim, (branch + 1) * config.code_dim), quantizer.ticks[scale]
    convolved = functional.conv2d(vectors, quantizer.kernels[tick, own], quantizer.biases[tick, own], padding=1)
    return (1 - config.residual_ratio) * vectors + config.residual_ratio * convolved


def attended(transformer: Transformer, tokens: Tensor, *, fused: bool) -> Tensor:
    """Return every token (N, T, D) after every block."""
    blocks: Any = transformer.blocks
    for block in blocks:
        inner = block.attention
        projected = inner.qkv(block.norm1(tokens)).unflatten(2, (3, inner.heads, -1))
        query, key, value = projected.permute(2, 0, 3, 1, 4)  # 3 × (N, H, T, D/H)
        if fused:
            mixed = functional.scaled_dot_product_attention(query, key, value)
        else:
            mixed = torch.softmax(query @ key.transpose(2, 3) / query.shape[-1] ** 0.5, dim=-1) @ value
        tokens = tokens + block.scale1(inner.projection(mixed.transpose(1, 2).flatten(2)))
        tokens = tokens + block.scale2(block.mlp(block.norm2(tokens)))
    return transformer.norm(tokens)


@torch.inference_mode()
def quantize(quantizer: Quantizer, latents: Tensor) -> Tensor:
    """Return the tokens (N, P, L) of latent maps (N, P, c, K²)."""
    K, found = quantizer.side, []
    for branch, z in enumerate(latents.unbind(dim=1)):
        residual = z.unflatten(2, (K, K))  # (N, c, K, K)
        chosen = []
        for scale, p in enumerate(quantizer.config.sides):
            small = residual if p == K else functional.interpolate(residual, size=(p, p), mode="area")
            vectors = functional.normalize(small.flatten(2).transpose(1, 2), dim=-1)  # (N, p², c)
            cosines = vectors @ functional.normalize(quantizer.codebook[branch], dim=-1).T  # (N, p², V)
            chosen.append(cosines.argmax(dim=-1))
            residual = residual - refined(quantizer, chosen[-1], branch, scale)
        found.append(torch.cat(chosen, dim=1))
    return torch.stack(found, dim=1)


@torch.inference_mode()
def summed(quantizer: Quantizer, indices: Tensor) -> Tensor:
    """Return f̂ (N, P, c, K²) of tokens (N, P, L)."""
    maps = []
    for branch in range(quantizer.config.branches):
        total = torch.zeros((), device=indices.device)
        for scale, part in enumerate(slices(quantizer.config.sides)):
            total = total + refined(quantizer, indices[:, branch, part], branch, scale)
        maps.append(total.flatten(2))
    return torch.stack(maps, dim=1)


@torch.inference_mode()
def encode(tokenizer: Tokenizer, images: Tensor, *, fused: bool = False) -> Tensor:
    """Return the tokens (N, P, L) of images."""
    encoder, P, K = tokenizer.encoder, tokenizer.config.branches, tokenizer.quantizer.side
    encoded = attended(encoder.transformer, encoder.tokens(images), fused=fused)[:, -P * K * K :]
    latents = tokenizer.projection(encoded).unflatten(1, (P, K * K)).transpose(2, 3)
    return quantize(tokenizer.quantizer, latents)


@torch.inference_mode()
def decode(tokenizer: Tokenizer, indices: Tensor, *, fused: bool = False) -> Tensor:
    """Return the images of tokens (N, P, L)."""
    decoder = tokenizer.decoder
    decoded = attended(decoder.transformer, decoder.tokens(summed(tokenizer.quantizer, indices)), fused=fused)
    return decoder.pixels(decoded[:, : tokenizer.config.grid**2])


def filtered(logits: Tensor, top_k: int, top_p: float) -> Tensor:
    """Return probabilities (N, p², V) of the ``top_k`` best codes, then of the best up to ``top_p`` in all."""
    ordered, order = logits.sort(dim=-1, descending=True)
    if top_k:
        ordered[..., top_k:] = -torch.inf
    probabilities = ordered.softmax(dim=-1)
    probabilities[(probabilities.cumsum(dim=-1) - probabilities) >= top_p] = 0  # all better ones reach top_p alone
    kept = torch.zeros_like(probabilities).scatter(-1, order, probabilities)
    return kept / kept.sum(dim=-1, keepdim=True)


def drawn(probabilities: Tensor, uniforms: Tensor) -> Tensor:
    """Return the first code whose cumulated probability exceeds the uniform number."""
    cumulated = probabilities.double().cumsum(dim=-1)
    return (cumulated <= uniforms.double()[..., None] * cumulated[..., -1:]).sum(dim=-1)


@torch.inference_mode()
def sample(
    generator: NextScaleGenerator,
    tokenizer: Tokenizer,
    labels: Tensor,
    guidance_scale: float,
    top_k: int,
    top_p: float,
    seed: int = 0,
    *,
    cache: bool,
) -> Tensor:
    """Return sampled tokens (N, P, L) of a folded generator; with and without a class one after the other."""
    config, quantizer, K, N = generator.config, tokenizer.quantizer, tokenizer.quantizer.side, len(labels)
    draws, places = image_uniforms(seed, 0, N, config.branches, tokenizer.config.positions), slices(config.sides)
    zeros = generator.head.weight.new_zeros(N, config.code_dim, K, K)
    sums = [zeros for _ in range(config.branches)]
    inputs: list[Tensor] = []
    caches: list[Cache | None] = [None, None]
    chosen: list[list[Tensor]] = [[] for _ in range(config.branches)]
    for scale, part in enumerate(places):
        p = config.sides[scale]
        small = [functional.interpolate(one, size=(p, p), mode="area").flatten(2) for one in sums]
        inputs.append(torch.cat(small, dim=1).transpose(1, 2))  # (N, p², P·c)
        logits = []
        for place, classes in enumerate((labels, torch.full_like(labels, generator.null_class))):
            if cache:
                tokens = generator.embed(inputs[-1], classes, part)
                states, caches[place] = generator.run(tokens, classes, None, caches[place])
            else:
                tokens = generator.embed(torch.cat(inputs, dim=1), classes, slice(0, part.stop))
                mask = generator.mask[: part.stop, : part.stop]
                states = generator.run(tokens, classes, mask, None)[0][:, part]
            logits.append(generator.head(states))
        t = guidance_at(guidance_scale, scale, len(config.sides))
        for branch, own in enumerate(((1 + t) * logits[0] - t * logits[1]).chunk(config.branches, dim=-1)):
            chosen[branch].append(drawn(filtered(own, top_k, top_p), draws[:, branch, part].to(own)))
            sums[branch] = sums[branch] + refined(quantizer, chosen[branch][-1], branch, scale)
    return torch.stack([torch.cat(one, dim=1) for one in chosen], dim=1)
