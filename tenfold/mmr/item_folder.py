"""Items copied into a folder of their own, with their images."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from tenfold.mmr.items import IMAGES, ItemSet, write_items


def write_item_folder(items: ItemSet, folder: Path) -> ItemSet:
    """Write items.jsonl and the images that are there into a folder that exists, and return the items of that folder.

    An item whose image is not here keeps its place, without an image.
    """
    (folder / IMAGES).mkdir(exist_ok=True)
    rows = []
    for item in items.rows:
        source = None if items.folder is None or not item.file else items.folder / IMAGES / item.file
        target = folder / IMAGES / item.file
        if source is None or not source.is_file():
            rows.append(replace(item, file=""))
            continue
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        rows.append(item)
    write_items(rows, folder)
    return ItemSet(items.name, tuple(rows), folder)
