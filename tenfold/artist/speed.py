"""How sampling is timed: in lock-step with the text features of an update kept, against both U-Nets run naively.

Untrained networks of the real classes and sizes: what weights hold changes no time.

    artist, conditions = untrained("small"), made_up_conditions("small", 16)
    sample(artist, small_scheduler(), conditions, SamplingConfig(guidance_scale=3.0))
    sample_naively(artist, small_scheduler(), conditions, SamplingConfig(guidance_scale=3.0))

Legend:  B images · C latent channels of the visual, T of the text module · h, w latent places
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from diffusers import UNet2DConditionModel

from tenfold.artist.canvases import CanvasStyle, draw_canvases, draw_glyphs
from tenfold.artist.conditioning import condition
from tenfold.artist.conditions import Conditions
from tenfold.artist.denoiser import Denoiser, DenoiserConfig
from tenfold.artist.errors import InvalidSampling
from tenfold.artist.injector import Injector
from tenfold.artist.layouts import Layout, PlacedWord
from tenfold.artist.model import Artist
from tenfold.artist.noising import Latents
from tenfold.artist.sampling import IMAGE, TEXT, SamplingConfig, sample, start_noise
from tenfold.artist.variants import build
from tenfold.nn.errors import InvalidConfig
from tenfold.nn.seeding import drawn_from
from tenfold.rendering.assets import Assets

Networks = Literal["tiny", "small", "stable_diffusion"]
SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"block_out_channels": (8, 16), "cross_attention_dim": 8, "attention_heads": 2, "norm_groups": 4},
    "small": {},
}
LOCK_STEP, NAIVE, ONCE, ALONE = "lock-step", "naive", "text features once", "visual module alone"
METHODS = (LOCK_STEP, NAIVE, ONCE, ALONE)
TOKENS, WIDTH, PLACES = 77, 768, 64  # CLIP's tokens, Stable Diffusion 1.5's cross-attention and latent places per side


@dataclass(frozen=True)
class Timed:
    """What is timed under one name: two networks, their conditions, and a finished text image for ``ONCE``."""

    artist: Artist
    alone: Artist
    scheduler: Any
    conditions: Conditions
    text: Latents

    def call(self, method: str, config: SamplingConfig) -> Callable[[], Any]:
        """Return a call that samples the batch by one of ``METHODS``. Raises InvalidSampling for another one."""
        if method not in METHODS:
            raise InvalidSampling(f"unknown method {method!r}; there are {', '.join(METHODS)}")
        if method == NAIVE:
            return lambda: sample_naively(self.artist, self.scheduler, self.conditions, config)
        if method == ONCE:
            once = SamplingConfig(config.num_inference_steps, config.guidance_scale, "replay", "clean")
            return lambda: sample(self.artist, self.scheduler, self.conditions, once, text=self.text)
        artist = self.alone if method == ALONE else self.artist
        return lambda: sample(artist, self.scheduler, self.conditions, config)


def timed(networks: Networks, scheduler: Any, count: int, *, device: str = "cpu", half: bool = False) -> Timed:
    """Return what is timed: untrained networks and ``count`` made-up layouts, in bfloat16 if ``half``."""
    dtype = torch.bfloat16 if half else torch.float32
    artist, alone = (one.to(device=device, dtype=dtype).eval() for one in untrained(networks))
    found = made_up_conditions(networks, count).to(device)
    assert artist.text is not None
    shape = (int(artist.text.unet.config.out_channels), *found.mask.shape[2:])
    return Timed(artist, alone, scheduler, found, torch.zeros(count, *shape))


def untrained(networks: Networks) -> tuple[Artist, Artist]:
    """Return both modules with an injector, and a visual module of the same size alone. Raises InvalidConfig."""
    if networks == "stable_diffusion":
        with drawn_from(0):
            nets = [UNet2DConditionModel(in_channels=5, out_channels=4, cross_attention_dim=WIDTH) for _ in range(3)]
        visual, text, single = nets
        modules = Denoiser(visual, states="prompt_states"), Denoiser(text, states="text_states").freeze()
        return Artist(*modules, Injector.between(text, visual)), Artist(Denoiser(single, states="prompt_states"))
    if networks not in SIZES:
        raise InvalidConfig(f"networks are tiny, small or stable_diffusion, not {networks!r}")
    text_config = DenoiserConfig(latent_channels=4, characters=16, **SIZES[networks])
    visual_config = DenoiserConfig(latent_channels=12, letters=True, **SIZES[networks])
    trained = Denoiser.new(text_config, seed=0)
    artist, alone = (build(name, visual_config, text_config, trained, seed=0) for name in ("artist", "visual_only"))
    return artist, alone


def made_up_conditions(networks: Networks, count: int) -> Conditions:
    """Return the conditions of ``count`` canvases with one word of four letters in the middle."""
    if networks == "stable_diffusion":
        mask = torch.zeros(count, 1, PLACES, PLACES)
        mask[:, :, PLACES // 4 : PLACES // 2] = 1
        states = {name: torch.zeros(count, TOKENS, WIDTH) for name in ("text_states", "prompt_states", "empty_states")}
        return Conditions(mask, **states)
    layout = Layout(64, 16, (PlacedWord("open", (8, 2, 56, 14)),))
    return Conditions.from_arrays(condition([layout] * count))


@torch.no_grad()
def sample_naively(
    artist: Artist, scheduler: Any, conditions: Conditions, config: SamplingConfig, *, seed: int = 0
) -> tuple[Latents, Latents]:
    """Return what `tenfold.artist.sampling.sample` returns in lock-step, by both U-Nets on the whole batch of guidance.

    As a pipeline of ControlNet does it: the text module, too, computes each image once without and once with the
    prompt, although its features are the same. For schedulers that draw nothing. Raises InvalidSampling for a model
    without a text module or settings other than lock-step.
    """
    if artist.text is None or config.order != "lock_step" or config.injected != "both":
        raise InvalidSampling("naive sampling is of both modules, in lock-step, injected into both passes")
    device, count = artist.visual.unet.device, len(conditions)
    conditions = conditions.to(device)
    guided = config.guidance_scale != 1
    twice = 2 if guided else 1
    read = conditions.without_prompt().followed_by(conditions) if guided else conditions
    text_read = conditions.followed_by(conditions) if guided else conditions
    moving = [type(scheduler).from_config(scheduler.config) for _ in range(2)]
    for one in moving:
        one.set_timesteps(config.num_inference_steps, device=device)
    shape = conditions.mask.shape[2:]
    images, text = (
        start_noise(count, (int(net.unet.config.out_channels), *shape), seed=seed, first=0, branch=branch).to(
            device, net.unet.dtype
        )
        for net, branch in ((artist.visual, IMAGE), (artist.text, TEXT))
    )
    for t in moving[0].timesteps:
        text_found = artist.text(text.repeat(twice, 1, 1, 1), t.expand(twice * count), text_read)  # (2B, T, h, w)
        found = artist.visual(images.repeat(twice, 1, 1, 1), t.expand(twice * count), read)  # (2B, C, h, w)
        if guided:
            without, with_prompt = found.chunk(2)
            found, text_found = without + config.guidance_scale * (with_prompt - without), text_found[count:]
        text = moving[0].step(text_found, t, text).prev_sample
        images = moving[1].step(found, t, images).prev_sample
    return images, text


def compile_blocks(artist: Artist, **settings: Any) -> None:
    """Compile the transformer blocks of both U-Nets in place: they lie inside the hooked layers, which stay as before.

    ``settings`` go to torch.compile.
    """
    for module in (artist.visual, artist.text):
        if module is not None:
            module.unet.compile_repeated_blocks(**settings)


def drawing(kind: Literal["composites", "text images"], assets: Assets, count: int) -> Callable[[], Any]:
    """Return a call that draws ``count`` canvases of 64×16 pixels with one word. Raises what drawing raises."""
    draw: Callable[..., Any] = draw_canvases if kind == "composites" else draw_glyphs
    return lambda: draw(assets, count, np.random.default_rng(0), style=CanvasStyle())
