"""The order in which the boxes of a page are read: plain, line by line, or column by column (XY-cut).

Legend:  N boxes
"""

from __future__ import annotations

from collections.abc import Sequence

from tenfold.ocr.page import Box

COLUMN_GAP = 0.95  # of the upper quartile of heights: wider than a space between words, narrower than between columns


def rows_of(boxes: Sequence[Box]) -> list[list[int]]:
    """Return the boxes in rows from top to bottom, each from left to right.

    Two boxes share a row if the vertical middle of each lies within the other, as in LATIN-Prompt (Wang et al. 2023).
    """
    rows: list[list[int]] = []
    for index in sorted(range(len(boxes)), key=lambda one: (boxes[one][1], boxes[one][0])):
        for row in reversed(rows):
            if _same_row(boxes[row[0]], boxes[index]):
                row.append(index)
                break
        else:
            rows.append([index])
    return [sorted(row, key=lambda one: boxes[one][0]) for row in rows]


def plain_order(boxes: Sequence[Box]) -> list[int]:
    """Return the boxes line by line over the whole width of the page."""
    return [index for row in rows_of(boxes) for index in row]


def xy_cut(boxes: Sequence[Box], *, column_gap: float = COLUMN_GAP) -> list[int]:
    """Return the boxes column by column: recursive XY-cut (Nagy & Seth 1984), which finds headings over columns.

    Words of a row that stand no further apart than words do are kept together. Where an upright gap runs through all
    boxes, the part left of it is read first; a gap counts from ``column_gap`` times the upper quartile of the boxes'
    heights, which is that of words with tall letters. Else the page is cut across, into the largest groups of rows that
    have such a gap in common and rows that have none. Receipts' names and prices are columns to it;
    `tenfold.ocr.spacing` keeps them side by side.
    """
    if not boxes:
        return []
    heights = sorted(box[3] - box[1] for box in boxes)
    tall = heights[3 * len(heights) // 4]
    runs = [run for row in rows_of(boxes) for run in _runs(boxes, row, column_gap, tall)]
    order = _cut([_around([boxes[index] for index in run]) for run in runs], list(range(len(runs))), column_gap * tall)
    return [index for number in order for index in runs[number]]


def _runs(boxes: Sequence[Box], row: list[int], column_gap: float, tall: float) -> list[list[int]]:
    """Return a row in runs of words whose gaps are those between words of their own size, as in a large heading."""
    runs = [[row[0]]]
    for index in row[1:]:
        before, box = boxes[runs[-1][-1]], boxes[index]
        size = max(tall, before[3] - before[1], box[3] - box[1])
        if box[0] - before[2] > column_gap * size:
            runs.append([])
        runs[-1].append(index)
    return runs


def _around(boxes: Sequence[Box]) -> Box:
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def _cut(boxes: Sequence[Box], chosen: list[int], gap: float) -> list[int]:
    columns = _parted(boxes, chosen, gap)
    if len(columns) > 1:
        return [index for column in columns for index in _cut(boxes, column, gap)]
    rows = _rows_apart(boxes, chosen)
    groups: list[list[int]] = []
    for row in rows:
        if groups and len(_parted(boxes, groups[-1] + row, gap)) > 1:
            groups[-1] = groups[-1] + row
        else:
            groups.append(row)
    if len(groups) == 1:
        return [chosen[index] for index in plain_order([boxes[index] for index in chosen])]
    return [index for group in groups for index in _cut(boxes, group, gap)]


def _parted(boxes: Sequence[Box], chosen: list[int], gap: float) -> list[list[int]]:
    """Return the boxes in columns from left to right, between which upright gaps wider than ``gap`` run."""
    columns: list[list[int]] = []
    reach = float("-inf")
    for index in sorted(chosen, key=lambda one: boxes[one][0]):
        if not columns or boxes[index][0] - reach > gap:
            columns.append([])
        columns[-1].append(index)
        reach = max(reach, boxes[index][2])
    return columns


def _rows_apart(boxes: Sequence[Box], chosen: list[int]) -> list[list[int]]:
    """Return the boxes in groups from top to bottom that do not share any height; touching ones are apart."""
    groups: list[list[int]] = []
    reach = float("-inf")
    for index in sorted(chosen, key=lambda one: boxes[one][1]):
        top, bottom = boxes[index][1], boxes[index][3]
        if not groups or top >= reach - 0.25 * (bottom - top):  # descenders reach into the line below
            groups.append([])
        groups[-1].append(index)
        reach = max(reach, bottom)
    return groups


def _same_row(one: Box, other: Box) -> bool:
    return one[1] <= (other[1] + other[3]) / 2 <= one[3] and other[1] <= (one[1] + one[3]) / 2 <= other[3]
