"""Adapt the sentence encoder to text tasks, by every method; or the hub's decoder to SuperGLUE."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from sklearn.metrics import matthews_corrcoef
from torch.utils.data import TensorDataset

from steps.ntk_attention.arms import Trained, compare, comparison, decoder_methods, write_arms, write_origins
from steps.ntk_attention.training import Precision, half, mean_loss, predictions, train
from steps.step.params import Count, Params, Share
from steps.step.run import Run
from tenfold.ntk_attention.backbones import (
    LORA_TARGETS,
    decoder_classifier_from_hub,
    decoder_logits,
    encoder_with_classifier,
)
from tenfold.ntk_attention.hub_texts import encode_items, task_split
from tenfold.ntk_attention.methods import Method, apply, trained_count

Task = Literal["sst2", "trec", "rte", "cola", "copa"]
METRICS = {"cola": "matthews"}
FITTED = 100  # training texts whose loss is reported


class HubTasks(Params):
    """What is adapted in place of the encoder: a decoder and tasks, by their ids on the hub or as folders.

    **Deviation:** every task is scored by accuracy, also those for which SuperGLUE has F1 beside it. ``validation``:
    the share of the training split that chooses the rate; the official validation split tests, because the labels of
    the official test split are hidden.
    """

    model: str
    revision: str | None
    dataset: str
    dataset_revision: str
    tasks: list[str]
    validation: Share
    max_tokens: Count
    mixed_precision: Precision


class AdaptTextParams(Params):
    """Which tasks, how long, which rates by kind of method, and the hub's model and data where those serve."""

    tasks: list[Task]
    updates: Count
    batch_size: Count
    prefixes: list[int]  # lengths beside the one that has NTK-Attention's parameters; 10 is the released P-Tuning's
    rates: dict[str, list[float]]
    seeds: Count
    hub: HubTasks | None = None


def adapt_text(prepared: Path, minilm: Path, *, out: Path, params: AdaptTextParams, run: Run) -> None:
    """Adapt the sentence encoder to text tasks, by every method; or the hub's decoder to SuperGLUE.

    Reads   prepared/<task>.npz; minilm/config.json, model.safetensors; nothing of them where the hub's serve
    Writes  arms.csv, search.csv, items.npz (whether each test text is right); origins.json of the hub's data
    Logs    <task>/<method>/<rate>/<seed>/loss
    Raises  HubDataError
    """
    if params.hub is None:
        write_arms(out, [_small(prepared, minilm, task, params, run) for task in params.tasks])
        return
    found, origins = zip(*(_from_hub(task, params.hub, params, run) for task in params.hub.tasks), strict=True)
    write_arms(out, found)
    write_origins(out, [origin for both in origins for origin in both])


def _small(prepared: Path, minilm: Path, task: str, params: AdaptTextParams, run: Run) -> Any:
    splits = ("train", "validation", "test")
    with np.load(prepared / f"{task}.npz") as data:
        parts = {
            split: TensorDataset(*(torch.from_numpy(data[f"{split}_{kind}"]) for kind in ("ids", "mask", "labels")))
            for split in splits
        }
    parts |= {split: shortest_first(parts[split]) for split in ("validation", "test")}
    classes = int(max(part.tensors[2].max() for part in parts.values())) + 1
    outputs = classes if parts["train"].tensors[0].shape[1] == 1 else 1
    config = encoder_with_classifier(minilm, outputs, 0).config
    methods = comparison(
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        head_size=config.hidden_size // config.num_attention_heads,
        targets=LORA_TARGETS["bert"],
        prefixes=params.prefixes,
        lora_outputs=2 * config.hidden_size,
        run=run,
    )

    def call(model: Any, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return model(input_ids=ids, attention_mask=mask)

    def make(seed: int) -> Any:
        return encoder_with_classifier(minilm, outputs, seed)

    return _compared(task, parts, methods, make, call, "classifier", params, run)


def shortest_first(data: TensorDataset) -> TensorDataset:
    """Return the texts in the order of their lengths: those predicted together then have little padding."""
    lengths = data.tensors[1].sum(dim=-1).amax(dim=-1)
    return TensorDataset(*data[lengths.argsort(stable=True)])


def _from_hub(task: str, hub: HubTasks, params: AdaptTextParams, run: Run) -> Any:
    """Return what ``compare`` does, and where both splits came from."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(hub.model, revision=hub.revision)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    train_split, items, classes = task_split(hub.dataset, task, "train", hub.dataset_revision)
    test_split, tested, _ = task_split(hub.dataset, task, "validation", hub.dataset_revision)
    order = run.generator(f"validation of {task}").permutation(len(train_split))
    cut = max(round(len(order) * hub.validation), 1)
    parts = {}
    for split, chosen in {
        "train": items.only(order[cut:]),
        "validation": items.only(order[:cut]),
        "test": tested,
    }.items():
        ids, mask = encode_items(chosen, tokenizer, hub.max_tokens)
        parts[split] = TensorDataset(*(torch.from_numpy(part) for part in (ids, mask, chosen.labels)))
    outputs = classes if items.choices == 1 else 1

    def make(seed: int) -> Any:
        return decoder_classifier_from_hub(hub.model, hub.revision, outputs, tokenizer.pad_token_id, seed)

    methods = decoder_methods(make(0).config, run, params.prefixes)
    found = _compared(task, parts, methods, make, decoder_logits, "score", params, run, hub.mixed_precision)
    return found, [split.origin.record() for split in (train_split, test_split)]


def _compared(
    task: str,
    parts: Mapping[str, TensorDataset],
    methods: Sequence[Method],
    make: Callable[[int], Any],
    call: Callable[..., torch.Tensor],
    head: str,
    params: AdaptTextParams,
    run: Run,
    mixed_precision: Precision = "no",
) -> Any:
    """Compare the methods on one task; ``make`` returns the model of a seed, ``call`` its logits."""
    metric = METRICS.get(task, "accuracy")
    data = parts["train"]

    def loss(model: Any, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        ids, mask, labels = batch
        return torch.nn.functional.cross_entropy(call(model, ids, mask), labels)

    def one(method: Method, rate: float, seed: int) -> Trained:
        model: Any = apply(make(seed), method, head=head, seed=seed)
        model = model.to(run.device)
        train(
            run,
            model,
            data,
            loss,
            name=f"{task}/{method.name}/{rate:g}/{seed}",
            learning_rate=rate,
            updates=params.updates,
            batch_size=params.batch_size,
            order=f"order {seed}",
            mixed_precision=mixed_precision,
        )
        scores = {}
        with half(run.device, mixed_precision):
            for split in ("validation", "test"):
                found, labels = predictions(model, parts[split], call, size=64)
                right = found == labels
                scores[split] = right.mean() if metric == "accuracy" else matthews_corrcoef(labels, found)
            fitted = mean_loss(model, TensorDataset(*data[:FITTED]), loss, size=50)
        return Trained(trained_count(model, head), fitted, scores["validation"], scores["test"], right)

    return compare(run, task, methods, params.rates, params.seeds, metric, one, paper_seeds=1)
