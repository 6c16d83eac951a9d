"""Join every step's output into measurements, tables and figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from steps.dp_cross_attention import comparisons, figures, measurements, tables
from steps.step.run import Run
from tenfold.metrics.measurements import Measurement

Tables = dict[str, pd.DataFrame]
METRICS = (
    "noise_slope_rows",
    "noise_over_predicted",
    "tree_over_sketch",
    "false_alarms",
    "agnews_sketch",
    "digits_sketch",
)


def evaluate(
    calibrated: Path,
    errors: Path,
    classified: Path,
    trees: Path,
    ablated: Path,
    audited: Path,
    attacked: Path,
    grown: Path,
    corrected: Path,
    timed: Path,
    *,
    out: Path,
    run: Run,
) -> None:
    """Publish what the paper's claims are tested by.

    Reads   calibrated/ledger.json, errors/*.csv, classified/accuracy.csv, trees/*.csv, ablated/ablations.csv,
            audited/audits.json, attacked/attack.csv, grown/continual.csv, corrected/corrections.json, timed/scaling.csv
    Writes  metrics.json, claims.json, figures/*.svg and tables/*.csv with their captions
    """
    ledger, content = _json(calibrated / "ledger.json"), _json(corrected / "corrections.json")
    files = {
        "grid": errors,
        "temperature": errors,
        "accuracy": classified,
        "routes": trees,
        "alpha": trees,
        "copies": trees,
        "prefix": trees,
        "ablations": ablated,
        "attack": attacked,
        "continual": grown,
        "scaling": timed,
    }
    read = {name: pd.read_csv(folder / f"{name}.csv") for name, folder in files.items()}
    read["audits"] = pd.DataFrame(_json(audited / "audits.json"))

    claims = _claims(read, ledger, content)
    _write_json(out / "metrics.json", {name: claims[name]["value"] for name in METRICS})
    _write_json(out / "claims.json", claims)
    _write_tables(out / "tables", read, ledger)
    _draw(out / "figures", read, run)
    run.log({name: claims[name]["value"] for name in METRICS})


def _claims(read: Tables, ledger: dict[str, Any], content: dict[str, Any]) -> dict[str, Measurement]:
    return (
        measurements.privacy(read["audits"], content)
        | measurements.error(read["grid"], read["temperature"], ledger)
        | measurements.classification(read["accuracy"])
        | measurements.corrected(content)
        | comparisons.trees(read["routes"], read["alpha"], read["copies"])
        | comparisons.ablated(read["ablations"])
        | comparisons.attacked(read["attack"], read["continual"])
        | comparisons.timed(read["scaling"])
    )


def _draw(folder: Path, read: Tables, run: Run) -> None:
    drawn = {
        "accuracy": figures.accuracy(read["accuracy"]),
        "error_grid": figures.error_grid(read["grid"]),
        "temperature": figures.temperature(read["temperature"]),
        "trees": figures.trees(read["routes"], read["alpha"], read["prefix"]),
        "audits": figures.audits(read["audits"]),
        "adaptive": figures.adaptive(read["attack"], read["continual"]),
        "scaling": figures.scaling(read["scaling"]),
    }
    for name, (figure, _) in drawn.items():
        run.figure(name, figure)
    _write_json(folder / "captions.json", {f"{name}.svg": caption for name, (_, caption) in drawn.items()})


def _write_tables(folder: Path, read: Tables, ledger: dict[str, Any]) -> None:
    folder.mkdir()
    made = {
        "errors.csv": tables.errors(read["grid"], read["audits"]),
        "accuracy.csv": tables.accuracy(read["accuracy"]),
        "temperature.csv": tables.temperature(read["temperature"], ledger),
        "routes.csv": tables.routes(read["routes"]),
        "ablations.csv": tables.ablations(read["ablations"], read["copies"]),
        "audits.csv": tables.audits(read["audits"]),
        "attacks.csv": tables.attacks(read["attack"]),
        "growing.csv": tables.growing(read["continual"]),
        "scaling.csv": tables.scaling(read["scaling"]),
    }
    for name, (table, _) in made.items():
        table.to_csv(folder / name, index=False, float_format="%.6g")
    _write_json(folder / "captions.json", {name: caption for name, (_, caption) in made.items()})


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
