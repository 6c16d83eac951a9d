"""A small picture of one test: what it allows, and where the measurements lie."""

from __future__ import annotations

import math
from collections.abc import Callable

from flows.report.verdicts import Tested, allowed, bounds
from tenfold.metrics.measurement import Interval

WIDTH, ROW, EDGE = 320, 22, 10  # pixels


def picture(tested: Tested) -> str:
    """Return an SVG element (without numbers: they stand beside it), or "" if nothing was measured.

    The band is what the test allows; a dot is the measured value, and the bar through it its interval.
    """
    measured = [
        (item.number, bounds(tested.test, item)) for item in tested.measurements.values() if item.value is not None
    ]
    if not measured:
        return ""
    least, most = allowed(tested.test) if tested.test.order is None else (-math.inf, math.inf)
    shown = [end for _, ends in measured for end in ends] + [limit for limit in (least, most) if math.isfinite(limit)]
    low, high = min(shown), max(shown)
    margin = 0.18 * (high - low) or max(abs(high), 1.0) * 0.1
    low, high = low - margin, high + margin

    def across(value: float) -> float:
        share = (min(max(value, low), high) - low) / (high - low)
        return round(EDGE + share * (WIDTH - 2 * EDGE), 1)

    height = ROW * len(measured) + 8
    parts = [f'<line class="axis" x1="{EDGE}" x2="{WIDTH - EDGE}" y1="{height - 3}" y2="{height - 3}"/>']
    if tested.test.order is None:
        left, right = across(least), across(most)
        parts.append(f'<rect class="allowed" x="{left}" y="2" width="{round(right - left, 1)}" height="{height - 5}"/>')
        parts += [
            f'<line class="limit" x1="{across(limit)}" x2="{across(limit)}" y1="2" y2="{height - 3}"/>'
            for limit in (least, most)
            if math.isfinite(limit)
        ]
    parts += [_mark(*item, across, ROW * row + ROW / 2 + 3) for row, item in enumerate(measured)]
    return (
        f'<svg class="interval {tested.outcome.value}" viewBox="0 0 {WIDTH} {height}" '
        f'aria-hidden="true" focusable="false">{"".join(parts)}</svg>'
    )


def _mark(value: float, ends: Interval, across: Callable[[float], float], y: float) -> str:
    left, right = (across(end) for end in ends)
    whisker = (
        f'<path class="bar" d="M{left} {y}H{right}M{left} {y - 5}v10M{right} {y - 5}v10"/>' if ends[0] < ends[1] else ""
    )
    return f'{whisker}<circle class="value" cx="{across(value)}" cy="{y}" r="4.5"/>'
