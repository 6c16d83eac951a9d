"""Contents of a made-up project: one paper with everything that a report can show, one with the least."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CLAIMS = """
title: A made-up paper & its <ellipsoid>
arxiv: "2408.06395"
summary: It says that `max_i h_i` falls, and costs nothing.
claims:
  - id: C1
    claim: The averaged iterate reaches the bound (n/d)^(1/T).
    where: abstract
    published: {value: 0.93, source: "Table 2, row 3"}
    tests:
      - {measurement: rate_ratio, at_most: 1.0, over: seeds}
      - {measurement: slope, between: [-1.2, -0.8], over: seeds}
  - id: C2
    claim: A sketch keeps the rate.
    where: section 4
    published: null
    tests:
      - {order: [gap_wide, gap_narrow], over: seeds, training: true}
  - id: C3
    claim: The loss is small.
    where: theorem 5
    tests:
      - {measurement: loss, equals: 0.1, tolerance: 0.05, over: seeds}
    inconclusive: Too few draws to tell.
  - id: C4
    claim: It holds on a very large matrix.
    where: remark 6
    tests:
      - {measurement: large_gap, at_least: 0.5}
  - id: C5
    claim: The constant is optimal.
    where: remark 7
    not_testable: A lower bound over all algorithms would be needed.
  - id: C6
    claim: The sums agree.
    where: equation 7
    tests:
      - {measurement: sums, at_most: 1.0e-9, identity: true}
  - id: C7
    claim: It is faster.
    where: table 8
    tests:
      - {measurement: speed, at_least: 1.0}
    withdrawn: Another machine was timed.
    amendments:
      - date: "2025-11-25"
        was: at least 2
        now: at least 1
        why: The old limit was a slip.
        value_known: true
        changed: contradicted → reproduced
findings:
  - id: F1
    finding: Releasing Q with exact weights is not private.
    tests:
      - {measurement: leak, at_least: 0.9}
facts:
  - id: F2
    fact: Our audit catches the planted bug.
    tests:
      - {measurement: caught, equals: 1, tolerance: 0}
"""

MEASUREMENTS: dict[str, Any] = {
    "rate_ratio": {
        "value": 0.8731416,
        "interval": [0.86512, 0.88123],
        "seeds": 5,
        "n": 40,
        "unit": "×",
        "detail": "largest leverage over its bound, wine",
    },
    "slope": {"value": -1.0312345, "interval": [-1.11, -0.95], "seeds": 5, "n": None, "detail": "log-log"},
    "gap_wide": {"value": 0.0713, "interval": [0.069, 0.074], "seeds": 3, "unit": "nats", "detail": "ten"},
    "gap_narrow": {"value": 0.0312, "interval": [0.030, 0.033], "seeds": 3, "unit": "nats", "detail": "more"},
    "loss": {"value": 0.13, "interval": [0.11, 0.17], "seeds": 3, "unit": "", "detail": "per axis"},
    "large_gap": {"unavailable": "needs 64 GiB of memory"},
    "leak": {"value": 1.0, "interval": None, "seeds": None, "n": 200, "unit": "", "detail": "rows recovered"},
    "sums": {"value": 3e-16, "interval": [1e-16, 5e-16], "detail": "difference of both"},
    "speed": {"value": 1.5, "detail": "ratio of times"},
    "caught": {"value": 1, "n": 20, "detail": "audits"},
    "spare": {"value": 2.71828e-7, "detail": "used by no test"},
}

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 60 30">'
    '<rect width="60" height="30" fill="#c0d0e0"/></svg>'
)

BENCHMARK: dict[str, Any] = {
    "title": "Solvers at equal certificates",
    "note": "Wall clock until the certificate holds.",
    "command": "python -m benchmarks first",
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "dirty": False,
    "machine": {"cpu": "made-up", "cores": 2},
    "default": "fixed_point",
    "findings": ["The interior-point solver never finishes the large case."],
    "columns": [
        {"name": "n", "label": "rows", "role": "case"},
        {"name": "method", "label": "method", "role": "method"},
        {"name": "seconds", "label": "time", "role": "value", "unit": "s", "better": "lower", "superlative": "fastest"},
        {"name": "capped", "label": "stopped at the limit", "role": "capped"},
        {"name": "max_leverage", "label": "certificate", "role": "detail"},
    ],
    "rows": [
        {"n": 500, "method": "fixed_point", "seconds": 0.12, "capped": False, "max_leverage": 1.01},
        {"n": 500, "method": "wolfe", "seconds": 0.25, "capped": False, "max_leverage": 1.01},
        {"n": 2000, "method": "fixed_point", "seconds": 4.5, "capped": False, "max_leverage": 1.01},
        {"n": 2000, "method": "wolfe", "seconds": 0.33, "capped": False, "max_leverage": 1.01},
        {"n": 2000, "method": "interior", "seconds": 0.2, "capped": True, "max_leverage": None},
    ],
}


def write(path: Path, content: Any) -> Path:
    """Write text as it is, anything else as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def provenance(profile: str, paper: str, step: str, started: str, **changes: Any) -> dict[str, Any]:
    """Return a step's record."""
    return {
        "stage": f"{paper}-{step}",
        "profile": profile,
        "digest": "ab" * 32,
        "commit": "89abcdef0123456789abcdef0123456789abcdef",
        "dirty": False,
        "command": f"python -m steps {paper} {step}",
        "seconds": 12.345,
        "peak_memory_bytes": 245_000_000,
        "started": started,
        "versions": {"python": "3.11.9", "numpy": "2.4.0"},
        "device": "cpu",
        "cores": 2,
        "sources": [],
        **changes,
    }


STAND_IN = {
    "name": "digits",
    "origin": "stand_in",
    "detail": "rendered here",
    "sha256": None,
    "licence": "CC0",
}
MIRROR = {"name": "wine", "origin": "mirror", "detail": "UCI", "sha256": "cd" * 32, "licence": "CC BY 4.0"}
