"""The published tables, each with its caption."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from steps.step.arms import Comparison
from steps.step.publish import CaptionedTable

# What was adapted: the small models that the steps made, or models and data of the hub.
ADAPTED = {
    "vision": (
        "Images: classes 5 to 9 after pretraining on 0 to 4.",
        "Images of whole data sets with the hub's ViT.",
    ),
    "text": ("Texts with the sentence encoder.", "SuperGLUE with the hub's decoder."),
    "characters": (
        "A small Llama from one text to another.",
        "The hub's decoder: perplexity per token of a text; share of GSM8K's problems solved after MetaMathQA.",
    ),
}
SETTINGS = (
    "Setting searched: the rate of the method's own grid that did best on validation; paper: 1e-3, as released. "
    "Parameters are those beside the classifier, which all methods train."
)


def adapted(name: str, found: Comparison) -> CaptionedTable:
    """Return the arms of one of ADAPTED."""
    return summary(found.arms), f"{ADAPTED[name][bool(found.origins)]} {SETTINGS}"


def ablation(found: Comparison) -> CaptionedTable:
    """Return the rows of the ablation."""
    return summary(found.arms), f"One thing changed at a time, Fashion-MNIST. {SETTINGS}"


def summary(arms: pd.DataFrame) -> pd.DataFrame:
    """Return one row per task, method and setting: means over the seeds, and the standard deviation of test scores."""
    keys = ["task", "setting", "method", "learning_rate", "trainable_parameters", "metric"]
    grouped = arms.groupby(keys, sort=False)[["validation_score", "test_score"]]
    table = grouped.mean().rename(columns={"validation_score": "validation", "test_score": "test"})
    table["sd"], table["seeds"] = grouped.std().test_score.fillna(0), grouped.count().test_score
    return table.reset_index()


def approximation(errors: pd.DataFrame) -> CaptionedTable:
    """Return the errors of (Z, k), medians over the seeds."""
    columns = ["error", "without", "eta", "clamped"]
    table = errors.groupby(["kind", "scale", "m", "phi"])[columns].median().reset_index()
    return table, "Errors of (Z, k) in ‖·‖∞, medians over the seeds."


def fading(shares: pd.DataFrame) -> CaptionedTable:
    """Return the memory's share of the attention by the length of the input."""
    table = shares.groupby("length")[["share"]].mean().reset_index()
    return table, "Share of the attention that goes to a memory of 16 vectors, by the length of the input."


def timing(seconds: pd.DataFrame) -> CaptionedTable:
    """Return the times as they were measured."""
    return seconds, "Seconds of one layer, forward."


def origins(comparisons: Iterable[Comparison]) -> dict[str, CaptionedTable]:
    """Return the table of where data of the hub came from, or nothing where all data was our own."""
    rows = [origin for found in comparisons for origin in found.origins]
    caption = "Data of the hub, at the commits that the revisions meant."
    return {"origins": (pd.DataFrame(rows), caption)} if rows else {}
