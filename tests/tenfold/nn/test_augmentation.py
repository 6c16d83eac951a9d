"""Augmentation and views: shapes, gradients, what they change, and where their draws come from."""

from __future__ import annotations

import pytest
import torch

from tenfold.nn.augmentation import augmented, cut_out, mirrored, random_view, recoloured, shifted

IMAGES = torch.rand(400, 1, 16, 16, generator=torch.Generator().manual_seed(3)) * 2 - 1


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("change", [augmented, recoloured, shifted, cut_out])
def test_augmentation_keeps_shape_and_passes_gradients_on(change):
    images = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(1)).requires_grad_()
    seen = change(images, torch.Generator().manual_seed(2))
    assert seen.shape == images.shape and not torch.equal(seen, images)
    assert torch.equal(seen, change(images, torch.Generator().manual_seed(2)))
    (reached,) = torch.autograd.grad(seen.square().sum(), images)
    assert torch.isfinite(reached).all() and (reached.flatten(1).abs().sum(dim=1) > 0).all()


def test_a_shift_moves_and_a_cut_removes():
    ramp = torch.arange(1.0, 257).view(1, 1, 16, 16).expand(40, -1, -1, -1)
    moved = shifted(ramp, torch.Generator().manual_seed(0))
    offsets = {float(values[values > 0].min()) for values in moved}
    assert len(offsets) > 3 and offsets <= {16.0 * row + column + 1 for row in range(3) for column in range(3)}
    removed = (cut_out(ramp, torch.Generator().manual_seed(0)) == 0).flatten(1).sum(dim=1)
    assert removed.max() == 9 and removed.min() >= 4  # 3×3, less at the border


@pytest.mark.parametrize("channels", [1, 3])
def test_views_keep_shape_and_range_and_come_from_their_generator(channels):
    images = IMAGES[:20].repeat(1, channels, 1, 1)
    view = random_view(images, draws())
    assert view.shape == images.shape and view.abs().max() <= 1 and view.std() > 0.1
    assert torch.equal(view, random_view(images, draws())) and not torch.equal(view, random_view(images, draws(1)))


def test_about_half_are_mirrored_and_the_others_left_alone():
    found = mirrored(IMAGES[:400], draws())
    turned = (found != IMAGES[:400]).flatten(1).any(dim=1)
    assert 150 < turned.sum() < 250 and torch.equal(found[turned], IMAGES[:400][turned].flip(3))
