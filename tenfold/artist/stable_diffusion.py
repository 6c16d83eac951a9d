"""The full setting: both modules from a Stable Diffusion 1.5 checkpoint, the mask as a fifth channel.

Legend:  O channels out · C channels in · s side of a kernel
"""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel

from tenfold.artist.denoiser import Denoiser
from tenfold.artist.errors import InvalidInjection
from tenfold.artist.injector import Injector
from tenfold.artist.model import Artist
from tenfold.artist.pipeline import ArtistPipeline
from tenfold.artist.taps import Inject, TapKind
from tenfold.models.folder import InvalidModel

STABLE_DIFFUSION = "stable-diffusion-v1-5/stable-diffusion-v1-5"
MASK_CHANNELS = 1


def widened(unet: UNet2DConditionModel, channels: int = MASK_CHANNELS) -> UNet2DConditionModel:
    """Return a copy of a U-Net that reads further channels after its own; their weights start at zero.

    Until they are trained the copy computes what the original does, whatever the new channels hold. Raises
    InvalidInjection for fewer than one new channel.
    """
    if channels < 1:
        raise InvalidInjection(f"a U-Net is widened by one channel at least, not {channels}")
    settings = dict(unet.config) | {"in_channels": unet.config.in_channels + channels}
    wide = UNet2DConditionModel.from_config(settings)
    weights = unet.state_dict()
    kernel = weights["conv_in.weight"]  # (O, C, s, s)
    zeros = torch.zeros(kernel.shape[0], channels, *kernel.shape[2:], dtype=kernel.dtype, device=kernel.device)
    weights["conv_in.weight"] = torch.cat([kernel, zeros], dim=1)  # (O, C + channels, s, s)
    wide.to(device=kernel.device, dtype=kernel.dtype)
    wide.load_state_dict(weights)
    return wide


def from_stable_diffusion(
    source: str | Path = STABLE_DIFFUSION,
    *,
    revision: str | None = None,
    text_unet: str | Path | None = None,
    text_revision: str | None = None,
    inject: Inject = "both",
    tap: TapKind = "layer",
    kernel_size: int = 1,
    dtype: torch.dtype = torch.float32,
) -> ArtistPipeline:
    """Return ARTIST before its training of both stages, from a hub id or a folder of that format, safetensors alone.

    ``text_unet`` is a trained text module's U-Net with the mask's channel in a folder or on the hub; without it the
    text module starts from the same checkpoint as the visual one. Sampling is by DDIM with the checkpoint's own
    schedule. Raises InvalidModel if one of them cannot be loaded, InvalidInjection if their places differ.
    """
    try:
        loaded = StableDiffusionPipeline.from_pretrained(
            str(source), revision=revision, torch_dtype=dtype, use_safetensors=True, safety_checker=None
        )
        text = widened(loaded.unet) if text_unet is None else _unet(text_unet, text_revision, dtype)
    except (OSError, ValueError) as error:
        raise InvalidModel(f"cannot load {source}: {str(error).splitlines()[0]}; give a folder or a hub id") from None
    visual = widened(loaded.unet)
    injector = Injector.between(text, visual, tap=tap, inject=inject, kernel_size=kernel_size).to(dtype=dtype)
    artist = Artist(Denoiser(visual, states="prompt_states"), Denoiser(text, states="text_states"), injector)
    return ArtistPipeline.of(
        artist,
        DDIMScheduler.from_config(loaded.scheduler.config),
        vae=loaded.vae,
        text_encoder=loaded.text_encoder,
        tokenizer=loaded.tokenizer,
    )


def _unet(source: str | Path, revision: str | None, dtype: torch.dtype) -> UNet2DConditionModel:
    return UNet2DConditionModel.from_pretrained(str(source), revision=revision, torch_dtype=dtype, use_safetensors=True)
