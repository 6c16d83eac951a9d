"""One training of a text module, or of an arm: AdamW at a constant rate after a short rise, and a moving average.

The averaged weights are what is measured, saved and injected. A training can be stopped at one number of updates,
looked at, and go on: that is how an arm is taken at two lengths of the same training.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from steps.step.params import Count, Params, Positive, Share
from steps.step.run import Run

if TYPE_CHECKING:
    import torch

    from tenfold.artist.losses import Batch, Draws
    from tenfold.nn.ema import ExponentialMovingAverage

    BatchLoss = Callable[["Batch", "Draws"], torch.Tensor]


class OptimiserParams(Params):
    """Images per update, updates over which the rate rises, weight decay, bound of the gradient's norm, averaging."""

    batch_size: Count
    rise: Count
    weight_decay: float
    largest_norm: Positive
    ema_decay: Share


class Trainee:
    """What is trained, its optimiser, its moving average, and how many updates it has had.

    ``parts`` is what the optimiser and the average see, and nothing else. ``generator`` draws batches, times and noise
    on the CPU: two trainees with generators of the same seed see the same.
    """

    def __init__(
        self,
        parts: torch.nn.Module,
        average: ExponentialMovingAverage,
        generator: torch.Generator,
        params: OptimiserParams,
        learning_rate: float,
    ) -> None:
        import torch

        self.parts, self.average, self.generator = parts, average, generator
        self.params, self.learning_rate, self.updates = params, learning_rate, 0
        self.optimiser = torch.optim.AdamW(
            list(parts.parameters()), lr=learning_rate, weight_decay=params.weight_decay, fused=True
        )

    def train(
        self, run: Run, batch: Batch, loss: BatchLoss, draw: Callable[..., Draws], updates: int, name: str
    ) -> None:
        """Train for more updates on images drawn with replacement from ``batch``; logs ``<name>/loss`` ten times.

        ``draw(batch, generator)`` draws times and noise. Raises Diverged if a logged loss is not finite.
        """
        import torch

        self.parts.train()
        for update in run.updates(updates, self):
            chosen = torch.randint(len(batch), (self.params.batch_size,), generator=self.generator)
            part = batch.at(chosen.to(batch.conditions.mask.device))
            found = loss(part, draw(part, self.generator))
            found.backward()
            torch.nn.utils.clip_grad_norm_(self.parts.parameters(), self.params.largest_norm)
            self.optimiser.param_groups[0]["lr"] = self.learning_rate * min(1.0, (self.updates + 1) / self.params.rise)
            self.optimiser.step()
            self.optimiser.zero_grad(set_to_none=True)
            self.average.update(self.parts)
            self.updates += 1
            if update % max(updates // 10, 1) == 0:
                run.log({f"{name}/loss": float(found.detach())}, update=self.updates)

    def continued(self) -> Trainee:
        """Return a training of its own that goes on from here, with the same weights, optimiser and draws."""
        import copy

        import torch

        generator = torch.Generator().manual_seed(0)
        average = copy.deepcopy(self.average)
        copied = Trainee(copy.deepcopy(self.parts), average, generator, self.params, self.learning_rate)
        copied.load_state_dict(copy.deepcopy(self.state_dict()))
        return copied

    def state_dict(self) -> dict[str, Any]:
        """Return all that an update changes, for a checkpoint."""
        from steps.step import checkpoint

        return {name: checkpoint.state_of(item) for name, item in self._stateful().items()} | {"updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` returned."""
        from steps.step import checkpoint

        checkpoint.restore(self._stateful(), {name: state[name] for name in self._stateful()})
        self.updates = state["updates"]

    def _stateful(self) -> dict[str, Any]:
        return {
            "parts": self.parts,
            "average": self.average,
            "optimiser": self.optimiser,
            "generator": self.generator,
        }
