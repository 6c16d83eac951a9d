"""Labelled images that a data stage brought, in whichever of the published formats they came.

Legend:  N images · H, W height and width · the last axis of colour images holds red, green, blue
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Int, UInt8

from tenfold.data.archives import gunzip
from tenfold.data.errors import CorruptArchive, TableMismatch
from tenfold.imaging.files import open_image

Split = Literal["train", "test"]
IDX_UINT8 = 0x08
CIFAR_RECORD = 1 + 3 * 32 * 32


@dataclass(frozen=True)
class LabelledImages:
    """Images of one split with their labels; ``pixels`` is (N, H, W) or (N, H, W, 3), uint8."""

    pixels: UInt8[np.ndarray, "N H W *C"]
    labels: Int[np.ndarray, " N"]


def read_images(folder: Path, split: Split, *, per_class: int | None = None) -> LabelledImages:
    """Return the images of one official split; the first ``per_class`` of each class if that is given.

    Known formats: images.npz, gzip IDX files (the MNIST family), a parquet file of encoded images with the
    columns split, label and image, and CIFAR-10's binary archive. Raises TableMismatch if ``folder`` holds none of
    these or a class has fewer images than asked for, CorruptArchive if a file cannot be unpacked, and InvalidImages if
    an encoded image cannot be decoded.
    """
    for pattern, reader in READERS.items():
        found = sorted(folder.glob(pattern))
        if found:
            return reader(found, split, per_class)
    raise TableMismatch(f"{folder} holds no images in a known format ({', '.join(READERS)}). Bring the source again.")


def _chosen(labels: Int[np.ndarray, " N"], per_class: int | None) -> Int[np.ndarray, " n"]:
    """Return the positions of the first ``per_class`` of each class, in order."""
    if per_class is None:
        return np.arange(len(labels))
    kept = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        positions = np.flatnonzero(labels == label)[:per_class]
        if len(positions) < per_class:
            raise TableMismatch(
                f"class {label} has {len(positions)} images, and {per_class} were asked for: ask for fewer"
            )
        kept[positions] = True
    return np.flatnonzero(kept)


def _npz(files: list[Path], split: Split, per_class: int | None) -> LabelledImages:
    with np.load(files[0]) as content:
        pixels, labels = content[f"x_{split}"], content[f"y_{split}"].astype(np.int64)
    chosen = _chosen(labels, per_class)
    return LabelledImages(pixels[chosen], labels[chosen])


def _idx(files: list[Path], split: Split, per_class: int | None) -> LabelledImages:
    prefix = "train" if split == "train" else "t10k"
    arrays = {path.name: _idx_array(path) for path in files if path.name.startswith(prefix)}
    pixels = next(array for name, array in arrays.items() if "images" in name)
    labels = next(array for name, array in arrays.items() if "labels" in name).astype(np.int64)
    chosen = _chosen(labels, per_class)
    return LabelledImages(pixels[chosen], labels[chosen])


def _idx_array(path: Path) -> np.ndarray:
    content = gunzip(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != IDX_UINT8:
        raise CorruptArchive(f"{path} is no IDX file of bytes. Bring the source again.")
    rank = content[3]
    shape = np.frombuffer(content, ">u4", rank, 4)
    body = np.frombuffer(content, np.uint8, offset=4 + 4 * rank)
    if body.size != shape.prod():
        raise CorruptArchive(f"{path} announces the shape {tuple(shape)} and holds {body.size} bytes")
    return body.reshape(shape.tolist())


def _parquet(files: list[Path], split: Split, per_class: int | None) -> LabelledImages:
    import pandas as pd

    frame = pd.read_parquet(files[0], columns=["split", "label", "image"])
    frame = frame[frame.split == split]
    labels = frame.label.to_numpy(dtype=np.int64)
    chosen = _chosen(labels, per_class)
    kept = frame.image.iloc[chosen]
    images = [np.asarray(open_image(data, name=f"{files[0]}, row {row}")) for row, data in kept.items()]
    return LabelledImages(np.stack(images), labels[chosen])


def _cifar_binary(files: list[Path], split: Split, per_class: int | None) -> LabelledImages:
    wanted = "data_batch" if split == "train" else "test_batch"
    batches = {}
    try:
        with tarfile.open(files[0]) as archive:
            for member in archive:
                content = archive.extractfile(member) if wanted in member.name else None
                if content is not None:
                    batches[member.name] = content.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise CorruptArchive(f"{files[0]} is not a readable archive: {error}. Bring the source again.") from error
    records = np.frombuffer(b"".join(batches[name] for name in sorted(batches)), np.uint8).reshape(-1, CIFAR_RECORD)
    labels = records[:, 0].astype(np.int64)
    chosen = _chosen(labels, per_class)
    return LabelledImages(records[chosen, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels[chosen])


READERS: dict[str, Callable[[list[Path], Split, int | None], LabelledImages]] = {
    "images.npz": _npz,
    "*-ubyte.gz": _idx,
    "*.parquet": _parquet,
    "cifar-10-binary.tar.gz": _cifar_binary,
}
