"""Split the images and bring them to the size that the tokenizer reads."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from steps.imagefolder.imagenet import NAME, write_imagenet
from steps.step.params import Count, Params
from steps.step.run import Run
from tenfold.data.images import read_images
from tenfold.imaging.resizing import fit_square


class UnknownDataset(ValueError):
    """A data set that this paper has no source of."""


class PrepareParams(Params):
    """Which data sets, images per class of each split, and the side of all images.

    A name may end in a side of its own: cifar10_64 is cifar10 at 64×64, of the same images in the same splits.
    ``folder`` holds ImageNet-1k, with train/ and val/ in class subfolders, for the data set of that name; a relative
    path starts at the root of the checkout, and it must lie outside of it.
    """

    datasets: list[str]
    side: Count
    train: Count
    validation: Count
    test: Count
    folder: str | None = None


def prepare(fashion_mnist: Path, cifar10: Path, *, out: Path, params: PrepareParams, run: Run) -> None:
    """Split the images and bring them to the size that the tokenizer reads.

    The official test split is the test; validation is cut from what is taken for training.

    Reads   the sources' files; source.json of each
    Writes  <dataset>.npz: <split>_pixels (N, size, size) or (N, size, size, 3) uint8, <split>_labels int64
            manifest.json: origin, counts and sha256 of each split, by data set
            imagenet.csv (where that is a data set): name and label of every image to train on
    Raises  TableMismatch, CorruptArchive, MissingImages, UnknownDataset
    """
    folders = {folder.name: folder for folder in (fashion_mnist, cifar10)}
    manifest: dict[str, dict[str, object]] = {}
    for dataset in params.datasets:
        if dataset == NAME:
            per_class = {name: getattr(params, name) for name in ("train", "validation", "test")}
            where = Path(params.folder or NAME).expanduser().resolve()
            manifest[NAME] = write_imagenet(where, out, run, size=params.side, per_class=per_class)
            continue
        name, size = source_and_size(dataset, params.side)
        if name not in folders:
            raise UnknownDataset(f"{dataset} is none of {', '.join([*folders, NAME])}, nor one with a side after it")
        folder = folders[name]
        train = read_images(folder, "train", per_class=params.train + params.validation)
        test = read_images(folder, "test", per_class=params.test)
        order = run.generator(f"validation of {name}").permutation(len(train.labels))
        cut = len(order) * params.train // (params.train + params.validation)
        parts = {
            "train": (train.pixels[order[:cut]], train.labels[order[:cut]]),
            "validation": (train.pixels[order[cut:]], train.labels[order[cut:]]),
            "test": (test.pixels, test.labels),
        }
        source = json.loads((folder / "source.json").read_text(encoding="utf-8"))
        record: dict[str, object] = {"origin": source["origin"], "stand_in": source["stand_in"]}
        arrays: dict[str, np.ndarray] = {}
        for part, (pixels, labels) in parts.items():
            arrays[f"{part}_pixels"], arrays[f"{part}_labels"] = fit_square(pixels, size), labels.astype(np.int64)
            digest = hashlib.sha256(arrays[f"{part}_pixels"].tobytes()).hexdigest()
            record[part] = {"count": len(labels), "sha256": digest}
        np.savez_compressed(out / f"{dataset}.npz", allow_pickle=False, **arrays)
        manifest[dataset] = record
        run.say(f"{dataset}: " + ", ".join(f"{part} {len(labels)}" for part, (_, labels) in parts.items()))
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def source_and_size(dataset: str, size: int) -> tuple[str, int]:
    """Return the source of a data set and the side of its images: the one after its name, or ``size``."""
    source, _, side = dataset.rpartition("_")
    return (source, int(side)) if source and side.isdecimal() and int(side) > 0 else (dataset, size)
