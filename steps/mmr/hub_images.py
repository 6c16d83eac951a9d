"""The official images, from the hub's data set."""

from __future__ import annotations

from pathlib import Path

from steps.step.params import Params
from tenfold.mmr.items import ItemSet


class HubImages(Params):
    """The hub's data set, or a folder in its format, and its revision."""

    dataset: str
    revision: str


def add_images(items: ItemSet, images: HubImages, out: Path) -> tuple[ItemSet, dict[str, str]]:
    """Write the images of the items that are there into ``out``; return the items with them, and what is lacking, why.

    Raises a HubDataError if the data set cannot be had.
    """
    from tenfold.mmr.annotations import bring_images, load_hub

    return bring_images(items, load_hub(images.dataset, images.revision), out)
