"""Times, targets and the way back to x_0 (trap 10)."""

from __future__ import annotations

import math

import pytest
import torch
from diffusers import DDIMScheduler

from tenfold.artist.noising import clean_estimate, logit_normal_times, small_scheduler, target
from tenfold.nn.errors import InvalidConfig


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_the_clean_image_comes_back(prediction):
    scheduler = small_scheduler(prediction)
    generator = torch.Generator().manual_seed(0)
    clean, noise = (torch.randn(5, 4, 2, 3, generator=generator) for _ in range(2))
    t = torch.tensor([0, 100, 400, 700, 999])
    noisy = scheduler.add_noise(clean, noise, t)
    wanted = target(scheduler, clean, noise, t)
    assert (clean_estimate(scheduler, noisy, wanted, t) - clean).abs().max() < 1e-5
    scheduler.set_timesteps(1000)
    unclipped = type(scheduler).from_config({**scheduler.config, "clip_sample": False})
    unclipped.set_timesteps(1000)
    for i in range(5):  # the scheduler's own
        theirs = unclipped.step(wanted[i : i + 1], t[i], noisy[i : i + 1]).pred_original_sample
        assert (theirs - clean[i]).abs().max() < 1e-4


def test_the_target_is_noise_or_velocity():
    clean, noise, t = torch.full((1, 1, 1, 1), 0.5), torch.full((1, 1, 1, 1), -2.0), torch.tensor([500])
    assert torch.equal(target(small_scheduler(), clean, noise, t), noise)
    scheduler = small_scheduler("v_prediction")
    alpha = float(scheduler.alphas_cumprod[500]) ** 0.5
    sigma = (1 - alpha**2) ** 0.5
    assert float(target(scheduler, clean, noise, t)) == pytest.approx(alpha * -2 - sigma * 0.5, abs=1e-6)
    with pytest.raises(InvalidConfig, match="'sample'"):
        target(DDIMScheduler(prediction_type="sample"), clean, noise, t)


def test_times_are_logit_normal():
    t = logit_normal_times(20_000, torch.Generator().manual_seed(0))
    share = [(t < edge).double().mean().item() for edge in (100, 500, 900)]
    wanted = [0.5 * (1 + math.erf(math.log(edge / (1000 - edge)) / 2**0.5)) for edge in (100, 500, 900)]
    assert share == pytest.approx(wanted, abs=0.01)
    assert int(t.min()) >= 0 and int(t.max()) <= 999
    assert int(logit_normal_times(9, torch.Generator(), mean=50.0).max()) == 999
    with pytest.raises(InvalidConfig, match="positive deviation"):
        logit_normal_times(1, torch.Generator(), deviation=0.0)
