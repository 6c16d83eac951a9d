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

from tenfold.debias.words import SPECIAL, Vocabulary
from tenfold.nn.errors import InvalidConfig
from tenfold.nn.pretrained import Pretrained

KERNEL = 4


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


@dataclass(frozen=True)
class Memory:
    """What a reader keeps of the words that it has read: keys, values and the last inputs of convolutions by layer."""

    keys: list[Tensor]  # each (B, H, T, D/H)
    values: list[Tensor]
    tails: list[Tensor]  # each (B, K − 1, D)
    known: Bool[Tensor, "B T"]

    def select(self, rows: Tensor) -> Memory:
        """Return the memory of some rows, in the order given, any row as often as wanted."""
        keys, values, tails = ([part[rows] for part in parts] for parts in (self.keys, self.values, self.tails))
        return Memory(keys, values, tails, self.known[rows])


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

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        rotation: tuple[Tensor, Tensor],
        known: Float[Tensor, "B T 1"] | None,
        mask: Bool[Tensor, "B 1 T S"] | None,
        past: tuple[Tensor, Tensor, Tensor] | None,
        wanted: Bool[Tensor, "B T"] | None = None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        """Return the next layer's inputs, and keys, values and tail; without ``mask`` all words are known.

        The inputs are (B, T, D), or of the ``wanted`` words alone (N, D).
        """
        here = self.norm0(x) if known is None else self.norm0(x) * known
        before = here.new_zeros(len(x), KERNEL - 1, x.shape[2]) if past is None else past[2]
        line = torch.cat([before, here], dim=1)  # (B, K − 1 + T, D)
        length = x.shape[1]
        x = x + sum(line[:, place : place + length] * self.convolution[place] for place in range(KERNEL))
        q, k, v = self.qkv(self.norm1(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # 3 × (B, H, T, D/H)
        q, k = _rotated(q, rotation), _rotated(k, rotation)
        if past is not None:
            k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)
        read = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        read = read.transpose(1, 2).flatten(2)  # (B, T, D)
        if wanted is not None:
            x, read = x[wanted], read[wanted]  # (N, D)
        x = x + self.projection(read)
        return x + self.mlp(self.norm2(x)), (k, v, line[:, -(KERNEL - 1) :])


class Reader(Pretrained):
    """A decoder over words whose output shares the embedding; ``known`` marks words, padding stands on the left."""

    Config: ClassVar[Any] = ReaderConfig
    tags = ("question-answering",)

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__()
        self.config = config
        self.vocabulary = Vocabulary(config.words)
        self.embedding = nn.Embedding(len(config.words), config.width)
        nn.init.normal_(self.embedding.weight, std=config.width**-0.5)
        self.blocks = nn.ModuleList(Block(config.width, config.heads) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)

    def forward(self, tokens: Int[Tensor, "B T"], wanted: Bool[Tensor, "B T"]) -> Float[Tensor, "N D"]:
        """Return the features of the ``wanted`` words, row by row; words begin at the left.

        What is right of a row's words changes nothing before it.
        """
        x = self.embedding(tokens) * self.config.width**0.5
        rotation = _rotation(torch.arange(tokens.shape[1], device=tokens.device), self._head, x.dtype)
        for number, block in enumerate(self.blocks, 1):
            x, _ = block(x, rotation, None, None, None, wanted if number == len(self.blocks) else None)
        return self.norm(x)

    def read(
        self, tokens: Int[Tensor, "B T"], known: Bool[Tensor, "B T"], memory: Memory | None = None
    ) -> tuple[Float[Tensor, "B T D"], Memory]:
        """Return features of words, after those in ``memory``, and the memory of all; ``known`` is False at padding.

        Padding stands left of all words, or right of the last ones of a row, which are then not gone on from.
        """
        seen = 0 if memory is None else memory.known.shape[1]
        known_all = known if memory is None else torch.cat([memory.known, known], dim=1)  # (B, S)
        places = torch.arange(seen, seen + tokens.shape[1], device=tokens.device)
        causal = places[:, None] >= torch.arange(known_all.shape[1], device=tokens.device)  # (T, S)
        itself = places[:, None] == torch.arange(known_all.shape[1], device=tokens.device)
        mask = causal & (known_all[:, None, None] | itself)  # (B, 1, T, S); padding sees itself: no row is empty
        x = self.embedding(tokens) * self.config.width**0.5
        rotation = _rotation(places, self._head, x.dtype)
        kept: list[tuple[Tensor, Tensor, Tensor]] = []
        for number, block in enumerate(self.blocks):
            past = None if memory is None else (memory.keys[number], memory.values[number], memory.tails[number])
            x, after = block(x, rotation, known[..., None].to(x.dtype), mask, past)
            kept.append(after)
        keys, values, tails = (list(parts) for parts in zip(*kept, strict=True))
        return self.norm(x), Memory(keys, values, tails, known_all)

    def logits(self, features: Float[Tensor, "*N D"]) -> Float[Tensor, "*N V"]:
        """Return the scores of the next word."""
        return functional.linear(features, self.embedding.weight)

    @torch.inference_mode()
    def predict(self, inputs: Any) -> np.ndarray:
        """Return the most likely next word after each word: tokens (N, T) int64 in, (N, T) int64 out."""
        tokens = torch.as_tensor(np.asarray(inputs))
        features = self(tokens, torch.ones_like(tokens, dtype=torch.bool))  # (N·T, D)
        return self.logits(features).argmax(dim=-1).view_as(tokens).numpy()

    @property
    def _head(self) -> int:
        return self.config.width // self.config.heads


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


def _rotation(places: Int[Tensor, " T"], width: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    rates = 1000.0 ** (-torch.arange(0, width, 2, device=places.device, dtype=torch.float32) / width)
    angles = places[:, None].float() * rates  # (T, D/H/2)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def _rotated(x: Float[Tensor, "B H T d"], rotation: tuple[Tensor, Tensor]) -> Float[Tensor, "B H T d"]:
    cosine, sine = rotation
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], dim=-1)
