"""Layouts with one box moved or two words exchanged, and what then changes on the image inside boxes and outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tenfold.artist.layouts import Layout

LEAST_MOVE = 4  # pixels that a box is moved by at least


def changed_layout(layout: Layout) -> Layout | None:
    """Return a layout with its one box at the other end of the free room, or with two words changed; None for neither.

    Deviation: of two words it is the words that are exchanged, since two boxes that fill the canvas have no room.
    """
    from tenfold.artist.layouts import Layout, PlacedWord

    if len(layout.words) == 2 and layout.texts[0] != layout.texts[1]:
        first, second = layout.words
        if len(first.text) != len(second.text):
            return None  # a longer word in a smaller box says nothing
        return Layout(
            layout.width, layout.height, (PlacedWord(second.text, first.box), PlacedWord(first.text, second.box))
        )
    if len(layout.words) != 1:
        return None
    ((x0, y0, x1, y1),) = layout.boxes
    moved = max(-x0, layout.width - x1, key=abs)
    if abs(moved) < LEAST_MOVE:
        return None
    return Layout(layout.width, layout.height, (PlacedWord(layout.texts[0], (x0 + moved, y0, x1 + moved, y1)),))


def changes(first: np.ndarray, second: np.ndarray, one: Layout, other: Layout) -> tuple[float, float]:
    """Return the mean absolute difference of two images (levels of 255) inside the boxes of both layouts, and outside.

    A pixel around each box belongs to it. 0 outside where the boxes leave nothing.
    """
    from tenfold.artist.outside_ink import MARGIN, box_mask

    mask = box_mask(one, margin=MARGIN) | box_mask(other, margin=MARGIN)
    difference = np.abs(first.astype(np.float64) - second.astype(np.float64)).mean(axis=-1)
    outside = float(difference[~mask].mean()) if not mask.all() else 0.0
    return float(difference[mask].mean()), outside
