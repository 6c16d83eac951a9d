"""The files of items' images: their sizes, and why one is not there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tenfold.imaging.files import open_image
from tenfold.mmr.errors import InvalidItem
from tenfold.mmr.items import IMAGES, Item, ItemSet
from tenfold.mmr.tasks import GROUNDING


def with_sizes(items: ItemSet) -> ItemSet:
    """Return items in which those about boxes know the size of their image, from its file where they do not tell.

    An item whose image is not here stays as it is. Raises InvalidImages for a file that is no image.
    """
    lacking = [item for item in items.rows if item.task in GROUNDING and not (item.width > 0 and item.height > 0)]
    if not lacking or items.folder is None:
        return items
    files = {item.file: items.folder / IMAGES / item.file for item in lacking if item.file}
    sizes = {file: image_size(path) for file, path in files.items() if path.is_file()}
    chosen = {item.key: sizes[item.file] for item in lacking if item.file in sizes}
    rows = (
        replace(item, width=chosen[item.key][0], height=chosen[item.key][1]) if item.key in chosen else item
        for item in items.rows
    )
    return ItemSet(items.name, tuple(rows), items.folder)


def image_size(path: Path) -> tuple[int, int]:
    """Return an image's width and height in pixels, as it is seen upright. Raises InvalidImages if it is none."""
    width, height = open_image(path).size
    return int(width), int(height)


def check_sizes(items: Iterable[Item], path: Path, width: int, height: int) -> None:
    """Check that items about the image in ``path``, of a size in pixels, say no other one; 0 says none.

    Raises InvalidItem for one that does.
    """
    for item in items:
        if item.width not in (0, width) or item.height not in (0, height):
            raise InvalidItem(
                f"{item.key}: the image is said to be {item.width} × {item.height} pixels, and {path} has "
                f"{width} × {height}; mend or leave out width and height"
            )


def why_absent(items: ItemSet, item: Item) -> str:
    """Return in words why an item has no image here, with the path that was tried; "" if it has one."""
    if not item.file:
        return f"item {item.key!r} names no file"
    if items.folder is None:
        return f"item {item.key!r} has no folder with images"
    path = items.folder / IMAGES / item.file
    if path.is_file():
        return ""
    said = f"item {item.key!r}: there is no file {path}"
    near = [one.name for one in _beside(path) if one.name.casefold() == path.name.casefold()]
    return f"{said}, but {near[0]!r}, which differs in upper and lower case" if near else said


def _beside(path: Path) -> list[Path]:
    return sorted(one for one in path.parent.iterdir() if one.is_file()) if path.parent.is_dir() else []
