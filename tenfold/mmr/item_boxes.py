"""Boxes of references and replies over an item's image."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping

from tenfold.imaging.files import open_image
from tenfold.mmr.items import Item
from tenfold.mmr.readings import Reading, Unit, Way
from tenfold.mmr.tasks import GROUNDING
from tenfold.viewing.sample import Box, Tone


def size_of(data: bytes, name: str) -> tuple[int, int]:
    """Return the width and height of an encoded image as it is seen, EXIF's rotation applied, in pixels."""
    return open_image(data, name=name).size


def boxes_of(item: Item, read: Mapping[str, Reading], width: int, height: int) -> Iterator[Box]:
    """Yield the reference's box and those of the models, in pixels of the image; only grounding items have any.

    The mended reading's box is drawn where it is not the official one. A box with an edge on the wrong side cannot be
    drawn, and is left out; its numbers stand in the reading.
    """
    if item.task not in GROUNDING:
        return
    reference = reference_box(item)
    if reference is not None:
        yield from _drawn(reference, "reference", "notice", width, height)
    for name, one in read.items():
        official, mended = one.official.box, one.mended.box
        if official is not None:
            yield from _drawn(official, _label(name, one.official), _tone(one.official), width, height)
        if mended is not None and mended != official:
            yield from _drawn(mended, f"{_label(name, one.mended)}, mended", "neutral", width, height)


def reference_box(item: Item) -> Unit | None:
    """Return the box of a grounding item's answer, None where it is not four finite numbers."""
    try:
        found = json.loads(item.answer)
        x0, y0, x1, y1 = map(float, found[1] if item.task == "grounding_t" else found)
    except (ValueError, TypeError, IndexError, KeyError):
        return None
    return (x0, y0, x1, y1) if all(map(math.isfinite, (x0, y0, x1, y1))) else None


def _label(name: str, way: Way) -> str:
    return name if math.isnan(way.iou) else f"{name} {way.iou:.2f}"


def _tone(way: Way) -> Tone:
    return "good" if way.scores_box else "bad"


def _drawn(box: Unit, label: str, tone: Tone, width: int, height: int) -> Iterator[Box]:
    left, top, right, bottom = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    if left <= right and top <= bottom and all(map(math.isfinite, (left, top, right, bottom))):
        yield Box(left, top, right, bottom, label, tone)
