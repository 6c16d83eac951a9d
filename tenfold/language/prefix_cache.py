"""Keys and values of prompts' beginnings, kept by blocks of tokens, so that what many prompts begin with is read once.

A block is known by all tokens up to its end, so that equal blocks have equal keys and values, up to rounding.

Legend:  B rows of a batch · L layers · H heads of keys and values · P tokens before · E size of a head
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

BLOCK = 16  # tokens


@dataclass
class PrefixCache:
    """Blocks of keys and values, at most ``tokens`` tokens in all; those that were not used for longest go first."""

    tokens: int = 16_384
    _blocks: OrderedDict[tuple[int, ...], torch.Tensor] = field(default_factory=OrderedDict)  # (L, 2, H, BLOCK, E)

    def __len__(self) -> int:
        """The number of tokens that are kept."""
        return BLOCK * len(self._blocks)

    def known(self, prompt: Sequence[int]) -> int:
        """Return how many first tokens of a prompt are kept, never all: the last one's scores are still wanted."""
        ends = range(BLOCK, len(prompt), BLOCK)
        return BLOCK * next((n for n, end in enumerate(ends) if tuple(prompt[:end]) not in self._blocks), len(ends))

    def before(self, prompts: Sequence[Sequence[int]], lengths: Sequence[int]) -> list[torch.Tensor] | None:
        """Return keys and values of the first ``lengths`` tokens by layer, (2, B, H, P, E), padded at their beginning.

        None if nothing is kept of any. Lengths are what ``known`` says.
        """
        longest = max(lengths)
        if longest == 0:
            return None
        rows = []
        for prompt, length in zip(prompts, lengths, strict=True):
            blocks = [self._blocks[tuple(prompt[:end])] for end in range(BLOCK, length + 1, BLOCK)]
            for end in range(BLOCK, length + 1, BLOCK):
                self._blocks.move_to_end(tuple(prompt[:end]))
            like = blocks[0] if blocks else next(iter(self._blocks.values()))
            padding = like.new_zeros(*like.shape[:3], longest - length, like.shape[-1])
            rows.append(torch.cat([padding, *blocks], dim=3))  # (L, 2, H, P, E)
        return list(torch.stack(rows, dim=2))  # L of (2, B, H, P, E)

    def keep(self, prompt: Sequence[int], known: int, cache: Any, row: int) -> None:
        """Keep the whole blocks after a prompt's ``known`` tokens, which end a row of a model's cache."""
        ends = [end for end in range(known + BLOCK, len(prompt) + 1, BLOCK) if tuple(prompt[:end]) not in self._blocks]
        if not ends:
            return
        new = known - len(prompt)  # where the row's own tokens begin, from its end
        both = torch.stack(
            [torch.stack([layer.keys[row, :, new:], layer.values[row, :, new:]]) for layer in cache.layers]
        )  # (L, 2, H, tokens, E)
        for end in ends:
            self._blocks[tuple(prompt[:end])] = both[:, :, :, end - BLOCK - known : end - known].clone()
        while len(self) > self.tokens:
            self._blocks.popitem(last=False)
