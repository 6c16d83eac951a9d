"""Join every step's output into measurements, tables and figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from steps.dp_john import figures, tables
from steps.dp_john.measurements import (
    audit_measurements,
    gap_measurements,
    rate_measurements,
    release_measurements,
    timing_measurements,
)
from steps.step.run import Run
from tenfold.metrics.measurements import Measurement


def evaluate(rates: Path, certified: Path, timed: Path, audited: Path, gaps: Path, *, out: Path, run: Run) -> None:
    """Publish what the paper's claims are tested by.

    Reads   rates/curves.csv, certified/*.json, timed/*.csv, audited/audits.json, gaps/gaps.json
    Writes  metrics.json, claims.json, figures/*.svg and tables/*.csv with their captions
    """
    curves = pd.read_csv(rates / "curves.csv")
    certificates = _json(certified / "certificates.json")
    diagnostics = _json(certified / "diagnostics.json")
    solvers, rounds = pd.read_csv(timed / "solvers.csv"), pd.read_csv(timed / "rounds.csv")
    audits = pd.DataFrame(_json(audited / "audits.json"))
    gallery = _json(gaps / "gaps.json")

    claims: dict[str, Measurement] = (
        rate_measurements(curves)
        | timing_measurements(solvers, rounds)
        | gap_measurements(gallery)
        | audit_measurements(audits)
        | release_measurements(diagnostics)
    )
    worst = max(facts["max_leverage"] for facts in certificates.values()) - 1
    metrics = {"largest_certificate_gap": worst} | {
        name: claims[name]["value"]
        for name in ("rate_bound_ratio", "audit_correct_epsilon", "input_radius_loss", "active_set_speedup")
        if "value" in claims[name]
    }
    _write_json(out / "metrics.json", metrics)
    _write_json(out / "claims.json", claims)
    _write_tables(out / "tables", curves, certificates, diagnostics, solvers, audits)
    drawn = {
        "rate": figures.rate(curves),
        "privacy_utility": figures.privacy_utility(diagnostics),
        "gap_gallery": figures.gap_gallery(gallery),
        "audits": figures.audits(audits),
        "solvers": figures.solvers(solvers),
    }
    for name, (figure, _) in drawn.items():
        run.figure(name, figure)
    _write_json(out / "figures" / "captions.json", {f"{name}.svg": caption for name, (_, caption) in drawn.items()})


def _write_tables(
    folder: Path,
    curves: pd.DataFrame,
    certificates: dict[str, Any],
    diagnostics: list[dict[str, Any]],
    solvers: pd.DataFrame,
    audits: pd.DataFrame,
) -> None:
    folder.mkdir()
    made = {
        "rate.csv": tables.rate(curves),
        "certificates.csv": tables.certificates(certificates),
        "releases.csv": tables.releases(diagnostics),
        "solvers.csv": tables.solvers(solvers),
        "audits.csv": tables.audits(audits),
    }
    for name, (table, _) in made.items():
        table.to_csv(folder / name, index=False, float_format="%.6g")
    _write_json(folder / "captions.json", {name: caption for name, (_, caption) in made.items()})


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
