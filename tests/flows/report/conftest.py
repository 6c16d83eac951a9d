"""A made-up project with two papers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.report.made_up import (
    BENCHMARK,
    CLAIMS,
    MEASUREMENTS,
    MIRROR,
    STAND_IN,
    SVG,
    provenance,
    write,
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A root with the papers `first` (everything) and `second` (the least), under the profile default."""
    write(tmp_path / "params.yaml", "profile: default\nseed: 0\ndata: {}\n")
    for paper in ("first", "second", "third"):
        write(tmp_path / "steps" / paper / "params.yaml", "{}\n")
    write(tmp_path / "steps/first/claims.yaml", CLAIMS)
    write(
        tmp_path / "steps/second/claims.yaml",
        'title: Another\narxiv: "2101.00001"\nsummary: Short.\nclaims:\n'
        "  - {id: C1, claim: It is large., where: abstract, tests: [{measurement: size, at_least: 5}]}\n",
    )
    first, second = (tmp_path / "results/default" / name for name in ("first", "second"))
    write(first / "claims.json", MEASUREMENTS)
    write(first / "metrics.json", {"gap/max_leverage": 1.0312, "count": 12000})
    write(first / "figures/rate.svg", SVG)
    write(first / "figures/captions.json", {"rate.svg": "Gap by updates <T>"})
    write(first / "tables/rates.csv", "method,updates,gap\nexact,200,0.0151234\nsketch,200,\n")
    write(first / "tables/captions.json", {"rates.csv": "Rates by method"})
    write(second / "claims.json", {"size": {"value": 4, "detail": "of the thing"}})
    write(second / "metrics.json", {})
    write(tmp_path / "benchmarks/results/first.json", BENCHMARK)
    made = tmp_path / "artifacts/default"
    for paper, step, started, changes in (
        ("first", "evaluate", "2025-11-24T02:05:00+00:00", {"sources": [MIRROR, STAND_IN]}),
        ("first", "prepare", "2025-11-24T02:01:00+00:00", {"sources": [MIRROR, STAND_IN], "dirty": True}),
        ("second", "evaluate", "2025-11-24T02:03:00+00:00", {"versions": {"python": "3.11.9"}}),
    ):
        record = provenance("default", paper, step, started, **changes)
        write(made / paper / f"{step}.provenance.json", record)
    return tmp_path
