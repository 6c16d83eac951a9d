"""Bring the official annotations to items, with their images where they are there."""

from __future__ import annotations

from pathlib import Path

from steps.mmr.hub_images import HubImages, add_images
from steps.mmr.item_sets import OFFICIAL, origin_of, write_about
from steps.step.params import Params
from steps.step.run import Run


class LoadOfficialParams(Params):
    """Which data set of the hub holds the images; null where none is asked for."""

    images: HubImages | None


def load_official(mmr_bench: Path, *, out: Path, params: LoadOfficialParams, run: Run) -> None:
    """Write all rows of the annotations in their order; those that count are the first 50 of each task.

    Reads   mmr_bench/: the annotations, mmr_qa.json; source.json; the hub's data set of images, where one is named
    Writes  items.jsonl (2,002 rows); images/, where they are there; about.json: rows per task, where they came from
    Raises  InvalidItem, NoItems; a HubDataError of ``tenfold.hub`` if the data set cannot be had
    """
    from tenfold.mmr.annotations import read_official
    from tenfold.mmr.items import ItemSet, write_items

    items, lacking = ItemSet(OFFICIAL, read_official(mmr_bench).rows, out), dict[str, str]()
    if params.images is not None:
        items, lacking = add_images(items, params.images, out)
    write_items(items.rows, out)
    counted = items.first_of_each_task()
    about = {
        "counted": len(counted),
        "counted_images": len(set(counted.images.tolist())),
        "images_from": None if params.images is None else params.images.model_dump(),
        "images_lacking": lacking,
    }
    write_about(out, items, **about, **origin_of(mmr_bench))
    run.log({"rows": len(items), "counted": len(counted)})
    run.say(f"{len(items)} rows, {len(counted)} of which count, about {about['counted_images']} images")
