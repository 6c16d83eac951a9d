"""The next-scale transformer: AdaLN from the class, normalised queries and keys, block-causal over segments.

Legend:  B images · P branches · V codes · c code_dim · L positions · T positions of the sequence · D width · H heads
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as functional
from jaxtyping import Float, Int
from torch import Tensor, nn

from tenfold.arguments import unmasked
from tenfold.imagefolder.config import TAGS, GeneratorConfig
from tenfold.imagefolder.errors import InvalidSampling
from tenfold.imagefolder.layout import Layout, Segment
from tenfold.nn.adaptive_norm import AdaptiveBlock, KeysValues
from tenfold.nn.pretrained import Pretrained

Cache = list[KeysValues]  # of each block


class NextScaleGenerator(Pretrained):
    """What folded and unfolded generators share: everything but the order of prediction."""

    Config: ClassVar[type] = GeneratorConfig
    tags = TAGS
    folded: ClassVar[bool]
    mask: Tensor
    numbers: Tensor

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config, width = config, config.width
        self.layout = Layout(config.sides, config.branches, self.folded)
        self.segments = self.layout.segments
        self.classes = nn.Embedding(config.classes + 1, width)  # the last is the null class
        self.inputs = nn.Linear(config.branches * config.code_dim, width)
        self.positions = nn.Parameter(0.02 * torch.randn(1, self.layout.length, width))
        self.levels = nn.Parameter(0.02 * torch.randn(1, len(self.segments), width))
        shares = [config.drop_path * index / max(1, config.depth - 1) for index in range(config.depth)]
        blocks = [AdaptiveBlock(width, config.heads, share) for share in shares]
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.condition = nn.Linear(width, 2 * width)
        self.head = nn.Linear(width, config.branches * config.codebook_size)
        lengths = torch.tensor([segment.stop - segment.start for segment in self.segments])
        numbers = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
        self.register_buffer("numbers", numbers, persistent=False)  # the segment of each position
        self.register_buffer("mask", self.layout.mask(), persistent=False)
        nn.init.normal_(self.classes.weight, std=width**-0.5)
        for block in blocks:
            nn.init.normal_(block.condition.weight[: 2 * width], std=config.gate_init)

    @property
    def null_class(self) -> int:
        """The label that stands for no label."""
        return self.config.classes

    def embed(self, inputs: Float[Tensor, "B t Pc"], labels: Int[Tensor, " B"], part: slice) -> Float[Tensor, "B t D"]:
        """Return the tokens of the positions ``part``; the first segment starts from the class alone."""
        tokens = (
            self.inputs(inputs.to(self.inputs.weight.dtype))
            + self.positions[:, part]
            + self.levels[:, self.numbers[part]]
        )
        if part.start == 0:
            first = self.segments[0].stop
            start = self.classes(labels)[:, None] + self.positions[:, :first] + self.levels[:, :1]
            tokens = torch.cat([start.expand(-1, first, -1), tokens[:, first:]], dim=1)
        return tokens

    def run(
        self, tokens: Tensor, labels: Int[Tensor, " B"], mask: Tensor | None, cache: Cache | None
    ) -> tuple[Float[Tensor, "B t D"], Cache]:
        """Return what the head reads, and the keys and values of each block, after those in ``cache``."""
        condition = functional.silu(self.classes(labels))  # (B, D)
        kept = []
        for index, block in enumerate(self.blocks):
            tokens, state = block(tokens, condition, mask, cache[index] if cache else None)
            kept.append(state)
        scale, shift = self.condition(condition)[:, None].chunk(2, dim=-1)
        return self.norm(tokens) * (1 + scale) + shift, kept

    def branch_logits(self, states: Float[Tensor, "B t D"], branches: tuple[int, ...]) -> Float[Tensor, "B t b V"]:
        """Return the logits of neighbouring branches alone."""
        V = self.config.codebook_size
        rows = slice(branches[0] * V, (branches[-1] + 1) * V)
        logits = functional.linear(states, self.head.weight[rows], self.head.bias[rows])
        return logits.unflatten(2, (len(branches), V))

    def forward(self, inputs: Float[Tensor, "B T Pc"], labels: Int[Tensor, " B"]) -> Float[Tensor, "B T P V"]:
        """Return logits at every position, from teacher-forced inputs (``layout.sequence_inputs``)."""
        tokens = self.embed(inputs, labels, slice(0, self.layout.length))
        states, _ = self.run(tokens, labels, self.mask, None)
        return self.head(states).unflatten(2, (self.config.branches, self.config.codebook_size))

    def next_segment(
        self, segment: Segment, inputs: Float[Tensor, "B p2 Pc"], labels: Int[Tensor, " B"], cache: Cache | None
    ) -> tuple[Float[Tensor, "B p2 b V"], Cache]:
        """Return the logits of one segment's branches, given the cache of all segments before."""
        tokens = self.embed(inputs, labels, slice(segment.start, segment.stop))
        states, kept = self.run(tokens, labels, None, cache)
        return self.branch_logits(states, segment.branches), kept

    def drop_classes(self, labels: Int[Tensor, " B"], generator: torch.Generator) -> Int[Tensor, " B"]:
        """Replace a random share of the labels by the null class, for guidance."""
        dropped = torch.rand(len(labels), generator=generator) < self.config.class_dropout
        return torch.where(dropped.to(labels.device), self.null_class, labels)

    def token_logits(self, logits: Float[Tensor, "B T P V"]) -> Float[Tensor, "B P L V"]:
        """Rearrange logits so that each stands where its token stands in the tokenizer's indices."""
        if self.folded:
            return logits.transpose(1, 2)
        rows = [
            torch.cat([logits[:, s.start : s.stop, branch] for s in self.segments if branch in s.branches], dim=1)
            for branch in range(self.config.branches)
        ]
        return torch.stack(rows, dim=1)

    @torch.no_grad()
    def predict(self, inputs: Int[np.ndarray, " N"]) -> Float[np.ndarray, "N b V"]:
        """Return, for class labels, the probabilities of the first scale's codes: all that needs no tokenizer."""
        labels = class_labels(inputs).to(self.head.weight.device)
        if int(labels.min()) < 0 or int(labels.max()) > self.config.classes:
            raise InvalidSampling(
                f"a label is outside 0 … {self.config.classes} ({self.config.classes} means no class)"
            )
        first = self.segments[0]
        zeros = self.inputs.weight.new_zeros(len(labels), first.stop, self.inputs.in_features)
        logits, _ = self.next_segment(first, zeros, labels, None)
        return logits[:, 0].float().softmax(dim=-1).cpu().numpy()


def class_labels(labels: Any) -> Int[Tensor, " N"]:
    """Return labels as a tensor. Raises InvalidSampling unless they are a row of whole numbers, at least one."""
    array = np.asarray(unmasked(labels, "labels"))
    if array.ndim != 1 or not array.size or array.dtype.kind not in "iu":
        raise InvalidSampling(f"labels are a row of whole numbers, at least one, not {array.dtype} {array.shape}")
    return torch.from_numpy(array.astype(np.int64))


class FoldedGenerator(NextScaleGenerator):
    """Next-scale generator that predicts all branches of a position together (ImageFolder, arXiv:2410.01756)."""

    folded = True


def generator_losses(
    generator: NextScaleGenerator, logits: Float[Tensor, "B T P V"], indices: Int[Tensor, "B P L"]
) -> Float[Tensor, "P L"]:
    """Return the cross-entropy in nats of every branch and position, averaged over the batch."""
    own = generator.token_logits(logits)
    return functional.cross_entropy(own.flatten(0, 2), indices.flatten(), reduction="none").view(indices.shape).mean(0)
