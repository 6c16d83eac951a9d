"""Receipts: the stand-in, the mirror and the published repository read alike; what is none is named."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tenfold.data.errors import CorruptArchive, TableMismatch
from tenfold.data.made_up_files import made_up_files
from tenfold.data.receipts import LONGEST, read_receipts
from tenfold.data.registry import StandIn


def archive(path: Path, members: dict[str, bytes], mode: str = "w") -> None:
    with tarfile.open(path, mode) as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def ink(pixels: np.ndarray, box: np.ndarray) -> float:
    x0, y0, x1, y1 = box.round().astype(int)
    return float((pixels[y0:y1, x0:x1] < 128).mean())


def test_made_up_receipts_have_ink_in_every_box_and_each_field_among_the_texts(tmp_path):
    for name, content in made_up_files(StandIn(maker="receipts", rows=4, seed=2))[1].items():
        (tmp_path / name).write_bytes(content)
    receipts = read_receipts(tmp_path)
    assert [receipt.name for receipt in receipts] == ["000", "001", "002", "003"]
    for receipt in receipts:
        pixels = np.asarray(Image.open(io.BytesIO(receipt.encoded)))
        assert pixels.shape == (receipt.height, receipt.width)
        assert len(receipt.boxes) == len(receipt.texts) >= 8
        assert all(ink(pixels, box) > 0.1 for box in receipt.boxes)
        assert set(receipt.fields.values()) <= set(receipt.texts)


def published(image: Image.Image, lines: str) -> dict[str, bytes]:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    fields = {"company": "SHOP", "total": "9.00"}
    return {
        "repo-1/data/img/004.jpg": buffer.getvalue(),
        "repo-1/data/box/004.csv": lines.encode(),
        "repo-1/data/key/004.json": json.dumps(fields).encode(),
        "repo-1/data/img/005.jpg": b"not one of the kept",
        "repo-1/README.md": b"read me",
    }


def test_the_published_repository_is_cropped_to_its_labelled_area_and_reduced(tmp_path):
    image = Image.new("RGB", (1000, 3000), "white")
    image.paste((0, 0, 0), (200, 500, 400, 560))
    image.paste((0, 0, 0), (300, 2400, 500, 2500))
    lines = "200,500,400,500,400,560,200,560,SHOP, LTD\r\n300,2400,500,2400,500,2500,300,2500,9.00\r\n\r\n"
    archive(tmp_path / "repository.tar.gz", published(image, lines), "w:gz")
    (receipt,) = read_receipts(tmp_path)
    assert receipt.name == "004" and receipt.texts == ("SHOP, LTD", "9.00")
    assert receipt.fields == {"company": "SHOP", "total": "9.00"} and receipt.height == LONGEST
    scale = LONGEST / (2000 + 2 * 64)  # 3 % of 2,000 and 4 pixels above and below
    assert (
        receipt.boxes.tolist() == np.round(np.array([[16, 64, 216, 124], [116, 1964, 316, 2064]]) * scale, 1).tolist()
    )
    pixels = np.asarray(Image.open(io.BytesIO(receipt.encoded)))
    assert pixels.ndim == 2 and all(ink(pixels, box) > 0.95 for box in receipt.boxes)


@pytest.mark.parametrize(
    ("members", "error", "words"),
    [
        ({"other.txt": b""}, TableMismatch, "labels.jsonl"),
        ({"labels.jsonl": b"{"}, TableMismatch, "not in the format"),
        ({"labels.jsonl": b""}, TableMismatch, "holds no receipts"),
        (
            {"labels.jsonl": b'{"id": "0", "file": "0.jpg", "boxes": [[1, 2, 3, 4]], "texts": []}'},
            TableMismatch,
            "0 texts",
        ),
    ],
)
def test_an_ill_formed_set_is_named(tmp_path, members, error, words):
    archive(tmp_path / "receipts.tar", members)
    with pytest.raises(error, match=words):
        read_receipts(tmp_path)


def test_no_archive_and_a_broken_one_are_named(tmp_path):
    with pytest.raises(TableMismatch, match=r"holds no receipts \(\*\.tar"):
        read_receipts(tmp_path)
    (tmp_path / "receipts.tar").write_bytes(b"nothing that is a tar")
    with pytest.raises(CorruptArchive, match="not a readable archive"):
        read_receipts(tmp_path)


@pytest.mark.skipif("TENFOLD_MIRROR" not in os.environ, reason="there is no mirror folder")
def test_the_mirror_holds_300_receipts_with_16345_lines():
    receipts = read_receipts(Path(os.environ["TENFOLD_MIRROR"]) / "sroie")
    assert len(receipts) == 300 and sum(len(receipt.texts) for receipt in receipts) == 16345
    assert all((receipt.boxes[:, 2:] <= [receipt.width, receipt.height]).all() for receipt in receipts)
