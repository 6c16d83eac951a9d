"""Kernel matrices and samples beside peers: seconds and peak memory, each cell in a process of its own.

neural-tangents is an optional extra: pip install -c constraints.txt '.[bench]'. Its compiled function is timed after a
first call that compiles it; its kernels are float32 unless asked otherwise, so everything here is float32.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.machine import checkout, machine, peak_bytes

RESULTS = Path(__file__).parent / "results" / "dp_ntk.json"
FEATURES = 512
WIDTH = 256
SIZES = (1000, 4000, 10_000)
SAMPLES = 8
LARGEST = 50_000  # the whole of CIFAR-10: sampled without any n×n matrix
OURS, PEER, NAIVE = "tenfold", "neural-tangents", "naive, (m, n, n) formed"
LIMIT, FINITE, RELU = "quadratic, limit", "quadratic, m = 256", "ReLU, both layers"
BUILD, SAMPLE = "kernel matrix", "8 samples"
VALUE_ROWS = 60

Cell = tuple[str, str, int, str]  # task, kernel, n, method


def unit_rows(n: int) -> np.ndarray:
    rows = np.random.default_rng(n).standard_normal((n, FEATURES), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def weights() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((WIDTH, FEATURES), dtype=np.float32)


def own_kernel(kernel: str) -> Any:
    from tenfold.dp_ntk.kernel import FiniteKernel, LimitKernel

    if kernel == FINITE:
        return FiniteKernel(weights())
    return LimitKernel() if kernel == LIMIT else LimitKernel(activation="relu", both_layers=True)


def peer_kernel(kernel: str) -> Callable[[np.ndarray], Any]:
    """Return neural-tangents' kernel function of the same network, compiled.

    Its weights have variance 1/fan-in, ours 1: ⟨x, x'⟩ is scaled by d before and the kernel back afterwards. Training
    the first layer alone gives NTK − NNGP, since the last layer's share of the NTK is the NNGP.
    """
    import jax
    from neural_tangents import stax

    activation = stax.Polynomial([0.0, 0.0, 0.5]) if kernel == LIMIT else stax.Relu()
    layers = stax.Dense(1, b_std=None, parameterization="ntk"), activation, stax.Dense(1, b_std=None)
    _, _, function = stax.serial(*layers)

    def evaluated(rows: Any) -> Any:
        both = function(rows * np.sqrt(np.float32(FEATURES)), None, ("nngp", "ntk"))
        if kernel == LIMIT:
            return both.ntk - both.nngp
        return both.ntk

    return jax.jit(evaluated)


def naive(rows: np.ndarray) -> np.ndarray:
    """Form (m, n, n), as the definition reads."""
    hidden = weights() @ rows.T  # (m, n)
    return (rows @ rows.T) * np.mean(hidden[:, :, None] * hidden[:, None, :], axis=0)


def task(cell: Cell) -> Callable[[], Any]:
    """Return what is timed."""
    name, kernel, n, method = cell
    rows = unit_rows(n)
    if name == SAMPLE:
        from tenfold.dp_ntk.sampling import factor, sample_by_factor, sample_by_features
        from tenfold.privacy.noise import NoiseSource

        own, source = own_kernel(kernel), NoiseSource(0)
        if method == OURS:
            return lambda: sample_by_features(own, rows, SAMPLES, source)
        return lambda: sample_by_factor(factor(own.matrix(rows)), SAMPLES, source)
    if method == NAIVE:
        return lambda: naive(rows)
    if method == OURS:
        own = own_kernel(kernel)
        return lambda: own.matrix(rows)
    compiled = peer_kernel(kernel)
    return lambda: compiled(rows).block_until_ready()


def measure(cell: Cell, repeats: int) -> dict[str, Any]:
    """Time one cell after a call on a small input that loads and compiles, then one at full size that is not counted
    for the peer, whose functions are compiled by shape."""
    name, kernel, n, method = cell
    task((name, kernel, 64, method))()
    run = task(cell)
    before = peak_bytes()
    if method == PEER:
        run()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return {"seconds": median(seconds), "memory_ratio": (peak_bytes() - before) / (4.0 * n * n)}


def agreement(kernel: str) -> float:
    """Return the largest relative difference of our values from neural-tangents'."""
    rows = unit_rows(VALUE_ROWS)
    theirs, ours = np.asarray(peer_kernel(kernel)(rows)), own_kernel(kernel).matrix(rows)
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def in_process(arguments: list[Any], cap: float) -> Any:
    """Run one request in a new process; None if it fails or takes too long."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.dp_ntk", "--request", json.dumps(arguments)]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=Path(__file__).parents[1], timeout=cap, env=environment
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        print(done.stderr.strip().splitlines()[-1:], file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def cells(sizes: tuple[int, ...]) -> list[Cell]:
    found: list[Cell] = []
    for n in sizes:
        found += [(BUILD, LIMIT, n, method) for method in (OURS, PEER)]
        found += [(BUILD, FINITE, n, method) for method in ((OURS, NAIVE) if n == min(sizes) else (OURS,))]
        found += [(BUILD, RELU, n, method) for method in (OURS, PEER)]
    found += [(SAMPLE, FINITE, 2000, method) for method in (OURS, "factor of K")]
    found.append((SAMPLE, FINITE, LARGEST, OURS))
    return found


def record(cell: Cell, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a cell's row: median seconds and largest memory over its processes."""
    name, kernel, n, method = cell
    return {
        "task": name,
        "kernel": kernel,
        "n": n,
        "method": method,
        "seconds": median(run["seconds"] for run in runs),
        "memory_ratio": max(run["memory_ratio"] for run in runs),
    }


def sentences(rows: list[dict[str, Any]], values: dict[str, float | None]) -> list[str]:
    """Return what the numbers say, in words."""
    found = []
    largest = max(row["n"] for row in rows if row["task"] == BUILD)
    for kernel in (LIMIT, RELU):
        by = {row["method"]: row for row in rows if (row["task"], row["kernel"], row["n"]) == (BUILD, kernel, largest)}
        if by.get(OURS, {}).get("seconds") and by.get(PEER, {}).get("seconds"):
            ratio = by[PEER]["seconds"] / by[OURS]["seconds"]
            found.append(f"{kernel}, n = {largest}: neural-tangents takes {ratio:.1f} times as long")
        if values.get(kernel) is not None:
            found.append(f"{kernel}: values agree with neural-tangents' to {values[kernel]:.1e} of the largest")
    worst = max(r["memory_ratio"] for r in rows if r["method"] == OURS and r["task"] == BUILD and r["n"] == largest)
    found.append(f"n = {largest}: peak memory of a build is at most {worst:.2f} times the kernel itself")
    return found


def described(rows: list[dict[str, Any]], values: dict[str, float | None]) -> dict[str, Any]:
    """Return the records in the form that the report shows (``flows.report.benchmark``)."""
    return {
        "title": "Kernel matrices and samples of them",
        "note": f"float32, d = {FEATURES}; medians over processes, each after a first call, the cells in turn in one "
        "run. Memory is the rise of the peak over the kernel matrix's own bytes.",
        "command": "python -m benchmarks.dp_ntk",
        **checkout(),
        "machine": machine("numpy", "jax", "neural-tangents"),
        "default": OURS,
        "findings": sentences(rows, values),
        "columns": [
            {"name": "task", "label": "task", "role": "case"},
            {"name": "kernel", "label": "kernel", "role": "case"},
            {"name": "n", "label": "records", "role": "case"},
            {"name": "method", "label": "method", "role": "method"},
            {
                "name": "seconds",
                "label": "time",
                "role": "value",
                "unit": "s",
                "better": "lower",
                "superlative": "fastest",
            },
            {
                "name": "memory_ratio",
                "label": "peak memory over n×n",
                "role": "value",
                "better": "lower",
                "superlative": "smallest",
            },
        ],
        "rows": rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="n = 1000 alone, no file")
    parser.add_argument("--cap", type=float, default=300.0, help="seconds a cell may take")
    parser.add_argument("--repeats", type=int, default=3, help="calls a process")
    parser.add_argument("--rounds", type=int, default=3, help="processes a cell")
    parser.add_argument("--request", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.request:
        kind, *arguments = json.loads(options.request)
        print(
            json.dumps(agreement(arguments[0]) if kind == "agreement" else measure(tuple(arguments[0]), arguments[1]))
        )
        return
    values = {kernel: in_process(["agreement", kernel], options.cap) for kernel in (LIMIT, RELU)}
    grid = cells(SIZES[:1] if options.quick else SIZES)
    found: dict[Cell, list[dict[str, Any]]] = {cell: [] for cell in grid}
    for _ in range(options.rounds):  # in turn, so that a slow minute hits all alike
        for cell in grid:
            measured = in_process(["measure", cell, options.repeats], options.cap)
            print(cell, measured, file=sys.stderr, flush=True)
            found[cell] += [measured] if measured is not None else []
    rows = [record(cell, runs) for cell, runs in found.items() if runs]
    result = described(rows, values)
    print("\n".join(result["findings"]))
    if not options.quick:
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
