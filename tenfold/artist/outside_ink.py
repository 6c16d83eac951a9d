"""How much is drawn where nothing was asked for: ink, or edges, outside the boxes of the words.

Legend:  N images · H, W height and width
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float64, UInt8

from tenfold.artist.layouts import InvalidLayout, Layout

MARGIN = 1  # pixels around a box that still belong to its word


def outside_ink(glyphs: UInt8[np.ndarray, "N H W"], layouts: Sequence[Layout]) -> Float64[np.ndarray, " N"]:
    """Return the share of each white-on-black image's ink that lies outside all boxes; NaN for a black one."""
    return _outside(glyphs.astype(np.float64), layouts)


def outside_edges(images: UInt8[np.ndarray, "N H W *C"], layouts: Sequence[Layout]) -> Float64[np.ndarray, " N"]:
    """Return the share of each image's edges (squared differences of neighbours' brightness) outside all boxes.

    A background has edges of its own: print the same figure for real composites beside it. NaN for a plain image.
    """
    grey = images.astype(np.float64) if images.ndim == 3 else images.astype(np.float64).mean(axis=3)
    edges = np.zeros_like(grey)
    edges[:, :, :-1] += np.diff(grey, axis=2) ** 2
    edges[:, :-1] += np.diff(grey, axis=1) ** 2
    return _outside(edges, layouts)


def box_mask(layout: Layout, *, margin: int = 0) -> Bool[np.ndarray, "H W"]:
    """Return which pixels lie in a box of a layout, or at most ``margin`` pixels away from one."""
    mask = np.zeros((layout.height, layout.width), bool)
    for x0, y0, x1, y1 in layout.boxes:
        mask[max(0, y0 - margin) : y1 + margin, max(0, x0 - margin) : x1 + margin] = True
    return mask


def _outside(amounts: Float64[np.ndarray, "N H W"], layouts: Sequence[Layout]) -> Float64[np.ndarray, " N"]:
    masks = np.stack([box_mask(layout, margin=MARGIN) for layout in layouts]) if layouts else np.zeros((0, 0, 0), bool)
    if masks.shape != amounts.shape:
        raise InvalidLayout(f"images {amounts.shape} and the boxes of layouts {masks.shape} do not belong together")
    whole = amounts.sum(axis=(1, 2))
    outside = np.where(masks, 0, amounts).sum(axis=(1, 2))
    return np.divide(outside, whole, out=np.full(len(whole), np.nan), where=whole > 0)
