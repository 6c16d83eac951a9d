"""One diffusion network with its conditions: the text module and the visual module are both of this kind.

Legend:  B canvases · C latent channels · h, w latent places · L, K tokens · D width of cross-attention
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import torch
from diffusers import UNet2DConditionModel
from jaxtyping import Float, Int
from torch import Tensor, nn

from tenfold.artist.conditions import Conditions
from tenfold.artist.encoders import CharacterEncoder, LetterEncoder
from tenfold.artist.errors import InvalidConditions
from tenfold.models.folder import InvalidModel
from tenfold.nn.errors import InvalidConfig
from tenfold.nn.seeding import drawn_from

SETTINGS = "denoiser.json"
PARTS: dict[str, Any] = {"unet": UNet2DConditionModel, "characters": CharacterEncoder, "letters": LetterEncoder}
States = Literal["text_states", "prompt_states"]


@dataclass(frozen=True)
class DenoiserConfig:
    """The small U-Net and what it reads, in diffusers' words.

    ``latent_channels`` are those of the noisy image and of the prediction. ``characters`` is the width of the character
    map's encoding, 0 for none; ``letters`` lets the letters in by cross-attention; ``glyph_channels`` are those of a
    rendered text image as an input, 0 for none.
    """

    latent_channels: int = 4
    characters: int = 0
    letters: bool = False
    glyph_channels: int = 0
    block_out_channels: tuple[int, ...] = (32, 64)
    layers_per_block: int = 1
    cross_attention_dim: int = 32
    attention_heads: int = 8
    norm_groups: int = 32
    longest: int = 24

    def __post_init__(self) -> None:
        if len(self.block_out_channels) < 2:
            raise InvalidConfig(f"a U-Net of two blocks at least, not {self.block_out_channels}")

    @property
    def in_channels(self) -> int:
        """The noisy image's channels, the mask's one, and those of map and glyphs."""
        return self.latent_channels + 1 + self.characters + self.glyph_channels

    def unet(self) -> UNet2DConditionModel:
        """Return a new U-Net with cross-attention in every block but the outermost."""
        inner = len(self.block_out_channels) - 1
        return UNet2DConditionModel(
            in_channels=self.in_channels,
            out_channels=self.latent_channels,
            block_out_channels=self.block_out_channels,
            down_block_types=("DownBlock2D", *["CrossAttnDownBlock2D"] * inner),
            up_block_types=(*["CrossAttnUpBlock2D"] * inner, "UpBlock2D"),
            layers_per_block=self.layers_per_block,
            cross_attention_dim=self.cross_attention_dim,
            attention_head_dim=self.attention_heads,  # diffusers' old name for the number of heads
            norm_num_groups=self.norm_groups,
        )


class Denoiser(nn.Module):
    """A U-Net of diffusers that predicts from a noisy image, its time, and conditions.

    The mask, the character map's encoding and rendered glyphs are channels beside the noisy image; letters, or the
    states of a text encoder (``states`` says which), go to cross-attention, a single zero token if there are none.
    A frozen denoiser stays in evaluation mode, whatever is said to the modules around it.
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        characters: CharacterEncoder | None = None,
        letters: LetterEncoder | None = None,
        *,
        glyphs: bool = False,
        states: States | None = None,
    ) -> None:
        super().__init__()
        if letters is not None and states is not None:
            raise InvalidConfig(f"cross-attention reads letters or {states}, not both")
        self.unet, self.characters, self.letters = unet, characters, letters
        self.glyphs, self.states, self.frozen = glyphs, states, False

    @classmethod
    def new(cls, config: DenoiserConfig, *, seed: int) -> Self:
        """Return an untrained denoiser whose weights come from ``seed`` alone."""
        with drawn_from(seed):
            characters = CharacterEncoder(out_channels=config.characters) if config.characters else None
            letters = (
                LetterEncoder(longest=config.longest, width=config.cross_attention_dim) if config.letters else None
            )
            return cls(config.unet(), characters, letters, glyphs=config.glyph_channels > 0)

    def copied(self) -> Denoiser:
        """Return a denoiser of its own with these weights, to be trained; hooks are not copied."""
        fresh = {name: type(part).from_config(part.config) for name, part in self._parts().items()}
        copy = Denoiser(**fresh, glyphs=self.glyphs, states=self.states)
        copy.load_state_dict(self.state_dict())
        return copy.train()

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write each part into a folder of its own, as diffusers does, and what ties them together beside them."""
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        for name, part in self._parts().items():
            part.save_pretrained(path / name)
        settings = {"parts": sorted(self._parts()), "glyphs": self.glyphs, "states": self.states}
        (path / SETTINGS).write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        return path

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """Load what ``save_pretrained`` wrote, in evaluation mode. Raises InvalidModel."""
        path = Path(folder)
        try:
            settings = json.loads((path / SETTINGS).read_text(encoding="utf-8"))
            parts = {name: PARTS[name].from_pretrained(path / name) for name in settings.pop("parts")}
            return cls(**parts, **settings).eval()
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise InvalidModel(f"{path} holds no text or visual module: {str(error).splitlines()[0]}") from None

    def _parts(self) -> dict[str, Any]:
        parts = {"unet": self.unet, "characters": self.characters, "letters": self.letters}
        return {name: part for name, part in parts.items() if part is not None}

    def freeze(self) -> Self:
        """Take the weights out of every training: no gradients, not even old ones, and evaluation mode for good."""
        self.frozen = True
        self.requires_grad_(False)
        self.zero_grad(set_to_none=True)
        return self.eval()

    def train(self, mode: bool = True) -> Self:
        """Switch to training, unless this denoiser is frozen."""
        return super().train(mode and not self.frozen)

    def forward(
        self, noisy: Float[Tensor, "B C h w"], t: Int[Tensor, " B"], conditions: Conditions
    ) -> Float[Tensor, "B C h w"]:
        """Return the prediction at times ``t``. Raises InvalidConditions for parts that are missing or do not fit."""
        if len(noisy) != len(conditions) or noisy.shape[2:] != conditions.mask.shape[2:]:
            raise InvalidConditions(
                f"{tuple(noisy.shape)} noisy latents and a mask {tuple(conditions.mask.shape)}: same number and places"
            )
        read = torch.cat([noisy, *(part.to(noisy.dtype) for part in self._beside(conditions))], dim=1)
        found: Any = self.unet(read, t, encoder_hidden_states=self._tokens(conditions).to(noisy.dtype))
        return found.sample

    def _beside(self, conditions: Conditions) -> list[Tensor]:
        parts = [conditions.mask]
        if self.characters is not None:
            parts.append(self.characters(conditions.wanted("letters"), conditions.wanted("places")))
        return [*parts, conditions.wanted("glyphs")] if self.glyphs else parts

    def _tokens(self, conditions: Conditions) -> Float[Tensor, "B L D"]:
        if self.letters is not None:
            return self.letters(conditions.wanted("sequence"))
        if self.states is not None:
            return conditions.wanted(self.states)
        width = self.unet.config.cross_attention_dim
        return torch.zeros(len(conditions), 1, width, device=conditions.mask.device)
