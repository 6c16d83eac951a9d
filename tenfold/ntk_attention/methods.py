"""The methods that adapt a frozen model and are compared, under one interface."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import nn
from transformers import PreTrainedModel

from tenfold.ntk_attention.config import NTKAttentionConfig, PrefixConfig
from tenfold.ntk_attention.layer import NTKMemory
from tenfold.ntk_attention.model import adapter_modules, inject

PREFIX_SD = 0.3  # of the random prefix that NTK-Attention may start from
Kind = Literal["head", "fine_tuning", "lora", "prefix", "peft_prefix", "ntk"]


@dataclass(frozen=True)
class Method:
    """One method: ``settings`` go to LoRA (rank, targets), to the prefix or to NTK-Attention.

    ``start``: what NTK-Attention's (Z, k) begin as: "own" (the configuration's init), or the sums over ``start_length``
    keys and values: of random vectors ("random_prefix", undivided with "undivided_prefix"), or of the first tokens that
    the layer itself made of a text ("text"). ``distilled``: settings of the NTK-Attention that a prefix is turned into
    once it is trained.
    """

    name: str
    kind: Kind
    settings: dict[str, Any] = field(default_factory=dict)
    start: Literal["own", "random_prefix", "undivided_prefix", "text"] = "own"
    start_length: int = 16
    distilled: dict[str, Any] | None = None


def apply(
    model: PreTrainedModel, method: Method, *, head: str | None, seed: int, text: dict[str, Any] | None = None
) -> Any:
    """Prepare ``model`` in place to be trained by ``method``, and return what is called in the place of ``model``.

    ``head`` names the classifier, which every method trains; None for language models. Attention dropout is off in
    every method. ``text``: an input whose keys and values the start "text" sums.
    """
    torch.manual_seed(seed)
    saved = (head,) if head else ()
    if method.kind == "fine_tuning":
        return model
    if method.kind == "head":
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        _trained_head(model, head)
        return model
    if method.kind == "lora":
        return _lora(model, method, head)
    if method.kind == "peft_prefix":
        from peft import PrefixTuningConfig, get_peft_model

        task = "SEQ_CLS" if head else "CAUSAL_LM"  # PEFT knows the classifier by its name and trains it
        return get_peft_model(model, PrefixTuningConfig(task_type=task, num_virtual_tokens=method.settings["length"]))
    if method.kind == "prefix":
        return inject(model, PrefixConfig(**method.settings, seed=seed, modules_to_save=saved))
    config = NTKAttentionConfig(**method.settings, seed=seed, modules_to_save=saved)
    if method.start == "own":
        return inject(model, config)
    return _started(model, method, config, text)


def _lora(model: PreTrainedModel, method: Method, head: str | None) -> PreTrainedModel:
    from peft import LoraConfig, inject_adapter_in_model

    rank = method.settings["rank"]
    # α = 2r as the released scripts have it (r = 8, α = 16), no dropout
    config = LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules=list(method.settings["targets"]))
    inject_adapter_in_model(config, model)
    _trained_head(model, head)
    return model


def _trained_head(model: nn.Module, head: str | None) -> None:
    if head:
        model.get_submodule(head).requires_grad_(True)


def _started(model: PreTrainedModel, method: Method, config: NTKAttentionConfig, text: dict[str, Any] | None) -> Any:
    """Inject NTK-Attention that starts as the sums over a prefix."""
    inject(model, config)
    if method.start == "text":
        assert text is not None, "the start from a text needs one"
        _from_text(model, text, method.start_length)
        return model
    generator = torch.Generator().manual_seed(config.seed)
    for module in adapter_modules(model):
        assert isinstance(module, NTKMemory)
        shape = (len(module.values), method.start_length)
        key = PREFIX_SD * torch.randn(*shape, module.phi.head_size, generator=generator)
        value = PREFIX_SD * torch.randn(*shape, module.values.shape[-1], generator=generator)
        module.initialise_from_prefix(key, value, divided=method.start != "undivided_prefix")
    return model


def _from_text(model: PreTrainedModel, text: dict[str, Any], length: int) -> None:
    """Let (Z, k) be the sums over the keys and values that each layer makes of a text (PEFT: KV from text)."""
    kept: list[tuple[torch.Tensor, torch.Tensor]] = []
    modules: Any = adapter_modules(model)
    handles = [
        module.register_forward_pre_hook(lambda _module, inputs: kept.append((inputs[1], inputs[2])))
        for module in modules
    ]
    with torch.no_grad():
        model(**text)
    for handle in handles:
        handle.remove()
    for module, (key, value) in zip(modules, kept, strict=True):
        module.initialise_from_prefix(key[0, :, :length].float(), value[0, :, :length].float())


def trained_count(model: nn.Module, head: str | None) -> int:
    """Return how many numbers are trained beside the classifier that every method trains."""
    total = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    if not head:
        return total
    classifier = model.get_submodule(head)  # PEFT's holds the frozen one beside that which is trained
    return total - sum(parameter.numel() for parameter in classifier.parameters() if parameter.requires_grad)
