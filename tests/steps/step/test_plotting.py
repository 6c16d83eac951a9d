"""The house style: panels, bands, dots, ticks, legends, audits and sheets of images."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from steps.step import plotting
from steps.step.plotting import BLUE, ORANGE


def drawn(figure: Figure) -> FigureCanvasAgg:
    """Lay the figure out, as saving it does."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return canvas


def test_panels_stand_in_rows_and_places_left_over_are_empty():
    figure, axes = plotting.panels(5, columns=3, width=2, height=1.5)
    assert len(axes) == len(figure.axes) == 5
    assert tuple(figure.get_size_inches()) == (6, 3)
    assert not axes[0].spines["top"].get_visible()


@pytest.mark.parametrize(
    ("band", "low", "high"),
    [("range", 1.0, 3.0), ("student", 2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), ("middle 90 %", 1.1, 2.9)],
)
def test_a_band_spans_what_it_says(band: plotting.Band, low: float, high: float):
    _, (axis,) = plotting.panels(1)
    table = pd.DataFrame({"x": [1, 1, 1, 2, 2, 2], "y": [1.0, 2.0, 3.0, 5.0, 5.0, 5.0]})
    plotting.curve(axis, table, "x", "y", BLUE, band=band, label="mean")
    assert axis.lines[0].get_ydata() == pytest.approx([2, 5])
    corners = axis.collections[0].get_paths()[0].vertices
    at_one = corners[corners[:, 0] == 1][:, 1]
    assert (at_one.min(), at_one.max()) == pytest.approx((low, high), abs=1e-4)


def test_dots_have_one_named_place_per_group():
    _, (axis, other) = plotting.panels(2)
    plotting.dots(axis, {"ours": [0.5, 0.7], "theirs": [0.4]}, colours={"ours": ORANGE})
    plotting.dots(other, {"ours": [0.5, 0.7], "theirs": [0.4]}, horizontal=False)
    assert [label.get_text() for label in axis.get_yticklabels()] == ["ours", "theirs"]
    assert [label.get_text() for label in other.get_xticklabels()] == ["ours", "theirs"]
    assert axis.lines[0].get_color() == ORANGE and axis.lines[2].get_color() == BLUE
    assert axis.lines[1].get_xdata() == pytest.approx([0.6])
    assert axis.yaxis_inverted()


def test_bars_reach_from_low_to_high():
    _, (axis,) = plotting.panels(1)
    plotting.error_bars(axis, [0, 1], [2.0, 3.0], [1.0, 2.5], [4.0, 3.5], BLUE)
    ends = [segment[:, 1].tolist() for segment in axis.collections[0].get_segments()]
    assert ends == [[1.0, 4.0], [2.5, 3.5]]


def test_a_logarithmic_axis_has_just_the_named_ticks():
    figure, (axis,) = plotting.panels(1)
    axis.plot([0.5, 2000], [1, 1])
    plotting.log_ticks(axis, [0.5, 2000, 30, 30])
    plotting.log_ticks(axis, [0.25, 1], which="y", base=2)
    drawn(figure)
    assert [label.get_text() for label in axis.get_xticklabels()] == ["0.5", "30", "2,000"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["0.25", "1"]
    assert axis.get_xscale() == axis.get_yscale() == "log"
    assert len(axis.xaxis.get_minorticklocs()) == 0


def box(canvas: FigureCanvasAgg, artist: Axes) -> tuple[float, float]:
    extent = artist.get_window_extent(canvas.get_renderer())
    return extent.y0, extent.y1


@pytest.mark.parametrize("shared", [False, True])
def test_a_legend_covers_no_data(shared: bool):
    figure, axes = plotting.panels(2)
    for axis in axes:
        for name in ("exact", "sketched", "sampled"):
            axis.plot([1, 2], [1, 2], label=name)
        axis.set(xlabel="updates")
        if not shared:
            plotting.legend(axis)
    if shared:
        plotting.shared_legend(figure)
    canvas = drawn(figure)
    legends = figure.legends if shared else [axis.get_legend() for axis in axes]
    assert [text.get_text() for text in legends[0].get_texts()] == ["exact", "sketched", "sampled"]
    for found, axis in zip(legends, axes, strict=False):
        bottom = axis.xaxis.label.get_window_extent(canvas.get_renderer()).y0
        low, high = box(canvas, found)
        assert 0 <= low < high <= bottom


def test_an_audit_has_a_row_per_mechanism_and_what_is_claimed():
    audits = pd.DataFrame(
        {
            "kind": ["correct", "correct", "planted"],
            "mechanism": ["sketch", "sketch", "leak"],
            "canary": ["far", "far", "near"],
            "bound": [0.5, 0.7, 9.0],
        }
    )
    kinds = {"correct": ("as they are", BLUE), "planted": ("planted bugs", ORANGE), "absent": ("none", BLUE)}
    figure = plotting.audit(audits, "bound", ("mechanism", "canary"), kinds, claimed=1.0, label="ε", ticks=[0, 1, 10])
    (axis,) = figure.axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["sketch · far", "leak · near"]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["0", "1", "10"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["claimed", "as they are", "planted bugs"]
    drawn(figure)


def test_a_sheet_of_images_keeps_its_shape_and_names_its_rows():
    sheet = np.zeros((2 * 8, 3 * 8, 3), dtype=np.uint8)
    figure = plotting.image_sheet(sheet, 8, rows=["a", "b"])
    (axis,) = figure.axes
    assert axis.images[0].get_array().shape == sheet.shape
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b"]
    assert axis.get_yticks() == pytest.approx([4, 12])
    figure.savefig(BytesIO(), format="svg")
