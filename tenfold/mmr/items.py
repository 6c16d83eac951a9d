"""Items of the benchmark: a question about an image, with its answer in the form of the official annotations.

A set of items is a folder: ``items.jsonl``, and the images that it names in ``images/``.

answer of a recognition task   the text
answer of a choice task        "1" to "4", the number of the option among the four numbered lines of the question
answer of grounding_o          "[x0, y0, x1, y1]", shares of the image's sides
answer of grounding_t          '["text", [x0, y0, x1, y1]]'
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np

from tenfold.arguments import whole
from tenfold.mmr.errors import InvalidItem, MissingImage, NoItems
from tenfold.mmr.item_checks import EXAMPLE, check_file, check_item, checked_fields
from tenfold.mmr.tasks import PER_TASK, TASKS, Task, points_of

ITEMS, IMAGES = "items.jsonl", "images"


@dataclass(frozen=True)
class Item:
    """One item. ``image`` names its image and is the unit of resampling, since several items may be about one image.

    ``file`` is the image's file below ``images/``, empty where there is none, ``width`` and ``height`` its size in
    pixels, 0 where it is not known. ``also`` holds further references, of which the best one counts where a scorer
    takes several; ``band`` and ``layout`` say which part of a set an item belongs to.
    Raises InvalidItem for an unknown task, an empty key or image, a field of another type, a size below 0, or a file
    that does not lie below ``images/``: one that is absolute, or holds "..".
    """

    key: str
    image: str
    task: Task
    question: str
    answer: str
    also: tuple[str, ...] = ()
    file: str = ""
    width: int = 0
    height: int = 0
    url: str = ""
    band: str = ""
    layout: str = ""

    def __post_init__(self) -> None:
        for name in ("key", "image", "question", "answer", "file", "url", "band", "layout"):
            if not isinstance(getattr(self, name), str):
                raise InvalidItem(f"{self.key}: {name} = {getattr(self, name)!r} must be a text")
        if not self.key or not self.image:
            raise InvalidItem(f"an item has a key and the name of its image, not {self.key!r} and {self.image!r}")
        if self.task not in TASKS:
            raise InvalidItem(f"{self.key}: no task is called {self.task!r}; there are {', '.join(TASKS)}")
        if not isinstance(self.also, tuple) or not all(isinstance(one, str) for one in self.also):
            raise InvalidItem(f"{self.key}: also = {self.also!r} must be a list of texts")
        for name in ("width", "height"):
            number = whole(getattr(self, name), f"{self.key}: {name}", least=0, error=InvalidItem)
            object.__setattr__(self, name, number)  # a NumPy number is none that JSON can hold
        if _leads_out(self.file):
            raise InvalidItem(f"{self.key}: file = {self.file!r} must name a file below {IMAGES}/, without '..'")

    @property
    def points(self) -> int:
        """How many points the item can have."""
        return points_of(self.task)


@dataclass(frozen=True)
class ItemSet:
    """Items in order, of one ``name`` such as "official", "rendered" or "receipts"; ``folder`` holds ``images/``.

    Raises InvalidItem if two items have one key.
    """

    name: str
    rows: tuple[Item, ...]
    folder: Path | None = None

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for item in self.rows:
            if item.key in seen:
                raise InvalidItem(f"{self.name}: two items have the key {item.key!r}")
            seen.add(item.key)

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def tasks(self) -> np.ndarray:
        """The task of each item, as text (N,)."""
        return np.array([item.task for item in self.rows], dtype=str)

    @cached_property
    def images(self) -> np.ndarray:
        """The name of each item's image, as text (N,): the clusters of intervals."""
        return np.array([item.image for item in self.rows], dtype=str)

    @property
    def points(self) -> int:
        """The most points that a model can have."""
        return sum(item.points for item in self.rows)

    def only(self, chosen: Sequence[int] | np.ndarray) -> ItemSet:
        """Return the items at the places ``chosen`` (numbers or a mask), in order."""
        places = np.asarray(chosen)
        places = np.flatnonzero(places) if places.dtype == bool else places
        return ItemSet(self.name, tuple(self.rows[place] for place in places), self.folder)

    def first_of_each_task(self, count: int = PER_TASK) -> ItemSet:
        """Return the first ``count`` items of each task, in order: the official runner's rule."""
        seen = dict.fromkeys(TASKS, 0)
        kept = []
        for item in self.rows:
            seen[item.task] += 1
            if seen[item.task] <= count:
                kept.append(item)
        return ItemSet(self.name, tuple(kept), self.folder)

    def image_path(self, item: Item) -> Path:
        """Return the path of an item's image. Raises MissingImage where there is none."""
        if self.folder is None or not item.file:
            raise MissingImage(f"{self.name}: item {item.key!r} has no image here")
        path = self.folder / IMAGES / item.file
        if not path.is_file():
            raise MissingImage(f"item {item.key!r}: {path} does not exist; bring the images again")
        return path


def items_digest(items: ItemSet) -> str:
    """Return the SHA-256 of items, by which it is known that they are the same ones."""
    words = json.dumps([asdict(item) for item in items.rows], sort_keys=True)
    return hashlib.sha256(words.encode()).hexdigest()


def _leads_out(file: str) -> bool:
    """Whether a file's name may lead out of the folder that it is said to lie in, on any system."""
    kinds = (PurePosixPath(file), PureWindowsPath(file))
    return "\0" in file or any(kind.anchor or ".." in kind.parts for kind in kinds)


def write_items(items: Iterable[Item], folder: Path) -> None:
    """Write items into ``folder``/items.jsonl, which must exist; images are written by whoever makes them."""
    lines = (json.dumps(asdict(item), ensure_ascii=False) for item in items)
    text = "".join(f"{line}\n" for line in lines)
    (folder / ITEMS).write_text(text, encoding="utf-8", errors="backslashreplace")  # half a surrogate pair: an escape


def read_items(folder: Path, *, name: str = "") -> ItemSet:
    """Return the set of items of a folder.

    Raises NoItems if there is no items.jsonl or it is empty; InvalidItem, with the line, for a row that is no item, or
    that ``check_item`` refuses, or whose image has another file in a row above.
    """
    path = folder / ITEMS
    if not path.is_file():
        raise NoItems(f"{folder} holds no {ITEMS}; name a folder of items")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidItem(f"{path} is not in UTF-8: {error}") from None
    rows: list[Item] = []
    files: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):  # a text may hold other ends of lines, such as U+2028
        if not line.strip():
            continue
        try:
            rows.append(_read_item(line))
            check_file(rows[-1], files)
        except InvalidItem as error:
            raise InvalidItem(f"{path}:{number}: {error}") from None
    if not rows:
        raise NoItems(f"{path} is empty")
    return ItemSet(name or folder.name, tuple(rows), folder)


def _read_item(line: str) -> Item:
    """Return the item of a line of JSON, checked."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidItem(f"each line is an object such as {EXAMPLE}, and this is no JSON: {error}") from None
    row = checked_fields(row, [one.name for one in fields(Item)])
    also = row.get("also", [])
    item = Item(**row | {"also": tuple(also) if isinstance(also, list) else also})
    check_item(item)
    return item
