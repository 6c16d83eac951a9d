"""What the steps before left for ``evaluate``, read once, and what is computed from it more than once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from steps.imagefolder.encoding import reconstructed
from steps.imagefolder.splits import Split, read_split
from tenfold.imagefolder.branch_features import branch_features
from tenfold.imagefolder.pipeline import ImageFolder
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.metrics.image_sets import evaluate_images, evaluate_reconstruction
from tenfold.metrics.metric_classifier import MetricClassifier
from tenfold.metrics.probes import Probe, group_dependence, group_probes

VARIANTS = ("p2", "p1", "unquantised")
ORDERS = ("folded", "unfolded")


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the steps before left for one data set; two of them differ even if their contents are equal."""

    dataset: str
    train: Split
    test: Split
    judge: MetricClassifier
    tokenizers: dict[str, Tokenizer]
    models: dict[str, ImageFolder]
    samples: dict[str, list[np.ndarray]]  # of each order, a seed after the other


def read_inputs(
    dataset: str,
    prepared: Path,
    trained: Path,
    tokenizers: Mapping[str, Path],
    generators: Mapping[str, Path],
    sampled: Path,
    device: str = "cpu",
) -> Inputs:
    """Return what the steps before left for one data set, its models on a device; folders of models by variant."""
    samples = arrays(sampled / "samples.npz")
    return Inputs(
        dataset,
        read_split(prepared, dataset, "train"),
        read_split(prepared, dataset, "test"),
        MetricClassifier.load(trained / "models" / f"{dataset}-metric_clf").to(device),
        {
            name: Tokenizer.load(folder / "models" / f"{dataset}-{name}").to(device)
            for name, folder in tokenizers.items()
        },
        {
            name: ImageFolder.load(folder / "models" / f"{dataset}-{name}-0").to(device)
            for name, folder in generators.items()
        },
        {name: [samples[key] for key in sorted(samples) if key.startswith(f"{dataset}-{name}-")] for name in ORDERS},
    )


def read_rows(folders: Sequence[Path]) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Return the ablation's rows of all folders as one table, and what they were measured by, by test image."""
    table = pd.concat([pd.read_csv(folder / "rows.csv") for folder in folders])
    return table, {name: values for folder in folders for name, values in arrays(folder / "items.npz").items()}


@cache
def reconstruction_figures(one: Inputs, variant: str, resamples: int) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the errors (N,) of the test images that come back from a tokenizer, and figures of them as a set.

    The images themselves are not kept.
    """
    pixels, errors = reconstructed(one.tokenizers[variant], one.test)
    channels = one.judge.config.channels
    figures = evaluate_reconstruction(one.test.pixels, pixels, channels=channels, resamples=resamples)
    return errors, figures | evaluate_images(pixels, one.test.pixels, one.judge, resamples=resamples)


@cache
def sample_figures(one: Inputs, order: str, resamples: int) -> list[dict[str, Any]]:
    """Return the figures of the samples of each seed of an order against the test split."""
    return [evaluate_images(part, one.test.pixels, one.judge, resamples=resamples) for part in one.samples[order]]


@cache
def probes_of(one: Inputs, variant: str) -> tuple[list[Probe], np.ndarray]:
    """Return each branch's probe, and what a probe of all branches loses without each."""
    features = [branch_features(one.tokenizers[variant], split.pixels) for split in (one.train, one.test)]
    labels = one.train.labels, one.test.labels
    probes = group_probes(features[0], labels[0], features[1], labels[1])
    return probes, group_dependence(features[0], labels[0], features[1], labels[1])


def arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an npz file by name."""
    with np.load(path) as data:
        return {name: data[name] for name in data.files}
