"""Adapters joined to transformers' models through the attention interface; the backbone's code stays as it is.

``inject`` gives each self-attention layer an adapter and lets the model call ``attend`` below for its attention. Keys
and values come with rotary embeddings and the cache already in them, so that grouped queries, padding, sliding windows,
gradient checkpointing and ``generate`` need nothing of their own. Models of transformers 5 take no head masks, and
cross-attention stays as it is. Dropout on attention's weights is off in layers with an active adapter: the weights of
keys and of the memory share one denominator, and ``NTKAttentionConfig.dropout`` is on φ(q).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask
from transformers.modeling_utils import AttentionInterface

from tenfold.ntk_attention.attention import Mask
from tenfold.ntk_attention.config import AdapterConfig, NTKAttentionConfig
from tenfold.ntk_attention.errors import InvalidAdapter, UnsupportedModel
from tenfold.ntk_attention.layer import NTKMemory, Prefix, adapter
from tenfold.ntk_attention.saved_modules import BACKBONE, SavedModules, submodule, tensors

NAME = "tenfold_adapters"  # of the attention function, and of the adapters inside an attention layer
SAVED = "tenfold_saved_modules"
# Self-attention layers by the name of their class, and the projection that makes their queries.
SELF_ATTENTION = {
    "ViTAttention": "q_proj",
    "ViTSelfAttention": "query",
    "BertSelfAttention": "query",
    "GPT2Attention": "c_attn",
    "LlamaAttention": "q_proj",
    "MistralAttention": "q_proj",
    "Qwen2Attention": "q_proj",
}


class LayerAdapters(nn.Module):
    """The adapters of one attention layer by name; at most one is active."""

    def __init__(self) -> None:
        super().__init__()
        self.by_name = nn.ModuleDict()
        self.active: str | None = None
        self.query: torch.Tensor | None = None  # before rotation, kept while its layer computes

    @property
    def current(self) -> NTKMemory | Prefix | None:
        return None if self.active is None else cast("NTKMemory | Prefix", self.by_name[self.active])

    def keep_query(self, _projection: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        """Remember the query before its rotation, if the active adapter reads it."""
        if isinstance(self.current, NTKMemory) and self.current.config.pre_rope:
            self.query = output


def inject(model: PreTrainedModel, config: AdapterConfig, adapter_name: str = "default") -> PreTrainedModel:
    """Give every self-attention layer (or those of ``config.layers``) an adapter, in place, and make it the active one.

    Everything else is frozen but ``config.modules_to_save``: each adapter has its own copies, which begin as the
    backbone's modules. A second adapter goes beside the first under its own name.

    Raises UnsupportedModel if no layer is of a known class (ViT, BERT, GPT-2, Llama, Mistral, Qwen2); InvalidAdapter if
    the name is taken, a layer number is too large, or ``pre_rope`` is set where queries are not rotated.
    """
    places = attention_layers(model)
    numbers = range(len(places)) if config.layers is None else config.layers
    if any(not 0 <= number < len(places) for number in numbers):
        raise InvalidAdapter(f"layers = {list(numbers)}; the model has layers 0 … {len(places) - 1}")
    if adapter_name in adapter_names(model) or not adapter_name.isidentifier():
        raise InvalidAdapter(f"adapter {adapter_name!r} is there already or no name; {adapter_names(model)} are taken")
    if isinstance(config, NTKAttentionConfig) and config.pre_rope and not any(_rotates(place) for place in places):
        raise InvalidAdapter("pre_rope: this model's queries are not rotated; leave it out")
    for name in config.modules_to_save:
        submodule(model, name)
    if not adapter_names(model):
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        model.set_attn_implementation(NAME)
    generator = torch.Generator().manual_seed(config.seed)
    for number in numbers:
        _join(places[number], config, adapter_name, generator)
    _saved(model).add(model, adapter_name, config.modules_to_save)
    set_adapter(model, adapter_name)
    return model


def _join(layer: nn.Module, config: AdapterConfig, name: str, generator: torch.Generator) -> None:
    heads, head_size = _heads(layer)
    made = adapter(config, heads, head_size, head_size, generator)
    reference = next(layer.parameters())
    made.to(reference.device).train(layer.training)  # kept in float32 beside a bfloat16 backbone
    if not hasattr(layer, NAME):
        adapters = LayerAdapters()
        layer.add_module(NAME, adapters)
        getattr(layer, SELF_ATTENTION[type(layer).__name__]).register_forward_hook(adapters.keep_query)
    getattr(layer, NAME).by_name[name] = made


def attend(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Return the attention of one layer of an injected model; layers without an active adapter use stock SDPA."""
    adapters: LayerAdapters | None = getattr(module, NAME, None)
    current = adapters.current if adapters is not None else None
    if adapters is None or current is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, dropout, scaling, is_causal, **kwargs)
    groups = query.shape[1] // key.shape[1]
    key, value = repeat_kv(key, groups), repeat_kv(value, groups)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    unrotated = None
    if isinstance(current, NTKMemory) and current.config.pre_rope:
        assert adapters.query is not None, "the projection of the queries was not called before the attention"
        unrotated = adapters.query.unflatten(-1, (query.shape[1], query.shape[-1])).transpose(1, 2)
    mask = _mask(module, attention_mask, query.shape[-2], key.shape[-2], is_causal, query.device)
    out = current(query, key, value, mask, scale, unrotated=unrotated)
    adapters.query = None
    return out.transpose(1, 2).contiguous(), None


def _mask(
    module: nn.Module, mask: torch.Tensor | None, queries: int, keys: int, is_causal: bool | None, device: torch.device
) -> Mask:
    """Return an explicit mask: SDPA's ``is_causal`` counts from the top left, wrong for decoding with a cache."""
    if mask is not None and mask.dtype == torch.bool:
        return mask
    if mask is not None:
        shown = mask > torch.finfo(mask.dtype).min / 2
        if (mask.masked_fill(~shown, 0) != 0).any():
            raise InvalidAdapter("the attention mask adds to the logits; adapters take masks that hide or show keys")
        return shown
    causal = getattr(module, "is_causal", False) if is_causal is None else is_causal
    if not causal or queries == 1:
        return None
    return torch.ones(queries, keys, dtype=torch.bool, device=device).tril(keys - queries)[None, None]


def explicit_mask(*arguments: Any, **options: Any) -> torch.Tensor | None:
    """Return transformers' boolean mask, which is never left out for ``is_causal``."""
    return sdpa_mask(*arguments, **(options | {"allow_is_causal_skip": False}))


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, explicit_mask)


def set_adapter(model: nn.Module, adapter_name: str) -> None:
    """Make one adapter the active and the only trained one. Raises InvalidAdapter if there is none of this name."""
    _check(model, adapter_name)
    for layer in _adapted(model):
        layer.active = adapter_name if adapter_name in layer.by_name else None
        for name, made in layer.by_name.items():
            made.requires_grad_(name == adapter_name)
    _saved(model).show(model, adapter_name)
    _saved(model).train(model, adapter_name)


@contextmanager
def disable_adapter(model: nn.Module) -> Iterator[nn.Module]:
    """Within, the model answers exactly as its backbone does, with the backbone's own classifier."""
    before, saved = [(layer, layer.active) for layer in _adapted(model)], _saved(model)
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
    state = {
        f"{number}.{name}": tensor
        for number, module in enumerate(modules)
        for name, tensor in module.state_dict().items()
    }
    with _present(model, adapter_name):
        for saved in modules[0].config.modules_to_save:
            state |= {f"{saved}.{name}": tensor for name, tensor in tensors(model, saved).items()}
    return {name: tensor.detach().clone() for name, tensor in state.items()}


def load_adapter_state_dict(model: nn.Module, state: dict[str, torch.Tensor], adapter_name: str = "default") -> None:
    """Put back what ``adapter_state_dict`` returned. Raises InvalidAdapter if the tensors do not fit."""
    now = adapter_state_dict(model, adapter_name)
    wrong = sorted(
        name
        for name in now.keys() | state.keys()
        if name not in now or name not in state or now[name].shape != state[name].shape
    )
    if wrong:
        raise InvalidAdapter(f"the adapter's tensors do not fit this model: {', '.join(wrong[:5])} …")
    modules = adapter_modules(model, adapter_name)
    for number, module in enumerate(modules):
        start = f"{number}."
        module.load_state_dict({name[len(start) :]: value for name, value in state.items() if name.startswith(start)})
    with _present(model, adapter_name):
        for saved in modules[0].config.modules_to_save:
            for name, tensor in tensors(model, saved).items():
                tensor.copy_(state[f"{saved}.{name}"])


def trainable_parameters(model: nn.Module) -> list[nn.Parameter]:
    """Return the parameters that are trained, for an optimiser."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def attention_layers(model: nn.Module) -> list[nn.Module]:
    """Return the self-attention layers in order. Raises UnsupportedModel if there is none of a known class."""
    found = [
        module
        for name, module in model.named_modules()
        if type(module).__name__ in SELF_ATTENTION and not getattr(module, "is_cross_attention", False)
    ]
    if not found:
        raise UnsupportedModel(
            f"{type(model).__name__} has no attention layer of a known class ({', '.join(SELF_ATTENTION)})"
        )
    return found


def _adapted(model: nn.Module) -> list[LayerAdapters]:
    return [module for module in model.modules() if isinstance(module, LayerAdapters)]


def _check(model: nn.Module, adapter_name: str) -> None:
    known = adapter_names(model)
    if adapter_name not in known:
        raise InvalidAdapter(f"there is no adapter {adapter_name!r}; there are {', '.join(known) or 'none'}")


def _saved(model: nn.Module) -> SavedModules:
    if SAVED not in model.__dict__:
        setattr(model, SAVED, SavedModules())
    return getattr(model, SAVED)


@contextmanager
def _present(model: nn.Module, adapter_name: str) -> Iterator[None]:
    """Within, the model's ``modules_to_save`` are those of one adapter, whichever is active."""
    saved = _saved(model)
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


def _rotates(layer: nn.Module) -> bool:
    return type(layer).__name__ in ("LlamaAttention", "MistralAttention", "Qwen2Attention")


def _heads(layer: Any) -> tuple[int, int]:
    """Return the number of query heads and their size."""
    size = layer.head_dim if hasattr(layer, "head_dim") else layer.attention_head_size
    return int(layer.config.num_attention_heads), int(size)
