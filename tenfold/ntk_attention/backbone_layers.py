"""Attention layers of transformers' models: which are known, and the function that they call in place of their own.

The model calls ``attend`` for its attention. Keys and values come with rotary embeddings and the cache already in them,
so that grouped queries, padding, sliding windows, gradient checkpointing and ``generate`` need nothing of their own.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask
from transformers.modeling_utils import AttentionInterface

from tenfold.ntk_attention.attention import Mask
from tenfold.ntk_attention.errors import InvalidAdapter, UnsupportedModel
from tenfold.ntk_attention.layer import NTKMemory, Prefix

NAME = "tenfold_adapters"  # of the attention function, and of the adapters inside an attention layer
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

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config  # the backbone's, which names the attention function that its layers call
        self.by_name = nn.ModuleDict()
        self.active: str | None = None
        self.query: torch.Tensor | None = None  # before rotation, kept while its layer computes

    @property
    def current(self) -> NTKMemory | Prefix | None:
        return None if self.active is None else cast("NTKMemory | Prefix", self.by_name[self.active])

    def keep_query(self, _projection: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        """Remember the query before its rotation, if the active adapter reads it.

        Raises InvalidAdapter if the layer is about to call another attention function, which knows no adapter.
        """
        if self.active is not None and self.config._attn_implementation != NAME:
            raise InvalidAdapter(
                f"attention is computed by {self.config._attn_implementation!r}, which leaves adapter {self.active!r} "
                f"out: call model.set_attn_implementation({NAME!r}), or go without it by disable_adapter"
            )
        if isinstance(self.current, NTKMemory) and self.current.config.pre_rope:
            self.query = output


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


def rotates(layer: nn.Module) -> bool:
    """Return whether the layer's queries are rotated."""
    return type(layer).__name__ in ("LlamaAttention", "MistralAttention", "Qwen2Attention")


def heads_of(layer: Any) -> tuple[int, int]:
    """Return the number of query heads and their size."""
    size = layer.head_dim if hasattr(layer, "head_dim") else layer.attention_head_size
    return int(layer.config.num_attention_heads), int(size)


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
