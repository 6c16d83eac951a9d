"""Canvases drawn, and canvases sampled: lock-step with cached text features beside both U-Nets run naively.

Networks are untrained, of the sizes of the small setting. CPU seconds are counted, so that other work on the machine
matters little; each cell runs in a process of its own, on one thread. Naive is how a pipeline of ControlNet runs: under
guidance both U-Nets compute the doubled batch. On a GPU, ``--device cuda``, seconds are counted, also in bfloat16 and
with compiled transformer blocks, of networks of Stable Diffusion 1.5's size.
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

from benchmarks.machine import checkout, machine

RESULTS = Path(__file__).parent / "results" / "artist.json"
DRAW, SAMPLE, GUIDED = "draw", "sample", "sample with guidance"
COMPOSITES, TEXTS = "composites", "text images"
OURS, NAIVE = "lock-step", "naive"  # as in tenfold.artist.speed
ONCE, ALONE = "text features once", "visual module alone"
GOAL = 500.0  # canvases of 64×16 drawn per second and core
SCALE = 3.0

Cell = tuple[str, int, str, str]  # task, canvases, method, precision


def cells(quick: bool, device: str) -> list[Cell]:
    """Return every cell that is measured; small ones if ``quick``."""
    drawn, sampled = (200, 2) if quick else (3000, 16)
    found = [(DRAW, drawn, method, "bytes") for method in (COMPOSITES, TEXTS)]
    precisions = ("float32", "bfloat16", "bfloat16, compiled") if device.startswith("cuda") else ("float32",)
    for precision in precisions:
        found += [(SAMPLE, sampled, method, precision) for method in (OURS, ONCE, ALONE)]
        found += [(GUIDED, sampled, method, precision) for method in (OURS, NAIVE, ONCE, ALONE)]
    return found


def call_of(cell: Cell, updates: int, device: str) -> Callable[[], Any]:
    """Return what a cell measures, as a call."""
    task, size, method, precision = cell
    if task == DRAW:
        from tenfold.artist.speed import drawing
        from tenfold.rendering.assets import Assets
        from tenfold.rendering.fonts import bundled_fonts
        from tenfold.rendering.words import english_words

        assets = Assets(bundled_fonts(), english_words(3, 4))
        return drawing("composites" if method == COMPOSITES else "text images", assets, size)
    from tenfold.artist.noising import small_scheduler
    from tenfold.artist.sampling import SamplingConfig
    from tenfold.artist.speed import compile_blocks, timed

    half = precision.startswith("bfloat16")
    networks = "stable_diffusion" if device.startswith("cuda") else "small"
    subject = timed(networks, small_scheduler(), size, device=device, half=half)  # type: ignore[arg-type]
    if precision.endswith("compiled"):
        compile_blocks(subject.artist)
        compile_blocks(subject.alone)
    return subject.call(method, SamplingConfig(updates, SCALE if task == GUIDED else 1.0))


def seconds_of(call: Callable[[], Any], device: str) -> float:
    """Return the CPU seconds of a call, or on a GPU its seconds, after one that warms up."""
    import torch

    if device == "cpu":
        torch.set_num_threads(1)
        call()
        started = time.process_time()
        call()
        return time.process_time() - started
    call()
    torch.cuda.synchronize()
    started = time.perf_counter()
    call()
    torch.cuda.synchronize()
    return time.perf_counter() - started


def in_process(cell: Cell, options: argparse.Namespace) -> float | None:
    """Measure one cell in a new process; None if it fails or takes too long."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.artist", "--request", json.dumps(cell)]
    command += ["--updates", str(options.updates), "--device", options.device]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=Path(__file__).parents[1], timeout=options.cap
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        print(done.stderr.strip().splitlines()[-1:], file=sys.stderr)
        return None
    return float(done.stdout.splitlines()[-1])


def sentences(rows: list[dict[str, Any]], unit: str) -> list[str]:
    """Return what the numbers say, in words."""
    by = {(row["task"], row["method"], row["precision"]): row["rate"] for row in rows}
    found = []
    for method in (COMPOSITES, TEXTS):
        if (DRAW, method, "bytes") in by:
            found.append(f"{by[DRAW, method, 'bytes']:.0f} {method} drawn per CPU second (goal: {GOAL:.0f})")
    for precision in dict.fromkeys(row["precision"] for row in rows if row["task"] == GUIDED):
        ours, naive = (by.get((GUIDED, method, precision)) for method in (OURS, NAIVE))
        if ours and naive:
            said = f"in lock-step {ours:.1f} canvases per {unit}, {ours / naive:.2f} times as many as naively"
            found.append(f"With guidance, {precision}: {said}")
    return found


def main() -> None:
    """Measure all cells, or with --request one, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes; writes nothing")
    parser.add_argument("--cap", type=float, default=600.0, help="seconds after which a cell is given up")
    parser.add_argument("--rounds", type=int, default=3, help="processes per cell")
    parser.add_argument("--updates", type=int, default=10, help="of sampling")
    parser.add_argument("--device", default="cpu", help="such as cuda")
    parser.add_argument("--request", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.request:
        cell = json.loads(options.request)
        device = "cpu" if cell[0] == DRAW else options.device
        print(seconds_of(call_of(tuple(cell), options.updates, device), device))
        return
    where, started = checkout(), machine("torch", "diffusers", "pillow")
    unit = "second" if options.device.startswith("cuda") else "CPU second"
    rows: list[dict[str, Any]] = []
    for cell in cells(options.quick, options.device):
        found = [in_process(cell, options) for _ in range(1 if options.quick else options.rounds)]
        known = [one for one in found if one is not None]
        print(*cell, known, flush=True)
        if known:
            task, size, method, precision = cell
            rate = size / median(known)
            rows.append({"task": task, "size": size, "method": method, "precision": precision, "rate": rate})
    said = sentences(rows, unit)
    print("\n".join(said))
    if not options.quick:
        content = report(rows, said, unit, options) | where | {"machine": started}
        RESULTS.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def report(rows: list[dict[str, Any]], said: list[str], unit: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return the results with what a reader has to know of them."""
    value = {"role": "value", "unit": f"per {unit}", "better": "higher", "superlative": "fastest"}
    return {
        "title": "Canvases drawn and sampled",
        "note": "Medians over processes. Canvases of 64×16 pixels with one word. Sampling: "
        f"{options.updates} updates of DDIM by untrained networks, guidance scale {SCALE:g}, on {options.device}. "
        "Naive: both U-Nets compute the doubled batch. Text features once: those of a finished text image.",
        "command": "python -m benchmarks.artist" + (f" --device {options.device}" if options.device != "cpu" else ""),
        "default": OURS,
        "findings": said,
        "columns": [
            {"name": "task", "label": "task", "role": "case"},
            {"name": "size", "label": "canvases", "role": "case"},
            {"name": "precision", "label": "precision", "role": "case"},
            {"name": "method", "label": "method", "role": "method"},
            {"name": "rate", "label": "canvases drawn or sampled", **value},
        ],
        "rows": rows,
    }


if __name__ == "__main__":
    main()
