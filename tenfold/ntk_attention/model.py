"""Adapters joined to transformers' models through the attention interface; the backbone's code stays as it is.

``inject`` gives each self-attention layer an adapter and lets the model call ``backbone_layers.attend`` for its
attention. Models of transformers 5 take no head masks, and cross-attention stays as it is. Dropout on attention's
weights is off in layers with an active adapter: the weights of keys and of the memory share one denominator, and
``NTKAttentionConfig.dropout`` is on φ(q). What cannot be used is refused before anything of the model is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import torch
from torch import nn
from transformers import PreTrainedModel

from tenfold.ntk_attention.backbone_layers import (
    NAME,
    SELF_ATTENTION,
    LayerAdapters,
    attention_layers,
    heads_of,
    rotates,
)
from tenfold.ntk_attention.config import AdapterConfig, NTKAttentionConfig
from tenfold.ntk_attention.errors import InvalidAdapter
from tenfold.ntk_attention.layer import NTKMemory, Prefix, adapter
from tenfold.ntk_attention.saved_modules import BACKBONE, saved_of, submodule, tensors


def inject(
    model: PreTrainedModel,
    config: AdapterConfig,
    adapter_name: str = "default",
    *,
    state: dict[str, torch.Tensor] | None = None,
) -> PreTrainedModel:
    """Give every self-attention layer (or those of ``config.layers``) an adapter, in place, and make it the active one.

    Everything else is frozen but ``config.modules_to_save``: each adapter has its own copies, which begin as the
    backbone's modules. A second adapter goes beside the first under its own name. ``state``: what
    ``adapter_state_dict`` returned, to begin with.

    Raises UnsupportedModel if no layer is of a known class (ViT, BERT, GPT-2, Llama, Mistral, Qwen2); InvalidAdapter if
    the name is taken, a layer number or the rank is too large, ``state`` does not fit, or ``pre_rope`` is set where
    queries are not rotated. The model is then as it was.
    """
    layers = _places(model, config, adapter_name)
    generator = torch.Generator().manual_seed(config.seed)
    modules = [_made(layer, config, generator) for layer in layers]
    if state is not None:
        _check_fit(_tensors_of(model, modules), state)
    if not adapter_names(model):
        model.set_attn_implementation(NAME)
        for parameter in model.parameters():
            parameter.requires_grad_(False)
    for layer, made in zip(layers, modules, strict=True):
        if not hasattr(layer, NAME):
            adapters = LayerAdapters(layer.config)
            layer.add_module(NAME, adapters)
            getattr(layer, SELF_ATTENTION[type(layer).__name__]).register_forward_hook(adapters.keep_query)
        getattr(layer, NAME).by_name[adapter_name] = made
    saved_of(model).add(model, adapter_name, config.modules_to_save)
    set_adapter(model, adapter_name)
    if state is not None:
        load_adapter_state_dict(model, state, adapter_name)
    return model


def _places(model: nn.Module, config: AdapterConfig, adapter_name: str) -> list[nn.Module]:
    """Return the layers that are given an adapter. Raises InvalidAdapter as ``inject`` does."""
    places = attention_layers(model)
    numbers = range(len(places)) if config.layers is None else sorted(set(config.layers))
    if any(not 0 <= number < len(places) for number in numbers) or not numbers:
        raise InvalidAdapter(f"layers = {list(numbers)}; the model has layers 0 … {len(places) - 1}")
    if adapter_name in adapter_names(model) or not adapter_name.isidentifier():
        raise InvalidAdapter(f"adapter {adapter_name!r} is there already or no name; {adapter_names(model)} are taken")
    if isinstance(config, NTKAttentionConfig) and config.pre_rope and not any(rotates(place) for place in places):
        raise InvalidAdapter("pre_rope: this model's queries are not rotated; leave it out")
    for name in config.modules_to_save:
        submodule(model, name)
    return [places[number] for number in numbers]


def _made(layer: nn.Module, config: AdapterConfig, generator: torch.Generator) -> NTKMemory | Prefix:
    heads, head_size = heads_of(layer)
    made = adapter(config, heads, head_size, head_size, generator)
    return made.to(next(layer.parameters()).device).train(layer.training)  # in float32 beside a bfloat16 backbone


def set_adapter(model: nn.Module, adapter_name: str) -> None:
    """Make one adapter the active and the only trained one. Raises InvalidAdapter if there is none of this name."""
    _check(model, adapter_name)
    for layer in _adapted(model):
        layer.active = adapter_name if adapter_name in layer.by_name else None
        for name, made in layer.by_name.items():
            made.requires_grad_(name == adapter_name)
    saved_of(model).show(model, adapter_name)
    saved_of(model).train(model, adapter_name)


@contextmanager
def disable_adapter(model: nn.Module) -> Iterator[nn.Module]:
    """Within, the model answers exactly as its backbone does, with the backbone's own classifier."""
    before, saved = [(layer, layer.active) for layer in _adapted(model)], saved_of(model)
    present = saved.present
    try:
        for layer, _ in before:
            layer.active = None
        saved.show(model, BACKBONE)
        yield model
    finally:
        saved.show(model, present)
        for layer, active in before:
            layer.active = active


def adapter_names(model: nn.Module) -> list[str]:
    """Return the names of the adapters that are there."""
    return sorted({name for layer in _adapted(model) for name in layer.by_name})


def adapter_modules(model: nn.Module, adapter_name: str = "default") -> list[NTKMemory | Prefix]:
    """Return one adapter's modules, from the first layer to the last."""
    _check(model, adapter_name)
    return [
        cast("NTKMemory | Prefix", layer.by_name[adapter_name])
        for layer in _adapted(model)
        if adapter_name in layer.by_name
    ]


def adapter_state_dict(model: nn.Module, adapter_name: str = "default") -> dict[str, torch.Tensor]:
    """Return the adapter's own tensors, and those of its ``modules_to_save``, without the backbone."""
    modules = adapter_modules(model, adapter_name)
    with _present(model, adapter_name):
        return {name: tensor.detach().clone() for name, tensor in _tensors_of(model, modules).items()}


def _tensors_of(model: nn.Module, modules: Sequence[NTKMemory | Prefix]) -> dict[str, torch.Tensor]:
    """Return an adapter's own tensors, and what the model has now in its ``modules_to_save``, by their names."""
    own = {
        f"{number}.{name}": tensor
        for number, module in enumerate(modules)
        for name, tensor in module.state_dict().items()
    }
    saved = modules[0].config.modules_to_save
    return own | {f"{name}.{key}": tensor for name in saved for key, tensor in tensors(model, name).items()}


def _check_fit(now: dict[str, torch.Tensor], state: dict[str, torch.Tensor]) -> None:
    wrong = sorted(
        name
        for name in now.keys() | state.keys()
        if name not in now or name not in state or now[name].shape != state[name].shape
    )
    if wrong:
        raise InvalidAdapter(f"the adapter's tensors do not fit this model: {', '.join(wrong[:5])} …")


@torch.no_grad()
def load_adapter_state_dict(model: nn.Module, state: dict[str, torch.Tensor], adapter_name: str = "default") -> None:
    """Put back what ``adapter_state_dict`` returned. Raises InvalidAdapter if the tensors do not fit."""
    modules = adapter_modules(model, adapter_name)
    with _present(model, adapter_name):
        now = _tensors_of(model, modules)
        _check_fit(now, state)
        for name, tensor in now.items():
            tensor.copy_(state[name])


def trainable_parameters(model: nn.Module) -> list[nn.Parameter]:
    """Return the parameters that are trained, for an optimiser."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def _adapted(model: nn.Module) -> list[LayerAdapters]:
    return [module for module in model.modules() if isinstance(module, LayerAdapters)]


def _check(model: nn.Module, adapter_name: str) -> None:
    known = adapter_names(model)
    if adapter_name not in known:
        raise InvalidAdapter(f"there is no adapter {adapter_name!r}; there are {', '.join(known) or 'none'}")


@contextmanager
def _present(model: nn.Module, adapter_name: str) -> Iterator[None]:
    """Within, the model's ``modules_to_save`` are those of one adapter, whichever is active."""
    saved = saved_of(model)
    before = saved.present
    saved.show(model, adapter_name)
    try:
        yield
    finally:
        saved.show(model, before)


def copy_saved_modules(model: nn.Module, source: str, target: str) -> None:
    """Let the ``modules_to_save`` that two adapters have in common begin in the second as they are in the first."""
    state = adapter_state_dict(model, source)
    with _present(model, target):
        for saved in adapter_modules(model, target)[0].config.modules_to_save:
            for name, tensor in tensors(model, saved).items():
                tensor.copy_(state.get(f"{saved}.{name}", tensor))
