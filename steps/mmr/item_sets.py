"""The sets of items of the paper: the official annotations, rendered pages, and receipts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from steps.step.json_files import read_json, write_json
from tenfold.mmr.items import Item, ItemSet, read_items, write_items
from tenfold.mmr.tasks import PER_TASK, TASKS

SetName = Literal["official", "rendered", "receipts"]
SETS: tuple[SetName, ...] = get_args(SetName)
OFFICIAL, RENDERED, RECEIPTS = SETS
UNUSED = "ConstantBox of the unused rows"  # a model that is fitted to the official rows that do not count
ABOUT = "about.json"
FIT = "fit"  # a folder of items, without images, that no score rests on: what is fitted on items is fitted on them


@dataclass(frozen=True)
class Source:
    """A set of items, all rows of it, with what is known of where it came from.

    ``items`` are the rows that count: of the official annotations the first 50 per task, of others all. ``fit`` are
    items of the same making about other images, None where there are none.
    """

    every: ItemSet
    about: Mapping[str, Any]
    fit: ItemSet | None = None

    @property
    def items(self) -> ItemSet:
        return self.every.first_of_each_task(PER_TASK) if self.every.name == OFFICIAL else self.every

    @property
    def unused(self) -> ItemSet:
        """The rows that do not count."""
        kept = {item.key for item in self.items.rows}
        return self.every.only(np.array([item.key not in kept for item in self.every.rows], dtype=bool))

    @property
    def stand_in(self) -> bool:
        """Whether the items are made up in place of real ones."""
        return bool(self.about["stand_in"])

    @property
    def has_images(self) -> bool:
        """Whether each item that counts has its image."""
        return all(item.file for item in self.items.rows)


def read_sets(official: Path, rendered: Path, receipts: Path) -> dict[str, Source]:
    """Return the sets of items by name. Raises NoItems and InvalidItem."""
    folders = dict(zip(SETS, (official, rendered, receipts), strict=True))
    return {
        name: Source(read_items(path, name=name), read_json(path / ABOUT), _fit(path, name))
        for name, path in folders.items()
    }


def write_fit(out: Path, items: Sequence[Item]) -> None:
    """Write items to fit on beside those that count, without images."""
    (out / FIT).mkdir()
    write_items([replace(item, file="") for item in items], out / FIT)


def _fit(folder: Path, name: str) -> ItemSet | None:
    return read_items(folder / FIT, name=f"{name}, to fit on") if (folder / FIT).is_dir() else None


def write_about(out: Path, items: ItemSet, **about: Any) -> None:
    """Write what is known of a set of items beside it: rows and images per task, and ``about``."""
    counts = {task: int((items.tasks == task).sum()) for task in TASKS}
    images = len(set(items.images.tolist()))
    write_json(out / ABOUT, {"rows": len(items), "images": images, "tasks": counts, "points": items.points, **about})


def origin_of(source: Path) -> dict[str, Any]:
    """Return where a source came from: ``origin``, ``stand_in``, ``detail``."""
    record = read_json(source / "source.json")
    return {name: record[name] for name in ("origin", "stand_in", "detail")}
