"""What the steps before left for ``evaluate``, read once, and what is computed from it more than once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from steps.imagefolder.encoding import reconstructed
from steps.imagefolder.pictures import Split, read_split
from tenfold.imagefolder.evaluation import evaluate_images, evaluate_reconstruction
from tenfold.imagefolder.metric_classifier import MetricClassifier
from tenfold.imagefolder.pipeline import ImageFolder
from tenfold.imagefolder.probes import Probe, branch_dependence, branch_features, branch_probes
from tenfold.imagefolder.tokenizer import Tokenizer

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
    tokenizers: tuple[Path, ...],
    generators: tuple[Path, ...],
    sampled: Path,
    device: str = "cpu",
) -> Inputs:
    """Return what the steps before left for one data set, its models on a device."""
    samples = arrays(sampled / "samples.npz")
    return Inputs(
        dataset,
        read_split(prepared, dataset, "train"),
        read_split(prepared, dataset, "test"),
        MetricClassifier.load(trained / "models" / f"{dataset}-metric_clf").to(device),
        {
            name: Tokenizer.load(folder / "models" / f"{dataset}-{name}").to(device)
            for name, folder in zip(VARIANTS, tokenizers, strict=True)
        },
        {
            name: ImageFolder.load(folder / "models" / f"{dataset}-{name}-0").to(device)
            for name, folder in zip(ORDERS, generators, strict=True)
        },
        {name: [samples[key] for key in sorted(samples) if key.startswith(f"{dataset}-{name}-")] for name in ORDERS},
    )


@cache
def again(one: Inputs, variant: str, resamples: int) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the errors (N,) of the test pictures that come back from a tokenizer, and figures of them as a set.

    The pictures themselves are not kept.
    """
    pixels, errors = reconstructed(one.tokenizers[variant], one.test)
    channels = one.judge.config.channels
    figures = evaluate_reconstruction(one.test.pixels, pixels, channels=channels, resamples=resamples)
    return errors, figures | evaluate_images(pixels, one.test.pixels, one.judge, resamples=resamples)


@cache
def probes_of(one: Inputs, variant: str) -> tuple[list[Probe], np.ndarray]:
    """Return each branch's probe, and what a probe of all branches loses without each."""
    features = [branch_features(one.tokenizers[variant], split.pixels) for split in (one.train, one.test)]
    labels = one.train.labels, one.test.labels
    probes = branch_probes(features[0], labels[0], features[1], labels[1])
    return probes, branch_dependence(features[0], labels[0], features[1], labels[1])


def arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an npz file by name."""
    with np.load(path) as data:
        return {name: data[name] for name in data.files}
