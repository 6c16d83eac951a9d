"""Adapt the small GPT-2 from one text to another, by every method."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from torch.utils.data import TensorDataset

from steps.ntk_attention.arms import Trained, compare, comparison, write_arms
from steps.ntk_attention.pretrain import cut_windows
from steps.ntk_attention.training import character_loss, nats_a_window, train
from steps.runtime.params import Field, dataclass
from steps.runtime.run import Run
from tenfold.ntk_attention.backbones import LORA_TARGETS, Backbone
from tenfold.ntk_attention.methods import Method, apply, trained_count

Count = Annotated[int, Field(gt=0)]


@dataclass
class AdaptCharactersParams:
    """How much text, how long, and which rates by kind of method."""

    train_windows: Count
    test_windows: Count
    updates: Count
    batch_size: Count
    rates: dict[str, list[float]]
    seeds: Count


def adapt_characters(prepared: Path, pretrained: Path, *, out: Path, params: AdaptCharactersParams, run: Run) -> None:
    """Adapt the small GPT-2 from one text to another, by every method; PEFT's prefix tuning is one of them.

    Reads   prepared/characters.npz; pretrained/models/characters/
    Writes  arms.csv (perplexity a character), search.csv, items.npz (nats a character of each test window)
    Logs    characters/<method>/<rate>/<seed>/loss
    """
    config = Backbone.load(pretrained / "models" / "characters").model.config
    with np.load(prepared / "characters.npz") as data:
        parts = {name: cut_windows(data[name], config.n_positions // 2) for name in ("train", "validation", "test")}
    data = TensorDataset(parts["train"][: params.train_windows])
    methods = comparison(
        layers=config.n_layer, heads=config.n_head, head_size=config.n_embd // config.n_head,
        targets=LORA_TARGETS["gpt2"], prefixes=(), fan_in_fan_out=True, lora_outputs=3 * config.n_embd, run=run,
    )  # fmt: skip
    methods = [method for method in methods if method.kind != "head"]
    methods += [
        Method(f"{method.name}, PEFT", "peft_prefix", method.settings) for method in methods if method.kind == "prefix"
    ]

    def one(method: Method, rate: float, seed: int) -> Trained:
        base = Backbone.load(pretrained / "models" / "characters").model
        model: Any = apply(base, method, head=None, seed=seed).to(run.device)
        train(
            run, model, data, character_loss, name=f"characters/{method.name}/{rate:g}/{seed}", learning_rate=rate,
            updates=params.updates, batch_size=params.batch_size, order=f"order {seed}",
        )  # fmt: skip
        validation, test = (
            nats_a_window(model, parts[split][: params.test_windows].to(run.device)) for split in ("validation", "test")
        )
        return Trained(trained_count(model, None), np.exp(validation.mean()), np.exp(test.mean()), test)

    found = compare(run, "characters", methods, params.rates, params.seeds, "perplexity", one)
    before = nats_a_window(
        Backbone.load(pretrained / "models" / "characters").model.eval(), parts["test"][: params.test_windows]
    )
    run.say(f"characters: perplexity {float(np.exp(before.mean())):.3f} before any adaptation")
    write_arms(out, [found])
    (out / "before.txt").write_text(f"{float(np.exp(before.mean())):.6g}\n")
