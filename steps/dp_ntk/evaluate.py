"""Join every step's output into measurements, tables and figures."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from steps.dp_ntk import close_measurements, figures, replace_measurements, tables, theory_measurements
from steps.step.json_files import read_json
from steps.step.run import Run

HEADLINES = ("c5_private_accuracy", "ssp_accuracy_8", "audit_correct_epsilon")


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
    Writes  metrics.json, claims.json, tables/*.csv and figures/*.svg with their captions
    """
    width, samples = pd.read_csv(converged / "width.csv"), pd.read_csv(converged / "samples.csv")
    curve, record = pd.read_csv(close / "curve.csv"), pd.read_csv(replaced / "record.csv")
    pairs, baselines = pd.read_csv(accounted / "pairs.csv"), pd.read_csv(peers / "baselines.csv")
    audits, gallery = pd.DataFrame(read_json(audited / "audits.json")), read_json(gaps / "gaps.json")
    spectra, meta = read_json(close / "spectra.json"), read_json(prepared / "meta.json")
    run.publish(
        claims=theory_measurements.convergence_measurements(width, samples)
        | theory_measurements.gap_measurements(gallery, spectra)
        | close_measurements.close_measurements(curve)
        | close_measurements.account_measurements(pairs)
        | replace_measurements.replace_measurements(record, baselines)
        | replace_measurements.audit_measurements(audits)
        | {"fit_boundary": replace_measurements.boundary_measurement(prepared, replaced, fitted)},
        headlines=HEADLINES,
        tables={
            "curve": tables.curve(curve),
            "record": tables.record(record, baselines),
            "pairs": tables.pairs(pairs),
            "counts": tables.counts(gallery),
            "audits": tables.audits(audits),
            "datasets": tables.datasets(meta),
        },
        figures={
            "close": figures.close(curve),
            "record": figures.record(record, baselines),
            "account": figures.account(pairs),
            "audits": figures.audits(audits),
            "convergence": figures.convergence(width, samples),
        },
    )
