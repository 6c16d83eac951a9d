"""Attention over private rows: exact attention, torch's fused kernel and the sketch, side by side in one run.

    python -m benchmarks.dp_cross_attention [--quick] [--repeats N] [--out FILE]

A batch of queries is answered by every method at every n, in turn, repeat after repeat, so that a slow minute hits all
alike; medians. Building is the release of a memory: features, sums and noise. Memory is what a process's peak grew by
while it built, measured in a process of its own that holds the rows already. Expect two minutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.machine import checkout, machine, peak_bytes

RESULTS = Path(__file__).parent / "results" / "dp_cross_attention.json"
SIZES = (1_000, 10_000, 100_000, 1_000_000)
DIMENSION, VALUES, DEGREE, BATCH = 8, 10, 4, 128  # r = 495, 11 columns
SKETCH = "one sketch"
EXACT = ("exact, NumPy", "exact, torch")
ENOUGH = 0.05  # seconds of calls in a row that one measurement takes
PUBLIC: dict[str, Any] = {"epsilon": 1.0, "delta": 1e-6, "radius": 1.0, "temperature": 1.0, "degree": DEGREE}


def rows_of(n: int) -> Any:
    import numpy as np

    from tenfold.dp_cross_attention.mixtures import mixture

    return mixture(n, DIMENSION, VALUES, BATCH, np.random.default_rng(n))


def methods(n: int) -> dict[str, Callable[[], Any]]:
    """Return a call a method, each of which answers one batch of queries over n rows."""
    import torch

    from tenfold.dp_cross_attention.exact import exact_attention
    from tenfold.dp_cross_attention.memory import PrivateMemory

    data = rows_of(n)
    memory = PrivateMemory.fit(data.keys, data.values, insecure_seed=0, **PUBLIC)
    q, k, v = (torch.tensor(part)[None] for part in (data.queries, data.keys, data.values))
    return {
        SKETCH: lambda: memory.query(data.queries),
        EXACT[0]: lambda: exact_attention(data.queries, data.keys, data.values, 1.0),
        EXACT[1]: lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v, scale=1.0),
    }


def query_seconds(n: int, repeats: int) -> dict[str, float]:
    """Return the median seconds of a batch by method."""
    calls = methods(n)
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for repeat in range(repeats + 1):  # the first is not counted
        for name, call in calls.items():
            count, started = 0, time.perf_counter()
            while count == 0 or time.perf_counter() - started < ENOUGH:
                call()
                count += 1
            if repeat:
                seconds[name].append((time.perf_counter() - started) / count)
    return {name: median(values) for name, values in seconds.items()}


def measure_build(n: int) -> dict[str, float]:
    """Build once in this process: median of three, and what the peak grew by during the first."""
    from tenfold.dp_cross_attention.memory import PrivateMemory

    data = rows_of(n)
    PrivateMemory.fit(data.keys[:1000], data.values[:1000], **PUBLIC)  # imports, thread pools
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew from what is held now
    before, seconds = peak_bytes(), []
    grown = 0
    for _ in range(3):
        started = time.perf_counter()
        memory = PrivateMemory.fit(data.keys, data.values, **PUBLIC)
        seconds.append(time.perf_counter() - started)
        grown = grown or peak_bytes() - before
    return {
        "build_seconds": median(seconds),
        "build_bytes": grown,
        "held_bytes": memory.sketch.nbytes,
        "row_bytes": data.keys.nbytes + data.values.nbytes,
    }


def build_of(n: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.dp_cross_attention", "--build", str(n)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    return json.loads(done.stdout.splitlines()[-1])


def described(facts: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the records in the form that the report shows (``flows.report.benchmark``)."""
    largest = max(row["n"] for row in rows)
    at = {row["method"]: row for row in rows if row["n"] == largest}
    own = [row["query_seconds"] for row in rows if row["method"] == SKETCH]
    findings = [
        f"At n = {largest:,} the sketch answers a batch "
        f"{at[name]['query_seconds'] / at[SKETCH]['query_seconds']:,.0f} times "
        f"sooner than {name}."
        for name in EXACT
    ]
    findings.append(f"Its batch takes {max(own) / min(own):.2f} times as long at the slowest n as at the quickest.")
    findings.append(
        f"Building {largest:,} rows takes {at[SKETCH]['build_seconds']:.2f} s and "
        f"{at[SKETCH]['build_bytes'] / 2**20:.0f} MiB "
        f"beside the rows' {at[SKETCH]['row_bytes'] / 2**20:.0f} MiB."
    )
    detail = {"role": "detail"}
    return {
        "title": "Queries and building, exact attention and one sketch",
        "note": f"A batch of {BATCH} queries in {DIMENSION} dimensions, {VALUES} value columns; the sketch has "
        f"degree {DEGREE}. "
        "Medians, the methods in turn in one run on one machine.",
        "command": "python -m benchmarks.dp_cross_attention",
        **facts,
        "default": SKETCH,
        "findings": findings,
        "columns": [
            {"name": "n", "label": "rows", "role": "case"},
            {"name": "method", "label": "method", "role": "method"},
            {
                "name": "query_seconds",
                "label": "time of a batch",
                "role": "value",
                "unit": "s",
                "better": "lower",
                "superlative": "fastest",
            },
            {"name": "build_seconds", "label": "time to build", "unit": "s"} | detail,
            {"name": "build_bytes", "label": "memory to build, beside the rows", "unit": "bytes"} | detail,
            {"name": "held_bytes", "label": "memory held for queries", "unit": "bytes"} | detail,
            {"name": "row_bytes", "label": "memory of the rows", "unit": "bytes"} | detail,
        ],
        "rows": rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="up to 10⁴ rows, no file")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--out", type=Path, help=f"where the records go ({RESULTS.name} in benchmarks/results)")
    parser.add_argument("--build", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build:
        print(json.dumps(measure_build(options.build)))
        return
    sizes = SIZES[:2] if options.quick else SIZES
    facts, rows = checkout() | {"machine": machine("numpy", "torch")}, []
    for n in sizes:
        print(f"n={n} …", file=sys.stderr, flush=True)
        built = build_of(n)
        nothing = {
            "build_seconds": None,
            "build_bytes": None,
            "held_bytes": built["row_bytes"],
            "row_bytes": built["row_bytes"],
        }
        for method, seconds in query_seconds(n, options.repeats).items():
            rows.append(
                {"n": n, "method": method, "query_seconds": seconds, **(built if method == SKETCH else nothing)}
            )
    found = described(facts, rows)
    print("\n".join(found["findings"]))
    out = options.out or (None if options.quick else RESULTS)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
