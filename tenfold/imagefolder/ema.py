"""An exponential moving average of a model's weights and buffers.

Selection and reporting use these averaged weights, so that both speak of the same model.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn


class Average:
    """The average of a model: decay d grows with the updates t as min(d, (1 + t)/(10 + t)); buffers are copied."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.count = decay, 0
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        self.count += 1
        decay = min(self.decay, (1 + self.count) / (10 + self.count))
        averaged, current = ([p.detach() for p in one.parameters()] for one in (self.model, model))
        torch._foreach_lerp_(averaged, current, 1 - decay)
        for mine, theirs in zip(self.model.buffers(), model.buffers(), strict=True):
            mine.copy_(theirs)

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count, "model": self.model.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count = state["count"]
        self.model.load_state_dict(state["model"])
