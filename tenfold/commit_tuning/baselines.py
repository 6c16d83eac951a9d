"""Baselines that need other runs: constant rates tuned on validation, their cost charged, and a run's mean rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tenfold.arguments import real, whole
from tenfold.commit_tuning.errors import InvalidScheduler
from tenfold.commit_tuning.schedulers import ConstantScheduler, Factors


@dataclass(frozen=True)
class TunedConstant:
    """A constant ratio of rates η_S / η_X chosen on validation, and what the choice cost."""

    scheduler: ConstantScheduler
    ratio: float
    losses: tuple[tuple[float, float], ...]  # each ratio with its validation loss
    updates: int  # of all runs of the search together
    at_edge: bool  # the winner is the least or the largest ratio: the grid was too narrow


def tune_ratio(ratios: Sequence[float], validation_loss: Callable[[float], float], *, updates: int) -> TunedConstant:
    """Train once per ratio, choose the lowest validation loss, and charge ``updates`` per run.

    ``validation_loss(ratio)`` trains with the encoder's rate times ``ratio`` and returns the loss on validation data;
    nothing else is seen here. A loss that is not finite loses. Equal losses go to the ratio nearest to 1. Raises
    InvalidScheduler for fewer than two ratios, ratios that are not positive or come twice, or no finite loss.
    """
    grid = sorted(real(ratio, "ratio", error=InvalidScheduler) for ratio in ratios)
    if len(grid) < 2 or len(set(grid)) < len(grid) or grid[0] <= 0:
        raise InvalidScheduler(f"a grid has at least two positive ratios, none of them twice, not {list(ratios)}")
    cost = whole(updates, "updates", least=1, error=InvalidScheduler)
    losses = tuple((ratio, float(validation_loss(ratio))) for ratio in grid)
    finite = [(loss, abs(math.log(ratio)), ratio) for ratio, loss in losses if math.isfinite(loss)]
    if not finite:
        raise InvalidScheduler("training diverged at every ratio of the grid; lower the rates")
    best = min(finite)[2]
    return TunedConstant(ConstantScheduler(encoder=best), best, losses, cost * len(grid), best in (grid[0], grid[-1]))


def mean_rate(factors: Sequence[Factors]) -> ConstantScheduler:
    """Return the constant scheduler with a run's mean factors ("half rate"): as much learning rate, no coordination.

    Raises InvalidScheduler if there are no factors.
    """
    if not factors:
        raise InvalidScheduler("a mean rate needs the factors of a run")
    count = len(factors)
    return ConstantScheduler(
        llm=math.fsum(one.llm for one in factors) / count, encoder=math.fsum(one.encoder for one in factors) / count
    )
