"""Train what stands in for Inception and DINOv2: a classifier to measure by, and a teacher without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch

from steps.imagefolder.splits import Split, dataset_names, origin, read_split
from steps.step.json_files import write_json
from steps.step.params import Count, Params
from steps.step.run import Run
from tenfold.imagefolder.teacher import (
    OracleTeacher,
    SSLTeacher,
    effective_rank,
    train_oracle_teacher,
    train_teacher,
)
from tenfold.metrics.metric_classifier import MetricClassifier, train_metric_classifier
from tenfold.metrics.probes import linear_probe
from tenfold.nn.convnet import ConvNetConfig
from tenfold.nn.seeding import seeded

METHODS = {"simclr": "SimCLR", "vicreg": "VICReg"}  # as a card names them
CLASSIFIER = """# metric_clf of {dataset}

A small convolutional classifier of {source}; accuracy {accuracy:.3f} on the test split. Its features stand in for
Inception's: what is measured in them is called fd_metric_clf and kd_metric_clf, and is no FID or KID.
"""
TEACHER = """# ssl_teacher of {dataset}

A small convolutional network trained by {method} on {source} without any label; it stands in for DINOv2. A linear probe
of its features reaches {accuracy:.3f} on the test split.
"""


class NetworksParams(Params):
    """Sizes and training of both."""

    classifier_widths: list[int]
    teacher_widths: list[int]
    features: Count
    classes: Count
    classifier_updates: Count
    teacher_updates: Count
    batch_size: Count
    classifier_learning_rate: float
    teacher_learning_rate: float
    oracle: bool  # whether to train a teacher on the labels too, for comparison
    teacher_method: Literal["simclr", "vicreg"] = "simclr"  # how ssl_teacher learns


def networks(prepared: Path, *, out: Path, params: NetworksParams, run: Run) -> None:
    """Train what stands in for Inception and DINOv2: a classifier to measure by, and a teacher without labels.

    Reads   prepared/<dataset>.npz: the train split; the test split to report accuracies alone
    Writes  models/<dataset>-metric_clf/, models/<dataset>-ssl_teacher/; networks.json: accuracies by data set,
            with that of a teacher that did see the labels (oracle_teacher, kept nowhere)
    Logs    <dataset>/metric_clf/loss, <dataset>/ssl_teacher/loss
    """
    found = {dataset: _one(prepared, dataset, params, run) for dataset in dataset_names(prepared)}
    write_json(out / "networks.json", found)


def _one(prepared: Path, dataset: str, params: NetworksParams, run: Run) -> dict[str, float]:
    train, test = read_split(prepared, dataset, "train"), read_split(prepared, dataset, "test")
    images, labels = train.images.to(run.device), torch.from_numpy(train.labels).to(run.device)

    def start(kind: Any, name: str, widths: list[int]) -> Any:
        seed = int(run.generator(f"start of {name} of {dataset}").integers(2**31))
        return seeded(kind, _config(train, widths, params), seed).to(run.device)

    classifier = start(MetricClassifier, "metric_clf", params.classifier_widths)
    losses = train_metric_classifier(
        classifier,
        images,
        labels,
        params.classifier_updates,
        run.torch_generator(f"metric_clf of {dataset}"),
        batch_size=params.batch_size,
        learning_rate=params.classifier_learning_rate,
        mirror=True,
    )
    _log(run, f"{dataset}/metric_clf", losses)
    teacher, draws = start(SSLTeacher, "ssl_teacher", params.teacher_widths), run.torch_generator(f"views of {dataset}")
    untrained = _probe(start(SSLTeacher, "ssl_teacher", params.teacher_widths), train, test)
    how: dict[str, Any] = {"batch_size": params.batch_size, "learning_rate": params.teacher_learning_rate}
    losses = train_teacher(teacher, images, params.teacher_updates, draws, method=params.teacher_method, **how)
    _log(run, f"{dataset}/ssl_teacher", losses)
    found = {
        "metric_clf_accuracy": classifier.accuracy(test.pixels, test.labels),
        "ssl_teacher_probe": _probe(teacher, train, test),
        "untrained_probe": untrained,
        "ssl_teacher_rank": effective_rank(teacher.predict(test.pixels)),
    }
    if params.oracle:
        oracle = start(OracleTeacher, "oracle_teacher", params.teacher_widths)
        draws = run.torch_generator(f"oracle_teacher of {dataset}")
        train_oracle_teacher(oracle, images, labels, params.teacher_updates, draws, **how)
        found["oracle_teacher_probe"] = _probe(oracle, train, test)
    words = {"dataset": dataset, "source": origin(prepared, dataset), "method": METHODS[params.teacher_method]}
    for name, model, card, score in (
        ("metric_clf", classifier, CLASSIFIER, found["metric_clf_accuracy"]),
        ("ssl_teacher", teacher, TEACHER, found["ssl_teacher_probe"]),
    ):
        text = card.format(accuracy=score, **words)
        run.model(f"{dataset}-{name}", model.to("cpu"), card=text, example=test.pixels[:2])
    run.say(f"{dataset}: " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()))
    return found


def _config(train: Split, widths: list[int], params: NetworksParams) -> ConvNetConfig:
    return ConvNetConfig(
        image_size=train.size,
        channels=train.channels,
        widths=tuple(widths),
        features=params.features,
        classes=params.classes,
    )


def _probe(teacher: SSLTeacher, train: Split, test: Split) -> float:
    features = (teacher.predict(split.pixels) for split in (train, test))
    return linear_probe(next(features), train.labels, next(features), test.labels).accuracy


def _log(run: Run, name: str, losses: list[float]) -> None:
    every = max(len(losses) // 20, 1)
    for update in range(every, len(losses) + 1, every):
        run.log({f"{name}/loss": losses[update - 1]}, update=update)
