"""The arms of a comparison: every method at every rate of its grid, then the chosen rate from more seeds.

The rate is chosen on validation, by the first seed alone; the test scores of the other rates are written down, never
used to choose. Setting "paper" is the rate that the released scripts have for every method, 1e-3, where the grid has
it; "searched" is the best of the method's own grid.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from steps.step.run import Run
from tenfold.ntk_attention.backbones import LORA_TARGETS
from tenfold.ntk_attention.distillation import TOLERANCE, require_equal_parameters
from tenfold.ntk_attention.methods import Method

PAPER_RATE = 1e-3
HIGHER_IS_BETTER = {"accuracy": True, "matthews": True, "perplexity": False}


@dataclass(frozen=True)
class Trained:
    """What one training gave: the loss on the training data at its end, both scores, and what the test items say one by
    one (correctness or nats)."""

    parameters: int
    train_loss: float
    validation_score: float
    test_score: float
    items: np.ndarray


Train = Callable[[Method, float, int], Trained]


def compare(
    run: Run,
    task: str,
    methods: Sequence[Method],
    grids: dict[str, list[float]],
    seeds: int,
    metric: str,
    train: Train,
    paper_seeds: int | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, np.ndarray]]:
    """Return the arms (one row a method, setting and seed), the search, and every chosen arm's items by name.

    ``paper_seeds``: of the setting "paper", where it has fewer.
    """
    arms, search, items = [], [], {}
    better = max if HIGHER_IS_BETTER[metric] else min
    for method in methods:
        tried = {rate: train(method, rate, 0) for rate in grids[method.kind]}
        best = better(tried, key=lambda rate: tried[rate].validation_score)
        for rate, result in tried.items():
            search.append(
                {
                    "task": task,
                    "method": method.name,
                    "learning_rate": rate,
                    "chosen": rate == best,
                    "parameters": result.parameters,
                    "train_loss": result.train_loss,
                    "validation_score": result.validation_score,
                    "test_score": result.test_score,
                }
            )
        done = {(rate, 0): result for rate, result in tried.items()}
        settings = {"searched": best} | ({"paper": PAPER_RATE} if PAPER_RATE in tried else {})
        for setting, rate in settings.items():
            for seed in range(seeds if setting == "searched" or paper_seeds is None else paper_seeds):
                if (rate, seed) not in done:
                    done[rate, seed] = train(method, rate, seed)
                result = done[rate, seed]
                arms.append(
                    {
                        "task": task,
                        "method": method.name,
                        "setting": setting,
                        "seed": seed,
                        "learning_rate": rate,
                        "trainable_parameters": result.parameters,
                        "validation_score": result.validation_score,
                        "test_score": result.test_score,
                        "metric": metric,
                    }
                )
                items[f"{task}|{method.name}|{setting}|{seed}"] = result.items
        run.say(f"{task}: {method.name} {tried[best].test_score:.4f} at {best:g}, {tried[best].parameters} parameters")
    return pd.DataFrame(arms), pd.DataFrame(search), items


def write_arms(out: Path, found: Iterable[tuple[pd.DataFrame, pd.DataFrame, dict[str, np.ndarray]]]) -> None:
    """Write arms.csv, search.csv and items.npz of all tasks."""
    arms, search, items = zip(*found, strict=True)
    pd.concat(arms).to_csv(out / "arms.csv", index=False, float_format="%.6g")
    pd.concat(search).to_csv(out / "search.csv", index=False, float_format="%.6g")
    merged = {name: values for part in items for name, values in part.items()}
    np.savez_compressed(out / "items.npz", allow_pickle=False, **merged)


def write_origins(out: Path, origins: Iterable[dict[str, Any]]) -> None:
    """Write origins.json: which commits of the hub's data sets, or what folders, were adapted to."""
    content = json.dumps(list(origins), indent=1, ensure_ascii=False)
    (out / "origins.json").write_text(content + "\n", encoding="utf-8")


def comparison(
    *,
    layers: int,
    heads: int,
    head_size: int,
    targets: Sequence[str],
    prefixes: Sequence[int],
    lora_outputs: int,
    run: Run,
) -> list[Method]:
    """Return head only, full, LoRA and prefix at NTK-Attention's parameters, NTK-Attention, and other prefixes.

    A method that no whole rank or length brings within 5 % of NTK-Attention's is left out, and said.
    """
    width = heads * head_size
    budget = layers * heads * head_size * (head_size + 1)
    lora_unit = layers * (len(targets) * width + lora_outputs)
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
    """Return the methods of a decoder by its configuration; PEFT's prefix tuning is among them."""
    heads, layers = config.num_attention_heads, config.num_hidden_layers
    head_size = getattr(config, "head_dim", None) or config.hidden_size // heads
    kept_heads = getattr(config, "num_key_value_heads", None) or heads
    methods = comparison(
        layers=layers,
        heads=heads,
        head_size=head_size,
        targets=LORA_TARGETS[config.model_type],
        prefixes=prefixes,
        lora_outputs=(heads + kept_heads) * head_size,
        run=run,
    )
    # PEFT's prefix has one key and value a key head; ours one a query head, as (Z, k) do
    lengths = [method.settings["length"] * heads // kept_heads for method in methods if method.kind == "prefix"]
    methods += [Method(f"prefix (m = {length}), PEFT", "peft_prefix", {"length": length}) for length in lengths]
    return [*methods, Method("ntk before rotation", "ntk", {"pre_rope": True})]
