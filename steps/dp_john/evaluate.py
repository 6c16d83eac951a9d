"""Join every step's output into measurements, tables and figures."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from steps.dp_john import figures, measurements, tables
from steps.step.json_files import read_json
from steps.step.run import Run

HEADLINES = ("largest_certificate_gap", "audit_correct_epsilon", "input_radius_loss")


def evaluate(rates: Path, certified: Path, timings: Path, audited: Path, gaps: Path, *, out: Path, run: Run) -> None:
    """Publish what the paper's claims are tested by.

    Reads   rates/curves.csv, certified/*.json, timings/*.csv, audited/audits.json, gaps/gaps.json
    Writes  metrics.json, claims.json, tables/*.csv and figures/*.svg with their captions
    """
    curves = pd.read_csv(rates / "curves.csv")
    certificates = read_json(certified / "certificates.json")
    diagnostics = read_json(certified / "diagnostics.json")
    solvers, rounds = pd.read_csv(timings / "solvers.csv"), pd.read_csv(timings / "rounds.csv")
    audits, gallery = pd.DataFrame(read_json(audited / "audits.json")), read_json(gaps / "gaps.json")
    timed = measurements.timing_measurements(solvers, rounds)
    run.publish(
        claims=measurements.rate_measurements(curves)
        | timed
        | measurements.gap_measurements(gallery)
        | measurements.audit_measurements(audits)
        | measurements.release_measurements(diagnostics)
        | measurements.certificate_measurements(certificates),
        headlines=HEADLINES,
        timings=[*timed, "solvers"],
        tables={
            "rate": tables.rate(curves),
            "certificates": tables.certificates(certificates),
            "releases": tables.releases(diagnostics),
            "solvers": tables.solvers(solvers),
            "audits": tables.audits(audits),
        },
        figures={
            "rate": figures.rate(curves),
            "privacy_utility": figures.privacy_utility(diagnostics),
            "gap_gallery": figures.gap_gallery(gallery),
            "audits": figures.audits(audits),
            "solvers": figures.solvers(solvers),
        },
    )
