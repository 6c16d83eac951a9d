"""Gradients of components: which parts they reach, and their norms."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch

from tenfold.commit_tuning.components import Component, Components, bare, parameters_by_component, part_counts
from tenfold.commit_tuning.errors import NoGradient
from tenfold.multimodal.parameter_groups import path_above

if TYPE_CHECKING:
    from torch import nn


class FrozenPart(UserWarning):
    """A part of a component is frozen, so that the component's balance and rate are those of its other parts."""


class Gradients:
    """The gradients of a model's components, read before each update."""

    def __init__(self, model: nn.Module, components: Components) -> None:
        self.model, self.components = bare(model), components
        self.without_gradient: tuple[str, ...] = ()  # trained parameters that the first update's loss does not reach
        self.reached: set[Component] = set()  # components that had a gradient other than zero
        self.take_parameters()

    def take_parameters(self) -> None:
        """Look again at which parameters there are."""
        self.named = parameters_by_component(self.model, self.components)

    def check_first(self) -> None:
        """Look at the gradients of the first update.

        Raises NoGradient, naming the module, if a component is frozen or if none of a module's trained parameters has a
        gradient: it runs under no_grad or is detached. Single parameters without one, such as those of a last block of
        which no feature is taken, are listed in ``without_gradient``. Warns FrozenPart.
        """
        paths = self.components.paths()
        for component, parts in part_counts(self.model, self.components).items():
            if component != "projector" and not any(count.trained for count in parts.values()):
                raise NoGradient(f"the {component} is frozen, {' and '.join(parts)}: there is nothing to balance")
            for path, count in parts.items():
                if not count.trained and component != "projector":
                    warnings.warn(FrozenPart(f"{path} is frozen: the {component} moves without it"), stacklevel=2)
        lost: list[str] = []
        for component, named in self.named.items():
            trained: dict[str, list[str]] = {path: [] for path in paths[component]}
            reached = set()
            for name, one in named.items():
                path = str(path_above(name, trained))
                if one.requires_grad:
                    trained[path].append(name)
                    reached |= set() if one.grad is None else {path}
                    lost += [name] if one.grad is None else []
            for path, names in trained.items():
                if names and path not in reached and names != [path]:  # a parameter is no module
                    raise NoGradient(
                        f"{path} ({component}): requires_grad is set on {len(names)} tensors, and no gradient reached "
                        "one: its forward runs under no_grad, or its features are detached"
                    )
        self.without_gradient = tuple(lost)

    def check_reached(self) -> None:
        """Raise NoGradient if all gradients of a component were exactly zero so far."""
        for component in ("encoder", "llm"):
            if component not in self.reached:
                raise NoGradient(
                    f"all gradients of the {component} are zero since the first update: is it used at all?"
                )

    def norms(self) -> dict[Component, float]:
        """Return the norm of each component's gradient as the optimiser gets it, clipped and averaged as it may be."""
        found: dict[Component, float] = {}
        for component, named in self.named.items():
            own = [one.grad for one in named.values() if one.grad is not None]
            if own:
                squares = torch.stack([torch.linalg.vector_norm(one.float()).double() for one in own])
                found[component] = float(torch.linalg.vector_norm(squares))
            if found.get(component):
                self.reached.add(component)
        return found
