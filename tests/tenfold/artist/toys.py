"""Tiny networks of the real classes, and canvases whose letters are patterns, for ARTIST's tests."""

from __future__ import annotations

import numpy as np
import torch

from tenfold.artist.conditions import Conditions
from tenfold.artist.denoiser import DenoiserConfig
from tenfold.artist.injector import Injector
from tenfold.artist.losses import Batch

H, W = 4, 8  # latent places
SIZES = {
    "block_out_channels": (8, 16),
    "cross_attention_dim": 8,
    "attention_heads": 2,
    "norm_groups": 4,
    "longest": 4,
}
TEXT = DenoiserConfig(latent_channels=4, characters=4, **SIZES)
VISUAL = DenoiserConfig(latent_channels=12, letters=True, **SIZES)


def conditions(count: int, *, seed: int = 0, letters: int = 2, box: tuple[int, int, int, int] = (0, 0, W, H)):
    """Return layouts of one word of two letters in one box (x0, y0, x1, y1) of latent places."""
    drawn = np.random.default_rng(seed).integers(1, letters + 1, (count, 2))
    x0, y0, x1, y1 = box
    middle = (x0 + x1) // 2
    numbers, places = np.zeros((count, H, W), np.int64), np.zeros((count, 2, H, W), np.float32)
    for slot, (left, right) in enumerate(((x0, middle), (middle, x1))):
        numbers[:, y0:y1, left:right] = drawn[:, slot, None, None]
        places[:, 0, y0:y1, left:right] = (np.arange(right - left) + 0.5) / (right - left)
        places[:, 1, y0:y1, left:right] = ((np.arange(y1 - y0) + 0.5) / (y1 - y0))[:, None]
    numbers = torch.from_numpy(numbers)
    sequence = torch.from_numpy(np.pad(drawn, ((0, 0), (0, 2))))
    return Conditions((numbers > 0)[:, None].float(), numbers, torch.from_numpy(places), sequence)


def batch(count: int, *, seed: int = 0, **layout) -> Batch:
    """Return canvases whose letter 1 is white and letter 2 striped, on black; the image is the text inverted."""
    found = conditions(count, seed=seed, **layout)
    stripes = torch.arange(W) % 2 * 2.0 - 1
    text = torch.where(found.letters == 1, 1.0, torch.where(found.letters == 2, stripes, -1.0))[:, None]
    return Batch(found, -text.repeat(1, 12, 1, 1), text.repeat(1, 4, 1, 1))


def filled(injector: Injector, seed: int = 0) -> Injector:
    """Give an injector weights that are not zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in injector.parameters():
            parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    return injector
