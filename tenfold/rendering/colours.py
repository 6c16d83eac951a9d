"""Named colours, their contrast, and how different two of them look."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

RGB = tuple[int, int, int]

NAMED: dict[str, RGB] = {
    "black": (20, 20, 22),
    "white": (252, 252, 250),
    "grey": (128, 130, 134),
    "red": (200, 36, 40),
    "orange": (238, 130, 30),
    "yellow": (248, 208, 48),
    "green": (34, 132, 68),
    "teal": (16, 128, 132),
    "blue": (36, 92, 190),
    "navy": (24, 36, 84),
    "purple": (116, 52, 150),
    "pink": (232, 106, 160),
    "brown": (118, 74, 42),
    "cream": (248, 240, 220),
}


@lru_cache(maxsize=4096)
def relative_luminance(colour: RGB) -> float:
    """Return the relative luminance of an sRGB colour, 0 to 1 (WCAG 2.1)."""
    return float(_linear(colour) @ np.array([0.2126, 0.7152, 0.0722]))


def contrast_ratio(one: RGB, other: RGB) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.1); 4.5 is asked for text that one has to read."""
    lighter, darker = sorted((relative_luminance(one), relative_luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def lab(colour: RGB) -> np.ndarray:
    """Return L*, a*, b* of an sRGB colour under D65 (CIE 1976)."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    ratio = to_xyz @ _linear(colour) / np.array([0.9505, 1.0, 1.089])
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def delta_e(one: RGB, other: RGB) -> float:
    """Return the distance of two colours in Lab (ΔE of CIE 1976); above 20 nobody takes one for the other."""
    return float(np.linalg.norm(lab(one) - lab(other)))


def readable_on(background: RGB, contrast: float = 4.5) -> list[str]:
    """Return the names of the colours that text can have on ``background``, in the order of the list."""
    return [name for name, colour in NAMED.items() if contrast_ratio(colour, background) >= contrast]


def mixed(one: RGB, other: RGB, share: float) -> RGB:
    """Return the colour between two, ``share`` of the way from ``one`` to ``other``."""
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _linear(colour: RGB) -> np.ndarray:
    value = np.asarray(colour, dtype=float) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
