"""Modules that adapters train along, such as a classifier: each adapter has its own copy, the backbone another."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from tenfold.ntk_attention.errors import InvalidAdapter

State = dict[str, torch.Tensor]
BACKBONE = ""  # no adapter's name


class SavedModules:
    """What each adapter's modules hold, by the adapter's and the module's name; one adapter's are in the model.

    Parameters stay the same objects: only what they point to is exchanged, so that optimisers and graphs go on.
    """

    def __init__(self) -> None:
        self.states: dict[str, dict[str, State]] = {BACKBONE: {}}
        self.present = BACKBONE

    def add(self, model: nn.Module, adapter_name: str, modules: Sequence[str]) -> None:
        """Give an adapter its own copies of what the backbone has in these modules.

        Raises InvalidAdapter if the model has no module of that name.
        """
        for name in modules:
            self.states[BACKBONE].setdefault(name, tensors(model, name))
        self.states[adapter_name] = {
            name: {key: tensor.clone() for key, tensor in self.states[BACKBONE][name].items()} for name in modules
        }

    def show(self, model: nn.Module, adapter_name: str) -> None:
        """Put one adapter's (or, for BACKBONE, the backbone's) tensors into the model."""
        for name in self.states[BACKBONE]:
            live = tensors(model, name)
            holder = self.present if name in self.states[self.present] else BACKBONE
            self.states[holder][name] = live
            wanted = self.states[adapter_name].get(name, self.states[BACKBONE][name])
            for tensor, other in zip(_named(model, name).values(), wanted.values(), strict=True):
                tensor.data = other.to(tensor.device, tensor.dtype)
        self.present = adapter_name

    def train(self, model: nn.Module, adapter_name: str) -> None:
        """Let one adapter's modules be trained, and no others'."""
        for name in self.states[BACKBONE]:
            submodule(model, name).requires_grad_(name in self.states[adapter_name])


def submodule(model: nn.Module, name: str) -> nn.Module:
    """Return a module by its name. Raises InvalidAdapter if there is none."""
    try:
        return model.get_submodule(name)
    except AttributeError:
        names = ", ".join(child for child, _ in model.named_children())
        raise InvalidAdapter(f"modules_to_save: the model has no module {name!r}; its own are {names}") from None


def tensors(model: nn.Module, name: str) -> State:
    """Return what a module's parameters and buffers point to, without copying."""
    return {key: tensor.data for key, tensor in _named(model, name).items()}


def _named(model: nn.Module, name: str) -> State:
    module = submodule(model, name)
    return dict(module.named_parameters()) | dict(module.named_buffers())
