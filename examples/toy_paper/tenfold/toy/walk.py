"""The method of the paper: a walk that shrinks towards its target.

Legend: D dimensions, x the place (D,), t the target (D,), η the rate, σ the noise, z ~ N(0, I) drawn anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float64

from tenfold.toy.scale import SCALE

RATE, NOISE = 0.1, 0.01


class Walk:
    """A walk from 0 towards a target (D,), one update at a time; its state can be saved and taken back."""

    def __init__(self, target: Float64[np.ndarray, " D"], generator: np.random.Generator) -> None:
        self.place = np.zeros_like(target)
        self.target, self.generator = target, generator

    def step(self) -> float:
        """Take one step and return the distance that is left."""
        noise = NOISE * SCALE * self.generator.normal(size=self.place.shape)
        self.place += RATE * (self.target - self.place) + noise  # Eq. (1): x ← x + η(t − x) + σz
        return float(np.linalg.norm(self.target - self.place))

    def state_dict(self) -> dict[str, Any]:
        """Return the state to go on from."""
        return {"place": self.place.copy(), "generator": self.generator.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a state back."""
        self.place = state["place"]
        self.generator.bit_generator.state = state["generator"]
