"""What an arm costs, counted (trap 9)."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as functional

from tenfold.artist.cost import TrainingCost, flops_of, matched_updates
from tenfold.artist.denoiser import Denoiser
from tenfold.artist.losses import draw, visual_losses
from tenfold.artist.noising import small_scheduler
from tenfold.artist.variants import build
from tenfold.nn.errors import InvalidConfig
from tests.tenfold.artist.toys import TEXT, VISUAL, batch


def test_a_convolution_and_an_attention_are_counted_by_hand():
    convolution = torch.nn.Conv2d(3, 5, 3, padding=1, bias=False)
    image = torch.randn(2, 3, 6, 7)
    assert flops_of(lambda: convolution(image)) == 2 * (2 * 6 * 7 * 5) * (3 * 9)
    q, k, v = torch.randn(2, 4, 5, 8), torch.randn(2, 4, 9, 8), torch.randn(2, 4, 9, 8)
    assert flops_of(lambda: functional.scaled_dot_product_attention(q, k, v)) == 2 * (2 * 2 * 4 * 5 * 9 * 8)


def test_the_arms_and_the_matched_budget():
    text, data = Denoiser.new(TEXT, seed=0), batch(4)
    draws = draw(data, torch.Generator().manual_seed(0))
    scheduler = small_scheduler()

    def update(model):
        return lambda: visual_losses(model, scheduler, data, draws)["visual"].backward()

    arms = [build(name, VISUAL, TEXT, text, seed=0) for name in ("artist", "visual_only")]
    artist, alone = (TrainingCost.of(update(model), updates=100, batch_size=4) for model in arms)
    t = draws.t
    forward = flops_of(lambda: text(data.text, t, data.conditions))
    convolutions = artist.flops // 100 - alone.flops // 100 - forward
    assert 0 < convolutions < 0.3 * alone.flops // 100  # the frozen branch runs forward alone
    assert artist.samples == 400 == alone.samples
    pretraining = TrainingCost(updates=50, samples=200, flops=50 * 3 * forward)
    whole = pretraining + artist
    assert whole == TrainingCost(150, 600, pretraining.flops + artist.flops)
    count = matched_updates(whole, alone.flops // 100)
    assert count >= 150 and count * (alone.flops // 100) >= whole.flops
    assert matched_updates(TrainingCost(10, 1, 101), 10) == 11
    with pytest.raises(InvalidConfig, match="updates"):
        TrainingCost(updates=-1)
