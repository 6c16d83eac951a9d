"""Coordinated tuning, attached to a model and its optimiser by two hooks around each update."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Self

import torch

from tenfold.commit_tuning.balance import BalanceEstimator, Estimate
from tenfold.commit_tuning.components import Component, Components, component_of, component_table
from tenfold.commit_tuning.errors import InvalidScheduler, StateMismatch, UnsupportedOptimiser, UnusedReward
from tenfold.commit_tuning.gradients import Gradients
from tenfold.commit_tuning.probe import RandomStreams
from tenfold.commit_tuning.rates import GroupRates, Schedule
from tenfold.commit_tuning.reward import DistributionReward, Reward
from tenfold.commit_tuning.schedulers import ConstantScheduler, Factors, Scheduler
from tenfold.commit_tuning.trace import TraceWriter

if TYPE_CHECKING:
    from torch import Tensor, nn


class CommitTuning(AbstractContextManager["CommitTuning"]):
    """Sets the rates of encoder and LLM at each update of an optimiser, and estimates their balance after it.

    ``optimiser`` is any of torch's (or accelerate's around one) whose groups keep the components apart:
    `optimiser_groups` makes them. ``schedule`` is the global schedule, if there is one: a scheduler of torch that
    writes rates, or a function from update 1, 2, … to a factor. Updates are those of ``optimiser.step``: accumulated
    micro-batches are one. ``trace`` gets a row per update. `close`, or the end of a ``with``, takes the hooks away.

    Raises InvalidComponents, MixedGroup, UnknownGroup; InvalidScheduler for a scheduler that needs a balance without an
    estimator; UnsupportedOptimiser where DeepSpeed or FSDP shard parameters. An update raises LearningRateOverwritten,
    the first one NoGradient, the second one UnusedReward if a reward was given and never asked for.
    """

    def __init__(
        self,
        model: nn.Module,
        optimiser: Any,
        components: Components,
        *,
        scheduler: Scheduler | None = None,
        estimator: BalanceEstimator | None = None,
        schedule: Schedule = None,
        reward: DistributionReward | None = None,
        trace: TraceWriter | None = None,
    ) -> None:
        self.model, self.components = model, components
        self.optimiser = _unwrapped(optimiser, model)
        self.scheduler: Scheduler = ConstantScheduler() if scheduler is None else scheduler
        if self.scheduler.needs_balance and estimator is None:
            raise InvalidScheduler(f"{type(self.scheduler).__name__} needs a balance: give it an estimator")
        self.estimator, self.reward, self.trace = estimator, reward, trace
        self.rates = GroupRates(model, components, self.optimiser, schedule)
        self.gradients = Gradients(model, components)
        self.owner = component_of(model, components)
        self.updates = 0
        self.used: dict[Component, float] = {}  # the rates of the last update
        self.estimated: Estimate | None = None  # after the last update, if it was due
        self.factors = Factors()  # of the last update
        self.losses: list[float | Tensor] = []  # of the micro-batches since the last update
        self.losses_add = False  # they are shares of the batch's loss, not losses to be averaged
        self.previous: dict[str, Tensor] = {}  # parameters before the last update, if they are needed
        self._norms: dict[Component, float] = {}
        self._aside: dict[nn.Parameter, Tensor] = {}
        self._closure = False
        self._since = 0  # updates since this object was made
        self._rewarded = False  # whether the reward was asked for since then
        self._hooks = [
            self.optimiser.register_step_pre_hook(self._before),
            self.optimiser.register_step_post_hook(self._after),
        ]

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the hooks away, put back the rates of the global schedule, and close the trace."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        self.rates.restore()
        if self.trace is not None:
            self.trace.close()

    @property
    def balance(self) -> float:
        """ℓ with the LLM above the line; 0 before the first estimate or without an estimator."""
        return 0.0 if self.estimator is None else self.estimator.balance

    def table(self) -> str:
        """Return a line for each part of each component, with the numbers of its parameters."""
        return component_table(self.model, self.components)

    def note_loss(self, loss: float | Tensor) -> None:
        """Have the loss of a batch in the trace; those of accumulated micro-batches are averaged."""
        self.losses.append(loss if isinstance(loss, float) else loss.detach())

    def _before(self, _optimiser: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        if self.reward is not None and self._since and not self._rewarded:
            raise UnusedReward(
                "reward= was given, and the update before did not use it: call tuning.rewarded(batch) for each batch, "
                "and lower the loss by the value of the reward that it returns"
            )
        update = self.updates + 1
        given = (*arguments[1:], *named.values())  # the first is the optimiser
        self._closure = any(one is not None for one in given)  # which computes gradients
        factors = self.scheduler.factors(update, self.balance)
        if len(self.rates.owners) != len(self.optimiser.param_groups):
            self.gradients.take_parameters()
            self.owner = component_of(self.model, self.components)
        self._put_back()
        self.used = self.rates.begin(update, factors)
        self.factors = factors
        try:
            if not self._closure:
                self._look_at_gradients()
        except Exception:
            self.rates.restore()
            raise
        due = self.estimator is not None and self.estimator.due(update)
        if due or self.reward is not None:
            self.previous = {name: one.detach().clone() for name, one in self.rates.trained().items()}
        for component, parameters in self.gradients.named.items():
            if factors.of(component) == 0:  # no moment of the optimiser moves either
                self._aside |= {one: one.grad for one in parameters.values() if one.grad is not None}
        for one in self._aside:
            one.grad = None

    def _look_at_gradients(self) -> None:
        if self.updates == 0:
            self.gradients.check_first()
        self._norms = self.gradients.norms()

    def _put_back(self) -> None:
        for parameter, gradient in self._aside.items():
            parameter.grad = gradient
        self._aside = {}

    def _after(self, _optimiser: Any, _arguments: tuple[Any, ...], _named: dict[str, Any]) -> None:
        self.rates.end()
        self._put_back()
        if self._closure:
            self._look_at_gradients()
        self.updates += 1
        self._since += 1
        self.estimated = None
        if self.estimator is not None and self.estimator.due(self.updates):
            self.gradients.check_reached()
            self.estimated = self.estimator.estimate(self.model, self.components, self.previous)
        if self.reward is None:
            self.previous = {}
        if self.trace is not None:
            self.trace.write(self._row())
        self.losses = []

    def _row(self) -> dict[str, Any]:
        found, sign = self.estimated, 1 if self.estimator is None else self.estimator.sign
        loss = math.fsum(map(float, self.losses)) if self.losses else None
        return {
            "update": self.updates,
            "loss": loss if loss is None or self.losses_add else loss / len(self.losses),
            "log_kappa": None if found is None else found.log_kappa,
            "ema": sign * self.balance if self.balance else 0.0,
            "K_X": None if found is None else found.K_X,
            "K_S": None if found is None else found.K_S,
            "lr_X": self.used.get("llm"),
            "lr_S": self.used.get("encoder"),
            "factor_X": self.factors.llm,
            "factor_S": self.factors.encoder,
            "g_X": self._norms.get("llm"),
            "g_S": self._norms.get("encoder"),
            "undefined": None if found is None else found.undefined,
        }

    def rewarded(self, batch: Mapping[str, Any]) -> tuple[Tensor, Tensor, Reward]:
        """Return logits and targets of a training forward, and the reward, whose ``value`` the loss is lowered by.

        Raises InvalidScheduler if the tuning has no reward.
        """
        if self.reward is None:
            raise InvalidScheduler("this tuning has no reward: give it reward=DistributionReward()")
        streams = RandomStreams(next(self.model.parameters()).device)
        logits, targets = self.reward.forward(self.model, batch)
        return logits, targets, self.reward_of(batch, logits, targets, streams)

    def reward_of(self, batch: Mapping[str, Any], logits: Tensor, targets: Tensor, streams: RandomStreams) -> Reward:
        """Return the reward of a forward that was made already, from ``streams``; see `rewarded`."""
        assert self.reward is not None
        self._rewarded = True
        return self.reward.reward(
            self.model,
            batch,
            logits,
            targets,
            streams=streams,
            previous=self.previous,
            owner=self.owner,
            balance=self.balance,
        )

    def settings(self) -> dict[str, Any]:
        """Return what a saved state must agree with."""
        return {
            "scheduler": _described(self.scheduler),
            "components": repr(self.components),
            "reward": None if self.reward is None else self.reward.settings(),
            "estimator": self.estimator is not None,
        }

    def state_dict(self) -> dict[str, Any]:
        """Return all that the next update depends on besides model, optimiser and global schedule."""
        return {
            "settings": self.settings(),
            "updates": self.updates,
            "base": list(self.rates.base),
            "reached": sorted(self.gradients.reached),
            "without_gradient": list(self.gradients.without_gradient),
            "estimator": None if self.estimator is None else self.estimator.state_dict(),
            "previous": dict(self.previous),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> Self:
        """Go on as the tuning whose state it is. Raises StateMismatch, changing nothing, if that was set otherwise."""
        own, saved = self.settings(), dict(state["settings"])
        for name in own:
            if own[name] != saved.get(name):
                raise StateMismatch(f"the saved tuning has {name} = {saved.get(name)}, this one {own[name]}")
        if len(state["base"]) != len(self.rates.base):
            raise StateMismatch(f"the saved tuning has {len(state['base'])} groups, this one {len(self.rates.base)}")
        if self.estimator is not None:
            self.estimator.load_state_dict(state["estimator"])
        self.updates, self.rates.base = state["updates"], list(state["base"])
        self.gradients.reached = set(state["reached"])
        self.gradients.without_gradient = tuple(state["without_gradient"])
        device = next(self.model.parameters()).device
        self.previous = {name: one.to(device) for name, one in state["previous"].items()}
        return self


def _described(scheduler: Scheduler) -> str:
    """Return a scheduler in words that are the same in another process."""
    if type(scheduler).__repr__ is not object.__repr__:
        return repr(scheduler)
    return f"{type(scheduler).__name__}({', '.join(f'{name}={one!r}' for name, one in vars(scheduler).items())})"


def _unwrapped(optimiser: Any, model: nn.Module) -> torch.optim.Optimizer:
    """Return torch's optimiser within accelerate's; refuse those that merge groups or shard parameters."""
    own = getattr(optimiser, "optimizer", optimiser)
    sharded = any(hasattr(one, "ds_id") or type(one.data).__name__ == "DTensor" for one in model.parameters())
    if sharded or not isinstance(own, torch.optim.Optimizer):
        raise UnsupportedOptimiser(
            f"{type(own).__name__} is no optimiser of torch over whole parameters, in whose groups rates can be set "
            "and checked: train with DistributedDataParallel instead of DeepSpeed or FSDP"
        )
    return own
