"""The balance coefficient κ of one update: how much the LLM's part moved the answers, over the encoder's part.

Legend:  X the LLM · S the feature encoder · K the divergence that one component's part of an update makes

    K_X = KL(P(θX[t+1], θS[t]) ‖ P(θX[t], θS[t]))     κ = K_X / K_S     ℓ an average of log κ
    K_S = KL(P(θX[t], θS[t+1]) ‖ P(θX[t], θS[t]))

Source: reconstructed; the direction of the divergence and which component stands above the line are parameters.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from tenfold.arguments import real, whole
from tenfold.commit_tuning.components import Components, bare, component_of
from tenfold.commit_tuning.divergence import AnswerDistributions, answer_distributions, divergence
from tenfold.commit_tuning.errors import InvalidProbe, StateMismatch
from tenfold.commit_tuning.probe import Forward, Probe, RandomStreams, causal_answers, float32_answers, on_device, quiet

Direction = Literal["new_old", "old_new"]
Orientation = Literal["llm_over_encoder", "encoder_over_llm"]
SMALLEST = 1e-12  # nats; below it, what is left of a divergence is rounding


@dataclass(frozen=True)
class Estimate:
    """The divergences that the two parts of one update make, in nats; log κ, None where either is too small."""

    K_X: float
    K_S: float
    log_kappa: float | None

    @property
    def undefined(self) -> bool:
        """Whether either divergence is too small to divide by."""
        return self.log_kappa is None


class BalanceAverage:
    """ℓ_t = β·ℓ_{t−1} + (1−β)·log κ_t over the defined estimates, corrected for its start at 0."""

    def __init__(self, smoothing: float = 0.8) -> None:
        self.smoothing = real(smoothing, "smoothing", error=InvalidProbe)
        if not 0 <= self.smoothing < 1:
            raise InvalidProbe(f"smoothing = {smoothing} is from 0 to below 1")
        self.raw, self.count, self.undefined = 0.0, 0, 0

    def add(self, log_kappa: float | None) -> None:
        """Take an estimate in; an undefined one is counted and changes nothing else."""
        if log_kappa is None:
            self.undefined += 1
            return
        self.raw = self.smoothing * self.raw + (1 - self.smoothing) * log_kappa
        self.count += 1

    @property
    def value(self) -> float:
        """ℓ; 0 before the first defined estimate."""
        return self.raw / (1 - self.smoothing**self.count) if self.count else 0.0


class BalanceEstimator:
    """Estimates κ after each ``every``-th update by three forwards on one probe batch, in float32, without gradients.

    ``orientation`` flips the sign of what is reported as log κ and nothing else: schedulers always slow the component
    that moves the answers more. ``smallest`` is the divergence in nats below which an estimate is undefined. Raises
    InvalidProbe.
    """

    def __init__(
        self,
        probe: Probe,
        *,
        every: int = 4,
        forward: Forward = causal_answers,
        direction: Direction = "new_old",
        orientation: Orientation = "llm_over_encoder",
        smoothing: float = 0.8,
        smallest: float = SMALLEST,
    ) -> None:
        if direction not in ("new_old", "old_new"):
            raise InvalidProbe(f"direction is new_old or old_new, not {direction!r}")
        if orientation not in ("llm_over_encoder", "encoder_over_llm"):
            raise InvalidProbe(f"orientation is llm_over_encoder or encoder_over_llm, not {orientation!r}")
        self.probe, self.forward = probe, forward
        self.every = whole(every, "every", least=1, error=InvalidProbe)
        self.direction, self.orientation = direction, orientation
        self.smallest = real(smallest, "smallest", error=InvalidProbe)
        if self.smallest <= 0:
            raise InvalidProbe(f"smallest = {smallest} must be above 0")
        self.average = BalanceAverage(smoothing)
        self.seconds = 0.0  # spent here

    @property
    def sign(self) -> int:
        """1 where the LLM stands above the line, −1 where the encoder does."""
        return 1 if self.orientation == "llm_over_encoder" else -1

    @property
    def balance(self) -> float:
        """ℓ with the LLM above the line, as schedulers take it, whatever ``orientation`` reports."""
        return self.average.value

    def due(self, update: int) -> bool:
        """Return whether update 1, 2, … is one after which κ is estimated."""
        return update % self.every == 0

    def estimate(self, model: nn.Module, components: Components, before: Mapping[str, Tensor]) -> Estimate:
        """Return κ of the update that brought the parameters here from ``before``, and take it into the average.

        ``before`` are the tensors by name that the optimiser may have moved, as they were; both states are of the same
        update, both divergences of the same batch. Parameters, buffers, gradients, modes and random streams stay as
        they are. Several processes share the batch and get the same numbers. Raises InvalidProbe, ImpreciseProbe.
        """
        begun = time.perf_counter()
        model = bare(model)
        owner = component_of(model, components)
        share, shares = _place()
        batch = self.probe.draw(share, shares)
        device = next(model.parameters()).device
        sums = torch.zeros(3, dtype=torch.float64, device=device)  # of K_X, of K_S, of examples
        if batch is not None:
            batch = on_device(batch, device)
            with quiet(model):
                old, new_llm, new_encoder = self._states(model, batch, before, owner)
                for place, new in enumerate((new_llm, new_encoder)):
                    first, second = (new, old) if self.direction == "new_old" else (old, new)
                    sums[place] = divergence(first, second).sum()
                sums[2] = old.batch
        if shares > 1:
            torch.distributed.all_reduce(sums)
        K_X, K_S, count = sums.tolist()
        found = self._estimated(K_X / count, K_S / count)
        self.average.add(None if found.log_kappa is None else self.sign * found.log_kappa)
        self.seconds += time.perf_counter() - begun
        return found

    def _states(
        self, model: nn.Module, batch: Mapping[str, Any], before: Mapping[str, Tensor], owner: Mapping[str, str]
    ) -> tuple[AnswerDistributions, ...]:
        """Return the answers of old/old, new LLM with old encoder, old LLM with new encoder."""
        streams = RandomStreams(next(model.parameters()).device)
        found = []
        for moved in ("neither", "llm", "encoder"):
            streams.rewind()
            replaced = {name: one for name, one in before.items() if owner[name] != moved}
            found.append(answer_distributions(*float32_answers(model, self.forward, batch, replaced)))
        return tuple(found)

    def _estimated(self, K_X: float, K_S: float) -> Estimate:
        if min(K_X, K_S) < self.smallest:
            return Estimate(K_X, K_S, None)
        return Estimate(K_X, K_S, self.sign * (math.log(K_X) - math.log(K_S)))

    def settings(self) -> dict[str, Any]:
        """Return what a saved state must agree with."""
        return {
            "every": self.every,
            "direction": self.direction,
            "orientation": self.orientation,
            "smoothing": self.average.smoothing,
            "smallest": self.smallest,
            "probe_size": self.probe.size,
        }

    def state_dict(self) -> dict[str, Any]:
        """Return the average, its counts, the probe's generator, and the settings that they belong to."""
        average = self.average
        return {
            "settings": self.settings(),
            "raw": average.raw,
            "count": average.count,
            "undefined": average.undefined,
            "probe": self.probe.state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on as the estimator whose state it is. Raises StateMismatch if that had other settings."""
        own, saved = self.settings(), dict(state["settings"])
        if own != saved:
            name = next(name for name in own | saved if own.get(name) != saved.get(name))
            raise StateMismatch(f"the saved estimator has {name} = {saved.get(name)!r}, this one {own.get(name)!r}")
        average = self.average
        average.raw, average.count, average.undefined = state["raw"], state["count"], state["undefined"]
        self.probe.set_state(state["probe"])


def _place() -> tuple[int, int]:
    """Return this process's number and how many there are."""
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()
