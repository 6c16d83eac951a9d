"""ImageNet-1k in a local folder: what ``prepare`` writes of it, and its training images, read as they are needed.

The folder has train/<class>/ and val/<class>/. All that downstream steps measure reads arrays of some images; the
tokenizers' and generators' training reads the files.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd

from steps.step.json_files import read_json
from steps.step.params import Count, Field, Params
from steps.step.run import Run
from tenfold.imaging.errors import MissingImages
from tenfold.imaging.folders import CroppedImages, class_folders, cropped

NAME = "imagenet"


def write_imagenet(folder: Path, out: Path, run: Run, *, size: int, per_class: dict[str, int]) -> dict[str, object]:
    """Write imagenet.npz, cut from the middle of some images, and imagenet.csv of all others; return the record.

    ``per_class`` are the images per class of each array. val/ is the test split; validation is cut from train/, and
    no training sees it. The array called train is of images that imagenet.csv lists, too.
    Deviation: arrays hold fewer images than ImageNet's splits, as many as memory can hold.
    Raises MissingImages, InvalidImages
    """
    order = run.generator(f"validation of {NAME}")
    train, test = (_listed(folder / part, order) for part in ("train", "val"))
    rank = train.groupby("label").cumcount()
    held_out, kept = train[rank < per_class["validation"]], train[rank >= per_class["validation"]]
    splits = {
        "train": (folder / "train", kept[kept.groupby("label").cumcount() < per_class["train"]]),
        "validation": (folder / "train", held_out),
        "test": (folder / "val", test[test.groupby("label").cumcount() < per_class["test"]]),
    }
    kept.sort_values("name").to_csv(out / f"{NAME}.csv", index=False)
    record: dict[str, object] = {"origin": "ImageNet-1k, a local folder", "stand_in": False, "folder": str(folder)}
    arrays: dict[str, np.ndarray] = {}
    for name, (where, rows) in splits.items():
        pixels = np.stack([cropped(where / row, size) for row in rows.name])
        arrays |= {f"{name}_pixels": pixels, f"{name}_labels": rows.label.to_numpy(np.int64)}
        record[name] = {"count": len(rows), "sha256": hashlib.sha256(pixels.tobytes()).hexdigest()}
    np.savez_compressed(out / f"{NAME}.npz", allow_pickle=False, **arrays)
    run.say(
        f"{NAME}: {len(kept)} images to train on; arrays of "
        + ", ".join(f"{name} {len(rows)}" for name, (_, rows) in splits.items())
    )
    return record


def _listed(folder: Path, order: np.random.Generator) -> pd.DataFrame:
    """Return names and labels in random order."""
    try:
        names, labels, _ = class_folders(folder)
    except MissingImages as error:
        raise MissingImages(
            f"{error}; ImageNet-1k (ILSVRC/imagenet-1k, which wants an account that accepted its terms) is unpacked "
            f"into train/<class>/ and val/<class>/ of one folder"
        ) from None
    return pd.DataFrame({"name": names, "label": labels}).iloc[order.permutation(len(names))]


class ImageFileParams(Params):
    """How images that are read from files are cropped for training; images in arrays are seen as they are."""

    resized: Count | None = None  # the shorter side before a crop is taken; None: the crop's own
    views: Count = 1  # random crops of each image
    workers: Annotated[int, Field(ge=0)] = 0  # processes that read


def training_images(prepared: Path, dataset: str, size: int, params: ImageFileParams, run: Run) -> CroppedImages | None:
    """Return the training images and labels as files to be read, or None for a data set of arrays alone.

    Deviation: the paper draws every crop anew; here an image comes back as one of its ``views``.
    """
    record = read_json(prepared / "manifest.json")[dataset]
    if "folder" not in record:
        return None
    table = pd.read_csv(prepared / f"{dataset}.csv")
    return CroppedImages(
        Path(record["folder"]) / "train",
        table.name.tolist(),
        table.label.tolist(),
        size=size,
        resized=params.resized or size,
        views=params.views,
        seed=int(run.generator(f"views of {dataset}").integers(2**31)),
    )
