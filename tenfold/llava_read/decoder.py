"""The small decoder of characters: a transformer whose attention reads a short causal convolution of its input.

What stood one and two characters before is in each key, so that copying a word is learned in hundreds of updates.

Legend:  B rows of a batch · T new tokens · S tokens in all · D width · H heads
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as functional
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, Cache, DynamicCache, GenerationMixin, PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import CausalLMOutputWithPast

from tenfold.llava_read.config import TinyDecoderConfig

Tokens = Float[Tensor, "B T D"]


class TinyDecoderForCausalLM(PreTrainedModel, GenerationMixin):
    """A small causal language model with a cache of keys, values and the convolution's last inputs."""

    config: TinyDecoderConfig
    config_class = TinyDecoderConfig
    _tied_weights_keys = {"lm_head.weight": "embed_tokens.weight"}  # noqa: RUF012
    _supports_sdpa = True

    def __init__(self, config: TinyDecoderConfig) -> None:
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(DecoderLayer(config, number) for number in range(config.num_hidden_layers))
        self.norm = nn.LayerNorm(config.hidden_size)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, nn.Conv1d):  # three inputs: as large as torch's own
            bound = module.kernel_size[0] ** -0.5
            init.uniform_(module.weight, -bound, bound)

    def get_input_embeddings(self) -> nn.Embedding:
        """Return the embeddings of tokens."""
        return self.embed_tokens

    def forward(
        self,
        input_ids: Int[Tensor, "B T"] | None = None,
        attention_mask: Int[Tensor, "B S"] | None = None,
        position_ids: Int[Tensor, "B T"] | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tokens | None = None,
        labels: Int[Tensor, "B T"] | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int = 0,
        **_: Any,
    ) -> CausalLMOutputWithPast:
        """Return logits (B, T, V), or those of the last ``logits_to_keep`` tokens, and the loss if there are labels.

        Raises ValueError unless exactly one of ``input_ids`` and ``inputs_embeds`` is given.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("a decoder reads either input_ids or inputs_embeds")
        hidden = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=self.config)
        past = 0 if past_key_values is None else past_key_values.get_seq_length()
        rows, new = hidden.shape[:2]
        if attention_mask is None:
            attention_mask = torch.ones(rows, past + new, dtype=torch.int64, device=hidden.device)
        if position_ids is None:
            position_ids = attention_mask.cumsum(dim=1).sub(1).clamp(min=0)[:, -new:]
        turns = _turns(position_ids, self.config, hidden.dtype)
        allowed, present = _allowed(attention_mask, past, new), attention_mask[:, -new:, None].to(hidden.dtype)
        for layer in self.layers:
            hidden = layer(hidden, turns, allowed, present, past_key_values)
        kept = hidden if logits_to_keep == 0 else hidden[:, -logits_to_keep:]
        logits = self.lm_head(self.norm(kept))
        loss = None
        if labels is not None:
            loss = self.loss_function(logits=logits, labels=labels, vocab_size=self.config.vocab_size)
        return CausalLMOutputWithPast(loss=loss, logits=logits, past_key_values=past_key_values)


class DecoderLayer(nn.Module):
    """Pre-norm: a causal convolution per channel, attention over what came before, and an MLP."""

    def __init__(self, config: TinyDecoderConfig, number: int) -> None:
        super().__init__()
        width = config.hidden_size
        self.number, self.heads, self.reach = number, config.num_attention_heads, config.convolution_width
        self.input_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.convolution = nn.Conv1d(width, width, self.reach, groups=width)
        self.q_proj, self.k_proj = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.v_proj, self.o_proj = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.up_proj = nn.Linear(width, config.intermediate_size)
        self.down_proj = nn.Linear(config.intermediate_size, width)

    def forward(
        self,
        hidden: Tokens,
        turns: tuple[Tensor, Tensor],
        allowed: Bool[Tensor, "B 1 T S"],
        present: Float[Tensor, "B T 1"],
        cache: Cache | None,
    ) -> Tokens:
        """Return the hidden states after this layer; padding is zero to the convolution, as nothing is."""
        read = self._convolved(self.input_norm(hidden) * present, cache)
        q, k, v = (
            linear(read).unflatten(2, (self.heads, -1)).transpose(1, 2)  # (B, H, T, D/H)
            for linear in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = _turned(q, turns), _turned(k, turns)
        if cache is not None:
            k, v = cache.update(k, v, self.number)  # (B, H, S, D/H)
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
        hidden = hidden + self.o_proj(seen.transpose(1, 2).flatten(2))
        return hidden + self.down_proj(functional.gelu(self.up_proj(self.mlp_norm(hidden))))

    def _convolved(self, states: Tokens, cache: Cache | None) -> Tokens:
        """Return each state plus a weighted sum, per channel, of itself and those before it."""
        channels = states.transpose(1, 2)  # (B, D, T)
        if cache is not None:
            channels = cache.update_conv_state(channels, self.number, conv_kernel_size=self.reach)
        found = self.convolution(functional.pad(channels, (self.reach - 1, 0)))
        return states + found[..., -states.shape[1] :].transpose(1, 2)


def _allowed(mask: Int[Tensor, "B S"], past: int, new: int) -> Bool[Tensor, "B 1 T S"]:
    """Say which tokens a new token attends to: those before it that are no padding, and itself."""
    places = torch.arange(mask.shape[1], device=mask.device)
    own = places[past : past + new, None]  # (T, 1)
    allowed = (places <= own) & mask[:, None, :].bool()  # (B, T, S)
    return (allowed | (places == own)).unsqueeze(1)


def _turns(positions: Int[Tensor, "B T"], config: TinyDecoderConfig, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return cosines and sines (B, 1, T, D/H) of rotary positions."""
    half = config.hidden_size // config.num_attention_heads // 2
    steps = torch.arange(half, device=positions.device, dtype=torch.float32)
    angles = positions[:, None, :, None].float() * config.rope_theta ** (-steps / half)  # (B, 1, T, D/2H)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def _turned(states: Float[Tensor, "B H T d"], turns: tuple[Tensor, Tensor]) -> Float[Tensor, "B H T d"]:
    first, second = states.chunk(2, dim=-1)
    return states * turns[0] + torch.cat([-second, first], dim=-1) * turns[1]


AutoModelForCausalLM.register(TinyDecoderConfig, TinyDecoderForCausalLM, exist_ok=True)
