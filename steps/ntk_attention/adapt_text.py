"""Adapt the sentence encoder to text tasks, by every method."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from sklearn.metrics import matthews_corrcoef
from torch.utils.data import TensorDataset

from steps.ntk_attention.arms import Trained, compare, comparison, write_arms
from steps.ntk_attention.training import mean_loss, predictions, text_loss, train
from steps.runtime.params import Field, dataclass
from steps.runtime.run import Run
from tenfold.ntk_attention.backbones import LORA_TARGETS, encoder_with_classifier
from tenfold.ntk_attention.methods import Method, apply, trained_count

Count = Annotated[int, Field(gt=0)]
Task = Literal["sst2", "trec", "rte", "cola", "copa"]
METRICS = {"cola": "matthews"}
HEAD = "classifier"
FITTED = 100  # training texts whose loss is reported


@dataclass
class AdaptTextParams:
    """Which tasks, how long, and which rates by kind of method."""

    tasks: list[Task]
    updates: Count
    batch_size: Count
    prefixes: list[int]  # lengths beside the one that has NTK-Attention's parameters; 10 is the released P-Tuning's
    rates: dict[str, list[float]]
    seeds: Count


def adapt_text(prepared: Path, minilm: Path, *, out: Path, params: AdaptTextParams, run: Run) -> None:
    """Adapt the sentence encoder to text tasks, by every method.

    Reads   prepared/<task>.npz; minilm/config.json, model.safetensors
    Writes  arms.csv, search.csv, items.npz (whether each test text is right)
    Logs    <task>/<method>/<rate>/<seed>/loss
    """
    write_arms(out, [_one(prepared, minilm, task, params, run) for task in params.tasks])


def _one(prepared: Path, minilm: Path, task: str, params: AdaptTextParams, run: Run) -> Any:
    with np.load(prepared / f"{task}.npz") as data:
        parts = {name: torch.from_numpy(data[name]) for name in data.files}
    classes = int(max(parts[f"{split}_labels"].max() for split in ("train", "validation", "test"))) + 1
    outputs = classes if parts["train_ids"].shape[1] == 1 else 1
    config = encoder_with_classifier(minilm, outputs, 0).config
    methods = comparison(
        layers=config.num_hidden_layers, heads=config.num_attention_heads,
        head_size=config.hidden_size // config.num_attention_heads, targets=LORA_TARGETS["bert"],
        prefixes=params.prefixes, lora_outputs=2 * config.hidden_size, run=run,
    )  # fmt: skip
    metric = METRICS.get(task, "accuracy")

    def one(method: Method, rate: float, seed: int) -> Trained:
        model: Any = apply(encoder_with_classifier(minilm, outputs, seed), method, head=HEAD, seed=seed)
        model = model.to(run.device)
        data = TensorDataset(*(parts[f"train_{kind}"] for kind in ("ids", "mask", "labels")))
        train(
            run, model, data, text_loss, name=f"{task}/{method.name}/{rate:g}/{seed}", learning_rate=rate,
            updates=params.updates, batch_size=params.batch_size, order=f"order {seed}",
        )  # fmt: skip
        found, scores = {}, {}
        for split in ("validation", "test"):
            inputs = tuple(parts[f"{split}_{kind}"].to(run.device) for kind in ("ids", "mask"))
            found[split] = predictions(model, inputs, lambda called, ids, mask: called(ids, mask), size=64)
            labels = parts[f"{split}_labels"].numpy()
            right = found[split] == labels
            scores[split] = right.mean() if metric == "accuracy" else matthews_corrcoef(labels, found[split])
        fitted = mean_loss(model, TensorDataset(*data[:FITTED]), text_loss, size=50)
        return Trained(trained_count(model, HEAD), fitted, scores["validation"], scores["test"], right)

    return compare(run, task, methods, params.rates, params.seeds, metric, one, paper_seeds=1)
