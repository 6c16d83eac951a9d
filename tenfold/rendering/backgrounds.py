"""Backgrounds: plain, gradients, paper, stripes and photographs.

Legend:  H, W height and width
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import UInt8

from tenfold.rendering.colours import RGB, mixed
from tenfold.rendering.errors import InvalidDrawing

Pixels = UInt8[np.ndarray, "H W 3"]
Kind = Literal["plain", "gradient", "paper", "stripes", "photograph"]


@dataclass(frozen=True)
class Background:
    """Pixels, and what they show."""

    pixels: Pixels
    kind: Kind


def plain(width: int, height: int, colour: RGB) -> Pixels:
    """Return one colour."""
    return np.broadcast_to(np.array(colour, np.uint8), (height, width, 3)).copy()


def gradient(width: int, height: int, above: RGB, below: RGB) -> Pixels:
    """Return a gradient from top to bottom."""
    share = np.linspace(0, 1, height)[:, None]
    rows = np.array(above) + share * (np.array(below) - np.array(above))  # (H, 3)
    return np.repeat(np.rint(rows).astype(np.uint8)[:, None], width, axis=1)


def paper(width: int, height: int, colour: RGB, generator: np.random.Generator) -> Pixels:
    """Return a colour with the grain of paper, at most 4 of 255 away from it."""
    grain = generator.integers(-4, 5, (height, width, 1))
    return np.clip(np.array(colour) + grain, 0, 255).astype(np.uint8)


def stripes(width: int, height: int, one: RGB, other: RGB, *, period: int) -> Pixels:
    """Return oblique stripes of two colours, ``period`` pixels from one to the next of its colour."""
    place = (np.arange(height)[:, None] + np.arange(width)) % period < period // 2
    return np.where(place[..., None], np.array(one, np.uint8), np.array(other, np.uint8))


def photograph(width: int, height: int, source: UInt8[np.ndarray, "H W 3"], generator: np.random.Generator) -> Pixels:
    """Return a random part of a photograph, reduced so that its shorter side is at most twice what is needed.

    Raises InvalidDrawing if the photograph is smaller than the canvas.
    """
    from PIL import Image

    tall, wide = source.shape[:2]
    smallest = max(width / wide, height / tall)
    if smallest > 1:
        raise InvalidDrawing(f"a photograph of {wide}×{tall} is smaller than the canvas of {width}×{height}")
    scale = max(smallest, min(1.0, 2 * smallest))
    size = (max(width, round(wide * scale)), max(height, round(tall * scale)))
    reduced = np.asarray(Image.fromarray(source).resize(size, Image.Resampling.BICUBIC))
    top = int(generator.integers(0, size[1] - height + 1))
    left = int(generator.integers(0, size[0] - width + 1))
    return reduced[top : top + height, left : left + width].copy()


def random_background(
    width: int,
    height: int,
    colour: RGB,
    generator: np.random.Generator,
    *,
    photographs: tuple[UInt8[np.ndarray, "H W 3"], ...] = (),
) -> Background:
    """Return a background around ``colour``: plain, gradient, paper or stripes; half of them photographs, if given."""
    if photographs and generator.random() < 0.5:
        source = photographs[int(generator.integers(0, len(photographs)))]
        return Background(photograph(width, height, source, generator), "photograph")
    near = mixed(colour, (255, 255, 255) if sum(colour) < 384 else (0, 0, 0), 0.12)
    match int(generator.integers(0, 4)):
        case 0:
            return Background(plain(width, height, colour), "plain")
        case 1:
            return Background(gradient(width, height, colour, near), "gradient")
        case 2:
            return Background(paper(width, height, colour, generator), "paper")
        case _:
            period = int(generator.integers(8, 24))
            return Background(stripes(width, height, colour, mixed(colour, near, 0.4), period=period), "stripes")
