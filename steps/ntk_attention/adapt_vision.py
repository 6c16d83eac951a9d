"""Adapt the pretrained ViTs to the classes they have not seen, by every method; or the hub's ViT to whole data sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch.utils.data import TensorDataset

from steps.ntk_attention.hub import HubRepository
from steps.ntk_attention.losses import image_loss
from steps.ntk_attention.methods import compare_methods, encoder_methods
from steps.step.arms import Comparison, SearchParams, Trained, write_arms
from steps.step.params import Count, Field, Params, Share
from steps.step.run import Run
from steps.step.training import TrainingParams, autocast, mean_loss, predict, train
from tenfold.hub.images import HubImages, Preprocessing, image_splits
from tenfold.ntk_attention.backbones import Backbone, vit_from_hub
from tenfold.ntk_attention.config import NTKAttentionConfig
from tenfold.ntk_attention.distillation import distil_prefix
from tenfold.ntk_attention.methods import Method, apply, trained_count

HEAD = "classifier"
FITTED = 1000  # images of the hub's data sets whose training loss is reported


class HubVision(Params):
    """What is adapted in place of the small ViTs: a ViT of the hub, to whole data sets.

    ``validation``: the share of the training split that chooses the rate. ``epochs`` stand for updates. ``workers``
    processes decode images.
    """

    model: HubRepository
    datasets: list[HubRepository]
    validation: Share
    epochs: Count
    workers: Annotated[int, Field(ge=0)]


class AdaptVisionParams(Params):
    """Which images and lengths of prefixes, how long, which rates, and the hub's model and data where those serve."""

    datasets: list[str]
    prefixes: list[int]
    training: TrainingParams
    search: SearchParams
    hub: HubVision | None = None


def adapt_vision(prepared: Path, pretrained: Path, *, out: Path, params: AdaptVisionParams, run: Run) -> None:
    """Adapt the pretrained ViTs to the classes they have not seen, by every method; or the hub's ViT to data sets.

    Reads   prepared/<images>.npz; pretrained/models/<images>/; nothing of them where the hub's serve
    Writes  arms.csv, search.csv, items.npz (whether each test image is right); origins.json of the hub's data
    Logs    <images>/<method>/<rate>/<seed>/loss (nats per image)
    Raises  HubDataError if a data set of the hub cannot serve
    """
    if params.hub is None:
        write_arms(out, [_small(prepared, pretrained, name, params, run) for name in params.datasets])
    else:
        write_arms(out, [_from_hub(source, params.hub, params, run) for source in params.hub.datasets])


def _small(prepared: Path, pretrained: Path, name: str, params: AdaptVisionParams, run: Run) -> Comparison:
    parts = load_images(prepared / f"{name}.npz")

    def one(method: Method, rate: float, seed: int) -> Trained:
        model = fresh(pretrained, name, seed)
        return train_images(run, model, method, parts, params.training, rate=rate, seed=seed, name=name)

    methods = encoder_methods(fresh(pretrained, name, 0).config, run, params.prefixes)
    return compare_methods(run, name, methods, params.search, one)


def _from_hub(source: HubRepository, hub: HubVision, params: AdaptVisionParams, run: Run) -> Comparison:
    """Compare the methods on one data set of the hub, whose official test split tests."""
    name, training = Path(source.id).name, params.training
    train_split, test_split, columns = image_splits(source.id, source.revision)
    classes = train_split.classes(columns.label)
    config = vit_from_hub(hub.model.id, hub.model.revision, classes).config
    preprocessing = Preprocessing.of(hub.model.id, hub.model.revision, config.image_size)
    order = run.generator(f"validation of {name}").permutation(len(train_split))
    cut = max(round(len(order) * hub.validation), 1)
    images = HubImages(train_split, columns, order[cut:], preprocessing)
    parts = {
        "fitted": images.first(FITTED),
        "validation": HubImages(train_split, columns, order[:cut], preprocessing),
        "test": HubImages(test_split, columns, range(len(test_split)), preprocessing),
    }
    updates = max(hub.epochs * len(images) // training.batch_size, 1)

    def one(method: Method, rate: float, seed: int) -> Trained:
        return train_images(
            run,
            _with_new_classifier(vit_from_hub(hub.model.id, hub.model.revision, classes), seed),
            method,
            parts | {"train": images.augmented(hub.epochs, seed)},
            training.model_copy(update={"updates": updates}),
            rate=rate,
            seed=seed,
            name=name,
            num_workers=hub.workers,
        )

    found = compare_methods(run, name, encoder_methods(config, run, params.prefixes), params.search, one)
    return replace(found, origins=[split.origin.record() for split in (train_split, test_split)])


def load_images(path: Path) -> dict[str, TensorDataset]:
    """Return the images (N, channels, H, W) and labels (N,) of the splits to adapt to."""
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


def train_images(
    run: Run,
    model: Any,
    method: Method,
    parts: Mapping[str, Any],
    training: TrainingParams,
    *,
    rate: float,
    seed: int,
    name: str,
    head: str | None = HEAD,
    **loader: Any,
) -> Trained:
    """Train one arm and score it; the training loss is of the part "fitted" where there is one."""
    text = {"pixel_values": parts["train"][:1][0]}
    model = apply(model, method, head=head, seed=seed, text=text).to(run.device)
    train(
        run,
        model,
        parts["train"],
        image_loss,
        training,
        name=f"{name}/{method.name}/{rate:g}/{seed}",
        learning_rate=rate,
        order=f"order {seed}",
        **loader,
    )
    right = {}
    with autocast(run.device, training.mixed_precision):
        parameters = trained_count(model, head)
        fitted = mean_loss(model, parts.get("fitted", parts["train"]), image_loss)
        if method.distilled:
            distil_prefix(model, NTKAttentionConfig(**method.distilled))
        for split in ("validation", "test"):
            found, labels = predict(model, parts[split], lambda called, x: called(pixel_values=x).logits)
            right[split] = found == labels
    return Trained(parameters, fitted, right["validation"].mean(), right["test"].mean(), right["test"])
