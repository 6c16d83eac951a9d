"""The noise of both branches by diffusers' schedulers: times, noisy latents, targets, and the way back.

x_t = α_t x_0 + σ_t ε with α_t² = ᾱ_t and σ_t² = 1 − ᾱ_t.

Legend:  B canvases · C latent channels · h, w latent places · T training times
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from diffusers import DDIMScheduler
from jaxtyping import Float, Int
from torch import Tensor

from tenfold.nn.errors import InvalidConfig

Latents = Float[Tensor, "B C h w"]
Times = Int[Tensor, " B"]
PREDICTIONS = ("epsilon", "v_prediction")


def small_scheduler(prediction: Literal["epsilon", "v_prediction"] = "epsilon") -> DDIMScheduler:
    """Return Stable Diffusion's schedule for latents that are pixels: x_0 is clipped to [−1, 1] while sampling."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=True,
        set_alpha_to_one=True,
        prediction_type=prediction,
        timestep_spacing="trailing",
    )


def logit_normal_times(
    count: int, generator: torch.Generator, *, mean: float = 0.0, deviation: float = 1.0, times: int = 1000
) -> Times:
    """Return times ⌊T·sigmoid(mean + deviation·z)⌋ with standard normal z: most of them in the middle of 0 … T − 1."""
    if deviation <= 0 or times < 1:
        raise InvalidConfig(f"times need a positive deviation and a number of times, not {deviation} and {times}")
    z = torch.randn(count, generator=generator, dtype=torch.float64)
    return (torch.sigmoid(mean + deviation * z) * times).long().clamp(0, times - 1)


def target(scheduler: Any, clean: Latents, noise: Latents, t: Times) -> Latents:
    """Return what a network is to predict: the noise, or the velocity α_t ε − σ_t x_0. Raises InvalidConfig."""
    match scheduler.config.prediction_type:
        case "epsilon":
            return noise
        case "v_prediction":
            return scheduler.get_velocity(clean, noise, t)
    raise InvalidConfig(f"prediction_type is one of {PREDICTIONS}, not {scheduler.config.prediction_type!r}")


def clean_estimate(scheduler: Any, noisy: Latents, prediction: Latents, t: Times) -> Latents:
    """Return x_0 from x_t and what a network predicts. Raises InvalidConfig."""
    signal = scheduler.alphas_cumprod.to(noisy.device, torch.float64)[t].view(-1, 1, 1, 1)
    alpha, sigma = signal.sqrt().to(noisy.dtype), (1 - signal).sqrt().to(noisy.dtype)
    match scheduler.config.prediction_type:
        case "epsilon":
            return (noisy - sigma * prediction) / alpha
        case "v_prediction":
            return alpha * noisy - sigma * prediction
    raise InvalidConfig(f"prediction_type is one of {PREDICTIONS}, not {scheduler.config.prediction_type!r}")
