"""Data sets of the hub, or folders in the hub's format: one split, checked, and the commit that it came from.

The library ``datasets`` reads the tables that a repository holds; no code of a repository is ever run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from tenfold.hub.errors import (
    EmptySplit,
    HubDataUnavailable,
    LabelOutOfRange,
    MissingColumn,
    UnknownConfiguration,
    UnknownSplit,
)

EMPTY = "has no rows; name another split or revision, or fill the folder"
EXPORTED = "refs/convert/parquet"  # the hub's own export: one folder per configuration, no README


@dataclass(frozen=True)
class Origin:
    """Where a split came from.

    ``commit`` is what ``revision`` meant in the repository when the split was loaded; for a folder it is the digest.
    """

    source: str
    configuration: str | None
    split: str
    revision: str
    commit: str
    rows: int

    def record(self) -> dict[str, Any]:
        """Return the origin as JSON keeps it."""
        return asdict(self)


@dataclass(frozen=True)
class Split:
    """One split: ``rows`` is a ``datasets.Dataset``, read from disk as it is asked for."""

    rows: Any
    origin: Origin

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> list[Any]:
        """Return one column as a list."""
        return self.rows[name][:]

    def labels(self, name: str) -> Int[np.ndarray, " N"]:
        """Return a column of class numbers.

        Raises LabelOutOfRange if a value is no whole number, is below 0, or is beyond the classes that have names.
        """
        kept = self.column(name)
        strange = [row for row, value in enumerate(kept) if not isinstance(value, int)]
        if strange:
            raise LabelOutOfRange(
                f"{self}: {name} is {kept[strange[0]]!r} in row {strange[0]}, no class number; name the column that "
                f"holds the class numbers, or repair the table"
            )
        found = np.array(kept, dtype=np.int64)
        classes = self.classes(name)
        wrong = np.flatnonzero((found < 0) | (found >= classes))
        if len(wrong):
            raise LabelOutOfRange(
                f"{self}: {name} is {found[wrong[0]]} in row {wrong[0]}, of 0 … {classes - 1}; {len(wrong)} rows are "
                f"out of range. Take a split whose labels are public, or repair the table"
            )
        return found

    def classes(self, name: str) -> int:
        """Return how many classes the column has by its names; without names, by its largest number."""
        known = getattr(self.rows.features[name], "num_classes", None)
        return int(known) if known else max(self.column(name)) + 1

    def __str__(self) -> str:
        origin = self.origin
        return f"{origin.source}{f' ({origin.configuration})' if origin.configuration else ''}, {origin.split}"


def load_split(
    source: str, split: str, *, columns: Sequence[str], configuration: str | None = None, revision: str = "main"
) -> Split:
    """Return one split of a data set of the hub, by its id, or of a folder that holds such a repository.

    Raises HubDataUnavailable if the data set cannot be had, or only by running the repository's code;
    UnknownConfiguration, UnknownSplit, MissingColumn or EmptySplit if the data set lacks what was asked for.
    """
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise HubDataUnavailable(
            f"{source} is read by the library datasets; pip install -c constraints.txt '.[hub]'"
        ) from error
    commit = resolve_commit(source, revision)
    where = {"data_dir": configuration} if revision == EXPORTED and configuration else {"name": configuration}
    options: dict[str, Any] = {"revision": commit}
    if Path(source).is_dir():  # the library's cache tells folders apart by their last name alone
        options = {"cache_dir": str(Path(datasets.config.HF_DATASETS_CACHE) / "folders" / commit.partition(":")[2])}
    shown = f"{source}{f' ({configuration})' if configuration else ''}"
    try:
        rows = datasets.load_dataset(source, split=split, **where, **options)
    except (ValueError, RuntimeError, OSError, datasets.exceptions.DatasetsError) as error:
        raise _named(shown, split, error) from error
    missing = [name for name in columns if name not in rows.column_names]
    if missing:
        raise MissingColumn(
            f"{shown}, {split} has the columns {', '.join(rows.column_names)}, without {', '.join(missing)}; name a "
            f"data set of the expected form, or another revision of it"
        )
    if not len(rows):
        raise EmptySplit(f"{shown}, {split} {EMPTY}")
    return Split(rows, Origin(source, configuration, split, revision, commit, len(rows)))


def _named(shown: str, split: str, error: Exception) -> Exception:
    """Return the named error for what the library ``datasets`` raised."""
    text = str(error)
    if "BuilderConfig" in text or "Config name is missing" in text:
        return UnknownConfiguration(f"{shown}: {text}")
    if "Unknown split" in text or "Bad split" in text:
        return UnknownSplit(f"{shown} has no split {split!r}: {text}")
    if "corresponds to no data" in text:
        return EmptySplit(f"{shown}, {split} {EMPTY}")
    if "scripts are no longer supported" in text:
        return HubDataUnavailable(
            f"{shown} is read by code of its own, which is never run; set its revision to {EXPORTED}, where the hub "
            f"keeps the same rows as tables"
        )
    return HubDataUnavailable(
        f"{shown}, {split} cannot be loaded ({type(error).__name__}: {text}); look at its name, revision and the "
        f"network, or give the folder of a copy"
    )


@cache
def resolve_commit(source: str, revision: str) -> str:
    """Return the commit that ``revision`` is now; for a folder, "sha256:" and the digest of its files.

    Raises HubDataUnavailable if the hub cannot tell.
    """
    folder = Path(source)
    if folder.is_dir():
        total = hashlib.sha256()
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            total.update(f"{digest}  {path.relative_to(folder).as_posix()}\n".encode())
        return f"sha256:{total.hexdigest()}"
    from httpx2 import HTTPError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        commit = HfApi().dataset_info(source, revision=revision).sha
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, HTTPError, OSError) as error:
        raise HubDataUnavailable(
            f"{source} at {revision} is neither a folder nor to be had from the hub ({type(error).__name__}: "
            f"{error}); look at the name and the network, or give the folder of a copy"
        ) from error
    assert commit, "the hub names a commit"
    return commit
