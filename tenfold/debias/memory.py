"""What a reader keeps of words that it has read, and the words that go on from there on branches of their own.

Legend:  B rows of a batch · S words remembered · T words · N layers · D width · H heads · K words of the convolution
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

KERNEL = 4

Row = tuple[Tensor, Tensor]  # what is kept of one row: (S, N, 2, D) and (N, K − 1, D)
Part = tuple[Tensor, Tensor, Tensor]  # of one layer: keys and values (B, T, H, D/H), and inputs of its convolution


@dataclass(frozen=True)
class Memory:
    """Keys and values of all words and layers, and the convolutions' last inputs; words begin at the left."""

    parts: Float[Tensor, "B S N 2 D"]
    tails: Float[Tensor, "B N K-1 D"]
    lengths: Int[Tensor, " B"]

    @classmethod
    def begun(cls, lengths: Int[Tensor, " B"], kept: Sequence[Part]) -> Memory:
        """Return the memory of the first ``lengths`` words, of which ``kept`` holds what each layer made."""
        lines = [nn.functional.pad(here, (0, 0, KERNEL - 1, 0)) for _, _, here in kept]
        return cls(_side_by_side(kept), _tails(lines, lengths), lengths)

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Memory:
        """Return the memory of rows side by side."""
        parts = nn.utils.rnn.pad_sequence([part for part, _ in rows], batch_first=True)
        lengths = torch.tensor([len(part) for part, _ in rows], device=parts.device)
        return cls(parts, torch.stack([tail for _, tail in rows]), lengths)

    def rows(self) -> list[Row]:
        """Return the memory of each row, without padding."""
        lengths = self.lengths.tolist()
        return [(part[:end], tail) for part, tail, end in zip(self.parts, self.tails, lengths, strict=True)]

    def grown(self, kept: Sequence[Part], counts: Int[Tensor, " B"]) -> Memory:
        """Return the memory of ``counts`` more words in each row, with what each layer made of them."""
        new = _side_by_side(kept)
        parts = torch.cat([self.parts, torch.zeros_like(new)], dim=1)
        places = self.lengths[:, None] + torch.arange(new.shape[1], device=new.device)
        parts[torch.arange(len(new), device=new.device)[:, None], places] = new
        return Memory(parts, _tails([line for _, _, line in kept], counts), self.lengths + counts)


def tree(branches: Int[Tensor, "B T"]) -> tuple[Int[Tensor, "B T K"], Int[Tensor, "B T"]]:
    """Return the words that each word's convolution reads, itself the last, and its place after the memory's end.

    Words are numbered after the K − 1 of a tail. Branches go on from the end of branch 0.
    """
    numbers = torch.arange(branches.shape[1], device=branches.device).expand_as(branches)
    trunk = (branches == 0).sum(dim=1, keepdim=True)
    first = torch.zeros_like(branches, dtype=torch.bool)
    first[:, 1:] = branches[:, 1:] != branches[:, :-1]
    start = torch.where(first, numbers, 0).cummax(dim=1).values
    places = torch.where(branches == 0, numbers, trunk + numbers - start)
    parents = torch.where(first, trunk - 1, numbers - 1) + KERNEL - 1
    tail = torch.arange(-1, KERNEL - 2, device=branches.device).clamp(min=0).expand(len(branches), -1)
    parents = torch.cat([tail, parents], dim=1)  # (B, K − 1 + T)
    chain = [numbers + KERNEL - 1]
    for _ in range(KERNEL - 1):
        chain.insert(0, parents.gather(1, chain[0]))
    return torch.stack(chain, dim=2), places


def readable(branches: Int[Tensor, "B T"], memory: Memory) -> Bool[Tensor, "B T S+T"]:
    """Return what each word reads: the memory, branch 0 and its own branch, up to itself."""
    length = branches.shape[1]
    known = torch.arange(memory.parts.shape[1], device=branches.device) < memory.lengths[:, None]  # (B, S)
    related = (branches[:, None] == 0) | (branches[:, None] == branches[:, :, None])
    return torch.cat([known[:, None].expand(-1, length, -1), related.tril()], dim=2)


def _side_by_side(kept: Sequence[Part]) -> Float[Tensor, "B T N 2 D"]:
    return torch.stack([torch.stack([keys.flatten(2), values.flatten(2)], dim=2) for keys, values, _ in kept], dim=2)


def _tails(lines: Sequence[Tensor], counts: Int[Tensor, " B"]) -> Float[Tensor, "B N K-1 D"]:
    """Return the last K − 1 inputs after ``counts`` words; each line (B, K − 1 + T, D) begins with the tail before."""
    places = counts[:, None] + torch.arange(KERNEL - 1, device=counts.device)  # (B, K − 1)
    rows = torch.arange(len(counts), device=counts.device)[:, None]
    return torch.stack([line[rows, places] for line in lines], dim=1)
