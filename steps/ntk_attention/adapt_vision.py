"""Adapt the pretrained ViTs to the classes they have not seen, by every method; or the hub's ViT to whole data sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch.utils.data import TensorDataset

from steps.ntk_attention.arms import Trained, compare, comparison, write_arms, write_origins
from steps.ntk_attention.training import Precision, half, mean_loss, picture_loss, predictions, train
from steps.step.params import Count, Field, Params, Share
from steps.step.run import Run
from tenfold.ntk_attention.backbones import LORA_TARGETS, Backbone, vit_from_hub
from tenfold.ntk_attention.config import NTKAttentionConfig
from tenfold.ntk_attention.distillation import distil_prefix
from tenfold.ntk_attention.hub_pictures import HubPictures, Reading, picture_splits
from tenfold.ntk_attention.methods import Method, apply, trained_count

HEAD = "classifier"
FITTED = 1000  # pictures of the hub's data sets whose training loss is reported


class HubVision(Params):
    """What is adapted in place of the small ViTs: a ViT and data sets, by their ids on the hub or as folders.

    ``validation``: the share of the training split that chooses the rate. ``epochs`` stand for updates. ``workers``
    processes decode pictures. ``datasets_revision``: what it was is written beside the scores.
    """

    model: str
    revision: str | None
    datasets: list[str]
    datasets_revision: str
    validation: Share
    epochs: Count
    workers: Annotated[int, Field(ge=0)]
    mixed_precision: Precision


class AdaptVisionParams(Params):
    """Which pictures, how long, which rates by kind of method, and the hub's model and data where those serve."""

    datasets: list[str]
    updates: Count
    batch_size: Count
    prefixes: list[int]
    rates: dict[str, list[float]]
    seeds: Count
    hub: HubVision | None = None


def adapt_vision(prepared: Path, pretrained: Path, *, out: Path, params: AdaptVisionParams, run: Run) -> None:
    """Adapt the pretrained ViTs to the classes they have not seen, by every method; or the hub's ViT to data sets.

    Reads   prepared/<pictures>.npz; pretrained/models/<pictures>/; nothing of them where the hub's serve
    Writes  arms.csv, search.csv, items.npz (whether each test picture is right); origins.json of the hub's data
    Logs    <pictures>/<method>/<rate>/<seed>/loss
    Raises  HubDataError
    """
    if params.hub is None:
        write_arms(out, [_small(prepared, pretrained, name, params, run) for name in params.datasets])
        return
    found, origins = zip(*(_from_hub(source, params.hub, params, run) for source in params.hub.datasets), strict=True)
    write_arms(out, found)
    write_origins(out, [origin for both in origins for origin in both])


def _small(prepared: Path, pretrained: Path, name: str, params: AdaptVisionParams, run: Run) -> Any:
    parts = load_pictures(prepared / f"{name}.npz")

    def one(method: Method, rate: float, seed: int) -> Trained:
        return train_pictures(
            run,
            fresh(pretrained, name, seed),
            method,
            parts,
            rate=rate,
            seed=seed,
            updates=params.updates,
            batch_size=params.batch_size,
            name=name,
        )

    return _compared(name, fresh(pretrained, name, 0).config, one, params, run)


def _compared(name: str, config: Any, one: Callable[..., Trained], params: AdaptVisionParams, run: Run) -> Any:
    methods = comparison(
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        head_size=config.hidden_size // config.num_attention_heads,
        targets=LORA_TARGETS["vit"],
        prefixes=params.prefixes,
        lora_outputs=2 * config.hidden_size,
        run=run,
    )
    return compare(run, name, methods, params.rates, params.seeds, "accuracy", one)


def _from_hub(source: str, hub: HubVision, params: AdaptVisionParams, run: Run) -> Any:
    """Return what ``compare`` does, and where both splits came from; the official test split tests."""
    name = Path(source).name
    train_split, test_split, columns = picture_splits(source, hub.datasets_revision)
    classes = train_split.classes(columns.label)
    config = vit_from_hub(hub.model, hub.revision, classes).config
    reading = Reading.of(hub.model, hub.revision, config.image_size)
    order = run.generator(f"validation of {name}").permutation(len(train_split))
    cut = max(round(len(order) * hub.validation), 1)
    pictures = HubPictures(train_split, columns, order[cut:], reading)
    parts = {
        "fitted": pictures.first(FITTED),
        "validation": HubPictures(train_split, columns, order[:cut], reading),
        "test": HubPictures(test_split, columns, range(len(test_split)), reading),
    }
    updates = max(hub.epochs * len(pictures) // params.batch_size, 1)

    def one(method: Method, rate: float, seed: int) -> Trained:
        model = _with_new_classifier(vit_from_hub(hub.model, hub.revision, classes), seed)
        return train_pictures(
            run,
            model,
            method,
            parts | {"train": pictures.seen_again(hub.epochs, seed)},
            rate=rate,
            seed=seed,
            updates=updates,
            batch_size=params.batch_size,
            name=name,
            mixed_precision=hub.mixed_precision,
            num_workers=hub.workers,
        )

    origins = [split.origin.record() for split in (train_split, test_split)]
    return _compared(name, config, one, params, run), origins


def load_pictures(path: Path) -> dict[str, TensorDataset]:
    with np.load(path) as data:
        return {
            split: TensorDataset(torch.from_numpy(data[f"{split}_x"]), torch.from_numpy(data[f"{split}_y"]))
            for split in ("train", "validation", "test")
        }


def fresh(pretrained: Path, name: str, seed: int) -> Any:
    """Return our pretrained model with a new classifier, the same for every method of a seed."""
    return _with_new_classifier(Backbone.load(pretrained / "models" / name).model, seed)


def _with_new_classifier(model: Any, seed: int) -> Any:
    torch.manual_seed(seed)
    model.classifier.reset_parameters()
    return model


def train_pictures(
    run: Run,
    model: Any,
    method: Method,
    parts: Mapping[str, Any],
    *,
    rate: float,
    seed: int,
    updates: int,
    batch_size: int,
    name: str,
    head: str | None = HEAD,
    mixed_precision: Precision = "no",
    **loader: Any,
) -> Trained:
    """Train one arm and score it. The training loss is of the part "fitted" where there is one."""
    text = {"pixel_values": parts["train"][:1][0]}
    model = apply(model, method, head=head, seed=seed, text=text).to(run.device)
    train(
        run,
        model,
        parts["train"],
        picture_loss,
        name=f"{name}/{method.name}/{rate:g}/{seed}",
        learning_rate=rate,
        updates=updates,
        batch_size=batch_size,
        order=f"order {seed}",
        mixed_precision=mixed_precision,
        **loader,
    )
    right = {}
    with half(run.device, mixed_precision):
        parameters = trained_count(model, head)
        fitted = mean_loss(model, parts.get("fitted", parts["train"]), picture_loss)
        if method.distilled:
            distil_prefix(model, NTKAttentionConfig(**method.distilled))
        for split in ("validation", "test"):
            found, labels = predictions(model, parts[split], lambda called, x: called(pixel_values=x).logits)
            right[split] = found == labels
    return Trained(parameters, fitted, right["validation"].mean(), right["test"].mean(), right["test"])
