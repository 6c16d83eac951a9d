"""Modules that adapters train along, such as a classifier: each adapter has its own copy, the backbone another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from tenfold.ntk_attention.errors import InvalidAdapter

State = dict[str, torch.Tensor]
BACKBONE = ""  # no adapter's name
SAVED = "tenfold_saved_modules"


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
            self.states[self._holder(name)][name] = live
            wanted = self.states[adapter_name].get(name, self.states[BACKBONE][name])
            for tensor, other in zip(_named(model, name).values(), wanted.values(), strict=True):
                tensor.data = other.to(tensor.device, tensor.dtype)
        self.present = adapter_name

    def train(self, model: nn.Module, adapter_name: str) -> None:
        """Let one adapter's modules be trained, and no others'."""
        for name in self.states[BACKBONE]:
            submodule(model, name).requires_grad_(name in self.states[adapter_name])

    def write(self, model: nn.Module, state: State, prefix: str) -> None:
        """Add every adapter's tensors and the backbone's to a state dict, which has those that are present alone."""
        for holder, modules in self.states.items():
            for name, kept in modules.items():
                here = tensors(model, name) if holder == self._holder(name) else kept
                state |= {self._key(prefix, holder, name, key): tensor for key, tensor in here.items()}

    def read(self, state: State, prefix: str, errors: list[str]) -> None:
        """Take what ``write`` added from a state dict; those that are present here are loaded as the model's own."""
        for holder, modules in self.states.items():
            for name, kept in modules.items():
                for key, tensor in kept.items():
                    found = state.pop(self._key(prefix, holder, name, key), None)
                    if found is not None and holder == self._holder(name):
                        state[f"{prefix}{name}.{key}"] = found
                    elif found is not None and found.shape == tensor.shape:
                        tensor.copy_(found)
                    elif found is not None:
                        errors.append(f"{name}.{key} of adapter {holder!r} is {tuple(found.shape)}, not {tensor.shape}")

    def _holder(self, name: str) -> str:
        return self.present if name in self.states[self.present] else BACKBONE

    @staticmethod
    def _key(prefix: str, holder: str, name: str, key: str) -> str:
        return f"{prefix}{SAVED}.{holder or 'the backbone'}.{name}.{key}"


def saved_of(model: nn.Module) -> SavedModules:
    """Return what a model's adapters hold; from now on its state dicts carry it."""
    if SAVED not in model.__dict__:
        setattr(model, SAVED, SavedModules())
        model.register_state_dict_post_hook(_write)
        model.register_load_state_dict_pre_hook(_read)
    return getattr(model, SAVED)


def _write(model: nn.Module, state: State, prefix: str, _metadata: Any) -> None:
    saved_of(model).write(model, state, prefix)


def _read(model: nn.Module, state: State, prefix: str, *rest: Any) -> None:
    saved_of(model).read(state, prefix, rest[-1])


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
