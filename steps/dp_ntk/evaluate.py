"""Join every step's output into measurements, tables and figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from steps.dp_ntk import figures, tables
from steps.dp_ntk.close_measurements import account_measurements, close_measurements
from steps.dp_ntk.datasets import load
from steps.dp_ntk.replace_measurements import audit_measurements, replace_measurements
from steps.dp_ntk.theory_measurements import convergence_measurements, gap_measurements
from steps.step.run import Run
from tenfold.dp_ntk.random_features import RandomFeatures
from tenfold.metrics.measurements import Measurement, measured

HEADLINES = (
    "c5_private_accuracy",
    "close_input_gap",
    "ssp_accuracy_8",
    "ridge_sample_accuracy_8",
    "audit_correct_epsilon",
)


def evaluate(
    prepared: Path,
    converged: Path,
    close: Path,
    replaced: Path,
    fitted: Path,
    accounted: Path,
    audited: Path,
    gaps: Path,
    peers: Path,
    *,
    out: Path,
    run: Run,
) -> None:
    """Publish what the paper's claims are tested by.

    Reads   the outputs of every other step; prepared/<published>.npz for the published release's model
    Writes  metrics.json, claims.json, figures/*.svg and tables/*.csv with their captions
    """
    width, samples = pd.read_csv(converged / "width.csv"), pd.read_csv(converged / "samples.csv")
    curve, record = pd.read_csv(close / "curve.csv", keep_default_na=True), pd.read_csv(replaced / "record.csv")
    pairs, baselines = pd.read_csv(accounted / "pairs.csv"), pd.read_csv(peers / "baselines.csv")
    audits, gallery = pd.DataFrame(_json(audited / "audits.json")), _json(gaps / "gaps.json")
    spectra, meta = _json(close / "spectra.json"), _json(prepared / "meta.json")

    claims: dict[str, Measurement] = (
        convergence_measurements(width, samples)
        | gap_measurements(gallery, spectra)
        | close_measurements(curve)
        | account_measurements(pairs)
        | replace_measurements(record, baselines)
        | audit_measurements(audits)
        | {"fit_boundary": _boundary(prepared, replaced, fitted)}
    )
    metrics = {name: claims[name]["value"] for name in HEADLINES if "value" in claims[name]}
    _write_json(out / "metrics.json", metrics)
    _write_json(out / "claims.json", claims)
    made = {
        "curve.csv": tables.curve(curve),
        "record.csv": tables.record(record, baselines),
        "pairs.csv": tables.pairs(pairs),
        "counts.csv": tables.counts(gallery),
        "audits.csv": tables.audits(audits),
        "datasets.csv": tables.datasets(meta),
    }
    (out / "tables").mkdir()
    for name, (table, _) in made.items():
        table.to_csv(out / "tables" / name, index=False, float_format="%.6g")
    _write_json(out / "tables" / "captions.json", {name: caption for name, (_, caption) in made.items()})
    drawn = {
        "close": figures.close(curve),
        "record": figures.record(record, baselines),
        "account": figures.account(pairs),
        "audits": figures.audits(audits),
        "convergence": figures.convergence(width, samples),
    }
    for name, (figure, _) in drawn.items():
        run.figure(name, figure)
    _write_json(out / "figures" / "captions.json", {f"{name}.svg": caption for name, (_, caption) in drawn.items()})


def _boundary(prepared: Path, replaced: Path, fitted: Path) -> Measurement:
    """The published release's model, made where no record can be opened, predicts as the one made beside the data."""
    facts = _json(replaced / "private_release.json")
    data = load(prepared, "digits")
    with np.load(fitted / "model.npz") as model:
        scores = RandomFeatures(model["weights"]).transform(data.x_test) @ model["coefficients"]
    difference = abs(data.accuracy(scores) - facts["accuracy"])
    return measured(difference, "accuracy", "model made from the stored release alone against the one made in place")


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
