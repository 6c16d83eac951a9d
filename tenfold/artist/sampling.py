"""Sampling both branches: in lock-step, or the text image first and its features replayed.

Every image has streams of its own, from the seed, its number and its branch, so that how many images are sampled at a
time draws nothing else; nothing is seeded by the clock.

Legend:  B images · C latent channels of the visual, T of the text module · h, w latent places
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from tenfold.arguments import real, whole
from tenfold.artist.conditions import Conditions
from tenfold.artist.errors import InvalidSampling
from tenfold.artist.features import Features
from tenfold.artist.model import Artist
from tenfold.artist.noising import Latents
from tenfold.nn.seeding import draw_seed, drawn_from

IMAGE, TEXT = 0, 1  # the branches, as numbers of their streams
ORDERS, TEXT_INPUTS, GUIDED = ("lock_step", "replay"), ("noised", "clean"), ("both", "with_prompt")


@dataclass(frozen=True)
class SamplingConfig:
    """How to sample. DDIM with η = 0 unless the scheduler is another one.

    ``order``: the text image is sampled in lock-step with the image, or first, its features replayed. ``text_input``:
    the text branch gives its features from what it has at the same t, or ``clean`` from its finished image at t = 0,
    which wants ``order: replay``. ``injected``: into both passes of guidance, or into the pass with the prompt alone.
    """

    num_inference_steps: int = 15
    guidance_scale: float = 1.0
    order: Literal["lock_step", "replay"] = "lock_step"
    text_input: Literal["noised", "clean"] = "noised"
    injected: Literal["both", "with_prompt"] = "both"

    def __post_init__(self) -> None:
        whole(self.num_inference_steps, "num_inference_steps", least=1, error=InvalidSampling)
        real(self.guidance_scale, "guidance_scale", error=InvalidSampling)
        choices = {"order": ORDERS, "text_input": TEXT_INPUTS, "injected": GUIDED}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise InvalidSampling(f"{name} is one of {', '.join(allowed)}, not {getattr(self, name)!r}")
        if self.text_input == "clean" and self.order == "lock_step":
            raise InvalidSampling("a clean text image is there only after it was sampled: set order to replay")
        if self.injected == "with_prompt" and self.guidance_scale == 1:
            raise InvalidSampling("without guidance there is one pass: set guidance_scale, or injected to both")


def start_noise(count: int, shape: tuple[int, int, int], *, seed: int, first: int, branch: int) -> Latents:
    """Return standard normal noise, image i from a stream of its own that ``seed``, ``first`` + i and branch name."""
    streams = (torch.Generator().manual_seed(draw_seed(seed, first + i, branch)) for i in range(count))
    return torch.stack([torch.randn(shape, generator=stream) for stream in streams])


@torch.no_grad()
def sample(
    artist: Artist,
    scheduler: Any,
    conditions: Conditions,
    config: SamplingConfig | None = None,
    *,
    seed: int = 0,
    first: int = 0,
    text: Float[Tensor, "B T h w"] | None = None,
) -> tuple[Latents, Latents | None]:
    """Return latents of the images and of their text; no text without a text module.

    ``first`` is the number of the batch's first image. ``text`` gives a finished text image, as a renderer draws it, in
    place of a sampled one. The model must be in evaluation mode. Raises InvalidSampling, InvalidConditions.
    """
    config = config or SamplingConfig()
    if artist.training:
        raise InvalidSampling("sampling from a model in training mode would apply its dropout: call eval() first")
    if text is not None and artist.text is None:
        raise InvalidSampling("a text image is given, and there is no text module to read it")
    device = artist.visual.unet.device
    conditions = conditions.to(device)
    with drawn_from(draw_seed(seed, first, 2), device):  # for schedulers that draw
        walk = _Walk(artist, scheduler, conditions, config, seed, first)
        if artist.text is None:
            return walk.images(None), None
        given = None if text is None else text.to(device, artist.text.unet.dtype)
        if config.order == "lock_step":
            return walk.in_lock_step(given)
        features, read = walk.text_first(given)
        return walk.images(features), read


class _Walk:
    """One batch on its way from noise to images."""

    def __init__(
        self, artist: Artist, scheduler: Any, conditions: Conditions, config: SamplingConfig, seed: int, first: int
    ) -> None:
        self.artist, self.config, self.conditions = artist, config, conditions
        self.guided = config.guidance_scale != 1
        self.both = conditions.without_prompt().followed_by(conditions) if self.guided else conditions
        self.stepper, self.text_stepper = (
            _Stepper(scheduler, config.num_inference_steps, conditions) for _ in range(2)
        )
        self.seed, self.first = seed, first

    def noise(self, branch: int) -> Latents:
        module = self.artist.visual if branch == IMAGE else self.artist.text
        assert module is not None
        shape = (int(module.unet.config.out_channels), *self.conditions.mask.shape[2:])
        drawn = start_noise(len(self.conditions), shape, seed=self.seed, first=self.first, branch=branch)
        return drawn.to(self.conditions.mask.device, module.unet.dtype) * self.stepper.scheduler.init_noise_sigma

    def in_lock_step(self, given: Latents | None) -> tuple[Latents, Latents]:
        images, text, noise = self.noise(IMAGE), self.noise(TEXT), self.noise(TEXT)
        for t in self.stepper.times:
            text, features = self.text_step(text, t) if given is None else self.reread(given, noise, t)
            images = self.image_step(images, t, features)
        return images, text

    def text_first(self, given: Latents | None) -> tuple[list[Features], Latents]:
        noise, found = self.noise(TEXT), []
        text = noise if given is None else given
        clean = self.config.text_input == "clean"
        for t in self.stepper.times if given is None or not clean else ():
            text, features = self.text_step(text, t) if given is None else self.reread(given, noise, t)
            found.append(features)
        if clean:
            _, features = self.read(text, torch.zeros_like(self.stepper.times[0]))
            found = [features] * len(self.stepper.times)
        return found, text

    def images(self, features: list[Features] | None) -> Latents:
        images = self.noise(IMAGE)
        for number, t in enumerate(self.stepper.times):
            images = self.image_step(images, t, None if features is None else features[number])
        return images

    def read(self, text: Latents, t: Tensor) -> tuple[Latents, Features]:
        """Return the text module's prediction and its features."""
        assert self.artist.text is not None and self.artist.injector is not None
        return self.artist.text(text, t.expand(len(text)), self.conditions), self.artist.injector.features

    def text_step(self, text: Latents, t: Tensor) -> tuple[Latents, Features]:
        """Return the text image one step further, and the features of what it was."""
        found, features = self.read(self.text_stepper.scaled(text, t), t)
        return self.text_stepper.step(found, t, text), features

    def reread(self, text: Latents, noise: Latents, t: Tensor) -> tuple[Latents, Features]:
        """Return a finished text image as it is, and its features when it is noised to t."""
        noised = self.stepper.scheduler.add_noise(text, noise, t.expand(len(text)))
        return text, self.read(self.stepper.scaled(noised, t), t)[1]

    def image_step(self, images: Latents, t: Tensor, features: Features | None) -> Latents:
        read = torch.cat([images, images]) if self.guided else images
        if features is not None:
            silent = int(self.config.injected == "with_prompt")
            assert self.artist.injector is not None
            self.artist.injector.use(features.repeated(2, silent=silent) if self.guided else features)
        found = self.artist.visual(self.stepper.scaled(read, t), t.expand(len(read)), self.both)
        if self.guided:
            without, with_prompt = found.chunk(2)
            found = without + self.config.guidance_scale * (with_prompt - without)
        return self.stepper.step(found, t, images)


class _Stepper:
    """A scheduler of its own for one branch, since some of them remember earlier steps."""

    def __init__(self, scheduler: Any, steps: int, conditions: Conditions) -> None:
        self.scheduler = type(scheduler).from_config(scheduler.config)
        self.scheduler.set_timesteps(steps, device=conditions.mask.device)
        self.times = self.scheduler.timesteps
        self.settings = {"eta": 0.0} if "eta" in inspect.signature(self.scheduler.step).parameters else {}

    def scaled(self, latents: Latents, t: Tensor) -> Latents:
        return self.scheduler.scale_model_input(latents, t)

    def step(self, prediction: Latents, t: Tensor, latents: Latents) -> Latents:
        return self.scheduler.step(prediction, t, latents, **self.settings).prev_sample
