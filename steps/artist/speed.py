"""What ``measure_speed`` has timed: canvases drawn and images sampled per second. Timings differ from run to run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from steps.step.publish import CaptionedTable
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import measured, unavailable

SPEED = "speed.csv"
CELL = ["task", "method", "guidance_scale", "precision", "compiled"]
DRAWN, SAMPLED, LOCK_STEP, NAIVE = "draw", "sample", "lock-step", "naive"
TIMINGS = ("drawn_per_cpu_second", "naive_over_lock_step", "speed")  # what differs from run to run


def read_speed(timings: Path) -> pd.DataFrame:
    """Return a row per cell and repeat, with the seconds that count: a GPU's, or those of all CPU threads."""
    found = pd.read_csv(timings / SPEED)
    on_gpu = (found.precision == "bfloat16").any()  # timed on a GPU alone
    return found.assign(used=np.where(on_gpu & (found.task == SAMPLED), found.seconds, found.cpu_seconds))


def table(speed: pd.DataFrame) -> CaptionedTable:
    """Return the median of each cell."""
    groups = speed.groupby(CELL, sort=False)
    found = groups.agg(canvases=("canvases", "first"), repeats=("repeat", "count"), used=("used", "median"))
    found = found.reset_index()
    found["canvases_per_second"] = found.canvases / found.used
    return found.drop(columns="used"), (
        "Canvases of 64×16 pixels drawn per CPU second, and images sampled per second (of all CPU threads together, or "
        "of a GPU where there is one), medians over repeats; untrained networks of the profile's size. Lock-step: both "
        "modules once per denoising call, text features kept for both passes of guidance; naive: both modules on both "
        "passes."
    )


def speed_measurements(speed: pd.DataFrame) -> dict[str, Measurement]:
    """Return the slower kind of drawing in canvases per CPU second, and what naive sampling takes over lock-step."""
    found = {TIMINGS[0]: unavailable("nothing was drawn"), TIMINGS[1]: unavailable("nothing was sampled naively")}
    drawn = speed[speed.task == DRAWN]
    if len(drawn):
        rates = (drawn.canvases / drawn.cpu_seconds).groupby(drawn.method).median()
        detail = f"canvases of 64×16 drawn, median over repeats, of the slowest of {', '.join(rates.index)}"
        found[TIMINGS[0]] = measured(float(rates.min()), "per CPU second", detail, n=int(drawn.repeat.nunique()))
    plain = speed[(speed.task == SAMPLED) & (speed.precision == "float32") & ~speed.compiled.astype(bool)]
    guided = plain[plain.guidance_scale != 1]
    seconds = guided.groupby("method").used.median()
    if {LOCK_STEP, NAIVE} <= set(seconds.index):
        ratio = float(seconds[NAIVE] / seconds[LOCK_STEP])
        detail = "time of naive sampling under guidance over that in lock-step, float32, medians over repeats"
        found[TIMINGS[1]] = measured(ratio, "ratio", detail, n=int(guided.repeat.nunique()))
    return found
