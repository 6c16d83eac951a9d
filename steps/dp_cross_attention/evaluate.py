"""Join every step's output into measurements, tables and figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from steps.dp_cross_attention import comparisons, figures, measurements, tables
from steps.runtime.run import Run
from tenfold.metrics.measurements import Measurement

METRICS = (
    "noise_slope_rows",
    "noise_over_predicted",
    "tree_over_sketch",
    "false_alarms",
    "agnews_sketch",
    "digits_sketch",
)


def evaluate(
    calibrated: Path, errors: Path, classified: Path, trees: Path, ablated: Path, audited: Path, attacked: Path,
    grown: Path,
    corrected: Path, timed: Path, *, out: Path, run: Run,
) -> None:  # fmt: skip
    """Publish what the paper's claims are tested by.

    Reads   calibrated/ledger.json, errors/*.csv, classified/accuracy.csv, trees/*.csv, ablated/ablations.csv,
            audited/audits.json, attacked/attack.csv, grown/continual.csv, corrected/corrections.json, timed/scaling.csv
    Writes  metrics.json, claims.json, figures/*.svg and tables/*.csv with their captions
    """
    ledger, content = _json(calibrated / "ledger.json"), _json(corrected / "corrections.json")
    grid, sweep = pd.read_csv(errors / "grid.csv"), pd.read_csv(errors / "temperature.csv")
    accuracy = pd.read_csv(classified / "accuracy.csv")
    routes, alphas, copies, prefixes = (
        pd.read_csv(trees / f"{name}.csv") for name in ("routes", "alpha", "copies", "prefix")
    )
    knobs, audits = pd.read_csv(ablated / "ablations.csv"), pd.DataFrame(_json(audited / "audits.json"))
    attacks, growth = pd.read_csv(attacked / "attack.csv"), pd.read_csv(grown / "continual.csv")
    seconds = pd.read_csv(timed / "scaling.csv")

    claims: dict[str, Measurement] = (
        measurements.privacy(audits, content)
        | measurements.error(grid, sweep, ledger)
        | measurements.classification(accuracy)
        | measurements.corrected(content)
        | comparisons.trees(routes, alphas, copies)
        | comparisons.ablated(knobs)
        | comparisons.attacked(attacks, growth)
        | comparisons.timed(seconds)
    )
    _write_json(out / "metrics.json", {name: claims[name]["value"] for name in METRICS})
    _write_json(out / "claims.json", claims)
    _write_tables(out / "tables", {
        "errors.csv": tables.errors(grid, audits),
        "accuracy.csv": tables.accuracy(accuracy),
        "temperature.csv": tables.temperature(sweep, ledger),
        "routes.csv": tables.routes(routes),
        "ablations.csv": tables.ablations(knobs, copies),
        "audits.csv": tables.audits(audits),
        "attacks.csv": tables.attacks(attacks),
        "growing.csv": tables.growing(growth),
        "scaling.csv": tables.scaling(seconds),
    })  # fmt: skip
    drawn = {
        "accuracy": figures.accuracy(accuracy),
        "error_grid": figures.error_grid(grid),
        "temperature": figures.temperature(sweep),
        "trees": figures.trees(routes, alphas, prefixes),
        "audits": figures.audits(audits),
        "adaptive": figures.adaptive(attacks, growth),
        "scaling": figures.scaling(seconds),
    }
    _draw(out / "figures", drawn, run)
    run.log({name: claims[name]["value"] for name in METRICS})


def _draw(folder: Path, drawn: dict[str, figures.Captioned], run: Run) -> None:
    for name, (figure, _) in drawn.items():
        run.figure(name, figure)
    _write_json(folder / "captions.json", {f"{name}.svg": caption for name, (_, caption) in drawn.items()})


def _write_tables(folder: Path, made: dict[str, tables.Captioned]) -> None:
    folder.mkdir()
    for name, (table, _) in made.items():
        table.to_csv(folder / name, index=False, float_format="%.6g")
    _write_json(folder / "captions.json", {name: caption for name, (_, caption) in made.items()})


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
