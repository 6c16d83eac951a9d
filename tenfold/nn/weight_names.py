"""Weights under other names: tables from a module's own names to others', with every name accounted for.

An entry says which of the others' tensors make one of the module's own, and how.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from tenfold.models.folder import InvalidModel
from tenfold.nn.errors import UnknownWeights

Entry = tuple[Callable[..., Tensor], tuple[str, ...]]
Table = dict[str, Entry]
PARAMETERS = ("weight", "bias")


def same(tensor: Tensor) -> Tensor:
    """Return a tensor as it is."""
    return tensor


def rows(*tensors: Tensor) -> Tensor:
    """Put tensors below each other, as queries, keys and values in one matrix."""
    return torch.cat(tensors)


def layers(pairs: Mapping[str, str]) -> Table:
    """Return entries for weight and bias of layers that differ in their names alone."""
    return {f"{mine}.{kind}": (same, (f"{theirs}.{kind}",)) for mine, theirs in pairs.items() for kind in PARAMETERS}


def renamed(
    weights: Mapping[str, Tensor], table: Table, *, ignored: Callable[[str], bool] = lambda name: False
) -> dict[str, Tensor]:
    """Return the weights under our names.

    Raises UnknownWeights for names that the table wants and the weights lack, or that nothing reads and nobody ignores.
    """
    wanted = {name for _, names in table.values() for name in names}
    missing = sorted(wanted - set(weights))
    unknown = sorted(name for name in set(weights) - wanted if not ignored(name))
    if missing or unknown:
        raise UnknownWeights(
            f"not the expected weights: {len(missing)} missing ({_listed(missing)}), "
            f"{len(unknown)} unknown ({_listed(unknown)})"
        )
    return {mine: make(*(weights[name] for name in names)) for mine, (make, names) in table.items()}


def _listed(names: list[str]) -> str:
    return ", ".join(names) if names else "none"


def fill(module: nn.Module, weights: Mapping[str, Any], *, whole: bool) -> None:
    """Put weights into a module; ``whole`` allows nothing to be left as it was. Raises InvalidModel."""
    try:
        left = module.load_state_dict(dict(weights), strict=False)
    except RuntimeError as error:
        raise InvalidModel(f"the weights do not fit the configuration: {error}") from None
    if left.unexpected_keys or (whole and left.missing_keys):
        raise InvalidModel(
            f"the weights do not fit the configuration: {left.unexpected_keys} have no place, "
            f"{left.missing_keys} are not given"
        )
