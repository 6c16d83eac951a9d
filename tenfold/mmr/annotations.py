"""The released annotations (``mmr_qa.json``) as items, and their images from the hub's data set.

Chen et al. 2024, "MMR: Evaluating Reading Ability of Large Multimodal Models"; github.com/llavar/MMR_Bench. The runner
keeps the first 50 rows of each task: ``read_official(folder).first_of_each_task()``.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tenfold.hub.datasets import Split, load_split
from tenfold.hub.errors import UnknownSplit
from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.files import open_image
from tenfold.mmr.errors import InvalidItem, NoItems
from tenfold.mmr.items import IMAGES, Item, ItemSet, write_items
from tenfold.mmr.tasks import CHOICE, TASKS

ANNOTATIONS = "mmr_qa.json"
HUB = "puar-playground/MMR"
SPLITS = ("test", "train")  # the release's read-me says the one, its code the other
FIELDS = ("img_id", "url", "Question", "Answer", "task")
# What the release holds, and how often: rows of the commit c897df0.
ROWS = {
    "recognition_label": 59,
    "recognition_pos": 60,
    "font_size": 58,
    "font_color": 50,
    "localize_o": 50,
    "localize_t": 53,
    "spatial_ot": 50,
    "spatial_oo": 59,
    "spatial_tt": 57,
    "grounding_o": 513,
    "grounding_t": 993,
}
NUMBERED = re.compile(r"^\s*([1-4])\s*[.)]\s*(.*?)\s*$", re.MULTILINE)
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def read_official(folder: Path) -> ItemSet:
    """Return all rows of ``folder``/mmr_qa.json as items, in order, with the keys ``official/<row number from 0>``.

    A box that is no box (two rows of the release) is kept as it is: whoever scores decides. Images are not there; see
    ``bring_images``. Raises NoItems if the file is missing or empty, InvalidItem, with the row, for a row without the
    release's fields, of an unknown task, or of a choice without four numbered lines and an answer among them.
    """
    path = folder / ANNOTATIONS
    if not path.is_file():
        raise NoItems(f"{folder} holds no {ANNOTATIONS}; bring the source mmr_bench")
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InvalidItem(f"{path} is no JSON in UTF-8: {error}") from None
    if not isinstance(rows, list) or not rows:
        raise NoItems(f"{path} must hold a list of questions, and holds none")
    return ItemSet("official", tuple(_item(row, f"{path}, row {number}", number) for number, row in enumerate(rows)))


def options_of(question: str) -> tuple[str, ...]:
    """Return the texts of the four numbered lines of a choice question, in order; fewer or others if it has no four."""
    found = NUMBERED.findall(question)
    return tuple(text for _, text in found) if [number for number, _ in found] == list("1234") else ()


def _item(row: Any, where: str, number: int) -> Item:
    if not isinstance(row, Mapping) or any(not isinstance(row.get(name), str) for name in FIELDS):
        raise InvalidItem(f"{where}: a question has the texts {', '.join(FIELDS)}")
    task = row["task"]
    if task not in TASKS:
        raise InvalidItem(f"{where}: no task is called {task!r}; there are {', '.join(TASKS)}")
    if task in CHOICE:
        if not options_of(row["Question"]):
            raise InvalidItem(f"{where}: a question of {task} has four lines numbered 1 to 4: {row['Question']!r}")
        if row["Answer"] not in tuple("1234"):
            raise InvalidItem(f"{where}: an answer of {task} is 1, 2, 3 or 4, not {row['Answer']!r}")
    return Item(f"official/{number}", row["img_id"], task, row["Question"], row["Answer"], url=row["url"])


def load_hub(source: str = HUB, revision: str = "main") -> Split:
    """Return the hub's data set with its images, or a folder in its format: split test, or train if there is no test.

    Raises a HubDataError if it cannot be had or lacks a column.
    """
    columns = ("img_id", "image")
    try:
        return load_split(source, SPLITS[0], columns=columns, revision=revision)
    except UnknownSplit:
        return load_split(source, SPLITS[1], columns=columns, revision=revision)


def bring_images(items: ItemSet, split: Split, out: Path) -> tuple[ItemSet, dict[str, str]]:
    """Write the images that a split of the hub holds into the folder ``out``, and return the items that know them.

    Rows are matched by ``img_id``, as the official runner does, or by ``url`` where no row has the id. Files keep the
    bytes that were published. ``out`` gets images/ and items.jsonl. The second value names each image of the items that
    is missing or cannot be decoded, with the reason: its items stay, without an image.
    Raises InvalidItem if an image's id cannot be a file's name; nothing is written then.
    """
    strange = [item.image for item in items.rows if not FILE_NAME.fullmatch(item.image)]
    if strange:
        raise InvalidItem(f"the image {strange[0]!r} cannot be a file's name: letters, digits, points and dashes")
    found, failed = _written(split, {item.image: item.url for item in items.rows}, out)
    rows = []
    for item in items.rows:
        file, width, height = found.get(item.image, ("", 0, 0))
        rows.append(replace(item, file=file, width=width, height=height))
    write_items(rows, out)
    lacking = {item.image for item in items.rows} - set(found)
    return ItemSet(items.name, tuple(rows), out), {
        name: failed.get(name, "no row holds it") for name in sorted(lacking)
    }


def _written(
    split: Split, wanted: Mapping[str, str], out: Path
) -> tuple[dict[str, tuple[str, int, int]], dict[str, str]]:
    """Return the file, width and height of each image that was written, and why others were not."""
    folder = out / IMAGES
    folder.mkdir(parents=True, exist_ok=True)
    rows = _undecoded(split.rows)
    ids = list(rows["img_id"])
    place = {name: number for number, name in reversed(list(enumerate(ids)))}
    by_url = {} if "url" not in split.rows.column_names else dict(zip(rows["url"], range(len(ids)), strict=True))
    found: dict[str, tuple[str, int, int]] = {}
    failed: dict[str, str] = {}
    for name, url in wanted.items():
        number = place.get(name, by_url.get(url))
        if number is None:
            continue
        try:
            content = _content(rows[number]["image"])
            image = open_image(content, name=f"{split}, row {number}")
        except (InvalidImages, binascii.Error, OSError, TypeError) as error:
            failed[name] = str(error)
            continue
        file = f"{name}{_suffix(content)}"
        (folder / file).write_bytes(content)
        found[name] = (file, image.width, image.height)
    return found, failed


def _undecoded(rows: Any) -> Any:
    import datasets

    stored = isinstance(rows.features["image"], datasets.Image)
    return rows.cast_column("image", datasets.Image(decode=False)) if stored else rows


def _content(stored: Any) -> bytes:
    """Return an image's bytes from what a table stores: base64 as released, or the hub's own form."""
    if isinstance(stored, str):
        return base64.b64decode(stored.rpartition(",")[2] if stored.startswith("data:") else stored, validate=True)
    if isinstance(stored, bytes):
        return stored
    if isinstance(stored, Mapping):
        return stored["bytes"] if stored.get("bytes") is not None else Path(stored["path"]).read_bytes()
    raise TypeError(f"an image is base64 or bytes, not {type(stored).__name__}")


def _suffix(content: bytes) -> str:
    for start, suffix in ((b"\x89PNG", ".png"), (b"GIF8", ".gif"), (b"BM", ".bmp"), (b"RIFF", ".webp")):
        if content.startswith(start):
            return suffix
    return ".jpg"
