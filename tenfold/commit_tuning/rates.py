"""The rates of an optimiser's groups: base × global × factor within an update, checked before and after each.

Between updates the groups hold base × global, so that any torch scheduler, one that goes on from the last rate too,
finds what it wrote; within ``optimiser.step`` they hold the factor as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from tenfold.commit_tuning.components import Component, Components, bare, component_of, parameters_by_component
from tenfold.commit_tuning.errors import InvalidComponents, LearningRateOverwritten, MixedGroup, UnknownGroup
from tenfold.commit_tuning.schedulers import Factors

if TYPE_CHECKING:
    import torch
    from torch import nn


class TorchSchedule(Protocol):
    """What is needed of a scheduler of torch: the rates that it wrote last, one per group."""

    def get_last_lr(self) -> list[Any]:
        """Return the rates that it wrote last."""


Schedule = Callable[[int], float] | TorchSchedule | None  # the global factor of update 1, 2, …; or a torch scheduler


class GroupRates:
    """The groups of one optimiser, each of one component, with their rates.

    Raises MixedGroup for a group with parameters of two components, UnknownGroup for one of none, InvalidComponents if
    the encoder or the LLM has no group.
    """

    def __init__(
        self, model: nn.Module, components: Components, optimiser: torch.optim.Optimizer, schedule: Schedule
    ) -> None:
        self.model, self.components, self.optimiser, self.schedule = model, components, optimiser, schedule
        self.base: list[float] = []
        self.owners: list[Component] = []
        self._held: list[tuple[Any, float]] | None = None  # within an update: what each group held, and the rate used
        self.take_groups()
        for component in ("encoder", "llm"):
            if component not in self.owners:
                paths = ", ".join(components.paths()[component])
                raise InvalidComponents(
                    f"the optimiser holds no parameter of the {component} ({paths}): is it frozen? "
                    "optimiser_groups makes the groups"
                )

    def take_groups(self) -> None:
        """Take in the groups that came since the last look, each at the rate that it has."""
        groups = self.optimiser.param_groups
        if len(groups) == len(self.owners):
            return
        owner: dict[int, Component] = {}
        for component, named in parameters_by_component(self.model, self.components).items():
            owner |= {id(one): component for one in named.values()}
        for index in range(len(self.owners), len(groups)):
            self.owners.append(self._owner(groups[index], index, owner))
            self.base.append(float(groups[index]["lr"]))

    def _owner(self, group: dict[str, Any], index: int, owner: dict[int, Component]) -> Component:
        found = {owner.get(id(one)) for one in group["params"]}
        named = str(group.get("name", "")).split("/")[0]
        if found == {None} and named in self.components.paths():
            return named  # type: ignore[return-value]  # a component by its name
        if None in found or not found:
            raise UnknownGroup(
                f"group {self.name(index)} holds parameters of no component: give it the name of one, of "
                f"{', '.join(self.components.paths())}, or add its modules to a component's paths"
            )
        if len(found) > 1:
            raise MixedGroup(
                f"group {self.name(index)} holds parameters of {' and '.join(sorted(map(str, found)))}, which need two "
                "rates: make the optimiser of optimiser_groups(model, components, rates)"
            )
        (component,) = found
        return component  # type: ignore[return-value]  # not None, by the above

    def name(self, index: int) -> str:
        """Return what a group is called in errors."""
        group = self.optimiser.param_groups[index]
        return str(group.get("name") or (self.owners[index] if index < len(self.owners) else index))

    def written(self, index: int) -> float:
        """Return the rate that a group must hold between updates."""
        if self.schedule is None or not hasattr(self.schedule, "get_last_lr"):
            return self.base[index]
        last = self.schedule.get_last_lr()
        return float(last[index]) if index < len(last) else self.base[index]

    def begin(self, update: int, factors: Factors) -> dict[Component, float]:
        """Set the rates of an update and return the largest of each component.

        Raises LearningRateOverwritten if something else than the global schedule wrote one since the last update.
        """
        self.restore()
        self.take_groups()
        groups = self.optimiser.param_groups
        for index, group in enumerate(groups):
            if float(group["lr"]) != self.written(index):
                raise LearningRateOverwritten(self.name(index), self.written(index), float(group["lr"]))
        overall = (
            self.schedule(update) if callable(self.schedule) and not hasattr(self.schedule, "get_last_lr") else 1.0
        )
        used: dict[Component, float] = {}
        self._held = []
        for index, group in enumerate(groups):
            before, owner = group["lr"], self.owners[index]
            rate = self.written(index) * overall * factors.of(owner)
            group["lr"] = before.new_tensor(rate) if hasattr(before, "new_tensor") else rate
            self._held.append((before, float(group["lr"])))
            used[owner] = max(used.get(owner, 0.0), float(group["lr"]))
        return used

    def end(self) -> None:
        """Check the rates that the update used, and put back those of the global schedule.

        Raises LearningRateOverwritten if something wrote another one within the update.
        """
        held = self._held or []
        wrong = [
            (self.name(index), rate, float(group["lr"]))
            for index, (group, (_, rate)) in enumerate(zip(self.optimiser.param_groups, held, strict=False))
            if float(group["lr"]) != rate
        ]
        self.restore()
        if wrong:
            raise LearningRateOverwritten(*wrong[0], when="within the update")

    def restore(self) -> None:
        """Put back what the groups held before an update that ended, well or not."""
        for group, (before, _) in zip(self.optimiser.param_groups, self._held or [], strict=False):
            group["lr"] = before
        self._held = None

    def trained(self) -> dict[str, nn.Parameter]:
        """Return the parameters that the optimiser may move, by name."""
        held = {id(one) for group in self.optimiser.param_groups for one in group["params"]}
        own = component_of(self.model, self.components)
        return {name: one for name, one in bare(self.model).named_parameters() if name in own and id(one) in held}
