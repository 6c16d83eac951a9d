"""Join every step's output into measurements, tables and figures."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from steps.dp_cross_attention import comparisons, figures, measurements, tables
from steps.step.json_files import read_json
from steps.step.run import Run

HEADLINES = ("noise_over_predicted", "tree_over_sketch", "agnews_sketch")


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
    timings: Path,
    *,
    out: Path,
    run: Run,
) -> None:
    """Publish what the paper's claims are tested by.

    Reads   calibrated/ledger.json, errors/*.csv, classified/accuracy.csv, trees/*.csv, ablated/ablations.csv,
            audited/audits.json, attacked/attack.csv, grown/continual.csv, corrected/*.json, timings/*.csv
    Writes  metrics.json, claims.json, tables/*.csv and figures/*.svg with their captions
    """
    ledger, content = read_json(calibrated / "ledger.json"), read_json(corrected / "corrections.json")
    grid, sweep = pd.read_csv(errors / "grid.csv"), pd.read_csv(errors / "temperature.csv")
    routes, alphas = pd.read_csv(trees / "routes.csv"), pd.read_csv(trees / "alpha.csv")
    copies, prefixes = pd.read_csv(trees / "copies.csv"), pd.read_csv(trees / "prefix.csv")
    accuracy, ablations = pd.read_csv(classified / "accuracy.csv"), pd.read_csv(ablated / "ablations.csv")
    attack, continual = pd.read_csv(attacked / "attack.csv"), pd.read_csv(grown / "continual.csv")
    scaling, audits = pd.read_csv(timings / "scaling.csv"), pd.DataFrame(read_json(audited / "audits.json"))
    timed = comparisons.timed(scaling)
    run.publish(
        claims=measurements.privacy(audits, content)
        | measurements.error(grid, sweep, ledger)
        | measurements.classification(accuracy)
        | measurements.corrected(content)
        | comparisons.trees(routes, alphas, copies)
        | comparisons.ablated(ablations)
        | comparisons.attacked(attack, continual)
        | timed,
        headlines=HEADLINES,
        timings=[*timed, "scaling"],
        tables={
            "errors": tables.errors(grid, audits),
            "accuracy": tables.accuracy(accuracy),
            "temperature": tables.temperature(sweep, ledger),
            "routes": tables.routes(routes),
            "ablations": tables.ablations(ablations, copies),
            "audits": tables.audits(audits),
            "attacks": tables.attacks(attack),
            "growing": tables.growing(continual),
            "scaling": tables.scaling(scaling),
        },
        figures={
            "accuracy": figures.accuracy(accuracy),
            "error_grid": figures.error_grid(grid),
            "temperature": figures.temperature(sweep),
            "trees": figures.trees(routes, alphas, prefixes),
            "audits": figures.audits(audits),
            "adaptive": figures.adaptive(attack, continual),
            "scaling": figures.scaling(scaling),
        },
    )
