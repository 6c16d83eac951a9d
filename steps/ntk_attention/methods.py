"""The methods that are compared: NTK-Attention, and LoRA and prefix tuning with as many trained parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from steps.step.arms import Comparison, SearchParams, Trained, compare
from steps.step.run import Run
from tenfold.ntk_attention.backbones import LORA_TARGETS
from tenfold.ntk_attention.distillation import TOLERANCE, require_equal_parameters
from tenfold.ntk_attention.methods import Method

PAPER_RATE = 1e-3  # the learning rate that the released scripts have for every method


def encoder_methods(config: Any, run: Run, prefixes: Sequence[int] = ()) -> list[Method]:
    """Return head only, full, LoRA and prefix at NTK-Attention's parameters, NTK-Attention, and other prefixes.

    A method that no whole rank or length brings within 5 % of NTK-Attention's parameters is left out, and said.
    """
    layers, heads, kept_heads, head_size = _sizes(config)
    width, targets = heads * head_size, LORA_TARGETS[config.model_type]
    budget = layers * heads * head_size * (head_size + 1)
    lora_unit = layers * (len(targets) * width + (heads + kept_heads) * head_size)
    prefix_unit = 2 * layers * width
    rank, length = (max(round(budget / unit), 1) for unit in (lora_unit, prefix_unit))
    methods = [Method("head", "head"), Method("full", "fine_tuning")]
    counts = {"ntk": budget, "lora": rank * lora_unit, "prefix": length * prefix_unit}
    for name, method in {
        "lora": Method(f"lora (r = {rank})", "lora", {"rank": rank, "targets": tuple(targets)}),
        "prefix": Method(f"prefix (m = {length})", "prefix", {"length": length}),
    }.items():
        if abs(counts[name] - budget) > TOLERANCE * budget:
            run.say(f"{method.name} is left out: {counts[name]} parameters are not within 5 % of {budget}")
            del counts[name]
        else:
            methods.append(method)
    require_equal_parameters(counts)
    methods += [Method(f"prefix (m = {m})", "prefix", {"length": m}) for m in prefixes if m != length]
    return [*methods, Method("ntk", "ntk")]


def decoder_methods(config: Any, run: Run, prefixes: Sequence[int] = ()) -> list[Method]:
    """Return an encoder's methods, PEFT's prefix tuning, and NTK-Attention that reads queries before rotation."""
    methods = encoder_methods(config, run, prefixes)
    _, heads, kept_heads, _ = _sizes(config)
    # PEFT's prefix has one key and value per key head; ours one per query head, as (Z, k) do
    lengths = [method.settings["length"] * heads // kept_heads for method in methods if method.kind == "prefix"]
    methods += [Method(f"prefix (m = {length}), PEFT", "peft_prefix", {"length": length}) for length in lengths]
    return [*methods, Method("ntk before rotation", "ntk", {"pre_rope": True})]


def _sizes(config: Any) -> tuple[int, int, int, int]:
    """Return how many layers, heads, and heads of keys and values a model has, and the size of a head."""
    heads = config.num_attention_heads
    kept_heads = getattr(config, "num_key_value_heads", None) or heads
    head_size = getattr(config, "head_dim", None) or config.hidden_size // heads
    return config.num_hidden_layers, heads, kept_heads, head_size


def compare_methods(
    run: Run,
    task: str,
    methods: Sequence[Method],
    search: SearchParams,
    train: Callable[[Method, float, int], Trained],
    **options: Any,
) -> Comparison:
    """Compare methods on one task, each over the rates of its kind; ``options`` go to ``compare``."""
    by_name = {method.name: method for method in methods}
    return compare(
        run,
        task,
        {method.name: search.rates[method.kind] for method in methods},
        lambda name, rate, seed: train(by_name[name], rate, seed),
        seeds=search.seeds,
        paper_rate=PAPER_RATE,
        **options,
    )
