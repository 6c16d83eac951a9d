"""Tables of ImageFolder's report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from steps.imagefolder.encoding import errors_by_scale
from steps.imagefolder.inputs import Inputs, again, probes_of
from tenfold.imagefolder.evaluation import evaluate_images


def truncation(one: Inputs) -> pd.DataFrame:
    """Return the error from the first n scales of p2 and p1."""
    rows = []
    for name in ("p2", "p1"):
        errors = errors_by_scale(one.tokenizers[name], one.test).mean(axis=1)
        rows += [
            {"dataset": one.dataset, "variant": name, "scales": scales, "error": error}
            for scales, error in enumerate(errors, start=1)
        ]
    return pd.DataFrame(rows)


def reconstructions(inputs: list[Inputs], resamples: int) -> pd.DataFrame:
    """Return a row a data set and tokenizer: errors, and distances of the reconstructions to the test split."""
    rows = []
    for one in inputs:
        for name, tokenizer in one.tokenizers.items():
            _, found = again(one, name, resamples)
            bits = tokenizer.config.bits if tokenizer.config.quantize else None
            rows.append({"dataset": one.dataset, "variant": name, "bits": bits, **_flat(found)})
    return pd.DataFrame(rows)


def generations(inputs: list[Inputs], resamples: int) -> pd.DataFrame:
    """Return a row a generator and seed, and one of the test split's two halves: what no generator can beat."""
    rows = []
    for one in inputs:
        half = min(len(one.test) // 2, len(one.samples["folded"][0]))
        sets = [
            (f"{name}, seed {seed}", part) for name, parts in one.samples.items() for seed, part in enumerate(parts)
        ]
        for name, pixels in sets:
            found = evaluate_images(pixels, one.test.pixels, one.judge, resamples=resamples)
            rows.append({"dataset": one.dataset, "pictures": name, "n": len(pixels), **_flat(found)})
        order = np.random.default_rng(0).permutation(len(one.test))
        halves = one.test.pixels[order[:half]], one.test.pixels[order[half : 2 * half]]
        found = evaluate_images(*halves, one.judge, resamples=resamples)
        rows.append({"dataset": one.dataset, "pictures": "half of the test split", "n": half, **_flat(found)})
    return pd.DataFrame(rows)


def _flat(found: dict[str, Any]) -> dict[str, float]:
    """Return every figure with its interval, side by side."""
    flat: dict[str, float] = {}
    for name, figure in found.items():
        if isinstance(figure, dict) and "interval" in figure:
            flat |= {name: figure["value"], f"{name} from": figure["interval"][0], f"{name} to": figure["interval"][1]}
    return flat


def ablation_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the means over the seeds, a row of the ablation each."""
    return (
        rows.groupby(["row", "title"])
        .mean()
        .rename(columns={"seed": "seeds"})
        .assign(seeds=rows.groupby(["row", "title"]).seed.count())
        .reset_index()
    )


def usage_table(usages: dict[str, Any]) -> pd.DataFrame:
    """Return a row a data set, tokenizer, branch and scale."""
    return pd.DataFrame(
        [
            {"dataset": dataset, "variant": name, **row}
            for name, found in usages.items()
            for dataset, rows in found.items()
            for row in rows
        ]
    )


def probe_table(inputs: list[Inputs]) -> pd.DataFrame:
    """Return a row a data set, tokenizer and branch."""
    rows = []
    for one in inputs:
        for variant in ("p2", "p1"):
            probes, lost = probes_of(one, variant)
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
                for branch, probe in enumerate(probes)
            ]
    return pd.DataFrame(rows)
