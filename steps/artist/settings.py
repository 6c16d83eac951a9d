"""What both modules are made of and how they are noised: written beside the text modules, read by all later steps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from steps.step.json_files import read_json
from steps.step.params import Count, Params, Positive

if TYPE_CHECKING:
    import torch

    from tenfold.artist.conditions import Conditions
    from tenfold.artist.denoiser import DenoiserConfig
    from tenfold.artist.layouts import Layout
    from tenfold.artist.losses import Batch, Draws

SETTINGS = "train_text.json"
SIDE = 2  # pixels of a latent place's side, by pixel-unshuffle
TEXT_CHANNELS, VISUAL_CHANNELS = SIDE**2, 3 * SIDE**2


class ModelParams(Params):
    """The U-Nets, in diffusers' words, the width of the character map's encoding, and the longest text in letters."""

    block_out_channels: list[Count]
    layers_per_block: Count
    cross_attention_dim: Count
    attention_heads: Count
    norm_groups: Count
    characters: Count
    longest: Count

    def text(self, *, cross_attention: bool = False) -> DenoiserConfig:
        """Return the text module's configuration: letters by a map of places, or by cross-attention alone."""
        return self._config(TEXT_CHANNELS, characters=not cross_attention, letters=cross_attention)

    def visual(self, *, characters: bool) -> DenoiserConfig:
        """Return the visual module's: letters by cross-attention, and by the map where there is no text module."""
        return self._config(VISUAL_CHANNELS, characters=characters, letters=True)

    def _config(self, channels: int, *, characters: bool, letters: bool) -> DenoiserConfig:
        from tenfold.artist.denoiser import DenoiserConfig

        return DenoiserConfig(
            latent_channels=channels,
            characters=self.characters if characters else 0,
            letters=letters,
            block_out_channels=tuple(self.block_out_channels),
            layers_per_block=self.layers_per_block,
            cross_attention_dim=self.cross_attention_dim,
            attention_heads=self.attention_heads,
            norm_groups=self.norm_groups,
            longest=self.longest,
        )


class NoiseParams(Params):
    """What the networks predict, and the times of training: ⌊1000·sigmoid(mean + deviation·z)⌋, z standard normal."""

    prediction: Literal["epsilon", "v_prediction"]
    mean: float
    deviation: Positive

    def scheduler(self) -> Any:
        """Return the scheduler of training and of sampling."""
        from tenfold.artist.noising import small_scheduler

        return small_scheduler(self.prediction)

    def draw(self, batch: Batch, generator: torch.Generator) -> Draws:
        """Return times and noise of one update: the same for every arm whose batch holds images and text."""
        from tenfold.artist.losses import draw

        return draw(batch, generator, mean=self.mean, deviation=self.deviation)


class TimesParams(Params):
    """The times of one training, as in `NoiseParams`."""

    mean: float
    deviation: Positive


class Settings(Params):
    """What later steps need to know of how the text modules were made."""

    model: ModelParams
    noise: NoiseParams


def read_settings(text: Path) -> Settings:
    """Return the settings that ``train_text`` wrote into its folder."""
    return Settings.model_validate(read_json(text / SETTINGS)["settings"])


def conditions_of(layouts: tuple[Layout, ...] | list[Layout], longest: int) -> Conditions:
    """Return the conditions of layouts for networks of these settings. Raises InvalidLayout, UnknownLetter."""
    from tenfold.artist.conditioning import condition
    from tenfold.artist.conditions import Conditions

    return Conditions.from_arrays(condition(layouts, stride=SIDE, longest=longest))
