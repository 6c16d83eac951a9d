"""The walk: it gets closer, and goes on from a saved state with the same numbers."""

from __future__ import annotations

import numpy as np

from tenfold.toy import Walk


def walk(seed: int = 0) -> Walk:
    return Walk(np.full(50, 3.0), np.random.default_rng(seed))


def test_the_walk_gets_closer() -> None:
    one = walk()
    distances = [one.step() for _ in range(20)]
    assert distances == sorted(distances, reverse=True)


def test_a_saved_state_goes_on_with_the_same_numbers() -> None:
    whole, first, second = walk(), walk(), walk(seed=1)
    expected = [whole.step() for _ in range(6)][3:]
    for _ in range(3):
        first.step()
    second.load_state_dict(first.state_dict())
    assert [second.step() for _ in range(3)] == expected
