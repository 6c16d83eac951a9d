"""A small decoder that reads a question with its options and writes the option's words; trained here in a minute.

Legend:  B rows of a batch · T words · D width · H heads · K words of the convolution · V vocabulary
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as functional
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from tenfold.debias.channels import Rotation, causal_convolution, rotated, rotation_at
from tenfold.debias.memory import KERNEL, Memory, Part, readable, tree
from tenfold.debias.words import SPECIAL, Vocabulary
from tenfold.nn.errors import InvalidConfig
from tenfold.nn.pretrained import Pretrained


@dataclass(frozen=True)
class ReaderConfig:
    """Sizes of a reader, and its words. Raises InvalidConfig for sizes that do not fit."""

    words: tuple[str, ...]
    width: int = 64
    layers: int = 2
    heads: int = 4

    def __post_init__(self) -> None:
        if self.width < 1 or self.layers < 1 or self.heads < 1 or self.width % (2 * self.heads):
            raise InvalidConfig(f"width = {self.width}, {self.heads} heads: the width of a head must be even")
        if len(self.words) <= len(SPECIAL):
            raise InvalidConfig("words: a reader needs words besides its special ones")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the configuration that ``to_dict`` described. Raises InvalidConfig for unknown names."""
        if unknown := set(values) - {field.name for field in fields(cls)}:
            raise InvalidConfig(f"a reader has no {', '.join(sorted(unknown))}")
        return cls(**values | {"words": tuple(values["words"])})


class Block(nn.Module):
    """A causal convolution by channel, attention with rotary positions, and an MLP, each on normalised inputs."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm0, self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.convolution = nn.Parameter(torch.randn(KERNEL, width) / KERNEL**0.5)
        self.qkv = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Float[Tensor, "B T D"], rotation: Rotation) -> tuple[Tensor, Part]:
        """Return the next layer's inputs, and what is kept of the words; words begin at the left."""
        x, here = self.convolved(x)
        q, k, v = self.all_three(self.norm1(x), rotation)
        read = _attended(q, k, v)
        return self.finished(x, read), (k, v, here)

    def last(self, x: Float[Tensor, "B T D"], rotation: Rotation, wanted: Bool[Tensor, "B T"]) -> Float[Tensor, "N D"]:
        """Return the outputs at the ``wanted`` words alone, row by row."""
        x, _ = self.convolved(x)
        inputs = self.norm1(x)
        causal = torch.ones(1, x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril()
        return self.answered(x, inputs, rotation, self.keys_values(inputs, rotation), causal, wanted)

    def continued(
        self,
        x: Float[Tensor, "B T D"],
        rotation: Rotation,
        past: Part,
        before: Int[Tensor, "B T K"],
        mask: Bool[Tensor, "B T S+T"],
        wanted: Bool[Tensor, "B T"] | None,
    ) -> tuple[Tensor, Part]:
        """Return the next layer's inputs after words that are remembered, or the outputs at ``wanted`` words.

        ``past`` holds keys, values and a tail, ``before`` which words of tail and ``x`` together a convolution reads,
        ``mask`` which ones attention reads.
        """
        line = torch.cat([past[2], self.norm0(x)], dim=1)  # (B, K − 1 + T, D)
        rows = torch.arange(len(x), device=x.device)[:, None, None]
        x = x + (line[rows, before] * self.convolution).sum(dim=2)
        inputs = self.norm1(x)
        if wanted is None:
            q, k, v = self.all_three(inputs, rotation)
        else:
            k, v = self.keys_values(inputs, rotation)
        every = torch.cat([past[0], k], dim=1), torch.cat([past[1], v], dim=1)
        if wanted is not None:
            return self.answered(x, inputs, rotation, every, mask, wanted), (k, v, line)
        read = _attended(q, *every, mask[:, None])
        return self.finished(x, read), (k, v, line)

    def answered(
        self,
        x: Float[Tensor, "B T D"],
        inputs: Float[Tensor, "B T D"],
        rotation: Rotation,
        keys_values: tuple[Float[Tensor, "B S H d"], Float[Tensor, "B S H d"]],
        mask: Bool[Tensor, "#B T S"],
        wanted: Bool[Tensor, "B T"],
    ) -> Float[Tensor, "N D"]:
        """Return the outputs at the ``wanted`` words, of which alone there are queries."""
        places, real = _columns(wanted)  # (B, W)
        rows = torch.arange(len(x), device=x.device)[:, None]
        q = functional.linear(inputs[rows, places], *self._part(0, 1)).unflatten(2, (1, self.heads, -1))
        cosine, sine = (part.expand(len(x), *part.shape[-4:])[rows, places] for part in rotation)
        q = rotated(q, (cosine, sine), turned=1)[:, :, 0]
        seen = mask.expand(len(x), -1, -1)[rows, places][:, None]  # (B, 1, W, S)
        read = _attended(q, *keys_values, seen)
        return self.finished(x[wanted], read, real)

    def convolved(self, x: Float[Tensor, "B T D"]) -> tuple[Tensor, Tensor]:
        """Return ``x`` with what the convolution adds, and the convolution's inputs."""
        here = self.norm0(x)
        return x + causal_convolution(here, self.convolution), here

    def all_three(self, inputs: Float[Tensor, "B T D"], rotation: Rotation) -> tuple[Tensor, ...]:
        """Return queries, keys and values (B, T, H, D/H) of normalised inputs."""
        return rotated(self.qkv(inputs).unflatten(2, (3, self.heads, -1)), rotation).unbind(2)

    def keys_values(self, inputs: Float[Tensor, "B T D"], rotation: Rotation) -> tuple[Tensor, Tensor]:
        """Return keys and values (B, T, H, D/H) of normalised inputs."""
        kv = functional.linear(inputs, *self._part(1, 3)).unflatten(2, (2, self.heads, -1))
        k, v = rotated(kv, rotation, turned=1).unbind(2)
        return k, v

    def finished(self, x: Tensor, read: Float[Tensor, "B H T d"], real: Bool[Tensor, "B T"] | None = None) -> Tensor:
        """Return the outputs from what attention has read; where ``real`` says so, (N, D) of these words alone."""
        read = read.transpose(1, 2).flatten(2)
        x = x + self.projection(read if real is None else read[real])
        return x + self.mlp(self.norm2(x))

    def _part(self, first: int, end: int) -> tuple[Tensor, Tensor]:
        width = self.qkv.in_features
        return self.qkv.weight[first * width : end * width], self.qkv.bias[first * width : end * width]


class Reader(Pretrained):
    """A decoder over words whose output shares the embedding; words begin at the left of a row."""

    Config: ClassVar[Any] = ReaderConfig
    tags = ("question-answering",)

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__()
        self.config = config
        self.vocabulary = Vocabulary(config.words)
        self.embedding = nn.Embedding(len(config.words), config.width)
        nn.init.normal_(self.embedding.weight, std=config.width**-0.5)
        self.blocks: Any = nn.ModuleList(Block(config.width, config.heads) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)

    def forward(self, tokens: Int[Tensor, "B T"], wanted: Bool[Tensor, "B T"]) -> Float[Tensor, "N D"]:
        """Return the features of the ``wanted`` words, row by row.

        What is right of a row's words changes nothing before it.
        """
        x, rotation = self._start(tokens)
        for block in self.blocks[:-1]:
            x, _ = block(x, rotation)
        return self.norm(self.blocks[-1].last(x, rotation, wanted))

    def remember(self, tokens: Int[Tensor, "B T"], lengths: Int[Tensor, " B"]) -> Memory:
        """Return the memory of the first ``lengths`` words of each row: what ``go_on`` goes on from."""
        x, rotation = self._start(tokens)
        kept = []
        for block in self.blocks[:-1]:
            x, part = block(x, rotation)
            kept.append(part)
        x, here = self.blocks[-1].convolved(x)
        kept.append((*self.blocks[-1].keys_values(self.blocks[-1].norm1(x), rotation), here))
        return Memory.begun(lengths, kept)

    def go_on(
        self, memory: Memory, tokens: Int[Tensor, "B T"], branches: Int[Tensor, "B T"], wanted: Bool[Tensor, "B T"]
    ) -> tuple[Float[Tensor, "N D"], list[Part]]:
        """Return the features of ``wanted`` words after those in ``memory``, and what ``memory.grown`` takes.

        Words of branch 0 come first. Other branches go on from its end, each by itself: they read the memory, branch
        0 and their own words. Padding is the branch −1, right of all words.
        """
        remembered = memory.parts.unflatten(-1, (self.config.heads, -1))  # (B, S, N, 2, H, D/H)
        before, places = tree(branches)
        mask = readable(branches, memory)
        x, rotation = self._start(tokens, memory.lengths[:, None] + places)
        kept = []
        for number, block in enumerate(self.blocks):
            keys, values = remembered[:, :, number].unbind(2)
            past, asked = (keys, values, memory.tails[:, number]), wanted if block is self.blocks[-1] else None
            x, part = block.continued(x, rotation, past, before, mask, asked)
            kept.append(part)
        return self.norm(x), kept

    def logits(self, features: Float[Tensor, "*N D"]) -> Float[Tensor, "*N V"]:
        """Return the scores of the next word."""
        return functional.linear(features, self.embedding.weight)

    @torch.inference_mode()
    def predict(self, inputs: Any) -> np.ndarray:
        """Return the most likely next word after each word: tokens (N, T) int64 in, (N, T) int64 out."""
        tokens = torch.as_tensor(np.asarray(inputs))
        features = self(tokens, torch.ones_like(tokens, dtype=torch.bool))  # (N·T, D)
        return self.logits(features).argmax(dim=-1).view_as(tokens).numpy()

    def _start(self, tokens: Int[Tensor, "B T"], places: Int[Tensor, "B T"] | None = None) -> tuple[Tensor, Rotation]:
        x = self.embedding(tokens) * self.config.width**0.5
        places = torch.arange(tokens.shape[1], device=tokens.device) if places is None else places
        return x, rotation_at(places, self.config.width // self.config.heads, x.dtype)


def answer_loss(
    reader: Reader, tokens: Int[Tensor, "B T"], lengths: Int[Tensor, " B"], answers: Int[Tensor, " B"]
) -> Float[Tensor, ""]:
    """Return the mean loss in nats per word of the answers alone.

    A row's last ``answers`` of ``lengths`` words are the answer with its end; what is right of them is padding.
    """
    places = torch.arange(tokens.shape[1], device=tokens.device)
    asked = (places >= (lengths - answers)[:, None] - 1) & (places < lengths[:, None] - 1)  # (B, T)
    features = reader(tokens, asked)  # (N, D)
    return functional.cross_entropy(reader.logits(features), tokens.roll(-1, dims=1)[asked])


def _attended(
    q: Float[Tensor, "B T H d"], k: Float[Tensor, "B S H d"], v: Float[Tensor, "B S H d"], mask: Tensor | None = None
) -> Float[Tensor, "B H T d"]:
    """Return what each head has read; without ``mask`` (B, 1, T, S) each word reads those up to itself."""
    q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
    return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)


def _columns(wanted: Bool[Tensor, "B T"]) -> tuple[Int[Tensor, "B W"], Bool[Tensor, "B W"]]:
    """Return the places of each row's wanted words, and which of them are real: rows have fewer than the longest."""
    counts = wanted.sum(dim=1, keepdim=True)
    most = max(int(counts.max()), 1)
    places = wanted.to(torch.int8).argsort(dim=1, descending=True, stable=True)[:, :most]
    return places, torch.arange(most, device=wanted.device) < counts
