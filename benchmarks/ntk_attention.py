"""One attention layer with a prefix of m keys beside NTK-Attention: seconds and peak memory, each cell in its process.

Forward, forward with gradients ("backward"), and decoding one token with a cache, each of the attention alone and of
the layer with its four projections; batch and heads shrink with the length of the input so that every cell fits. Then
eight of them one after the other, as in a model, each with a cache and weights of its own, which a single layer finds
in the processor's cache; and the eight compiled as one graph, without a prefix just as with its sums. On a GPU the
prefixes go on to 262,144, and the fused kernel with a log-sum-exp is FlexAttention's, with and without gradients; the
marker stands beside it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.machine import checkout, machine, peak_bytes

RESULTS = Path(__file__).parent / "results" / "ntk_attention.json"
PLAIN, PREFIX, MERGED, FLEX, MARKER, OFFICIAL = "no prefix", "prefix", "merged", "flex", "marker", "official"
FORWARD, BACKWARD, DECODE = "forward", "backward", "decode"
LAYER = " of a layer"  # with its projections
ROW, COMPILED, LAYERS_ROW = " of eight", " of eight, compiled", " of eight layers"
FORMS = {  # of a task: with projections, how many in a row, compiled
    "": (False, 1, False),
    LAYER: (True, 1, False),
    ROW: (False, 8, False),
    COMPILED: (False, 8, True),
    LAYERS_ROW: (True, 8, False),
    LAYERS_ROW + ", compiled": (True, 8, True),
}
GOAL = 1.3  # times no prefix
PREFIXES = (64, 256, 1024, 4096, 16_384)
LENGTHS = {256: (2, 8), 2048: (1, 8), 8192: (1, 2)}  # batch and heads
HEAD_SIZE = 64

Cell = tuple[str, int, str, int]  # task, length, method, m


def cells(quick: bool) -> list[Cell]:
    """Return every cell that is measured; few of them if ``quick``."""
    lengths = (256,) if quick else tuple(LENGTHS)
    prefixes = PREFIXES[:2] if quick else PREFIXES
    if on_gpu():
        prefixes = (*prefixes, 262_144)
    found: list[Cell] = []
    for task in (FORWARD, BACKWARD, DECODE):
        for length in lengths:
            if task == BACKWARD and length > 2048:
                continue
            found.append((task, length, PLAIN, 0))
            found += [(task, length, PREFIX, m) for m in prefixes if task != BACKWARD or m <= 16_384]
            found += [(task, length, method, 0) for method in dict.fromkeys((ours(), MARKER))]
            if length <= 2048:
                found.append((task, length, OFFICIAL, 0))
            forms = list(FORMS)[1:] if task == DECODE else [LAYER, COMPILED]
            forms = forms[:1] if quick or (length > 2048 and task != DECODE) else forms
            found += [(task + form, length, method, 0) for form in forms for method in (PLAIN, ours())]
    return found


def on_gpu() -> bool:
    """Return whether PyTorch has a GPU."""
    import torch

    return torch.cuda.is_available()


def ours() -> str:
    """Return NTK-Attention's fastest form here."""
    return FLEX if on_gpu() else MERGED


def measure(cell: Cell, repeats: int) -> dict[str, float | None]:
    """Time one cell after two calls that are not counted, a layer's share of it where several stand in a row.

    Memory is the rise of the peak over what the inputs take, None where the compiler's own is in it.
    """
    import torch

    from tenfold.ntk_attention.speed import Shape, layer_call

    task, length, method, m = cell
    batch, heads = LENGTHS[length]
    device = "cuda" if on_gpu() else "cpu"
    kind = next(kind for kind in (FORWARD, BACKWARD, DECODE) if task.startswith(kind))
    projected, layers, compiled = FORMS[task.removeprefix(kind)]
    shape = Shape(batch, heads, length, HEAD_SIZE, queries=1 if kind == DECODE else None, projected=projected)
    call = layer_call(method, shape, m, layers=layers, gradients=kind == BACKWARD, compiled=compiled, device=device)
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    before = held_bytes()
    inner = 20 if kind == DECODE else 1
    call(), call(), wait()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        for _ in range(inner):
            call()
        wait()
        seconds.append((time.perf_counter() - started) / (inner * layers))
    return {"seconds": median(seconds), "megabytes": None if compiled else (held_bytes() - before) / 2**20}


def held_bytes() -> int:
    """Return the largest memory held so far, the GPU's where there is one."""
    if on_gpu():
        import torch

        return int(torch.cuda.max_memory_allocated())
    return peak_bytes()


def in_process(cell: Cell, repeats: int, cap: float) -> dict[str, float | None] | None:
    """Measure one cell in a new process; None if it fails or takes too long."""
    request = json.dumps([cell, repeats])
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.ntk_attention", "--request", request]
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], timeout=cap)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        print(done.stderr.strip().splitlines()[-1:], file=sys.stderr)
        return None
    found: dict[str, float | None] = json.loads(done.stdout.splitlines()[-1])
    return found


def largest(values: Iterable[float | None]) -> float | None:
    """Return the largest number, None if there is none."""
    return max((value for value in values if value is not None), default=None)


def sentences(rows: list[dict[str, Any]]) -> list[str]:
    """Return what the numbers say, in words."""
    found = []
    by = {(row["task"], row["length"], row["method"], row["m"]): row["seconds"] for row in rows}
    for task, length in dict.fromkeys((row["task"], row["length"]) for row in rows):
        own = by.get((task, length, ours(), 0))
        plain = by.get((task, length, PLAIN, 0))
        longest = max((m for t, L, method, m in by if (t, L, method) == (task, length, PREFIX)), default=0)
        if own and plain:
            text = f"{task}, L = {length}: NTK-Attention takes {own / plain:.2f} times as long as no prefix"
            text += f" (goal: {GOAL})"
            if longest:
                text += f", a prefix of {longest} {by[task, length, PREFIX, longest] / own:.1f} times as long as it"
            found.append(text)
    return found


def main() -> None:
    """Measure all cells, or with --request one, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one length, short prefixes; writes nothing")
    parser.add_argument("--cap", type=float, default=120.0, help="seconds after which a cell is given up")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--rounds", type=int, default=2, help="processes per cell")
    parser.add_argument("--request", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.request:
        cell, repeats = json.loads(options.request)
        print(json.dumps(measure(tuple(cell), repeats)))
        return
    where, started, chosen = checkout(), machine("torch") | {"gpu": on_gpu()}, cells(options.quick)
    runs: dict[Cell, list[dict[str, Any]]] = {cell: [] for cell in chosen}
    for _ in range(options.rounds):
        for cell in chosen:
            done = in_process(cell, options.repeats, options.cap)
            if done is not None:
                runs[cell].append(done)
            print(cell, done, flush=True)
    rows: list[dict[str, Any]] = [
        {
            "task": task,
            "length": length,
            "method": method,
            "m": m,
            "seconds": median(run["seconds"] for run in found),
            "megabytes": largest(run["megabytes"] for run in found),
        }
        for (task, length, method, m), found in runs.items()
        if found
    ]
    said = sentences(rows)
    for row in rows:
        m = row.pop("m")
        row["method"] = f"prefix, m = {m:,}" if row["method"] == PREFIX else row["method"]
    print("\n".join(said))
    if options.quick:
        return
    content = {
        "title": "One attention layer with a prefix, and with its sums",
        "note": "float32, heads of 64; medians over processes, the cells in turn in one run. merged (flex on a GPU) "
        "and marker are NTK-Attention; official is the released arithmetic. Of eight in a row: the time of one. Memory "
        "is the rise of the peak.",
        "command": "python -m benchmarks.ntk_attention",
        **where,
        "machine": started,
        "default": ours(),
        "findings": said,
        "columns": [
            {"name": "task", "label": "task", "role": "case"},
            {"name": "length", "label": "L", "role": "case"},
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
                "name": "megabytes",
                "label": "peak memory, MiB",
                "role": "value",
                "better": "lower",
                "superlative": "smallest",
            },
        ],
        "rows": rows,
    }
    RESULTS.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
