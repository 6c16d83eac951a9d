"""Images in each published format, from small files of the same make."""

import gzip
import io
import struct
import tarfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tenfold.data.errors import CorruptArchive, TableMismatch
from tenfold.data.images import read_images

GENERATOR = np.random.default_rng(0)


def idx(array):
    return gzip.compress(struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes())


def test_idx_files(tmp_path):
    pixels, labels = GENERATOR.integers(0, 256, (6, 5, 4), dtype=np.uint8), np.array([0, 1, 0, 1, 1, 0], np.uint8)
    for name, array in {
        "train-images-idx3": pixels,
        "train-labels-idx1": labels,
        "t10k-images-idx3": pixels[:2],
        "t10k-labels-idx1": labels[:2],
    }.items():
        (tmp_path / f"{name}-ubyte.gz").write_bytes(idx(array))
    train = read_images(tmp_path, "train")
    assert np.array_equal(train.pixels, pixels) and np.array_equal(train.labels, labels)
    assert len(read_images(tmp_path, "test").labels) == 2
    first = read_images(tmp_path, "train", per_class=2)
    assert np.array_equal(first.pixels, pixels[[0, 1, 2, 3]])
    with pytest.raises(TableMismatch, match=r"class 0 has 3 images, and 4 were asked for"):
        read_images(tmp_path, "train", per_class=4)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"not idx"))
    with pytest.raises(CorruptArchive, match="no IDX file"):
        read_images(tmp_path, "train")


def test_a_parquet_file_of_encoded_images(tmp_path):
    def encoded(value):
        buffer = io.BytesIO()
        Image.fromarray(np.full((4, 4, 3), value, np.uint8)).save(buffer, "PNG")
        return buffer.getvalue()

    frame = pd.DataFrame(
        {"split": ["train", "test", "train"], "label": [3, 1, 2], "image": [encoded(9), encoded(8), encoded(7)]}
    )
    frame.to_parquet(tmp_path / "images.parquet")
    train, test = read_images(tmp_path, "train"), read_images(tmp_path, "test")
    assert train.pixels[:, 0, 0, 0].tolist() == [9, 7] and train.labels.tolist() == [3, 2]
    assert test.pixels[:, 0, 0, 0].tolist() == [8] and test.labels.tolist() == [1]


def test_cifars_binary_archive(tmp_path):
    pixels = GENERATOR.integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    records = [bytes([label]) + image.transpose(2, 0, 1).tobytes() for label, image in enumerate(pixels)]
    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for name, content in {"data_batch_2": records[1], "data_batch_1": records[0], "test_batch": records[2]}.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    train, test = read_images(tmp_path, "train"), read_images(tmp_path, "test")
    assert np.array_equal(train.pixels, pixels[:2]) and train.labels.tolist() == [0, 1]
    assert np.array_equal(test.pixels, pixels[2:]) and test.labels.tolist() == [2]


def test_an_unknown_folder_is_refused(tmp_path):
    with pytest.raises(TableMismatch, match="no images in a known format"):
        read_images(tmp_path, "train")
