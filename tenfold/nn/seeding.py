"""What an update draws, from a seed and the update's number alone, so that a resumed run draws the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


def draw_seed(seed: int, number: int, process: int) -> int:
    """Return the seed of what one update draws in one process."""
    return (seed * 1_000_003 + number * 1_009 + process) % 2**62


@contextmanager
def drawn_from(seed: int, device: torch.device | str = "cpu") -> Iterator[None]:
    """Seed torch's own generator for a while, and put it back."""
    device = torch.device(device)
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def seeded(build: Callable[..., M], config: object, seed: int) -> M:
    """Return a new network whose first weights come from ``seed`` alone; torch's own generator is left as it was."""
    with drawn_from(seed):
        return build(config)
