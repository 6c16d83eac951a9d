"""Boxes of references and replies over an item's image."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tenfold.imaging.files import open_image
from tenfold.mmr.coordinates import Box as Shares
from tenfold.mmr.items import Item
from tenfold.mmr.readings import Reading
from tenfold.mmr.tasks import GROUNDING
from tenfold.viewing.sample import Box, Tone


@dataclass(frozen=True)
class _Found:
    """A box in pixels that is to be drawn, before its label has a place."""

    left: float
    top: float
    right: float
    bottom: float
    label: str
    tone: Tone


def boxes_of(item: Item, read: Mapping[str, Reading], data: bytes) -> list[Box]:
    """Return the reference's box and those of the models, in pixels of the image; only grounding items have any.

    The mended reading's box is drawn where it is not the official one. With several models a label begins with the
    model's number, counted from 1. A box with an edge on the wrong side cannot be drawn and is left out; its numbers
    stand in the reading. Raises InvalidImages if ``data`` is no image.
    """
    if item.task not in GROUNDING:
        return []
    width, height = open_image(data, name=item.file).size  # as it is seen, EXIF's rotation applied
    found = list(_drawn(reference_box(item), "reference", "notice", width, height))
    for number, one in enumerate(read.values(), 1):
        start = f"{number} " if len(read) > 1 else ""
        official, mended = one.official, one.mended
        tone: Tone = "good" if official.scores_box else "bad"
        found += _drawn(official.box, f"{start}IoU {official.iou:.2f}", tone, width, height)
        if mended.box != official.box:
            found += _drawn(mended.box, f"{start}mended {mended.iou:.2f}", "neutral", width, height)
    return list(_labelled(found, width, height))


def reference_box(item: Item) -> Shares | None:
    """Return the box of a grounding item's answer, None where it is not four finite numbers."""
    try:
        found = json.loads(item.answer)
        x0, y0, x1, y1 = map(float, found[1] if item.task == "grounding_t" else found)
    except (ValueError, TypeError, IndexError, KeyError):
        return None
    return (x0, y0, x1, y1) if all(map(math.isfinite, (x0, y0, x1, y1))) else None


def _drawn(box: Shares | None, label: str, tone: Tone, width: int, height: int) -> Iterator[_Found]:
    if box is None:
        return
    left, top, right, bottom = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    if left <= right and top <= bottom and all(map(math.isfinite, (left, top, right, bottom))):
        yield _Found(left, top, right, bottom, label, tone)


def _labelled(found: Sequence[_Found], width: int, height: int) -> Iterator[Box]:
    """Yield boxes whose labels do not stand on one another: those at one place follow each other in a line.

    A page writes a label at its box's upper left corner, at the right one in the right part of the image, in letters of
    a 28th of the longer side; what moves a label along are no-break spaces.
    """
    letters = max(width, height) / 28
    taken: list[tuple[float, float, float]] = []  # y, and from where to where a label reaches from its corner
    for one in found:
        at_right = one.left > 0.6 * width
        corner, towards = (one.right, -1) if at_right else (one.left, 1)
        y, room, moved = max(one.top, letters), (len(one.label) + 1) * 0.55 * letters, 0.0
        for other_y, start, end in sorted(taken, key=lambda each: towards * each[1]):
            low, high = sorted((corner + towards * moved, corner + towards * (moved + room)))
            if abs(other_y - y) < 1.2 * letters and low < end and start < high:
                moved = towards * ((end if towards > 0 else start) - corner)
        spaces = "\u00a0" * math.ceil(moved / (0.27 * letters))
        low, high = sorted((corner + towards * moved, corner + towards * (moved + room)))
        taken.append((y, low, high))
        label = f"{one.label}{spaces}" if at_right else f"{spaces}{one.label}"
        yield Box(one.left, one.top, one.right, one.bottom, label, one.tone)
