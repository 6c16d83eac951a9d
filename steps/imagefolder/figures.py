"""Figures of ImageFolder, each with its caption, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from steps.imagefolder.inputs import Inputs
from steps.step.plotting import BLUE, GREEN, ORANGE, dots, image_sheet, legend, log_ticks, panels
from steps.step.publish import CaptionedFigure
from tenfold.imagefolder.grids import interpolation, scale_strips
from tenfold.imaging.grids import image_grid
from tenfold.imaging.pixels import to_tensor

COLUMNS = 10  # images in a row of a figure
MOST_CLASSES = 10  # rows of a figure
COLOURS = {"p2": BLUE, "p1": ORANGE, "folded": BLUE, "unfolded": ORANGE}
LINE: Any = {"marker": "o", "markersize": 4}
STYLES = ("-", "--", "-.", ":")  # of a tokenizer's branches


def image_sheets(inputs: list[Inputs], tried: Mapping[str, Any]) -> dict[str, CaptionedFigure]:
    """Return, of each data set, reconstructions, ways between images, samples, and how guidance was chosen."""
    found: dict[str, CaptionedFigure] = {}
    for one in inputs:
        tokenizer, name, side = one.tokenizers["p2"], one.dataset, one.test.size
        images = to_tensor(one.test.pixels[: 2 * COLUMNS]).to(tokenizer.projection.weight.device)
        found[f"{name}_reconstruction"] = (
            image_sheet(scale_strips(tokenizer, images[:COLUMNS]), side),
            f"{name}: test images, a row each, from the first 1, 2, … scales; the image itself last.",
        )
        found[f"{name}_interpolation"] = (
            image_sheet(interpolation(tokenizer, images[:5], images[5:10]), side),
            f"{name}: between the latent maps of two test images, a pair per row.",
        )
        for order in one.samples:
            found[f"{name}_samples_{order}"] = samples(one, order, tried[name][order]["chosen"])
        found[f"{name}_guidance"] = guidance(tried[name])
    return found


def samples(one: Inputs, order: str, guidance_scale: float) -> CaptionedFigure:
    """Draw the first samples of the first seed of an order, a class per row."""
    drawn, classes = one.samples[order][0], one.models[order].config.generator.classes
    count = min(COLUMNS, len(drawn) // classes)
    by_class = drawn[: classes * count].reshape(count, classes, *drawn.shape[1:]).swapaxes(0, 1)[:MOST_CLASSES]
    sheet = image_grid(by_class.reshape(-1, *drawn.shape[1:]), count)
    return (
        image_sheet(sheet, one.test.size, rows=[str(label) for label in range(len(by_class))]),
        f"{one.dataset}: {order} samples, guidance {guidance_scale:g}, a class per row; the first ones drawn, not "
        f"selected.",
    )


def guidance(tried: Mapping[str, Any]) -> CaptionedFigure:
    """Draw fd_metric_clf on validation against the guidance scale."""
    figure, (axis,) = panels(1)
    for order, found in tried.items():
        scores = {float(scale): score for scale, score in found["fd_metric_clf"].items()}
        axis.plot(list(scores), list(scores.values()), color=COLOURS[order], label=order, **LINE)
    axis.set_xlabel("guidance scale")
    axis.set_ylabel("fd_metric_clf, validation")
    legend(axis)
    return figure, "How the guidance scale was chosen: the lowest distance to the validation split."


def usage(usages: Mapping[str, Any], dataset: str) -> dict[str, CaptionedFigure]:
    """Draw the perplexity of the codes by scale, a line per tokenizer and branch, on one data set."""
    figure, (axis,) = panels(1)
    highest = 0
    for variant, of_datasets in usages.items():
        for branch, part in pd.DataFrame(of_datasets[dataset]).groupby("branch"):
            style = {**LINE, "linestyle": STYLES[int(branch) % len(STYLES)], "color": COLOURS[variant]}
            axis.plot(part["scale"] + 1, part["perplexity"], label=f"{variant}, branch {int(branch) + 1}", **style)
            highest = max(highest, int(np.ceil(np.log2(part["perplexity"].max()))))
    log_ticks(axis, [2**power for power in range(highest + 1)], which="y", base=2)
    axis.set_xlabel("scale")
    axis.set_ylabel("perplexity of the codes")
    legend(axis, columns=3)
    caption = "Codes in use on validation, by branch and scale; coarse scales have few positions to use codes at."
    return {"usage": (figure, caption)}


def truncated(table: pd.DataFrame, dataset: str) -> dict[str, CaptionedFigure]:
    """Draw the reconstruction error from the first n scales, on one data set."""
    figure, (axis,) = panels(1)
    for variant, part in table[table.dataset == dataset].groupby("variant", sort=False):
        axis.plot(part["scales"], part["error"], color=COLOURS[str(variant)], label=str(variant), **LINE)
    axis.set_xlabel("scales kept")
    axis.set_ylabel("mean squared error, test")
    legend(axis)
    return {"truncated": (figure, "Decoding from the first scales alone: what quantizer dropout trains for.")}


def ablation(table: pd.DataFrame) -> dict[str, CaptionedFigure]:
    """Draw error and distance of samples by row, a dot per seed; nothing if no row was trained."""
    titles = {
        "error": "squared error, test",
        "error_3_scales": "the same from 3 scales",
        "fd_metric_clf": "fd_metric_clf of samples",
        "probe_1": "probe of the last branch",
    }
    shown = {name: title for name, title in titles.items() if name in table}
    if table.empty or not shown:
        return {}
    figure, axes = panels(len(shown), width=3.0, height=2.9)
    for axis, (name, title) in zip(axes, shown.items(), strict=True):
        groups = {str(row): part[name].tolist() for row, part in table.groupby("row")}
        dots(axis, groups, horizontal=False, colours=dict.fromkeys(groups, GREEN))
        axis.set_xlabel("row")
        axis.set_title(title)
    caption = "Rows of the ablation, cumulative; a dot per seed, a stroke at the mean. Rows 7 and 8 are our reading."
    return {"ablation": (figure, caption)}
