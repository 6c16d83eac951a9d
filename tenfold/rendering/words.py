"""The English words that ship with the project, drawn at random and in parts that share none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from tenfold.rendering.splits import disjoint_parts
from tenfold.rendering.word_list import WORD_LIST


def english_words(shortest: int = 3, longest: int = 12) -> tuple[str, ...]:
    """Return the words of ``shortest`` to ``longest`` letters, in alphabetical order."""
    return tuple(word for word in _listed() if shortest <= len(word) <= longest)


@cache
def _listed() -> tuple[str, ...]:
    return tuple(WORD_LIST.split())


def split_words(words: Sequence[str], shares: Mapping[str, float], *, seed: int = 0) -> dict[str, tuple[str, ...]]:
    """Return words in parts that share none, whatever the case; ``shares`` as {"train": 0.8, "test": 0.2}.

    Raises CannotSplit if there are fewer words than parts, or shares are not positive and of sum 1.
    """
    return disjoint_parts(words, shares, seed=seed, key=str.casefold)


def drawn_words(words: Sequence[str], count: int, generator: np.random.Generator) -> list[str]:
    """Return ``count`` words drawn with equal chances, one not twice while there are others left."""
    if count <= len(words) // 2:  # rejection is faster than a permutation of the list
        chosen: dict[int, None] = {}
        while len(chosen) < count:
            chosen |= dict.fromkeys(generator.integers(0, len(words), count - len(chosen)).tolist())
        return [words[index] for index in chosen]
    rounds = -(-count // len(words))
    order = np.concatenate([generator.permutation(len(words)) for _ in range(rounds)])
    return [words[index] for index in order[:count].tolist()]
