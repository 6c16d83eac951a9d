"""Items by the name that a command line gives them: official, rendered, receipts, or a folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tenfold.mmr.errors import NoItems
from tenfold.mmr.items import ItemSet, items_digest, read_items
from tenfold.mmr.tasks import PER_TASK, TASKS

if TYPE_CHECKING:
    import numpy as np

    from tenfold.mmr.receipts import Part
    from tenfold.mmr.rendered import RenderedItems

NAMES = ("official", "rendered", "receipts")
MIRROR = "TENFOLD_MIRROR"  # the environment variable with a folder of sources
SOURCES = {"official": "mmr_bench", "receipts": "sroie"}
ADVICE = {
    "official": "mmr_qa.json of https://github.com/llavar/MMR_Bench, or a folder that tenfold mmr items wrote",
    "receipts": "the receipts of SROIE, task 3, as the source sroie holds them",
}


@dataclass(frozen=True)
class NamedItems:
    """Items, and how their images come into a folder where they are made for it."""

    items: ItemSet
    write: Callable[[Path], None] | None = None

    def within(self, folder: Path) -> ItemSet:
        """Return the items with their images, written into ``folder`` where they are made for it."""
        if self.write is None:
            return self.items
        self.write(folder)
        return ItemSet(self.items.name, self.items.rows, folder)


def named_items(
    name: str, *, data: Path | None = None, per_task: int | None = None, limit: int | None = None, seed: int = 0
) -> NamedItems:
    """Return the items of a name, or of a folder with items.jsonl.

    Keys of items that are drawn hold the seed and a digest of all that was drawn, so that replies to one set are never
    taken for replies to another.

    ``data`` is the folder of a source, of fonts for rendered ones; by default what ``TENFOLD_MIRROR`` holds of it.
    ``per_task`` counts items of each task, 50 by default, of a folder all; ``limit`` takes so many of these, evenly
    over the tasks. ``seed`` draws.
    Raises NoItems where there are none, with what to do, and whatever the items' readers raise.
    """
    if name == "rendered":
        count = per_task or (PER_TASK if limit is None else -(-limit // len(TASKS)))
        return _rendered(count, limit, seed, data)
    if name not in NAMES:
        if data is not None:
            raise NoItems(f"--data says where {', '.join(NAMES)} come from; {name} is a folder of its own")
        folder = Path(name).parent if Path(name).name == "items.jsonl" and Path(name).is_file() else Path(name)
        if not folder.is_dir():
            raise NoItems(f"there is no folder {name}; give a folder with items.jsonl, or {', '.join(NAMES)}")
        found = read_items(folder)
        return NamedItems(limited(found if per_task is None else found.first_of_each_task(per_task), limit))
    folder = data or _mirror(name)
    if not folder.is_dir():
        raise NoItems(f"there is no folder {folder}; --data names one with {ADVICE[name]}")
    return _official(folder, per_task, limit) if name == "official" else _receipts(folder, per_task, limit, seed)


def limited(items: ItemSet, limit: int | None) -> ItemSet:
    """Return ``limit`` of the items at most, as many of each task as of the others, the first ones, in order."""
    if limit is None or limit >= len(items):
        return items
    seen: dict[str, int] = {}
    ranks = []
    for place, item in enumerate(items.rows):
        seen[item.task] = seen.get(item.task, 0) + 1
        ranks.append((seen[item.task], TASKS.index(item.task), place))
    return items.only(sorted(place for _, _, place in sorted(ranks)[:limit]))


def _mirror(name: str) -> Path:
    mirror = os.environ.get(MIRROR)
    if not mirror:
        raise NoItems(f"--items {name} needs --data, a folder with {ADVICE[name]}; or a mirror named by {MIRROR}")
    return Path(mirror) / SOURCES[name]


def others(
    name: str, asked: ItemSet, *, data: Path | None = None, per_task: int | None = None, seed: int = 0
) -> ItemSet:
    """Return items of the same kind as those that are asked, and none of these: what a model may be fitted to.

    Of the official ones they are the rows that are not asked; of the receipts those of other receipts; rendered ones
    are drawn by the next seed. ``per_task`` counts those that are drawn.
    Raises NoItems for a folder of one's own, which has no others.
    """
    if name == "rendered":
        return named_items(name, data=data, per_task=per_task, seed=seed + 1).items
    if name == "receipts":
        return _receipts(data or _mirror(name), per_task, None, seed, "fit").items
    if name != "official":
        raise NoItems(f"--items {name} leaves no other items to fit a model to: name some with --fit")
    from tenfold.mmr.annotations import read_official

    folder, keys = data or _mirror(name), {item.key for item in asked.rows}
    every = read_items(folder, name=name) if (folder / "items.jsonl").is_file() else read_official(folder)
    rest = ItemSet(name, tuple(item for item in every.rows if item.key not in keys))
    if not len(rest):
        raise NoItems(f"{folder} holds no official items but those that are asked: name others with --fit")
    return rest


def _official(folder: Path, per_task: int | None, limit: int | None) -> NamedItems:
    from tenfold.mmr.annotations import read_official

    found = read_items(folder, name="official") if (folder / "items.jsonl").is_file() else read_official(folder)
    return NamedItems(limited(found.first_of_each_task(per_task or PER_TASK), limit))


def _receipts(folder: Path, per_task: int | None, limit: int | None, seed: int, part: Part = "test") -> NamedItems:
    from tenfold.mmr.receipts import receipt_items, write_receipt_items

    count = per_task or PER_TASK
    found = ItemSet("receipts", tuple(receipt_items(folder, per_task=count, seed=seed, part=part)))

    def write(out: Path) -> None:
        write_receipt_items(folder, out, per_task=count, seed=seed, part=part)

    named = _of_one_set(found, "receipts/", seed, {})
    return NamedItems(limited(named, limit), write)


def _rendered(per_task: int, limit: int | None, seed: int, fonts: Path | None) -> NamedItems:
    from tenfold.mmr.rendered import render_items
    from tenfold.rendering.fonts import bundled_fonts, fonts_in
    from tenfold.rendering.reading_parts import assets_of

    known = bundled_fonts() if fonts is None else (*bundled_fonts(), *fonts_in(fonts))
    drawn = render_items(per_task=per_task, seed=seed, assets=assets_of("evaluation", known))
    pixels = {item.image: drawn.pages[item.image].image for item in drawn.items}
    items = limited(_of_one_set(ItemSet("rendered", drawn.items), "", seed, pixels), limit)
    return NamedItems(items, lambda folder: _draw(drawn, items, folder))


def _of_one_set(items: ItemSet, start: str, seed: int, images: Mapping[str, np.ndarray]) -> ItemSet:
    """Return drawn items whose keys, which began with ``start``, begin with the name of their set.

    That is the seed, which says how to draw it again, and a digest of items and pixels.
    """
    digest = hashlib.sha256(items_digest(items).encode())
    for name in sorted(images):
        digest.update(f"{name} {images[name].shape}".encode() + images[name].tobytes())
    own = f"{items.name}/{seed}-{digest.hexdigest()[:8]}"
    rows = (replace(item, key=f"{own}/{item.key.removeprefix(start)}") for item in items.rows)
    return ItemSet(items.name, tuple(rows), items.folder)


def _draw(drawn: RenderedItems, items: ItemSet, folder: Path) -> None:
    """Write the images of the items that are asked about."""
    from PIL import Image

    (folder / "images").mkdir(parents=True, exist_ok=True)
    for item in {item.image: item for item in items.rows}.values():
        Image.fromarray(drawn.pages[item.image].image).save(folder / "images" / item.file)
