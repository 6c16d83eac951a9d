"""What an arm has cost (updates, samples, floating-point operations), and how many updates another gets for that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tenfold.arguments import whole
from tenfold.nn.errors import InvalidConfig


def flops_of(call: Callable[[], Any]) -> int:
    """Return the floating-point operations of a call by torch's counter: matrix products and convolutions, 2 a MAC.

    Attention is computed as plain matrix products meanwhile, since the counter does not know the processor's fused one.
    What a backward pass inside the call does is counted; elementwise work is not.
    """
    counter = FlopCounterMode(display=False)
    with sdpa_kernel(SDPBackend.MATH), counter:
        call()
    return int(counter.get_total_flops())


@dataclass(frozen=True)
class TrainingCost:
    """Updates, training items seen, and floating-point operations; of several trainings, the sum."""

    updates: int = 0
    samples: int = 0
    flops: int = 0

    def __post_init__(self) -> None:
        for name in ("updates", "samples", "flops"):
            whole(getattr(self, name), name, least=0, error=InvalidConfig)

    @classmethod
    def of(cls, update: Callable[[], Any], *, updates: int, batch_size: int) -> TrainingCost:
        """Return the cost of equal updates; one is run to be counted."""
        return cls(updates, updates * batch_size, updates * flops_of(update))

    def __add__(self, other: TrainingCost) -> TrainingCost:
        return TrainingCost(self.updates + other.updates, self.samples + other.samples, self.flops + other.flops)


def matched_updates(reference: TrainingCost, per_update: int) -> int:
    """Return how many updates of ``per_update`` operations cost what the reference has cost, rounded up.

    Both budgets are kept: at least as many updates as the reference's stages together, and at least its operations.
    """
    whole(per_update, "per_update", least=1, error=InvalidConfig)
    return max(reference.updates, -(-reference.flops // per_update))
