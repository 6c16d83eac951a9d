"""Figures of ImageFolder, each with its caption."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

Drawn = tuple[Figure, str]


def sheet(picture: np.ndarray, side: int, caption: str, *, rows: list[str] | None = None) -> Drawn:
    """Draw a sheet of pictures of one side, with a name beside each row."""
    height, width = picture.shape[0] / side, picture.shape[1] / side
    figure = Figure(figsize=(0.5 * width + 1.1, 0.5 * height + 0.1), layout="constrained")
    axis = figure.subplots()
    axis.imshow(picture, cmap="gray", interpolation="nearest", vmin=0, vmax=255)
    axis.set_xticks([])
    axis.set_yticks([])
    if rows:
        axis.set_yticks((np.arange(len(rows)) + 0.5) * side, rows, fontsize=8)
        axis.tick_params(length=0)
    return figure, caption


def usage(tables: Mapping[str, list[dict[str, float]]]) -> Drawn:
    """Draw the perplexity of the codes by scale, a line a branch."""
    figure = Figure(figsize=(4.5, 3), layout="constrained")
    axis = figure.subplots()
    for variant, rows in tables.items():
        for branch, part in pd.DataFrame(rows).groupby("branch"):
            axis.semilogy(part["scale"] + 1, part["perplexity"], "o-", label=f"{variant}, branch {branch + 1}")
    axis.set_xlabel("scale")
    axis.set_ylabel("perplexity of the codes")
    axis.legend(fontsize=8)
    return figure, "Codes in use on validation, by branch and scale; coarse scales have few positions to use codes at."


def truncated(table: pd.DataFrame) -> Drawn:
    """Draw the reconstruction error from the first n scales."""
    figure = Figure(figsize=(4.5, 3), layout="constrained")
    axis = figure.subplots()
    for variant, part in table.groupby("variant"):
        axis.plot(part["scales"], part["error"], "o-", label=str(variant))
    axis.set_xlabel("scales kept")
    axis.set_ylabel("mean squared error, test")
    axis.legend(fontsize=8)
    return figure, "Decoding from the first scales alone: what quantizer dropout trains for."


def ablation(table: pd.DataFrame) -> Drawn:
    """Draw error and distance of samples by row, a dot a seed."""
    panels = [
        (name, label)
        for name, label in (
            ("error", "squared error, test"),
            ("error_3_scales", "the same from 3 scales"),
            ("fd_metric_clf", "fd_metric_clf of samples"),
            ("probe_1", "probe of the last branch"),
        )
        if name in table
    ]
    figure = Figure(figsize=(2.9 * max(len(panels), 1), 2.9), layout="constrained")
    for axis, (name, label) in zip(figure.subplots(1, max(len(panels), 1), squeeze=False)[0], panels, strict=False):
        axis.plot(table["row"], table[name], "o", alpha=0.6)
        means = table.groupby("row")[name].mean()
        axis.plot(means.index, means.to_numpy(), "_", color="C3", markersize=16)
        axis.set_xlabel("row")
        axis.set_title(label, fontsize=9)
        axis.grid(axis="y", alpha=0.3)
    return figure, "Rows of the ablation, cumulative; a dot a seed, the mean in red. Rows 7 and 8 are our reading."


def guidance(tried: Mapping[str, Any]) -> Drawn:
    """Draw fd_metric_clf on validation against the guidance scale."""
    figure = Figure(figsize=(4.5, 3), layout="constrained")
    axis = figure.subplots()
    for name, found in tried.items():
        scores = found["fd_metric_clf"]
        axis.plot([float(scale) for scale in scores], list(scores.values()), "o-", label=name)
    axis.set_xlabel("guidance scale")
    axis.set_ylabel("fd_metric_clf, validation")
    axis.legend(fontsize=8)
    return figure, "How the guidance scale was chosen: the lowest distance to the validation split."
