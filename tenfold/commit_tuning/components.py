"""The components of a multimodal model, encoder and LLM, by module path; optimiser groups that keep them apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tenfold.commit_tuning.errors import InvalidComponents
from tenfold.multimodal.errors import InvalidGroups
from tenfold.multimodal.parameter_groups import parameters_by_group, path_above, shared_between_groups

if TYPE_CHECKING:
    from torch import nn

Component = Literal["encoder", "llm", "projector"]
ProjectorGroup = Literal["encoder", "llm", "own"]


@dataclass(frozen=True)
class Components:
    """Module paths of the feature encoder, the LLM and what lies between; they hold every parameter of the model.

    The paper does not say with which component a projector moves: ``projector_group`` does. A projector that is its
    "own" keeps the global rate and has no part in the balance. Raises InvalidComponents.
    """

    encoder: tuple[str, ...]
    llm: tuple[str, ...]
    projector: tuple[str, ...] = ()
    projector_group: ProjectorGroup = "encoder"

    def __post_init__(self) -> None:
        for name in ("encoder", "llm", "projector"):
            if isinstance(getattr(self, name), str):
                raise InvalidComponents(f"{name} must be a tuple of module paths, such as ({getattr(self, name)!r},)")
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.encoder or not self.llm:
            raise InvalidComponents("both the encoder and the LLM need a module path")
        if self.projector_group not in ("encoder", "llm", "own"):
            raise InvalidComponents(f"projector_group is encoder, llm or own, not {self.projector_group!r}")

    def paths(self) -> dict[str, list[str]]:
        """Return the module paths of each component, the projector's where ``projector_group`` puts it."""
        found: dict[str, list[str]] = {"encoder": list(self.encoder), "llm": list(self.llm)}
        if self.projector:
            owner: Component = "projector" if self.projector_group == "own" else self.projector_group
            found.setdefault(owner, []).extend(self.projector)
        return found


def bare(model: nn.Module) -> nn.Module:
    """Return the model that DistributedDataParallel or torch.compile wraps."""
    while type(model).__name__ in ("DistributedDataParallel", "OptimizedModule"):
        model = model.get_submodule("module" if type(model).__name__ == "DistributedDataParallel" else "_orig_mod")
    return model


def parameters_by_component(model: nn.Module, components: Components) -> dict[Component, dict[str, nn.Parameter]]:
    """Return each component's parameters by name: disjoint, complete, no tensor shared between two components.

    Raises InvalidComponents.
    """
    model, paths = bare(model), components.paths()
    try:
        found = parameters_by_group(model, paths)
    except InvalidGroups as error:
        raise InvalidComponents(str(error)) from None
    if shared := shared_between_groups(model, paths):
        first, second = shared[0]
        raise InvalidComponents(
            f"{first} and {second} are one tensor in two components, which cannot have two rates: "
            "untie them, or put both into one component"
        )
    return found  # type: ignore[return-value]  # its keys are those of the paths


def component_of(model: nn.Module, components: Components) -> dict[str, Component]:
    """Return the component of each parameter, by its name. Raises InvalidComponents."""
    return {
        name: component for component, named in parameters_by_component(model, components).items() for name in named
    }


@dataclass(frozen=True)
class Counts:
    """How much lies below a path: tensors and values that are trained, those of LoRA among them, and frozen values."""

    trained_tensors: int
    trained: int
    lora: int
    frozen: int


def part_counts(model: nn.Module, components: Components) -> dict[Component, dict[str, Counts]]:
    """Return what is trained below each path of each component. Raises InvalidComponents."""
    found: dict[Component, dict[str, Counts]] = {}
    paths = components.paths()
    for component, named in parameters_by_component(model, components).items():
        parts: dict[str, dict[str, nn.Parameter]] = {path: {} for path in paths[component]}
        for name, one in named.items():
            parts[str(path_above(name, parts))][name] = one
        found[component] = {path: _counts(below) for path, below in parts.items()}
    return found


def _counts(named: Mapping[str, nn.Parameter]) -> Counts:
    trained = {name: one.numel() for name, one in named.items() if one.requires_grad}
    return Counts(
        len(trained),
        sum(trained.values()),
        sum(values for name, values in trained.items() if ".lora_" in name),
        sum(one.numel() for one in named.values()) - sum(trained.values()),
    )


def component_table(model: nn.Module, components: Components) -> str:
    """Return a line for each path, under its component: values that are trained, of LoRA, and frozen."""
    return "\n".join(
        f"{component:9} {path}: {count.trained:,} values trained in {count.trained_tensors:,} tensors "
        f"({count.lora:,} of LoRA), {count.frozen:,} frozen"
        for component, parts in part_counts(model, components).items()
        for path, count in parts.items()
    )


def optimiser_groups(
    model: nn.Module,
    components: Components,
    rates: float | Mapping[Component, float],
    *,
    weight_decay: float = 0.0,
) -> list[dict[str, Any]]:
    """Return an optimiser's parameter groups, named by component, over what is trained.

    ``rates`` is η0, of all components or of each. Vectors and scalars (biases, norms) are groups of their own without
    weight decay where ``weight_decay`` is not 0. Raises InvalidComponents, also for a component without a rate.
    """
    groups: list[dict[str, Any]] = []
    for component, named in parameters_by_component(model, components).items():
        trained = [one for one in named.values() if one.requires_grad]
        if isinstance(rates, Mapping) and component not in rates:
            raise InvalidComponents(f"{component} has no rate; rates are given for {', '.join(rates)}")
        rate = rates[component] if isinstance(rates, Mapping) else rates
        decayed = [one for one in trained if weight_decay and one.ndim >= 2]
        others = [one for one in trained if not (weight_decay and one.ndim >= 2)]
        if decayed:
            groups.append({"params": decayed, "name": component, "lr": rate, "weight_decay": weight_decay})
        if others:
            name = f"{component}/no_decay" if decayed else component
            groups.append({"params": others, "name": name, "lr": rate, "weight_decay": 0.0})
    return groups


def linear_paths(model: nn.Module, components: Components, component: Component) -> list[str]:
    """Return the full paths of a component's linear maps: peft's ``target_modules`` for LoRA there and nowhere else.

    A short name such as "q_proj" is found by peft in every tower that has one. Raises InvalidComponents.
    """
    from torch import nn

    owner = component_of(model, components)
    return [
        path
        for path, module in bare(model).named_modules()
        if isinstance(module, nn.Linear) and owner.get(f"{path}.weight") == component
    ]
