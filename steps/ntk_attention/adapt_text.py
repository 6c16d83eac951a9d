"""Adapt the sentence encoder to text tasks, by every method; or the hub's decoder to SuperGLUE."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from sklearn.metrics import matthews_corrcoef
from torch.utils.data import TensorDataset

from steps.ntk_attention.hub import HubRepository
from steps.ntk_attention.methods import compare_methods, decoder_methods, encoder_methods
from steps.step.arms import Comparison, SearchParams, Trained, write_arms
from steps.step.params import Count, Params, Share
from steps.step.run import Run
from steps.step.training import Batch, TrainingParams, autocast, mean_loss, predict, train
from tenfold.data.text_tasks import encode
from tenfold.hub.texts import superglue_split
from tenfold.ntk_attention.backbones import decoder_classifier_from_hub, decoder_logits, encoder_with_classifier
from tenfold.ntk_attention.methods import Method, apply, trained_count

Task = Literal["sst2", "trec", "rte", "cola", "copa"]
METRICS = {"cola": "matthews"}
FITTED = 100  # training texts whose loss is reported
SPLITS = ("train", "validation", "test")


class HubTasks(Params):
    """What is adapted in place of the encoder: a decoder of the hub, to tasks of SuperGLUE.

    **Deviation:** every task is scored by accuracy, also those for which SuperGLUE has F1 beside it. ``validation``:
    the share of the training split that chooses the rate; the official validation split tests, because the labels of
    the official test split are hidden.
    """

    model: HubRepository
    dataset: HubRepository
    tasks: list[str]
    validation: Share
    max_tokens: Count


class AdaptTextParams(Params):
    """Which tasks and lengths of prefixes, how long, which rates, and the hub's model and data where those serve."""

    tasks: list[Task]
    prefixes: list[int]
    training: TrainingParams
    search: SearchParams
    hub: HubTasks | None = None


def adapt_text(prepared: Path, minilm: Path, *, out: Path, params: AdaptTextParams, run: Run) -> None:
    """Adapt the sentence encoder to text tasks, by every method; or the hub's decoder to SuperGLUE.

    Reads   prepared/<task>.npz; minilm/config.json, model.safetensors; nothing of them where the hub's serve
    Writes  arms.csv, search.csv, items.npz (whether each test text is right); origins.json of the hub's data
    Logs    <task>/<method>/<rate>/<seed>/loss (nats per text)
    Raises  HubDataError if a data set of the hub cannot serve
    """
    if params.hub is None:
        write_arms(out, [_small(prepared, minilm, task, params, run) for task in params.tasks])
    else:
        write_arms(out, [_from_hub(task, params.hub, params, run) for task in params.hub.tasks])


def _small(prepared: Path, minilm: Path, task: str, params: AdaptTextParams, run: Run) -> Comparison:
    with np.load(prepared / f"{task}.npz") as data:
        parts = {
            split: TensorDataset(*(torch.from_numpy(data[f"{split}_{kind}"]) for kind in ("ids", "mask", "labels")))
            for split in SPLITS
        }
    parts |= {split: shortest_first(parts[split]) for split in ("validation", "test")}
    classes = int(max(part.tensors[2].max() for part in parts.values())) + 1
    outputs = classes if parts["train"].tensors[0].shape[1] == 1 else 1
    methods = encoder_methods(encoder_with_classifier(minilm, outputs, 0).config, run, params.prefixes)

    def call(model: Any, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return model(input_ids=ids, attention_mask=mask)

    def make(seed: int) -> Any:
        return encoder_with_classifier(minilm, outputs, seed)

    return _compared(task, parts, methods, make, call, "classifier", params, run)


def shortest_first(data: TensorDataset) -> TensorDataset:
    """Return the texts in the order of their lengths: those predicted together then have little padding."""
    lengths = data.tensors[1].sum(dim=-1).amax(dim=-1)
    return TensorDataset(*data[lengths.argsort(stable=True)])


def _from_hub(task: str, hub: HubTasks, params: AdaptTextParams, run: Run) -> Comparison:
    from transformers import AutoTokenizer

    model, dataset = hub.model, hub.dataset
    tokenizer = AutoTokenizer.from_pretrained(model.id, revision=model.revision)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    train_split, items, classes = superglue_split(dataset.id, task, "train", dataset.revision)
    test_split, tested, _ = superglue_split(dataset.id, task, "validation", dataset.revision)
    order = run.generator(f"validation of {task}").permutation(len(train_split))
    cut = max(round(len(order) * hub.validation), 1)
    parts = {}
    for split, chosen in zip(SPLITS, (items.only(order[cut:]), items.only(order[:cut]), tested), strict=True):
        ids, mask = encode(chosen, tokenizer, hub.max_tokens, separator="\n")
        parts[split] = TensorDataset(*(torch.from_numpy(part) for part in (ids, mask, chosen.labels)))
    outputs = classes if items.choices == 1 else 1

    def make(seed: int) -> Any:
        return decoder_classifier_from_hub(model.id, model.revision, outputs, tokenizer.pad_token_id, seed)

    methods = decoder_methods(make(0).config, run, params.prefixes)
    found = _compared(task, parts, methods, make, decoder_logits, "score", params, run)
    return replace(found, origins=[split.origin.record() for split in (train_split, test_split)])


def _compared(
    task: str,
    parts: Mapping[str, TensorDataset],
    methods: Sequence[Method],
    make: Callable[[int], Any],
    call: Callable[..., torch.Tensor],
    head: str,
    params: AdaptTextParams,
    run: Run,
) -> Comparison:
    """Compare the methods on one task; ``make`` returns the model of a seed, ``call`` its logits."""
    metric = METRICS.get(task, "accuracy")
    data = parts["train"]

    def loss(model: Any, batch: Batch) -> torch.Tensor:
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
            params.training,
            name=f"{task}/{method.name}/{rate:g}/{seed}",
            learning_rate=rate,
            order=f"order {seed}",
        )
        scores = {}
        with autocast(run.device, params.training.mixed_precision):
            for split in ("validation", "test"):
                found, labels = predict(model, parts[split], call, size=64)
                right = found == labels
                scores[split] = right.mean() if metric == "accuracy" else matthews_corrcoef(labels, found)
            fitted = mean_loss(model, TensorDataset(*data[:FITTED]), loss, size=50)
        return Trained(trained_count(model, head), fitted, scores["validation"], scores["test"], right)

    return compare_methods(run, task, methods, params.search, one, metric=metric, paper_seeds=1)
