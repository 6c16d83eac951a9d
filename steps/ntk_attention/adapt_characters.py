"""Adapt the small Llama from one text to another, by every method."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch.utils.data import TensorDataset

from steps.ntk_attention.arms import Trained, compare, comparison, write_arms
from steps.ntk_attention.pretrain import cut_windows
from steps.ntk_attention.training import character_loss, mean_loss, nats_a_window, train
from steps.runtime.params import Field, dataclass
from steps.runtime.run import Run
from tenfold.ntk_attention.backbones import LORA_TARGETS, Backbone, decoder_from_hub
from tenfold.ntk_attention.methods import Method, apply, trained_count

Count = Annotated[int, Field(gt=0)]
FITTED = 100  # training windows whose loss is reported


@dataclass
class AdaptCharactersParams:
    """How much text, how long, and which rates by kind of method."""

    train_windows: Count
    test_windows: Count
    updates: Count
    batch_size: Count
    rates: dict[str, list[float]]
    seeds: Count
    hub_model: str | None
    hub_revision: str | None
    hub_context: Count


def adapt_characters(prepared: Path, pretrained: Path, *, out: Path, params: AdaptCharactersParams, run: Run) -> None:
    """Adapt the small Llama from one text to another, by every method; PEFT's prefix tuning is one of them.

    Reads   prepared/characters.npz; pretrained/models/characters/
    Writes  arms.csv (perplexity a character), search.csv, items.npz (nats a character of each test window)
    Logs    characters/<method>/<rate>/<seed>/loss
    """
    config = _model(pretrained, params).config
    parts = _windows(prepared, config, params)
    data = TensorDataset(parts["train"][: params.train_windows])
    head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    kept_heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    methods = comparison(
        layers=config.num_hidden_layers, heads=config.num_attention_heads, head_size=head_size,
        targets=LORA_TARGETS[config.model_type], prefixes=(),
        lora_outputs=(config.num_attention_heads + kept_heads) * head_size, run=run,
    )  # fmt: skip
    methods = [method for method in methods if method.kind != "head"]
    # PEFT's prefix has one key and value a key head; ours one a query head, as (Z, k) do
    lengths = [method.settings["length"] * config.num_attention_heads // kept_heads
               for method in methods if method.kind == "prefix"]  # fmt: skip
    methods += [Method(f"prefix (m = {length}), PEFT", "peft_prefix", {"length": length}) for length in lengths]
    methods.append(Method("ntk before rotation", "ntk", {"pre_rope": True}))

    def one(method: Method, rate: float, seed: int) -> Trained:
        base = _model(pretrained, params)
        model: Any = apply(base, method, head=None, seed=seed).to(run.device)
        train(
            run, model, data, character_loss, name=f"characters/{method.name}/{rate:g}/{seed}", learning_rate=rate,
            updates=params.updates, batch_size=params.batch_size, order=f"order {seed}",
        )  # fmt: skip
        validation, test = (
            nats_a_window(model, parts[split][: params.test_windows].to(run.device)) for split in ("validation", "test")
        )
        fitted = mean_loss(model, TensorDataset(*data[:FITTED]), character_loss, size=50)
        return Trained(trained_count(model, None), fitted, np.exp(validation.mean()), np.exp(test.mean()), test)

    found = compare(run, "characters", methods, params.rates, params.seeds, "perplexity", one)
    before = nats_a_window(_model(pretrained, params).eval(), parts["test"][: params.test_windows])
    run.say(f"characters: perplexity {float(np.exp(before.mean())):.3f} before any adaptation")
    write_arms(out, [found])


def _model(pretrained: Path, params: AdaptCharactersParams) -> Any:
    """Return the small Llama, or the hub's decoder where one is named."""
    if params.hub_model is not None:
        return decoder_from_hub(params.hub_model, params.hub_revision)
    return Backbone.load(pretrained / "models" / "characters").model


def _windows(prepared: Path, config: Any, params: AdaptCharactersParams) -> dict[str, torch.Tensor]:
    """Return windows of characters; of the hub decoder's own tokens where one is named."""
    with np.load(prepared / "characters.npz") as data:
        parts = {name: data[name] for name in ("train", "validation", "test")}
    if params.hub_model is None:
        return {name: cut_windows(part, config.max_position_embeddings // 2) for name, part in parts.items()}
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(params.hub_model, revision=params.hub_revision)
    texts = {name: bytes(part.astype(np.uint8)).decode("ascii") for name, part in parts.items()}
    return {
        name: cut_windows(np.array(tokenizer(text)["input_ids"], dtype=np.int64), params.hub_context)
        for name, text in texts.items()
    }
