"""What both networks are told about a batch of canvases: which letters are wanted, and where.

Legend:  B canvases · h, w latent places · L letters of the longest text · K, D tokens and width of a text encoder
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, Self

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tenfold.artist.conditioning import NO_LETTER
from tenfold.artist.errors import InvalidConditions


class ConditionArrays(Protocol):
    """Arrays of layouts: letters (N, h, w), places (N, 2, h, w), mask (N, 1, h, w), sequence (N, L)."""

    @property
    def letters(self) -> np.ndarray: ...
    @property
    def places(self) -> np.ndarray: ...
    @property
    def mask(self) -> np.ndarray: ...
    @property
    def sequence(self) -> np.ndarray: ...


@dataclass(frozen=True)
class Conditions:
    """What a batch is conditioned on; a network reads what it was made for and refuses what is not there.

    ``mask`` is 1 inside a box, at latent resolution. ``letters`` is the character map: the letter's number at each
    place, 0 for none; ``places`` holds u and v, where in its letter's slot a place lies, in [0, 1]. ``sequence`` holds
    all letters in order for cross-attention, 0 after the last. ``glyphs`` is the renderer's text image as latents.
    ``text_states`` and ``prompt_states`` are a text encoder's, of the words and of the prompt; ``empty_states`` are
    those of an empty prompt, which a dropped prompt becomes.
    """

    mask: Float[Tensor, "B 1 h w"]
    letters: Int[Tensor, "B h w"] | None = None
    places: Float[Tensor, "B 2 h w"] | None = None
    sequence: Int[Tensor, "B L"] | None = None
    glyphs: Float[Tensor, "B C h w"] | None = None
    text_states: Float[Tensor, "B K D"] | None = None
    prompt_states: Float[Tensor, "B K D"] | None = None
    empty_states: Float[Tensor, "B K D"] | None = None

    def __post_init__(self) -> None:
        if self.mask.ndim != 4 or self.mask.shape[1] != 1:
            raise InvalidConditions(f"a mask is (B, 1, h, w) at latent resolution, not {tuple(self.mask.shape)}")
        for name, tensor in self._given():
            if len(tensor) != len(self.mask):
                raise InvalidConditions(f"{name} is of {len(tensor)} canvases and mask of {len(self.mask)}")
        if (self.letters is None) != (self.places is None):
            raise InvalidConditions("letters and places come together: which letter, and where in its slot")

    def __len__(self) -> int:
        return len(self.mask)

    @classmethod
    def from_arrays(cls, arrays: ConditionArrays) -> Self:
        """Return the conditions that arrays of layouts hold."""
        return cls(
            mask=torch.from_numpy(arrays.mask).float(),
            letters=torch.from_numpy(arrays.letters).long(),
            places=torch.from_numpy(arrays.places).float(),
            sequence=torch.from_numpy(arrays.sequence).long(),
        )

    def wanted(self, name: str) -> Tensor:
        """Return one part. Raises InvalidConditions if it was not given."""
        tensor = getattr(self, name)
        if tensor is None:
            raise InvalidConditions(f"this network reads {name}, which the conditions do not hold")
        return tensor

    def to(self, device: torch.device | str) -> Conditions:
        """Return the same on another device."""
        return self._each(lambda tensor: tensor.to(device))

    def at(self, index: Int[Tensor, " n"] | slice) -> Conditions:
        """Return some of the canvases, in the order of ``index``."""
        return self._each(lambda tensor: tensor[index])

    def without_prompt(self, dropped: Tensor | None = None) -> Conditions:
        """Return the conditions without sequence and prompt, for all canvases or where ``dropped`` (B,) is true.

        What lies in maps and masks stays: a layout is no prompt. Raises InvalidConditions for a prompt without
        ``empty_states``.
        """
        gone = torch.ones(len(self), dtype=torch.bool) if dropped is None else dropped
        gone = gone.to(self.mask.device)
        changed: dict[str, Any] = {}
        if self.sequence is not None:
            changed["sequence"] = self.sequence.masked_fill(gone[:, None], NO_LETTER)
        if self.prompt_states is not None:
            changed["prompt_states"] = torch.where(gone[:, None, None], self.wanted("empty_states"), self.prompt_states)
        return replace(self, **changed)

    def with_other_letters(self, generator: torch.Generator) -> Conditions:
        """Return the same layout with other words: letters that occur are exchanged, none for itself.

        The control of whether a network reads its condition. Raises InvalidConditions if fewer than two letters occur.
        """
        both = [tensor for tensor in (self.letters, self.sequence) if tensor is not None]
        kinds = torch.cat([tensor.flatten() for tensor in both] or [torch.zeros(0, dtype=torch.long)]).unique()
        kinds = kinds[kinds != NO_LETTER].cpu()
        if len(kinds) < 2:
            raise InvalidConditions(f"{len(kinds)} different letters cannot be exchanged; give conditions with words")
        shuffled = kinds[torch.randperm(len(kinds), generator=generator)]
        table = torch.arange(int(kinds.max()) + 1)
        table[shuffled] = shuffled.roll(1)  # one cycle through all of them: none stays
        changed: dict[str, Any] = {
            name: table.to(tensor.device)[tensor]
            for name in ("letters", "sequence")
            if (tensor := getattr(self, name)) is not None
        }
        return replace(self, **changed)

    def followed_by(self, other: Conditions) -> Conditions:
        """Return the canvases of both, one batch after the other. Raises InvalidConditions if their parts differ."""
        mine, theirs = dict(self._given()), dict(other._given())
        if set(mine) != set(theirs):
            raise InvalidConditions(f"one batch holds {sorted(mine)}, the other {sorted(theirs)}")
        return Conditions(**{name: torch.cat([mine[name], theirs[name]]) for name in mine})

    def _given(self) -> list[tuple[str, Tensor]]:
        found = [(field.name, getattr(self, field.name)) for field in fields(self)]
        return [(name, tensor) for name, tensor in found if tensor is not None]

    def _each(self, change: Any) -> Conditions:
        return Conditions(**{name: change(tensor) for name, tensor in self._given()})
