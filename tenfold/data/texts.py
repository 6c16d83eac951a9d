"""Reading labelled texts that a data stage brought, in whichever of the published formats they came."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int

from tenfold.data.archives import gunzip
from tenfold.data.errors import TableMismatch

TREC_CLASSES = ("DESC", "ENTY", "ABBR", "HUM", "LOC", "NUM")
TITLED = ("title", "description")  # joined to one text


@dataclass(frozen=True)
class Texts:
    """Labelled texts of one split, in the published order."""

    texts: tuple[str, ...]
    labels: Int[np.ndarray, " N"]


def read_texts(folder: Path, split: str) -> Texts:
    """Return the texts of ``split`` (train, dev, test; which there are depends on the source).

    Known formats: ``*.tsv.gz`` with a header line and no quoting (columns split, label, and text or title and
    description); TREC's ``*.label`` files; AG News' ``<split>.csv`` (class from 1, title, description).

    Raises TableMismatch if ``folder`` holds none of these, or nothing of this split. Raises CorruptArchive if a
    file cannot be unpacked.
    """
    for pattern, reader in READERS.items():
        found = sorted(folder.glob(pattern))
        if found:
            rows = list(reader(found, split))
            if not rows:
                raise TableMismatch(f"{folder} has no texts of split {split!r}; name one that the source has")
            return Texts(tuple(text for _, text in rows), np.array([label for label, _ in rows], dtype=np.int64))
    raise TableMismatch(f"{folder} holds no texts in a known format ({', '.join(READERS)}). Bring the source again.")


Rows = Iterable[tuple[int, str]]


def _gzip_table(files: list[Path], split: str) -> Rows:
    lines = gunzip(files[0]).decode("utf-8").splitlines()
    columns = lines[0].split("\t")
    text_columns = ("text",) if "text" in columns else TITLED
    if not {"split", "label", *text_columns} <= set(columns):
        raise TableMismatch(f"{files[0]} has the columns {columns}, without split, label or a text")
    for line in lines[1:]:
        row = dict(zip(columns, line.split("\t"), strict=True))
        if row["split"] == split:
            yield int(row["label"]), " ".join(row[name] for name in text_columns)


def _trec(files: list[Path], split: str) -> Rows:
    wanted = {"train": "train_5500.label", "test": "TREC_10.label"}.get(split)
    for path in files:
        if path.name == wanted:
            for line in path.read_text(encoding="latin-1").splitlines():
                name, _, text = line.partition(" ")
                yield TREC_CLASSES.index(name.split(":")[0]), text


def _agnews(files: list[Path], split: str) -> Rows:
    for path in files:
        if path.stem == split:
            for label, *parts in csv.reader(io.StringIO(path.read_text(encoding="utf-8"))):
                yield int(label) - 1, " ".join(parts).replace("\\", " ")


READERS: dict[str, Callable[[list[Path], str], Rows]] = {
    "*.tsv.gz": _gzip_table,
    "*.label": _trec,
    "*.csv": _agnews,
}
