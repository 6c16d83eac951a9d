"""Seeds that several steps share: what a seed's methods have in common is the same in every step that trains one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

FIRST = 10  # batches that the digest of an order is of


def seed_of(run_seed: int, purpose: str, task: str, seed: int) -> int:
    """Return a seed for one purpose of one task, from the project's seed and the training's, whatever the step.

    ``run.generator`` is another one in each step, and methods that are compared stand in several steps.
    """
    words = "\0".join([str(run_seed), "commit_tuning", purpose, task, str(seed)])
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:7], "little")


def order_of(questions: int, batch_size: int, updates: int, seed: int) -> list[list[int]]:
    """Return the questions of each batch: epoch after epoch, each in an order of its own; a longer one goes on."""
    generator, places = np.random.default_rng(seed), np.empty(0, np.int64)
    while len(places) < updates * batch_size:
        places = np.concatenate([places, generator.permutation(questions)])
    batches = places[: updates * batch_size].reshape(updates, batch_size)
    return [batch.tolist() for batch in batches]


def first_batches(order: Sequence[Sequence[int]], ids: Sequence[str], batches: int = FIRST) -> str:
    """Return the sha256 of the questions, by id, of the first batches."""
    return hashlib.sha256("\n".join(ids[place] for one in order[:batches] for place in one).encode()).hexdigest()
