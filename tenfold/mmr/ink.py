"""The colour of text from its ink alone: the pixels of letters parted from what is behind them, and colours by name.

A box of text holds letters, their softened edges and the background. What stands around the box is background; letters
are the pixels that differ most from it, edges left out.

Legend:  H, W height and width · N pixels · K names
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float64, UInt8

from tenfold.mmr.errors import InvalidReading
from tenfold.rendering.colours import NAMED

Box = tuple[float, float, float, float]
RGB = tuple[int, int, int]
KINDS = 4  # colours that a background may have: a board with its frame, or a gradient
CORE = 0.3  # share of the ink that differs most: the middle of strokes
LEAST_CONTRAST = 8.0  # ΔE between ink and background; below it there is no ink to be seen
MOST_PIXELS = 10_000  # of a box; of more, not every one is looked at
SPELLINGS = {"gray": "grey", "golden": "gold", "colour": "", "color": "", "coloured": "", "colored": ""}
SHADES = {"light", "dark", "deep", "bright", "pale", "rich", "royal", "vivid"}


@dataclass(frozen=True)
class Ink:
    """The colour of letters and of what is behind them, and the share of the box that is letters."""

    colour: RGB
    background: RGB
    share: float


def ink_of(image: UInt8[np.ndarray, "H W 3"], box: Box) -> Ink | None:
    """Return ink and background in a box, x0, y0, x1, y1 in pixels; None where nothing differs from the background.

    Raises InvalidReading if the box has no pixel of the image.
    """
    patch, frame = _patch(image, box)
    values = lab_of(patch.reshape(-1, 3))  # (N, 3)
    behind = _clusters(lab_of(frame))  # (kinds, 3)
    distance = np.sqrt(((values[:, None] - behind[None]) ** 2).sum(axis=2)).min(axis=1)  # (N,)
    most = float(np.quantile(distance, 0.995))
    if most < LEAST_CONTRAST:
        return None
    inked = distance > _parting(distance)
    share = float(inked.mean())
    core = inked & (distance >= np.quantile(distance[inked], 1 - CORE))
    flat = patch.reshape(-1, 3)
    rest = flat[~inked] if (~inked).any() else frame
    return Ink(_middle(flat[core]), _middle(rest), share)


def ink_height(image: UInt8[np.ndarray, "H W 3"], box: Box) -> float | None:
    """Return the height in pixels of the ink that runs through the middle of a word's box, None where there is none.

    Engines' boxes of small type are a pixel or two too high or too low. Rows up to a third of the height beyond the box
    are looked at; a row without ink ends the word, up to the gap under the dot of an i.
    """
    reach = max(2.0, (box[3] - box[1]) / 3)
    wide = box[0], max(0.0, box[1] - reach), box[2], min(float(image.shape[0]), box[3] + reach)
    patch, _ = _patch(image, wide, step=1)
    found = ink_of(image, box)
    if found is None:
        return None
    ink, behind = (lab_of(np.array([colour], np.uint8))[0] for colour in (found.colour, found.background))
    along = ((lab_of(patch.reshape(-1, 3)) - behind) @ (ink - behind)) / ((ink - behind) @ (ink - behind))
    rows = (along.reshape(patch.shape[:2]) > 0.5).any(axis=1)  # half ink, half background is the edge of a letter
    middle = round((box[1] + box[3]) / 2) - int(np.floor(wide[1]))
    inked = np.flatnonzero(rows)
    if not len(inked):
        return None
    gap = max(1, round((box[3] - box[1]) / 8))
    runs = np.split(inked, np.flatnonzero(np.diff(inked) > gap + 1) + 1)
    run = min(runs, key=lambda one: max(one[0] - middle, middle - one[-1], 0))
    return float(run[-1] - run[0] + 1)


def box_within(image: UInt8[np.ndarray, "H W 3"], box: Box) -> Box | None:
    """Return the part of a box that lies on the image, None if that has no area, or the box is not finite."""
    if not np.isfinite(box).all():
        return None
    height, width = image.shape[:2]
    x0, y0, x1, y1 = max(0, box[0]), max(0, box[1]), min(width, box[2]), min(height, box[3])
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def colour_distances(colour: RGB, names: tuple[str, ...]) -> Float64[np.ndarray, " K"]:
    """Return how far a colour looks from each name, as ΔE of CIE 1994; infinite for a name that no list has.

    A name stands for all that the lists call so: the project's colours, CSS and, if neither has it, xkcd's survey.
    "light", "deep" and the like are left out of a name that is in no list with them.
    """
    found = np.full(len(names), np.inf)
    one = lab_of(np.array([colour], np.uint8))
    for place, name in enumerate(names):
        shades = named_colours(name)
        if shades:
            found[place] = float(_delta_e_94(one, lab_of(np.array(shades, np.uint8))).min())
    return found


@cache
def named_colours(name: str) -> tuple[RGB, ...]:
    """Return the colours that go by a name, () if none does."""
    words = [SPELLINGS.get(word, word) for word in re.findall(r"[^\W\d_]+", name.casefold())]
    plain = " ".join(word for word in words if word)
    found = _listed(plain)
    if found or not words:
        return found
    bare = [word for word in plain.split() if word not in SHADES]
    return _listed(" ".join(bare)) or (_listed(bare[-1]) if bare else ())


def lab_of(pixels: UInt8[np.ndarray, "N 3"]) -> Float64[np.ndarray, "N 3"]:
    """Return L*, a*, b* of sRGB pixels under D65 (CIE 1976): `tenfold.rendering.colours.lab` for many at once."""
    value = pixels.astype(np.float64) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    ratio = linear @ to_xyz.T / np.array([0.9505, 1.0, 1.089])
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def _patch(image: np.ndarray, box: Box, step: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels of a box (h, w, 3), and those of a frame around it and along its edge (M, 3)."""
    height, width = image.shape[:2]
    x0, y0 = max(0, int(np.floor(box[0]))), max(0, int(np.floor(box[1])))
    x1, y1 = min(width, int(np.ceil(box[2]))), min(height, int(np.ceil(box[3])))
    if x1 <= x0 or y1 <= y0:
        raise InvalidReading(f"the box {box} has no pixel of an image of {width}×{height}")
    step = step or 1 + int(np.sqrt((x1 - x0) * (y1 - y0) / MOST_PIXELS))
    edge = max(2, (y1 - y0) // 8)
    left, right = slice(max(0, x0 - edge), x0), slice(x1, x1 + edge)
    wide = slice(max(0, x0 - edge), x1 + edge)
    sides = (image[max(0, y0 - edge) : y0, wide], image[y1 : y1 + edge, wide], image[y0:y1, left], image[y0:y1, right])
    frame = np.concatenate([side.reshape(-1, 3) for side in sides])
    if len(frame) < 16:  # the box is the whole image
        frame = np.concatenate([image[y0, x0:x1], image[y1 - 1, x0:x1], image[y0:y1, x0], image[y0:y1, x1 - 1]])
    return image[y0:y1:step, x0:x1:step], frame[:: 1 + len(frame) // 2000]


def _clusters(values: np.ndarray) -> np.ndarray:
    """Return the colours of a background: those that a tenth of it has, far enough apart, the commonest first."""
    cells, counts = np.unique(np.round(values / 10), axis=0, return_counts=True)
    order = np.argsort(-counts)
    kept: list[np.ndarray] = []
    for cell in cells[order][counts[order] >= 0.1 * len(values)]:
        near = values[np.abs(values - cell * 10).max(axis=1) <= 10]
        middle = np.median(near, axis=0)
        if all(np.linalg.norm(middle - one) > 12 for one in kept) and len(kept) < KINDS:
            kept.append(middle)
    return np.stack(kept) if kept else np.median(values, axis=0)[None]


def _parting(distance: np.ndarray) -> float:
    """Return the distance that parts two groups best: the least variance within them (Otsu 1979)."""
    counts, edges = np.histogram(distance, bins=64)
    middles = (edges[:-1] + edges[1:]) / 2
    below, sums = np.cumsum(counts)[:-1], np.cumsum(counts * middles)[:-1]
    above, all_sums = counts.sum() - below, (counts * middles).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (all_sums - sums) / above) ** 2
    best = int(np.nanargmax(np.where((below > 0) & (above > 0), between, -1)))
    return float(edges[best + 1])


def _delta_e_94(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    chroma, chromas = np.linalg.norm(one[:, 1:], axis=1), np.linalg.norm(others[:, 1:], axis=1)
    lightness, difference = one[:, 0] - others[:, 0], chroma - chromas
    hue = np.maximum(((one[:, 1:] - others[:, 1:]) ** 2).sum(axis=1) - difference**2, 0)
    return np.sqrt(lightness**2 + (difference / (1 + 0.045 * chroma)) ** 2 + hue / (1 + 0.015 * chroma) ** 2)


def _middle(pixels: np.ndarray) -> RGB:
    red, green, blue = (int(value) for value in np.median(pixels, axis=0))
    return red, green, blue


@cache
def _listed(name: str) -> tuple[RGB, ...]:
    from PIL import ImageColor

    found = [NAMED[name]] if name in NAMED else []
    css = name.replace(" ", "")
    if css in ImageColor.colormap:
        red, green, blue = ImageColor.getrgb(css)[:3]
        found.append((red, green, blue))
    if not found and name:
        from matplotlib.colors import XKCD_COLORS, to_rgb

        if f"xkcd:{name}" in XKCD_COLORS:
            red, green, blue = (round(255 * part) for part in to_rgb(f"xkcd:{name}"))
            found.append((red, green, blue))
    return tuple(found)
