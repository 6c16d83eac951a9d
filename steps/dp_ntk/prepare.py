"""Bring every data set to unit rows of public features, with named splits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Float

from steps.dp_ntk.public_ranges import BREAST_CANCER
from steps.step.json_files import read_json, write_json
from steps.step.params import Count, Field, Params
from steps.step.run import Run
from tenfold.data.images import LabelledImages, read_images
from tenfold.data.tables import numeric_matrix, read_table
from tenfold.data.texts import read_texts
from tenfold.dp_ntk.extractors import PretrainedResNet, random_convolution
from tenfold.dp_ntk.validation import unit_rows
from tenfold.text.encoder import load_encoder

TEST_SHARE = 0.22  # of tables without an official split


class PrepareParams(Params):
    """Sizes by data set, and which public extractor reads the images."""

    extractor: Literal["random_convolution", "resnet"]
    hub_model: str
    hub_revision: str | None
    filters: Count
    two_classes: Annotated[list[int], Field(min_length=2, max_length=2)]
    two_class_train: Count  # per class
    two_class_test: Count
    ten_class_train: Count
    ten_class_test: Count
    text_train: Count
    text_test: Count


Split = tuple[Float[np.ndarray, "n d"], np.ndarray, Float[np.ndarray, "q d"], np.ndarray]


def prepare(
    digits: Path,
    breast_cancer: Path,
    cifar10: Path,
    fashion_mnist: Path,
    trec: Path,
    minilm: Path,
    *,
    out: Path,
    params: PrepareParams,
    run: Run,
) -> None:
    """Bring images, texts and tables to unit rows of public features.

    Official test splits are kept apart; tables without one are split once, by a public generator. No feature is
    fitted to the data: extractors are random or pretrained elsewhere, and every record is scaled by itself.

    Reads   the sources' files; source.json of each
    Writes  <name>.npz: x_train (n, d), x_test (q, d) float32, y_train, y_test int64; meta.json
    Raises  ZeroRow, NonFiniteRow, TableMismatch, EncoderMismatch
    """
    extract = _extractor(params, run)
    meta: dict[str, dict[str, Any]] = {}

    def save(name: str, source: Path, split: Split, features: str) -> None:
        x_train, y_train, x_test, y_test = split
        np.savez(
            out / f"{name}.npz",
            x_train=x_train.astype(np.float32),
            x_test=x_test.astype(np.float32),
            y_train=y_train.astype(np.int64),
            y_test=y_test.astype(np.int64),
            allow_pickle=False,
        )
        record = read_json(source / "source.json")
        meta[name] = {
            "n": len(x_train),
            "test": len(x_test),
            "d": x_train.shape[1],
            "classes": int(y_train.max()) + 1,
            "features": features,
            "origin": record["origin"],
            "stand_in": record["stand_in"],
        }
        run.say(f"{name}: {len(x_train)} × {x_train.shape[1]}, {features} ({record['origin']})")

    words = f"{params.extractor}, public"
    save("cifar_two", cifar10, _images(cifar10, params, extract, params.two_classes), words)
    save("cifar_ten", cifar10, _images(cifar10, params, extract, None), words)
    save("fashion_mnist", fashion_mnist, _fashion(fashion_mnist, params, run), "random convolution, public")
    for table, words in ((digits, "pixels"), (breast_cancer, "measurements on public scales")):
        save(table.name, table, _table(table, run), words)
    save("trec", trec, _texts(trec, minilm, params), load_encoder(minilm).name)
    write_json(out / "meta.json", meta)


def _extractor(params: PrepareParams, run: Run) -> Any:
    if params.extractor == "resnet":
        network = PretrainedResNet(params.hub_model, revision=params.hub_revision, device=run.device)
        return network.transform
    return lambda pixels: random_convolution(pixels, params.filters, run.generator("filters"))


def _images(folder: Path, params: PrepareParams, extract: Any, classes: list[int] | None) -> Split:
    two = classes is not None
    train = read_images(folder, "train", per_class=params.two_class_train if two else params.ten_class_train)
    test = read_images(folder, "test", per_class=params.two_class_test if two else params.ten_class_test)
    if classes is not None:
        train, test = (_only(part, classes) for part in (train, test))
    return extract(train.pixels), train.labels, extract(test.pixels), test.labels


def _only(images: LabelledImages, classes: list[int]) -> LabelledImages:
    """Keep two classes and number them 0 and 1."""
    kept = np.isin(images.labels, classes)
    return LabelledImages(images.pixels[kept], (images.labels[kept] == classes[1]).astype(np.int64))


def _fashion(folder: Path, params: PrepareParams, run: Run) -> Split:
    train = read_images(folder, "train", per_class=params.ten_class_train)
    test = read_images(folder, "test", per_class=params.ten_class_test)
    filters = max(params.filters // 2, 1)
    x_train, x_test = (
        random_convolution(part.pixels, filters, run.generator("filters of Fashion-MNIST")) for part in (train, test)
    )
    return x_train, train.labels, x_test, test.labels


def _table(folder: Path, run: Run) -> Split:
    """Digits are grey levels as they are; measurements go to [−1, 1] by the ranges that their documentation prints."""
    from sklearn.model_selection import train_test_split

    frame = read_table(folder)
    numbers = numeric_matrix(frame, exclude=["target"])
    if folder.name == "breast_cancer":
        names = [name for name in frame.columns if name != "target"]
        low, high = np.array([BREAST_CANCER[name] for name in names]).T
        numbers = 2 * (numbers - low) / (high - low) - 1
    labels = frame.target.cat.codes.to_numpy(dtype=np.int64)
    seed = int(run.generator(f"split of {folder.name}").integers(2**31))
    parts = train_test_split(unit_rows(numbers), labels, test_size=TEST_SHARE, random_state=seed, stratify=labels)
    x_train, x_test, y_train, y_test = parts
    return x_train, y_train, x_test, y_test


def _texts(folder: Path, encoder_folder: Path, params: PrepareParams) -> Split:
    encoder = load_encoder(encoder_folder)
    train, test = read_texts(folder, "train"), read_texts(folder, "test")
    x_train = encoder.encode(train.texts[: params.text_train]).astype(np.float64)
    x_test = encoder.encode(test.texts[: params.text_test]).astype(np.float64)
    return unit_rows(x_train), train.labels[: params.text_train], unit_rows(x_test), test.labels[: params.text_test]
