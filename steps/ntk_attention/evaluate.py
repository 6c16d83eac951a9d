"""Join every step's output into measurements, tables and figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from steps.ntk_attention import figures
from steps.ntk_attention.measurements import (
    comparisons,
    correction_measurements,
    fading_measurements,
    language_model_measurements,
    search_measurements,
    theory_measurements,
    timing_measurements,
)
from steps.step.run import Run
from tenfold.metrics.measurements import Measurement

Tables = dict[str, tuple[pd.DataFrame, str]]  # each with its caption
HEADLINES = ("vision_ntk_minus_lora", "vision_ntk_minus_prefix", "text_ntk_minus_lora", "longest_prefix_over_ntk")


def evaluate(
    vision: Path, text: Path, characters: Path, ablation: Path, theory: Path, timed: Path, *, out: Path, run: Run
) -> None:
    """Join every step's output into measurements, tables and figures.

    Reads   arms.csv, search.csv, items.npz of each adaptation, and origins.json where data came from the hub; descent,
            curves, error, fading and timing.csv
    Writes  metrics.json, claims.json, figures/*.svg and tables/*.csv with their captions
    """
    arms = {folder.name: pd.read_csv(folder / "arms.csv") for folder in (vision, text, characters, ablation)}
    searches = pd.concat([pd.read_csv(folder / "search.csv") for folder in (vision, text)])
    descent, curves, errors, fading = (
        pd.read_csv(theory / f"{name}.csv") for name in ("descent", "curves", "error", "fading")
    )
    timing = pd.read_csv(timed / "timing.csv")
    claims: dict[str, Measurement] = (
        comparisons("vision", arms[vision.name], _items(vision))
        | comparisons("text", arms[text.name], _items(text))
        | language_model_measurements(arms[characters.name], _items(characters))
        | theory_measurements(descent, errors)
        | fading_measurements(fading)
        | timing_measurements(timing)
        | search_measurements(searches, pd.concat([arms[vision.name], arms[text.name]]))
        | correction_measurements()
    )
    metrics = {name: claims[name]["value"] for name in HEADLINES if "value" in claims[name]}
    _write_json(out / "metrics.json", metrics)
    _write_json(out / "claims.json", claims)
    tables = _adapted({"vision": vision, "text": text, "characters": characters}, arms) | {
        "ablation.csv": (summary(arms[ablation.name]), "One thing changed at a time, Fashion-MNIST. " + SETTINGS),
        "approximation.csv": _medians(errors),
        "fading.csv": _shares(fading),
        "timing.csv": (timing, "Seconds of one layer, forward."),
    }
    origins = [row for folder in (vision, text, characters) for row in _origins(folder)]
    if origins:
        tables["origins.csv"] = (pd.DataFrame(origins), "Data of the hub, at the commits that their revisions meant.")
    _write_tables(out, tables)
    drawn = {
        "vision": figures.arms(arms[vision.name], "Pictures"),
        "text": figures.arms(arms[text.name], "Texts"),
        "characters": figures.arms(arms[characters.name], "Characters"),
        "ablation": figures.arms(arms[ablation.name], "Ablation"),
        "approximation": figures.errors(errors),
        "descent": figures.descent(curves, descent),
        "timing": figures.timing(timing),
        "loss_by_length": figures.loss_by_length(searches),
    }
    _write_figures(out, drawn, run)


# Captions: of what the steps made themselves, and of what came from the hub.
CAPTIONS = {
    "vision": (
        "Pictures: classes 5 to 9 after pretraining on 0 to 4. ",
        "Pictures of whole data sets with the hub's ViT. ",
    ),
    "text": ("Texts with the sentence encoder. ", "SuperGLUE with the hub's decoder. "),
    "characters": (
        "A small Llama from one text to another. ",
        "The hub's decoder: perplexity a token of a text; share of GSM8K's problems solved after MetaMathQA. ",
    ),
}
SETTINGS = (
    "Setting searched: the rate of the method's own grid that did best on validation; paper: 1e-3, as released. "
    "Parameters are those beside the classifier, which all methods train."
)


def summary(arms: pd.DataFrame) -> pd.DataFrame:
    """Return one row a task, method and setting: means over the seeds, and their standard deviation."""
    keys = ["task", "setting", "method", "learning_rate", "trainable_parameters", "metric"]
    grouped = arms.groupby(keys, sort=False)[["validation_score", "test_score"]]
    table = grouped.mean().rename(columns={"validation_score": "validation", "test_score": "test"})
    table["sd"], table["seeds"] = grouped.std().test_score.fillna(0), grouped.count().test_score
    return table.reset_index()


def _origins(folder: Path) -> list[dict[str, Any]]:
    path = folder / "origins.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def _adapted(folders: dict[str, Path], arms: dict[str, pd.DataFrame]) -> Tables:
    """Return one table a kind of adaptation, by the names of CAPTIONS."""
    return {
        f"{name}.csv": (summary(arms[folder.name]), CAPTIONS[name][bool(_origins(folder))] + SETTINGS)
        for name, folder in folders.items()
    }


def _medians(errors: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    columns = ["error", "without", "eta", "clamped"]
    table = errors.groupby(["kind", "scale", "m", "phi"])[columns].median().reset_index()
    return table, "Errors of (Z, k) in ‖·‖∞, medians over the seeds."


def _shares(fading: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    table = fading.groupby("length")[["share"]].mean().reset_index()
    return table, "Share of the attention that goes to a memory of 16 vectors, by the length of the input."


def _write_tables(out: Path, tables: Tables) -> None:
    (out / "tables").mkdir()
    for name, (table, _) in tables.items():
        table.to_csv(out / "tables" / name, index=False, float_format="%.6g")
    _write_json(out / "tables" / "captions.json", {name: caption for name, (_, caption) in tables.items()})


def _write_figures(out: Path, drawn: dict[str, figures.Drawn], run: Run) -> None:
    for name, (figure, _) in drawn.items():
        run.figure(name, figure)
    _write_json(out / "figures" / "captions.json", {f"{name}.svg": caption for name, (_, caption) in drawn.items()})


def _items(folder: Path) -> dict[str, Any]:
    with np.load(folder / "items.npz") as data:
        return {name: data[name] for name in data.files}


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
