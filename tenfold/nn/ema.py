"""An exponential moving average of a model's weights and buffers.

Selection and reporting use the averaged weights, so that both speak of the same model.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn


class ExponentialMovingAverage:
    """The average of a model: decay d grows with the updates t as min(d, (1 + t)/(10 + t)); buffers are copied."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.count = decay, 0
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move the average towards the model's weights after one of its updates."""
        self.count += 1
        decay = min(self.decay, (1 + self.count) / (10 + self.count))
        averaged, current = ([p.detach() for p in one.parameters()] for one in (self.model, model))
        torch._foreach_lerp_(averaged, current, 1 - decay)
        for mine, theirs in zip(self.model.buffers(), model.buffers(), strict=True):
            mine.copy_(theirs)

    def state_dict(self) -> dict[str, Any]:
        """Return the average and how many updates it has seen, for a checkpoint."""
        return {"count": self.count, "model": self.model.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` returned."""
        self.count = state["count"]
        self.model.load_state_dict(state["model"])
