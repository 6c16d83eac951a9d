"""The losses of both modules, and the controls of whether a module reads its condition and its time.

L_text = E‖ε − ε_φ(x^T_t, t, words, mask)‖²      L_vis = E‖ε − ε_θ(x_t, t, prompt, {Conv_l(h_t,l)})‖²
(with the velocity in place of ε where the scheduler's prediction_type says so).

Legend:  B images · C latent channels · h, w latent places
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
import torch.nn.functional as functional
from jaxtyping import Float, Int
from torch import Tensor

from tenfold.artist.conditions import Conditions
from tenfold.artist.denoiser import Denoiser
from tenfold.artist.errors import InvalidInjection
from tenfold.artist.model import Artist
from tenfold.artist.noising import Latents, Times, logit_normal_times, target

TextInput = Literal["noised", "clean"]
Permuted = Literal["nothing", "letters", "text_times"]


@dataclass(frozen=True)
class Batch:
    """Latents of the images, of their text in white on black, and their conditions; a module reads what it needs."""

    conditions: Conditions
    images: Latents | None = None
    text: Latents | None = None

    def __len__(self) -> int:
        return len(self.conditions)

    def at(self, index: Int[Tensor, " n"] | slice) -> Batch:
        """Return some of the items, in the order of ``index``."""
        images, text = (None if part is None else part[index] for part in (self.images, self.text))
        return Batch(self.conditions.at(index), images, text)

    def wanted(self, name: Literal["images", "text"]) -> Latents:
        """Return images or text. Raises InvalidInjection if the batch holds none."""
        found = self.images if name == "images" else self.text
        if found is None:
            raise InvalidInjection(f"this loss reads {name}, which the batch does not hold")
        return found


@dataclass(frozen=True)
class Draws:
    """What one update draws: times, the noise of both branches (independent), and which prompts are dropped."""

    t: Times
    noise: Latents | None = None
    text_noise: Latents | None = None
    text_t: Times | None = None
    dropped: Tensor | None = None


def draw(
    batch: Batch,
    generator: torch.Generator,
    *,
    prompt_drop: float = 0.0,
    mean: float = 0.0,
    deviation: float = 1.0,
    times: int = 1000,
) -> Draws:
    """Return what one update draws from a generator on the CPU: the same for every arm that has the same images."""
    t = logit_normal_times(len(batch), generator, mean=mean, deviation=deviation, times=times)
    dropped = torch.rand(len(batch), generator=generator) < prompt_drop
    noise, text_noise = (_noise_like(part, generator) for part in (batch.images, batch.text))
    device = batch.conditions.mask.device
    return Draws(t.to(device), noise, text_noise, None, dropped.to(device) if prompt_drop > 0 else None)


def text_loss(module: Denoiser, scheduler: Any, batch: Batch, draws: Draws) -> Float[Tensor, ""]:
    """Return L_text, the mean over images and values. Raises InvalidConditions."""
    clean, noise = batch.wanted("text"), _drawn(draws.text_noise)
    found = module(scheduler.add_noise(clean, noise, draws.t), draws.t, batch.conditions)
    return functional.mse_loss(found, target(scheduler, clean, noise, draws.t))


def visual_losses(
    artist: Artist, scheduler: Any, batch: Batch, draws: Draws, *, text_input: TextInput = "noised"
) -> dict[str, Float[Tensor, ""]]:
    """Return L_vis as ``visual`` and, where the text module is trained too and reads noise, L_text as ``text``.

    The text branch sees the text image noised to the same t by noise of its own, or ``clean`` at t = 0 (unknown in the
    paper). Raises InvalidInjection, InvalidConditions.
    """
    clean, noise, t = batch.wanted("images"), _drawn(draws.noise), draws.t
    conditions = batch.conditions if draws.dropped is None else batch.conditions.without_prompt(draws.dropped)
    read, read_t = None, None
    if artist.text is not None:
        text = batch.wanted("text")
        read_t = torch.zeros_like(t) if text_input == "clean" else t if draws.text_t is None else draws.text_t
        read = text if text_input == "clean" else scheduler.add_noise(text, _drawn(draws.text_noise), read_t)
    found, text_found = artist(scheduler.add_noise(clean, noise, t), t, conditions, read, read_t, batch.conditions)
    losses = {"visual": functional.mse_loss(found, target(scheduler, clean, noise, t))}
    if text_found is not None and text_input == "noised" and artist.text is not None and not artist.text.frozen:
        wanted = target(scheduler, batch.wanted("text"), _drawn(draws.text_noise), t if read_t is None else read_t)
        losses["text"] = functional.mse_loss(text_found, wanted)
    return losses


@torch.no_grad()
def control_loss(
    model: Denoiser | Artist,
    scheduler: Any,
    batch: Batch,
    draws: Draws,
    *,
    permuted: Permuted = "nothing",
    generator: torch.Generator | None = None,
) -> float:
    """Return a validation loss, with its letters exchanged or the text branch's times moved by one image.

    A module that reads its condition has a larger loss with other letters; a visual module that was trained with the
    same t in both branches a larger one with other times. Raises InvalidInjection for text_times without a text module.
    """
    if permuted == "letters":
        other = batch.conditions.with_other_letters(generator or torch.Generator().manual_seed(0))
        batch = replace(batch, conditions=other)
    if isinstance(model, Denoiser):
        if permuted == "text_times":
            raise InvalidInjection("a text module alone has one branch and one t")
        return float(text_loss(model, scheduler, batch, draws))
    if permuted == "text_times":
        if model.text is None:
            raise InvalidInjection("a visual module alone has no text branch whose times could be others")
        draws = replace(draws, text_t=draws.t.roll(1))
    return float(visual_losses(model, scheduler, batch, draws)["visual"])


def _noise_like(part: Latents | None, generator: torch.Generator) -> Latents | None:
    return None if part is None else torch.randn(part.shape, generator=generator).to(part)


def _drawn(noise: Latents | None) -> Latents:
    if noise is None:
        raise InvalidInjection("no noise was drawn for this branch; draw for a batch that holds its images")
    return noise
