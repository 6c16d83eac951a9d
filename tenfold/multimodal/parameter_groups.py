"""A model's parameters in groups that are disjoint and complete, named by the paths of modules."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from tenfold.multimodal.errors import InvalidGroups

if TYPE_CHECKING:
    from torch import nn

Paths = Mapping[str, Sequence[str]]


def parameters_by_group(model: nn.Module, paths: Paths) -> dict[str, dict[str, nn.Parameter]]:
    """Return each group's parameters by name; a group holds what lies at or below its paths.

    A longer path takes what a shorter one of another group would hold, so ``{"tower": ["tower"], "adapters":
    ["tower.adapters"]}`` is disjoint. A parameter that two modules share goes by its first name. Raises InvalidGroups
    for a path that two groups name, a path with nothing below it, or a parameter that no group holds.
    """
    owners: dict[str, str] = {}
    for group, listed in paths.items():
        for path in listed:
            if path in owners:
                raise InvalidGroups(f"the groups {owners[path]} and {group} both name {path}")
            owners[path] = group
    found: dict[str, dict[str, nn.Parameter]] = {group: {} for group in paths}
    used: set[str] = set()
    lost: list[str] = []
    for name, parameter in model.named_parameters():
        longest = path_above(name, owners)
        if longest is None:
            lost.append(name)
            continue
        used.add(longest)
        found[owners[longest]][name] = parameter
    if lost:
        raise InvalidGroups(f"{len(lost)} parameters belong to no group, {lost[0]} first among them")
    if unused := sorted(set(owners) - used):
        raise InvalidGroups(f"nothing lies below {', '.join(unused)}; the model has {', '.join(_tops(model))}")
    return found


def train_only(model: nn.Module, paths: Paths, trained: Iterable[str]) -> dict[str, int]:
    """Let gradients reach the groups of ``trained`` alone; return the numbers of their parameters' values.

    Raises InvalidGroups for a group that is not among ``paths``; the model is left as it was.
    """
    wanted = list(trained)
    if unknown := sorted(set(wanted) - set(paths)):
        raise InvalidGroups(f"there is no group {', '.join(unknown)}; there are {', '.join(paths)}")
    groups = parameters_by_group(model, paths)
    for group, parameters in groups.items():
        for parameter in parameters.values():
            parameter.requires_grad_(group in wanted)
    return {group: sum(one.numel() for one in groups[group].values()) for group in wanted}


def shared_between_groups(model: nn.Module, paths: Paths) -> list[tuple[str, str]]:
    """Return the pairs of names under which two groups hold one and the same tensor, such as tied embeddings.

    Each pair begins with the name by which `parameters_by_group` knows the tensor.
    """
    owners = {path: group for group, listed in paths.items() for path in listed}
    first: dict[int, str] = {}
    found = []
    for name, parameter in model.named_parameters(remove_duplicate=False):
        known = first.setdefault(id(parameter), name)
        path, earlier = path_above(name, owners), path_above(known, owners)
        if path is not None and earlier is not None and owners[path] != owners[earlier]:
            found.append((known, name))
    return found


def path_above(name: str, paths: Container[str]) -> str | None:
    """Return the longest of the paths at or below which a parameter lies, None if there is none."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        if (path := ".".join(parts[:length])) in paths:
            return path
    return None


def _tops(model: nn.Module) -> list[str]:
    return [name for name, _ in model.named_children()]
