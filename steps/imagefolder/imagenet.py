"""ImageNet-1k in a local folder: what ``prepare`` writes of it, and its training pictures, read as they are needed.

The folder has train/<class>/ and val/<class>/. All that downstream steps measure reads arrays of some pictures; the
tokenizers' and generators' training reads the files.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
from torch.utils.data import Dataset

from steps.step.run import Run
from tenfold.imagefolder.folders import CroppedPictures, class_folders, cropped

NAME = "imagenet"


def write_imagenet(folder: Path, out: Path, run: Run, *, size: int, per_class: dict[str, int]) -> dict[str, object]:
    """Write imagenet.npz, cut from the middle of some pictures, and imagenet.csv of all others; return the record.

    ``per_class`` are the pictures a class of each array. val/ is the test split; validation is cut from train/, and
    no training sees it. The array called train is of pictures that imagenet.csv lists, too.
    Deviation: arrays hold fewer pictures than ImageNet's splits, as many as memory can hold.
    Raises MissingPictures, InvalidImages
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
        f"{NAME}: {len(kept)} pictures to train on; arrays of "
        + ", ".join(f"{name} {len(rows)}" for name, (_, rows) in splits.items())
    )
    return record


def _listed(folder: Path, order: np.random.Generator) -> pd.DataFrame:
    """Return names and labels in random order."""
    names, labels, _ = class_folders(folder)
    return pd.DataFrame({"name": names, "label": labels}).iloc[order.permutation(len(names))]


def training_pictures(
    prepared: Path, dataset: str, *, size: int, resized: int, views: int, seed: int
) -> Dataset[object] | None:
    """Return the training pictures and labels as files to be read, or None for a data set of arrays alone."""
    record = json.loads((prepared / "manifest.json").read_text(encoding="utf-8"))[dataset]
    if "folder" not in record:
        return None
    table = pd.read_csv(prepared / f"{dataset}.csv")
    return CroppedPictures(
        Path(record["folder"]) / "train",
        table.name.tolist(),
        table.label.tolist(),
        size=size,
        resized=resized,
        views=views,
        seed=seed,
    )
