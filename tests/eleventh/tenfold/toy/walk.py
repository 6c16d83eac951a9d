"""A random walk, the method of the toy paper."""

import numpy as np

from tenfold.toy.scale import SCALE


class Walk:
    """A walk that shrinks towards its target."""

    def __init__(self, target: np.ndarray, generator: np.random.Generator) -> None:
        self.place = np.zeros_like(target)
        self.target, self.generator = target, generator

    def step(self) -> float:
        """Take one step and return the distance that is left."""
        self.place += 0.1 * (self.target - self.place) + 0.01 * SCALE * self.generator.normal(size=self.place.shape)
        return float(np.linalg.norm(self.target - self.place))

    def state_dict(self) -> dict:
        """Return the state to go on from."""
        return {"place": self.place.copy(), "generator": self.generator.bit_generator.state}

    def load_state_dict(self, state: dict) -> None:
        """Take a state back."""
        self.place = state["place"]
        self.generator.bit_generator.state = state["generator"]
