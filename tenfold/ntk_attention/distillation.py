"""A trained prefix turned into (Z, k), and methods brought to equal parameters."""

from __future__ import annotations

from dataclasses import replace

import torch
from transformers import PreTrainedModel

from tenfold.ntk_attention.config import NTKAttentionConfig
from tenfold.ntk_attention.errors import BudgetMismatch, InvalidAdapter
from tenfold.ntk_attention.layer import NTKMemory, Prefix
from tenfold.ntk_attention.model import adapter_modules, copy_saved_modules, inject

TOLERANCE = 0.05


def distil_prefix(
    model: PreTrainedModel, config: NTKAttentionConfig, *, prefix: str = "default", adapter_name: str = "distilled"
) -> PreTrainedModel:
    """Add an adapter whose (Z, k) are the sums over a trained prefix's keys and values, and make it the active one.

    The adapter approximates the prefix as well as φ(q)ᵀφ(p) approximates the exponential, costs the same however long
    the prefix was, and can be trained further. Its ``modules_to_save`` begin as the prefix's.

    Raises InvalidAdapter if ``prefix`` names no prefix.
    """
    trained = adapter_modules(model, prefix)
    if not all(isinstance(module, Prefix) for module in trained):
        raise InvalidAdapter(f"adapter {prefix!r} is no prefix; distil one that PrefixConfig made")
    own = trained[0].config
    inject(model, replace(config, layers=own.layers, modules_to_save=own.modules_to_save), adapter_name)
    copy_saved_modules(model, prefix, adapter_name)
    for source, target in zip(trained, adapter_modules(model, adapter_name), strict=True):
        assert isinstance(source, Prefix) and isinstance(target, NTKMemory)
        with torch.no_grad():
            target.initialise_from_prefix(source.key, source.key if source.config.tied else source.value)
    return model


def require_equal_parameters(counts: dict[str, int], *, tolerance: float = TOLERANCE) -> None:
    """Check that methods have equally many parameters. Raises BudgetMismatch if one differs by more than 5 %."""
    reference = next(iter(counts.values()))
    for name, count in counts.items():
        if abs(count - reference) > tolerance * reference:
            raise BudgetMismatch(
                f"{name} trains {count} parameters where {next(iter(counts))} trains {reference}: more than "
                f"{tolerance:.0%} apart; change its rank or length"
            )
