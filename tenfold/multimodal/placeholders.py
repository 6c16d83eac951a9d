"""Placeholders in token ids: one per image or sound before, one per feature after, replaced by features in the model.

Legend:  B rows of a batch · T tokens · N images or sounds · F features of each · D width
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING

from tenfold.multimodal.errors import PlaceholderMismatch

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor


@dataclass(frozen=True)
class Placeholder:
    """The id that stands for one image or sound, and the numbers of features of those to come, in order."""

    token: int
    counts: tuple[int, ...]


def expand(tokens: Sequence[int], kinds: Mapping[str, Placeholder]) -> list[int]:
    """Return token ids with each placeholder repeated once per feature; ``kinds`` are called by name in errors.

    Raises PlaceholderMismatch, with both numbers, if there are not as many placeholders as things to put there, or if
    a thing has no feature.
    """
    for name, kind in kinds.items():
        found = sum(token == kind.token for token in tokens)
        if found != len(kind.counts):
            raise PlaceholderMismatch(
                f"{found} placeholders for {len(kind.counts)} {name}s: write one placeholder per {name}"
            )
        if any(count < 1 for count in kind.counts):
            raise PlaceholderMismatch(f"an {name} with {min(kind.counts)} features has no place")
    waiting = {kind.token: iter(kind.counts) for kind in kinds.values()}
    found_tokens: list[int] = []
    for token in tokens:
        found_tokens.extend(repeat(token, next(waiting[token]) if token in waiting else 1))
    return found_tokens


def place(
    embeddings: Float[Tensor, "B T D"],
    tokens: Int[Tensor, "B T"],
    placeholder: int,
    features: Float[Tensor, "N F D"] | None,
    *,
    name: str = "image",
) -> Float[Tensor, "B T D"]:
    """Return the embeddings with features where the placeholders stand, row by row in order.

    Raises PlaceholderMismatch, with both numbers, if there are not as many placeholders as features.
    """
    where = tokens == placeholder  # (B, T)
    wanted = int(where.sum())
    given = 0 if features is None else features.shape[0] * features.shape[1]
    if wanted != given:
        raise PlaceholderMismatch(
            f"{wanted} {name} placeholders for {given} {name} features: let the processor expand the placeholders, "
            f"and hand over the {name}s that it was given"
        )
    if features is None:
        return embeddings
    return embeddings.masked_scatter(where.unsqueeze(-1), features.to(embeddings.dtype))
