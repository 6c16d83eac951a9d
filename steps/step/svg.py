"""SVG files whose bytes stay the same while the data do: coordinates to 0.01 points, names numbered in order.

Matplotlib writes six decimals, and names clipping paths and markers by a digest of all digits of their coordinates, so
that the last digit of a number, which differs from machine to machine, changes the whole file.
"""

from __future__ import annotations

import re
from itertools import count

NUMBER = re.compile(r"-?\d+\.\d+")
PLACED = re.compile(
    r'(?<=[\s"])((?:d|x|y|x1|x2|y1|y2|cx|cy|width|height|points|viewBox)=")([^"]*)"|(translate\()([^)]*)'
)
DIGEST = re.compile(r'\bid="([^"]*?)[0-9a-f]{10}"')
NAME = re.compile(r'(?<=[#"])[\w-]+(?=[)"])')


def stable(text: str) -> str:
    """Return Matplotlib's SVG with rounded coordinates, and names without digests."""
    text = PLACED.sub(_rounded, text)
    numbers = count(1)
    names = {match[0][4:-1]: f"{match[1]}n{next(numbers)}" for match in DIGEST.finditer(text)}
    return NAME.sub(lambda match: names.get(match[0], match[0]), text)


def _rounded(match: re.Match[str]) -> str:
    before, inside, after = (match[1], match[2], '"') if match[1] else (match[3], match[4], "")
    return before + NUMBER.sub(lambda number: _short(float(number[0])), inside) + after


def _short(number: float) -> str:
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
