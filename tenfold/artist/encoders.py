"""How letters enter a network: as a map beside the noisy image, and as tokens for its cross-attention.

Legend:  B canvases · h, w latent places · L letters · V vocabulary · E width of an embedding · C channels out
"""

from __future__ import annotations

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from jaxtyping import Float, Int
from torch import Tensor, nn

from tenfold.artist.conditioning import VOCABULARY
from tenfold.artist.errors import InvalidConditions


class CharacterEncoder(ModelMixin, ConfigMixin):
    """The character map with in-slot coordinates through two 1×1 convolutions.

    Each place becomes a function of its letter and of where in the letter's slot it lies, and is zero where there is
    no letter. Deviation: the paper gives its text module the words as a string; letters by cross-attention alone do
    not learn in the small setting.
    """

    @register_to_config
    def __init__(
        self, vocabulary: int = VOCABULARY, width: int = 32, hidden_channels: int = 128, out_channels: int = 16
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.first = nn.Conv2d(width + 2, hidden_channels, 1)
        self.second = nn.Conv2d(hidden_channels, out_channels, 1)

    def forward(self, letters: Int[Tensor, "B h w"], places: Float[Tensor, "B 2 h w"]) -> Float[Tensor, "B C h w"]:
        """Return the channels that are put beside the noisy image."""
        embedded = self.embedding(letters).movedim(-1, 1)  # (B, E, h, w)
        centred = (2 * places - 1).to(embedded.dtype)
        found = self.second(torch.nn.functional.silu(self.first(torch.cat([embedded, centred], dim=1))))
        return found * (letters > 0)[:, None].to(found.dtype)


class LetterEncoder(ModelMixin, ConfigMixin):
    """The letters of all words in order as tokens for cross-attention: an embedding of each and of its position."""

    @register_to_config
    def __init__(self, vocabulary: int = VOCABULARY, longest: int = 24, width: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.randn(longest, width))

    def forward(self, sequence: Int[Tensor, "B L"]) -> Float[Tensor, "B L E"]:
        """Return one token per letter. Raises InvalidConditions for more letters than there are positions."""
        longest = len(self.positions)
        if sequence.shape[1] > longest:
            raise InvalidConditions(f"{sequence.shape[1]} letters; this network was made for at most {longest}")
        return self.embedding(sequence) + self.positions[: sequence.shape[1]]
