"""Tables of ImageFolder's report, each with its caption."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from steps.imagefolder.encoding import errors_by_scale
from steps.imagefolder.inputs import Inputs, probes_of, reconstruction_figures, sample_figures
from steps.step.publish import CaptionedTable
from tenfold.imagefolder.branch_features import CAVEAT
from tenfold.metrics.image_sets import evaluate_images


def truncation(inputs: list[Inputs]) -> CaptionedTable:
    """Return the error from the first n scales of p2 and p1."""
    rows = []
    for one in inputs:
        for name in ("p2", "p1"):
            errors = errors_by_scale(one.tokenizers[name], one.test).mean(axis=1)
            rows += [
                {"dataset": one.dataset, "variant": name, "scales": scales, "error": error}
                for scales, error in enumerate(errors, start=1)
            ]
    return pd.DataFrame(rows), "Squared error on [−1, 1] from the first scales alone, test split."


def reconstructions(inputs: list[Inputs], resamples: int) -> CaptionedTable:
    """Return a row per data set and tokenizer: errors, and distances of the reconstructions to the test split."""
    rows = []
    for one in inputs:
        for name, tokenizer in one.tokenizers.items():
            _, found = reconstruction_figures(one, name, resamples)
            bits = tokenizer.config.bits if tokenizer.config.quantize else None
            rows.append({"dataset": one.dataset, "variant": name, "bits": bits, **_flat(found)})
    caption = "Test images through each tokenizer: mse, ssim on [0, 1]; distances in metric_clf."
    return pd.DataFrame(rows), caption


def generations(inputs: list[Inputs], resamples: int) -> CaptionedTable:
    """Return a row per generator and seed, and one of the test split's two halves: what no generator can beat."""
    rows = []
    for one in inputs:
        sets = [
            (f"{name}, seed {seed}", len(one.samples[name][seed]), figures)
            for name in one.samples
            for seed, figures in enumerate(sample_figures(one, name, resamples))
        ]
        half = min(len(one.test) // 2, len(one.samples["folded"][0]))
        order = np.random.default_rng(0).permutation(len(one.test))
        halves = one.test.pixels[order[:half]], one.test.pixels[order[half : 2 * half]]
        sets.append(("half of the test split", half, evaluate_images(*halves, one.judge, resamples=resamples)))
        rows += [{"dataset": one.dataset, "pictures": name, "n": n, **_flat(figures)} for name, n, figures in sets]
    return pd.DataFrame(rows), "Samples against as many test images, in the features of metric_clf: no FID."


def _flat(found: dict[str, Any]) -> dict[str, float]:
    """Return every figure with its interval, side by side."""
    flat: dict[str, float] = {}
    for name, figure in found.items():
        if isinstance(figure, dict) and "interval" in figure:
            flat |= {name: figure["value"], f"{name} from": figure["interval"][0], f"{name} to": figure["interval"][1]}
    return flat


def usage(usages: Mapping[str, Any]) -> CaptionedTable:
    """Return a row per data set, tokenizer, branch and scale."""
    rows = [
        {"dataset": dataset, "variant": name, **row}
        for name, found in usages.items()
        for dataset, rows in found.items()
        for row in rows
    ]
    return pd.DataFrame(rows), "Use of the codes on validation, by branch and scale."


def probes(inputs: list[Inputs]) -> CaptionedTable:
    """Return a row per data set, tokenizer and branch."""
    rows = []
    for one in inputs:
        for variant in ("p2", "p1"):
            found, lost = probes_of(one, variant)
            rows += [
                {
                    "dataset": one.dataset,
                    "variant": variant,
                    "branch": branch + 1,
                    "accuracy": probe.accuracy,
                    "from": probe.interval[0],
                    "to": probe.interval[1],
                    "shuffled labels": probe.shuffled_accuracy,
                    "lost without it": lost[branch],
                }
                for branch, probe in enumerate(found)
            ]
    return pd.DataFrame(rows), "Linear probes of each branch's mean token. " + CAVEAT


def networks(found: Mapping[str, Any]) -> CaptionedTable:
    """Return a row per data set: what the step networks measured."""
    table = pd.DataFrame(found).T.rename_axis("data set").reset_index()
    return table, "Stand-in networks: accuracy of metric_clf, probes of teachers; oracle_teacher saw labels."


def timing(timing: pd.DataFrame) -> CaptionedTable:
    """Return a row per generator, with and without the cache: medians over the repeats."""
    table = timing.groupby(["generator", "cache", "positions"]).seconds.median().reset_index()
    return table, "Drawing with guidance: seconds, medians."


def ablation(rows: pd.DataFrame) -> dict[str, CaptionedTable]:
    """Return the means over the seeds, a row per row of the ablation; nothing if none was trained."""
    if rows.empty:
        return {}
    groups = rows.groupby(["row", "title"])
    table = groups.mean().rename(columns={"seed": "seeds"}).assign(seeds=groups.seed.count()).reset_index()
    return {"ablation": (table, "Means over the seeds; errors on [−1, 1]. Rows 7 and 8 are our reading.")}
