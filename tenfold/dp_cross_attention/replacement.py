"""Putting private cross-attention into a model of diffusers or transformers, and fitting all of it at one budget."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from tenfold.dp_cross_attention.calibration import unit_noise
from tenfold.dp_cross_attention.errors import InvalidSetting
from tenfold.dp_cross_attention.module import PrivateCrossAttention
from tenfold.dp_cross_attention.validation import OnViolation
from tenfold.privacy.gaussian import compose, gaussian_epsilon


class PrivateEncoderDecoderAttention(PrivateCrossAttention):
    """The same with the argument names and results of transformers' encoder–decoder attention (BART and its kin)."""

    def forward(  # type: ignore[override]
        self,
        hidden_states: torch.Tensor,
        key_value_states: torch.Tensor | None = None,
        *unused: Any,
        attention_mask: torch.Tensor | None = None,
        **model_kwargs: Any,
    ) -> tuple[torch.Tensor, None]:
        """Return (attention (B, T, query_dim), None): there are no weights to show."""
        return super().forward(hidden_states, key_value_states), None


def private_copy(attention: nn.Module) -> PrivateCrossAttention:
    """Return an unfitted private module with the weights of a cross-attention of diffusers or transformers.

    Raises InvalidSetting if the module is no cross-attention, or does more than project, attend and project.
    """
    if isinstance(attention, PrivateCrossAttention):
        return attention
    if all(hasattr(attention, name) for name in ("to_q", "to_k", "to_v", "to_out", "heads")):
        return _from_diffusers(attention)
    if all(hasattr(attention, name) for name in ("q_proj", "k_proj", "v_proj", "out_proj", "num_heads")):
        return _from_transformers(attention)
    raise InvalidSetting(
        f"{type(attention).__name__} has neither to_q, to_k, to_v, to_out nor q_proj, k_proj, v_proj, out_proj: build "
        "a PrivateCrossAttention of its sizes and copy the weights"
    )


def _from_diffusers(attention: Any) -> PrivateCrossAttention:
    extras = ("group_norm", "spatial_norm", "norm_cross", "norm_q", "norm_k", "add_k_proj")
    present = [name for name in extras if getattr(attention, name, None) is not None]
    heads, inner = attention.heads, attention.to_q.out_features
    if present or attention.residual_connection or attention.rescale_output_factor != 1:
        raise InvalidSetting(f"{type(attention).__name__} also has {present or 'a residual or a rescaling'}")
    if not math.isclose(attention.scale, (inner // heads) ** -0.5):
        raise InvalidSetting(f"logits are scaled by {attention.scale:g}, not by 1/√{inner // heads}")
    made = PrivateCrossAttention(
        attention.to_q.in_features,
        attention.to_k.in_features,
        heads,
        inner // heads,
        dropout=attention.to_out[1].p,
        bias=attention.to_q.bias is not None,
        out_bias=attention.to_out[0].bias is not None,
    )
    return _with_weights(made, attention.to_q, attention.to_k, attention.to_v, attention.to_out[0])


def _from_transformers(attention: Any) -> PrivateCrossAttention:
    width, heads = attention.q_proj.out_features, attention.num_heads
    scaling = getattr(attention, "scaling", (width // heads) ** -0.5)
    if not math.isclose(scaling, (width // heads) ** -0.5):
        raise InvalidSetting(f"logits are scaled by {scaling:g}, not by 1/√{width // heads}")
    made = PrivateEncoderDecoderAttention(
        attention.q_proj.in_features,
        attention.k_proj.in_features,
        heads,
        width // heads,
        bias=attention.q_proj.bias is not None,
        out_bias=attention.out_proj.bias is not None,
    )
    return _with_weights(made, attention.q_proj, attention.k_proj, attention.v_proj, attention.out_proj)


def _with_weights(made: PrivateCrossAttention, q: Any, k: Any, v: Any, out: Any) -> PrivateCrossAttention:
    for target, source in ((made.to_q, q), (made.to_k, k), (made.to_v, v), (made.to_out[0], out)):
        target.load_state_dict(source.state_dict())
    return made.to(q.weight.device, q.weight.dtype)


def replace_cross_attention(model: nn.Module, on_violation: OnViolation = "error") -> dict[str, PrivateCrossAttention]:
    """Replace every text cross-attention (``attn2`` in diffusers, ``encoder_attn`` in transformers) in place.

    ``on_violation`` says what they do with vectors longer than their bound: "error" or "clip". Returns the new modules
    by name, unfitted.
    Raises InvalidSetting if there is none, or one cannot be replaced; the model is then as it was.
    """
    places = [
        (name, parent, attribute, child)
        for name, parent in model.named_modules()
        for attribute, child in parent.named_children()
        if attribute in ("attn2", "encoder_attn")
    ]
    if not places:
        raise InvalidSetting(f"{type(model).__name__} has no attn2 and no encoder_attn to replace")
    made = [private_copy(child) for _, _, _, child in places]
    for (_, parent, attribute, _), module in zip(places, made, strict=True):
        module.train(parent.training)
        module.on_violation = on_violation
        setattr(parent, attribute, module)
    return {f"{name}.{attribute}".lstrip("."): new for (name, _, attribute, _), new in zip(places, made, strict=True)}


def fit_together(
    modules: Mapping[str, PrivateCrossAttention],
    encoder_hidden_states: torch.Tensor,
    *,
    epsilon: float,
    delta: float,
    insecure_seed: int | None = None,
    **public: Any,
) -> float:
    """Fit every module on the same rows at (ε, δ) for all together, each at μ/√(number of modules).

    It releases all of them or none. Returns the ε that everything the modules ever released composes to; other
    arguments as ``PrivateCrossAttention.fit``.
    """
    share = 1 / (unit_noise(epsilon, delta) * math.sqrt(len(modules)))
    before = [(module, module.ledger, module.sketch) for module in modules.values()]
    try:
        for number, module in enumerate(modules.values()):
            seed = None if insecure_seed is None else insecure_seed + number
            module.fit_mu(encoder_hidden_states, mu=share, delta=delta, insecure_seed=seed, **public)
    except Exception:  # nothing that was released has been seen
        for module, ledger, sketch in before:
            module.ledger, module.sketch = ledger, sketch
        raise
    spent = compose(module.ledger.mu for module in modules.values() if module.ledger is not None)
    return gaussian_epsilon(delta, spent)
