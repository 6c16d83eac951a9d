"""How well a text fits a part of the image, and how well two boxes fit a direction.

Legend:  costs are 0 for a perfect fit and grow with the distance, in shares of the image's sides
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tenfold.mmr.asked import Direction, Place
from tenfold.mmr.text_blocks import Text
from tenfold.ocr.page import Box

ANY = 0.17  # what a direction costs that a place leaves open: less than being in another third, more than in the right
ROUGHLY, STRAIGHT = 0.6, 0.97  # cosines: a text in a direction at all, and straight in it
ASKEW = 3.0  # how much more it counts that a text is not straight above or beside than that it is further away


def place_cost(box: Box, place: Place, width: int, height: int) -> float:
    """Return how far the middle of a box is from a place's, in shares of the sides; what it leaves open costs 0.17."""
    x, y = (box[0] + box[2]) / 2 / width, (box[1] + box[3]) / 2 / height
    across = ANY if place.column is None else abs(x - (1 + 2 * place.column) / 6)
    down = ANY if place.row is None else abs(y - (1 + 2 * place.row) / 6)
    return math.hypot(across, down)


def direction_fit(box: Box, other: Box, direction: Direction) -> float:
    """Return the cosine, −1 to 1, between a direction and that in which ``box`` lies from ``other``.

    The way from one box to the other counts where they share no row or column; their middles a little.
    """
    x = _way(box[0], box[2], other[0], other[2])
    y = _way(box[1], box[3], other[1], other[3])
    length = math.hypot(x, y) * math.hypot(*direction)
    return (x * direction[0] + y * direction[1]) / length if length else 0.0


def nearest(texts: Sequence[Text], anchors: Sequence[tuple[Direction, Text]]) -> Text | None:
    """Return the text that lies nearest in all of the directions from their anchors, None if there is none.

    One that lies straight in them comes before a nearer one that does not. A text that holds a word of an anchor is
    none of those.
    """
    fitting: list[tuple[tuple[bool, float], Text]] = []
    for text in texts:
        fits = [direction_fit(text.box, anchor.box, direction) for direction, anchor in anchors]
        apart = all(not overlap(text, anchor) for _, anchor in anchors)
        if apart and fits and min(fits) > ROUGHLY:
            away = sum(_apart(text.box, anchor.box, way) for way, anchor in anchors)
            fitting.append(((min(fits) < STRAIGHT, away), text))
    return min(fitting, key=lambda one: one[0])[1] if fitting else None


def overlap(text: Text, anchor: Text) -> bool:
    """Return whether two texts share a word, by the middle of its box."""
    x0, y0, x1, y1 = anchor.box
    middles = [((word.box[0] + word.box[2]) / 2, (word.box[1] + word.box[3]) / 2) for word in text.words]
    return any(x0 <= x <= x1 and y0 <= y <= y1 for x, y in middles)


def _way(start: float, end: float, other_start: float, other_end: float) -> float:
    """Return the signed gap between two intervals, and a tenth of the way between their middles."""
    gap = max(start - other_end, 0.0) - max(other_start - end, 0.0)
    return gap + 0.1 * ((start + end) / 2 - (other_start + other_end) / 2)


def _apart(box: Box, other: Box, direction: Direction) -> float:
    """Return the gap between two boxes in a direction, what lies across it counted three times."""
    across = max(box[0] - other[2], other[0] - box[2], 0.0) + 0.05 * abs(box[0] + box[2] - other[0] - other[2]) / 2
    down = max(box[1] - other[3], other[1] - box[3], 0.0) + 0.05 * abs(box[1] + box[3] - other[1] - other[3]) / 2
    return math.hypot(across if direction[0] else ASKEW * across, down if direction[1] else ASKEW * down)
