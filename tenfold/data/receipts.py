"""Scanned receipts that a data stage brought: images, the box and transcript of each line, and four fields (SROIE).

Huang et al. 2019, ICDAR 2019 Competition on Scanned Receipt OCR and Information Extraction.

Legend:  L lines of text · H, W height and width of the image as kept
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Float

from tenfold.data.archives import BROKEN
from tenfold.data.errors import CorruptArchive, TableMismatch
from tenfold.data.photographs import reduced
from tenfold.imaging.files import open_image

LABELS = "labels.jsonl"
KEPT = range(0, 600, 2)  # the receipts of the published set that the kept subset holds
LONGEST, QUALITY = 1280, 72
MARGIN_X, MARGIN_Y, MARGIN = 0.04, 0.03, 4.0  # shares of the labelled area's sides, and pixels, around it
FIELDS = ("company", "date", "address", "total")


@dataclass(frozen=True)
class Receipt:
    """One receipt: ``boxes`` (L, 4) are x0, y0, x1, y1 in pixels of the image, ``texts`` their L transcripts.

    ``encoded`` is the image's file as kept, a grey JPEG of ``width`` × ``height`` pixels. ``fields`` maps company,
    date, address and total to their texts; one that was not labelled is missing.
    """

    name: str
    width: int
    height: int
    boxes: Float[np.ndarray, "L 4"]
    texts: tuple[str, ...]
    fields: Mapping[str, str]
    encoded: bytes


def read_receipts(folder: Path) -> list[Receipt]:
    """Return the receipts of ``folder``, in the order of their names.

    Known formats: a ``*.tar`` with labels.jsonl and images/, as the mirror and the stand-in have it; the archive of
    the repository ICDAR-2019-SROIE (``*.tar.gz``), of which every second receipt of 000 to 598 is cropped to its
    labelled area, reduced and turned grey, as the mirror's were: the same boxes, texts and pixels.
    Raises TableMismatch if there is neither or a row is ill-formed, CorruptArchive if an archive cannot be read,
    InvalidImages for an image that cannot be decoded.
    """
    plain, packed = sorted(folder.glob("*.tar")), sorted(folder.glob("*.tar.gz"))
    if not plain and not packed:
        raise TableMismatch(f"{folder} holds no receipts (*.tar or *.tar.gz). Bring the source again.")
    path = (plain or packed)[0]
    try:
        rows = list(_kept(path) if plain else _published(path))
    except (KeyError, json.JSONDecodeError, UnicodeDecodeError, TypeError) as error:
        raise TableMismatch(
            f"{path} is not in the format of the receipts: {error!r}. Bring the source again."
        ) from error
    except BROKEN as error:
        raise CorruptArchive(f"{path} is not a readable archive of receipts: {error}. Bring it again.") from error
    if not rows:
        raise TableMismatch(f"{path} holds no receipts. Bring the source again.")
    return sorted(rows, key=lambda receipt: receipt.name)


def _members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        contents = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        return {name: content.read() for name, content in contents.items() if content is not None}


def _kept(path: Path) -> Iterator[Receipt]:
    members = _members(path)
    for line in members[LABELS].decode("utf-8").splitlines():
        row: dict[str, Any] = json.loads(line)
        boxes = np.array(row["boxes"], dtype=np.float64).reshape(-1, 4)
        if len(boxes) != len(row["texts"]):
            raise TypeError(f"receipt {row['id']} has {len(boxes)} boxes and {len(row['texts'])} texts")
        encoded = members[f"images/{row['file']}"]
        yield Receipt(row["id"], row["width"], row["height"], boxes, tuple(row["texts"]), row["key"], encoded)


def _published(path: Path) -> Iterator[Receipt]:
    wanted = {f"{number:03d}" for number in KEPT}
    parts: dict[str, dict[str, bytes]] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            name = PurePosixPath(member.name)
            if name.parts[1:2] == ("data",) and name.stem in wanted:
                content = archive.extractfile(member)
                if content is not None:
                    parts.setdefault(name.stem, {})[name.suffix] = content.read()
    for stem, files in parts.items():
        fields = {key: str(text) for key, text in json.loads(files[".json"]).items() if key in FIELDS}
        yield _cropped(stem, files[".jpg"], *_lines(files[".csv"].decode("utf-8", errors="replace")), fields)


def _lines(content: str) -> tuple[np.ndarray, list[str]]:
    """Return the upright boxes (L, 4) around the four corners of each line, and its text, which may hold commas."""
    boxes, texts = [], []
    for line in content.splitlines():
        if line.strip():
            *corners, text = line.split(",", 8)
            xs, ys = [int(value) for value in corners[::2]], [int(value) for value in corners[1::2]]
            boxes.append([min(xs), min(ys), max(xs), max(ys)])
            texts.append(text)
    return np.array(boxes, dtype=np.int64).reshape(-1, 4), texts


def _cropped(name: str, stored: bytes, boxes: np.ndarray, texts: list[str], fields: Mapping[str, str]) -> Receipt:
    image = open_image(stored, "L", name=name)
    (left, top), (right, bottom) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    beside, above = int(MARGIN_X * (right - left) + MARGIN), int(MARGIN_Y * (bottom - top) + MARGIN)
    corner = (max(0, int(left) - beside), max(0, int(top) - above))
    end = (min(image.width, int(right) + beside), min(image.height, int(bottom) + above))
    cut = image.crop((*corner, *end))
    seen = reduced(cut, LONGEST)
    scale = min(1.0, LONGEST / max(cut.size))
    moved = np.round((boxes - np.tile(corner, 2)) * scale, 1)
    buffer = io.BytesIO()
    seen.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return Receipt(name, seen.width, seen.height, moved, tuple(texts), fields, buffer.getvalue())
