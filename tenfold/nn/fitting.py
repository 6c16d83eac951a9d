"""A short training of a small network: AdamW on batches drawn with replacement, with one rise and fall of the rate.

Legend:  B images of a batch · n images
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from tenfold.nn.errors import InvalidConfig, InvalidLabels, NotFinite


def fit(
    parameters: list[nn.Parameter],
    batch_loss: Callable[[Int[Tensor, " B"]], Float[Tensor, ""]],
    n: int,
    generator: torch.Generator,
    *,
    updates: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
) -> list[float]:
    """Minimise with AdamW on batches drawn out of ``n`` items with replacement; return the loss of every update.

    ``batch_loss`` gives the loss of the items at given places. Raises InvalidConfig for no items, no updates, or
    batches of fewer than two; NotFinite for a loss that is NaN or infinite.
    """
    if n < 1 or updates < 1 or batch_size < 2:
        raise InvalidConfig(f"training needs items, updates and batches of at least 2: {n}, {updates}, {batch_size}")
    optimiser = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=weight_decay, fused=True)
    losses = []
    for number in range(1, updates + 1):
        optimiser.param_groups[0]["lr"] = one_cycle(number, updates, learning_rate)
        loss = batch_loss(torch.randint(n, (batch_size,), generator=generator))
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise NotFinite(f"loss = {losses[-1]} at update {number}; lower the learning rate, or look at the data")
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return losses


def one_cycle(number: int, updates: int, peak: float, *, warmup: float = 0.2) -> float:
    """Return the learning rate of update ``number`` (from 1): up to the peak and down to 0, both straight."""
    done = number / max(1, updates)
    return peak * min(done / warmup, (1 - done) / (1 - warmup) + 1 / updates)


def check_labels(labels: Int[Tensor, " n"], n: int, classes: int) -> None:
    """Raise InvalidLabels unless labels are n whole numbers from 0 to classes − 1."""
    if labels.shape != (n,) or labels.dtype.is_floating_point:
        raise InvalidLabels(f"labels are whole numbers ({n},), one per image, not {labels.dtype} {tuple(labels.shape)}")
    if n and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise InvalidLabels(f"a label is outside 0 … {classes - 1}; this network has {classes} classes")
