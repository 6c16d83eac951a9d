"""Time one attention layer against the length of the prefix."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

import pandas as pd
import torch

from steps.step.params import Count, Params
from steps.step.run import Run
from tenfold.ntk_attention.speed import OFFICIAL, PLAIN, PREFIX, Shape, layer_call


class TimingParams(Params):
    """Lengths of the prefix and of the input, and how often each cell is timed."""

    prefixes: list[int]
    length: Count
    lengths: list[int]  # of the input, for the arithmetic that forms every logit
    repeats: Count


def timing(*, out: Path, params: TimingParams, run: Run) -> None:
    """Time one attention layer against the length of the prefix: forward, 2 × 8 heads of 64, all cells in turn.

    Writes  timing.csv: method, m, length, seconds (median over the repeats)
    """
    cells = [
        (PLAIN, 0, params.length),
        *((PREFIX, m, params.length) for m in params.prefixes),
        *((name, 0, params.length) for name in ("merged", "marker", "eager")),
        *((OFFICIAL, 0, length) for length in params.lengths),
    ]
    calls = {(name, m, L): layer_call(name, Shape(length=L), m, device=run.device) for name, m, L in cells}
    wait = torch.cuda.synchronize if run.device.startswith("cuda") else lambda: None
    seconds: dict[tuple[str, int, int], list[float]] = {cell: [] for cell in cells}
    for repeat in range(params.repeats + 1):
        for cell, call in calls.items():
            started = time.perf_counter()
            call()
            wait()
            if repeat:  # the first one warms up
                seconds[cell].append(time.perf_counter() - started)
    rows = [{"method": name, "m": m, "length": L, "seconds": median(found)} for (name, m, L), found in seconds.items()]
    pd.DataFrame(rows).to_csv(out / "timing.csv", index=False, float_format="%.6g")
