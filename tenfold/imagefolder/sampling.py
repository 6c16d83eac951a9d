"""Sampling tokens segment by segment, with guidance, top-k and top-p, and a cache of keys and values.

Legend:  N images · P branches · b branches of a segment · p side of a scale · V codes · L positions
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tenfold.arguments import whole
from tenfold.imagefolder.errors import InvalidSampling
from tenfold.imagefolder.generator import Cache, NextScaleGenerator
from tenfold.imagefolder.layout import Segment, segment_inputs
from tenfold.imagefolder.scales import slices
from tenfold.imagefolder.tokenizer import Tokenizer

SMALLEST_TEMPERATURE = 1e-30  # float32 still holds what is divided by it
PAPER_GUIDANCE, PAPER_TOP_K, PAPER_TOP_P = 3.25, 750, 0.95


def best_first(logits: Float[Tensor, "*n V"], count: int) -> Float[Tensor, "*n count"]:
    """Return the ``count`` largest logits of each row, the largest first."""
    if logits.device.type != "cpu":
        return logits.topk(count, dim=-1).values
    # numpy sorts values alone, with vector instructions: many times as fast as torch's topk or sort on a CPU
    rows, V = logits.detach().numpy(), logits.shape[-1]
    largest = rows if count == V else np.partition(rows, V - count, axis=-1)[..., V - count :]
    return torch.from_numpy(np.sort(largest, axis=-1)[..., ::-1].copy())


def filtered(logits: Float[Tensor, "*n V"], top_k: int, top_p: float) -> Float[Tensor, "*n V"]:
    """Return logits with −∞ outside the ``top_k`` best and outside the smallest set of probability ``top_p``.

    top_k 0 and top_p 1 are off. The best code always stays. Ties at the last place all stay.
    """
    V = logits.shape[-1]
    count = top_k if 0 < top_k < V else V
    if count == V and top_p >= 1:
        return logits
    ordered = best_first(logits, count)
    kept = torch.full((*ordered.shape[:-1], 1), count, device=logits.device)
    if top_p < 1:
        probabilities = ordered.softmax(dim=-1)
        better = probabilities.cumsum(dim=-1) - probabilities  # probability of all better ones
        kept = (better < top_p).sum(dim=-1, keepdim=True).clamp(min=1)
    return logits.masked_fill(logits < ordered.gather(-1, kept - 1), -torch.inf)


def draw(probabilities: Float[Tensor, "*n V"], uniforms: Float[Tensor, "*n"]) -> Int[Tensor, "*n"]:
    """Return one code for each row: the first whose cumulated probability exceeds the row's uniform number."""
    cumulated = probabilities.double().cumsum(dim=-1)
    at = uniforms.double()[..., None] * cumulated[..., -1:]
    return torch.searchsorted(cumulated, at, right=True).squeeze(-1).clamp(max=probabilities.shape[-1] - 1)


def joint_sample(
    logits: Float[Tensor, "N 2 V"], top_k: int, top_p: float, generator: torch.Generator
) -> Int[Tensor, "N 2"]:
    """Draw the codes of two branches from the product of their filtered distributions, as one code of V².

    The same distribution as one draw per branch, at the cost of V² probabilities: kept to show that they agree.
    """
    first, second = filtered(logits, top_k, top_p).softmax(dim=-1).unbind(dim=1)
    product = (first[:, :, None] * second[:, None, :]).flatten(1)  # (N, V²)
    pair = draw(product, torch.rand(len(product), generator=generator))
    return torch.stack([pair // logits.shape[-1], pair % logits.shape[-1]], dim=1)


def image_uniforms(seed: int, first: int, N: int, branches: int, positions: int) -> Float[Tensor, "N P L"]:
    """Return what images ``first`` … ``first`` + N − 1 draw: a stream for each, of the seed and the image's number.

    Neither batch mates nor their number change what an image draws, nor one branch's logits what another draws.
    """
    seed = whole(seed, "seed", least=0, error=InvalidSampling)
    streams = (np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(first + n,))) for n in range(N))
    return torch.from_numpy(np.stack([stream.random((branches, positions)) for stream in streams]))


def guidance_at(guidance_scale: float, scale: int, scales: int) -> float:
    """Return t = guidance_scale·i/(S − 1) for scale i from 0: none at the first scale, all at the last."""
    return guidance_scale * scale / max(1, scales - 1)


def check_arguments(
    generator: NextScaleGenerator,
    tokenizer: Tokenizer,
    labels: Tensor,
    guidance_scale: float,
    top_k: int,
    top_p: float,
    temperature: float,
) -> None:
    """Raise InvalidSampling for what is out of range."""
    for name in ("sides", "branches", "codebook_size", "code_dim"):
        mine, other = getattr(generator.config, name), getattr(tokenizer.config, name)
        if mine != other:
            raise InvalidSampling(f"the generator's {name} is {mine} and the tokenizer's {other}: not made for it")
    classes, V = generator.config.classes, generator.config.codebook_size
    if labels.ndim != 1 or not len(labels) or labels.dtype.is_floating_point or labels.dtype == torch.bool:
        raise InvalidSampling(f"labels are a row of whole numbers, at least one, not {tuple(labels.shape)}")
    if int(labels.min()) < 0 or int(labels.max()) > classes:
        raise InvalidSampling(f"a label is outside 0 … {classes} ({classes} means no class)")
    if not (math.isfinite(guidance_scale) and guidance_scale >= 0):
        raise InvalidSampling(f"guidance_scale from 0 (none) up, not {guidance_scale}")
    if not 0 <= top_k <= V:
        raise InvalidSampling(f"top_k from 1 to {V}, or 0 for all, not {top_k}")
    if not 0 < top_p <= 1:
        raise InvalidSampling(f"top_p above 0 and up to 1 (1 is off), not {top_p}")
    if not (math.isfinite(temperature) and temperature >= SMALLEST_TEMPERATURE):
        raise InvalidSampling(f"temperature well above 0, not {temperature}; for the best code take top_k 1")


@torch.inference_mode()
def sample(
    generator: NextScaleGenerator,
    tokenizer: Tokenizer,
    labels: Int[Tensor, " N"],
    guidance_scale: float = 0.0,
    top_k: int = 0,
    top_p: float = 1.0,
    temperature: float = 1.0,
    seed: int = 0,
    cache: bool = True,
    first: int = 0,
) -> Int[Tensor, "N P L"]:
    """Return sampled indices; ``tokenizer.decode`` makes images of them.

    At scale i the logits are (1 + t)·conditional − t·unconditional with t growing to ``guidance_scale``; then
    temperature, top-k and top-p act on each branch by itself. ``cache`` False computes the whole prefix anew for each
    segment: the same samples, slower. Image n draws from a stream of its own, numbered ``first`` + n. Equal arguments
    give equal indices. Raises InvalidSampling, also where the generator's probabilities are NaN.
    """
    check_arguments(generator, tokenizer, labels, guidance_scale, top_k, top_p, temperature)
    generator.eval()
    config, N, guided = generator.config, len(labels), guidance_scale > 0
    device = generator.head.weight.device
    labels = labels.to(device)
    null = torch.full_like(labels, generator.null_class)
    both = torch.cat([labels, null]) if guided else labels
    uniforms = image_uniforms(seed, first, N, config.branches, tokenizer.config.positions).to(device)
    places = slices(config.sides)
    broken = torch.zeros((), dtype=torch.bool, device=device)
    progress = _Progress(generator, tokenizer, N, device)
    for segment in generator.segments:
        inputs = progress.inputs(segment)
        inputs = torch.cat([inputs, inputs]) if guided else inputs
        logits = progress.logits(segment, inputs, both, cache).float()  # (N or 2N, p², b, V)
        if guided:
            t = guidance_at(guidance_scale, segment.scale, len(config.sides))
            logits = torch.lerp(logits[N:], logits[:N], 1 + t)  # (1 + t)·conditional − t·unconditional
        if temperature != 1:  # from the largest down, so that no quotient overflows
            logits = (logits - logits.amax(dim=-1, keepdim=True)) / temperature
        chosen = filtered(logits, top_k, top_p).softmax(dim=-1)
        broken |= chosen.isnan().any()
        part = places[segment.scale]
        for place, branch in enumerate(segment.branches):
            progress.indices[:, branch, part] = draw(chosen[:, :, place], uniforms[:, branch, part])
        progress.add(segment)
    if broken:
        raise InvalidSampling(
            "the generator's logits are NaN or infinite: its weights are damaged, or its dtype too short"
        )
    return progress.indices


class _Progress:
    """What has been sampled so far, as indices, as running sums, and as the transformer's cache."""

    def __init__(self, generator: NextScaleGenerator, tokenizer: Tokenizer, N: int, device: torch.device) -> None:
        config = generator.config
        self.generator, self.quantizer = generator, tokenizer.quantizer
        self.indices = torch.zeros(N, config.branches, tokenizer.config.positions, dtype=torch.long, device=device)
        shape = (len(config.sides), N, config.branches, config.code_dim, config.sides[-1] ** 2)
        self.sums = torch.zeros(shape, device=device, dtype=self.quantizer.codebook.dtype)
        self.places = slices(config.sides)
        self.cache: Cache | None = None
        self.earlier: list[Tensor] = []

    def inputs(self, segment: Segment) -> Float[Tensor, "N p2 Pc"]:
        return segment_inputs(self.quantizer, self.sums, segment)

    def logits(self, segment: Segment, inputs: Tensor, labels: Tensor, cached: bool) -> Float[Tensor, "N p2 b V"]:
        if cached:
            logits, self.cache = self.generator.next_segment(segment, inputs, labels, self.cache)
            return logits
        self.earlier.append(inputs)
        tokens = self.generator.embed(torch.cat(self.earlier, dim=1), labels, slice(0, segment.stop))
        mask = self.generator.mask[: segment.stop, : segment.stop]
        states, _ = self.generator.run(tokens, labels, mask, None)
        return self.generator.branch_logits(states[:, segment.start :], segment.branches)

    def add(self, segment: Segment) -> None:
        """Add h of the segment's branches to their running sums."""
        scale = segment.scale
        codes = self.quantizer.embed(self.indices[:, :, self.places[scale]])
        h = self.quantizer.refine(self.quantizer.up(codes, scale), scale)
        for branch in segment.branches:
            before = self.sums[scale - 1, :, branch] if scale else 0
            self.sums[scale, :, branch] = before + h[:, branch]
