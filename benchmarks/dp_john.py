"""John ellipsoid solvers side by side, each until its certificate is max_i h_i ≤ 1 + ξ.

    python -m benchmarks.dp_john [--quick] [--cap SECONDS] [--repeats N] [--out FILE]

Every cell (rows, columns, ξ, method) runs in a process of its own, which the kernel ends when the solver has
had ``--cap`` seconds. Repeats go round the methods in turn, so that a slow minute hits all alike.
Times are of the whole call, rows checked and certificate included; medians over repeats. Memory is what the
process's peak grew by from before A was made, so A counts; in small problems it is mostly the code's pages.
Expect about an hour for the full grid with the cap of 60 s, a minute with ``--quick``.
"""

from __future__ import annotations

import argparse
import json
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.machine import checkout, machine, peak_bytes

GRID = ((500, 5), (2000, 20), (20_000, 20), (200_000, 20), (20_000, 100))
TOLERANCES = (1e-1, 1e-2, 1e-3)
METHODS = ("auto", "averaged", "last", "sketched", "wolfe_atwood", "khachiyan", "clarabel", "scs")
TITLES = {
    "auto": "default",
    "last": "last iterate",
    "wolfe_atwood": "Wolfe–Atwood",
    "clarabel": "Clarabel",
    "scs": "SCS",
}
PACKAGES = ("numpy", "scipy", "cvxpy", "clarabel", "scs")
RESULTS = Path(__file__).parent / "results" / "dp_john.json"
ENOUGH = 0.3  # seconds of solving in one process, after which its median is taken
MOST = 50  # solves in one process
LARGE = 1_000_000  # numbers in A from which its share of the peak means something
MEMORY = 16 << 30  # bytes of address space a cell may take

Cell = tuple[int, int, float, str]


def measure(n: int, d: int, tolerance: float, method: str, cap: float) -> dict[str, Any]:
    """Solve one problem in this process, which ends by SIGALRM if a solve takes more than ``cap`` seconds."""
    import numpy as np

    from tenfold.dp_john.polytopes import gaussian
    from tenfold.dp_john.solver import NotConverged, john_ellipsoid

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    generator = np.random.default_rng(0)
    john_ellipsoid(gaussian(60, 3, generator), 0.1, method=method)  # type: ignore[arg-type]  # imports, thread pools
    before = peak_bytes()
    A = gaussian(n, d, generator)
    seconds: list[float] = []
    outcome = "converged"
    while not seconds or (sum(seconds) < ENOUGH and len(seconds) < MOST):
        signal.setitimer(signal.ITIMER_REAL, cap)
        start = time.perf_counter()
        try:
            result = john_ellipsoid(A, tolerance, method=method)  # type: ignore[arg-type]
        except NotConverged as error:
            result, outcome = error.result, "not converged"
        seconds.append(time.perf_counter() - start)
        signal.setitimer(signal.ITIMER_REAL, 0)
    memory = (peak_bytes() - before) / A.nbytes
    return {
        "outcome": outcome,
        "seconds": median(seconds),
        "updates": result.updates,
        "max_leverage": result.certificate.max_leverage,
        "peak_bytes": peak_bytes(),
        "memory_ratio": memory,
    }


def run_cell(cell: Cell, cap: float) -> dict[str, Any]:
    """Measure a cell in a new process and return its record, or why there is none."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.dp_john", "--cell", json.dumps([*cell, cap])]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    if done.returncode == -signal.SIGALRM:
        return {"outcome": "capped"}
    reason = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"status {done.returncode}"
    return {"outcome": "failed", "reason": reason[:300]}


def run_problem(n: int, d: int, tolerance: float, cap: float, repeats: int) -> list[dict[str, Any]]:
    """Return one record a method, medians over ``repeats``; what fails or is capped is not repeated."""
    runs: dict[str, list[dict[str, Any]]] = {method: [] for method in METHODS}
    for repeat in range(repeats):
        for place in range(len(METHODS)):
            method = METHODS[(place + repeat) % len(METHODS)]
            if all(run["outcome"] == "converged" for run in runs[method]):
                runs[method].append(run_cell((n, d, tolerance, method), cap))
    records = [{"n": n, "d": d, "tolerance": tolerance, "method": m, **summary(runs[m], cap)} for m in METHODS]
    own = records[0].get("seconds")
    for record in records:
        if own and record["outcome"] == "converged":
            record["times_default"] = record["seconds"] / own
        elif own and record["capped"]:
            record["times_default_at_least"] = cap / own
    return records


def summary(runs: list[dict[str, Any]], cap: float) -> dict[str, Any]:
    """Return the last run with the median of the seconds of all, or the first that did not converge."""
    bad = next((run for run in runs if run["outcome"] != "converged"), None)
    if bad is not None:
        return bad | {"capped": bad["outcome"] == "capped", "cap": cap, "repeats": len(runs)}
    peaks = {name: max(run[name] for run in runs) for name in ("peak_bytes", "memory_ratio")}
    seconds = [run["seconds"] for run in runs]
    return (
        runs[-1]
        | peaks
        | {
            "seconds": median(seconds),
            "all_seconds": seconds,
            "capped": False,
            "cap": cap,
            "repeats": len(runs),
        }
    )


def not_fastest(records: list[dict[str, Any]]) -> list[str]:
    """Return a sentence for every problem where the default did not converge or another method was faster."""
    found = []
    for own in (record for record in records if record["method"] == "auto"):
        problem = f"n={own['n']}, d={own['d']}, ξ={own['tolerance']:g}"
        if own["outcome"] != "converged":
            found.append(f"{problem}: the default ended as {own['outcome']}")
            continue
        for other in records:
            same = all(other[name] == own[name] for name in ("n", "d", "tolerance"))
            if same and other.get("times_default", 1.0) < 1.0:
                title = TITLES.get(other["method"], other["method"])
                found.append(f"{problem}: {title} took {other['times_default']:.2f} of the default's time")
    return found


def described(facts: dict[str, Any], records: list[dict[str, Any]], cap: float) -> dict[str, Any]:
    """Return the records in the form that the report shows (``flows.report.benchmark``)."""
    names = ("n", "d", "tolerance", "updates", "max_leverage", "memory_ratio", "repeats", "outcome")
    rows = [
        {name: record.get(name) for name in names}
        | {
            "method": TITLES.get(record["method"], record["method"]),
            "seconds": cap if record["capped"] else record.get("seconds"),
            "capped": record["capped"],
        }
        for record in records
    ]
    label = {"role": "detail"}
    columns = [
        {"name": "n", "label": "rows", "role": "case"},
        {"name": "d", "label": "columns", "role": "case"},
        {"name": "tolerance", "label": "ξ", "role": "case"},
        {"name": "method", "label": "solver", "role": "method"},
        {"name": "seconds", "label": "time", "role": "value", "unit": "s", "better": "lower", "superlative": "fastest"},
        {"name": "capped", "label": "stopped at the limit", "role": "capped"},
        {"name": "max_leverage", "label": "max h"} | label,
        {"name": "updates", "label": "updates"} | label,
        {"name": "memory_ratio", "label": "peak memory over A"} | label,
        {"name": "repeats", "label": "processes"} | label,
        {"name": "outcome", "label": "outcome"} | label,
    ]
    return {
        "title": "John ellipsoid solvers at equal certificates",
        "note": f"Seconds of a whole call until an exact pass shows max h ≤ 1 + ξ, on Gaussian rows, with a limit of "
        f"{cap:g} s a solver; medians, the solvers in turn in one run on one machine.",
        "command": "python -m benchmarks.dp_john",
        **facts,
        "default": TITLES["auto"],
        "findings": not_fastest(records),
        "columns": columns,
        "rows": rows,
    }


def show(records: list[dict[str, Any]]) -> None:
    """Print seconds, and the default's memory, as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Seconds to max leverage ≤ 1 + ξ (median; times the default in brackets)")
    for title in ("n", "d", "ξ", *(TITLES.get(method, method) for method in METHODS), "default's memory / A"):
        table.add_column(title, justify="right")
    for own in (record for record in records if record["method"] == "auto"):
        same = [r for r in records if all(r[name] == own[name] for name in ("n", "d", "tolerance"))]
        shown = "memory_ratio" in own and own["n"] * own["d"] >= LARGE
        memory = f"{own['memory_ratio']:.2f}" if shown else "–"
        table.add_row(str(own["n"]), str(own["d"]), f"{own['tolerance']:g}", *map(entry, same), memory)
    console = Console(width=None if sys.stdout.isatty() else 190)
    console.print(table)
    slower = not_fastest(records)
    console.print("\n".join(slower) if slower else "The default was the fastest in every problem.")


def entry(record: dict[str, Any]) -> str:
    """Return what a cell of the table says."""
    if record["capped"]:
        return f"> {record['cap']:g}"
    if record["outcome"] != "converged":
        return record["outcome"]
    ratio = f" ({record['times_default']:.1f}×)" if record["method"] != "auto" and "times_default" in record else ""
    return f"{record['seconds']:.4g}{ratio}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two sizes, two tolerances, a cap of 5 s, no file")
    parser.add_argument("--cap", type=float, help="seconds a solver may take (60)")
    parser.add_argument("--repeats", type=int, help="processes a cell (3)")
    parser.add_argument("--out", type=Path, help=f"where the records go ({RESULTS.name} in benchmarks/results)")
    parser.add_argument("--cell", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cell:
        print(json.dumps(measure(*json.loads(options.cell))))
        return
    grid, tolerances = (GRID[:2], TOLERANCES[::2]) if options.quick else (GRID, TOLERANCES)
    cap = options.cap or (5.0 if options.quick else 60.0)
    repeats = options.repeats or (1 if options.quick else 3)
    out = options.out or (None if options.quick else RESULTS)
    facts, records = checkout() | {"machine": machine(*PACKAGES)}, []
    for n, d in grid:
        for tolerance in tolerances:
            print(f"n={n} d={d} ξ={tolerance:g} …", file=sys.stderr, flush=True)
            records += run_problem(n, d, tolerance, cap, repeats)
            if out is not None:  # after each problem, so that a run that is stopped leaves what it had
                out.parent.mkdir(parents=True, exist_ok=True)
                out.write_text(json.dumps(described(facts, records, cap), indent=1, ensure_ascii=False) + "\n")
    show(records)


if __name__ == "__main__":
    main()
