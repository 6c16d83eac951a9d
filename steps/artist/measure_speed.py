"""Time drawing and sampling: lock-step with the text features of an update kept, against both U-Nets run naively."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Literal

from steps.step.params import Count, Field, Params
from steps.step.run import Run

COLUMNS = ("task", "method", "guidance_scale", "precision", "compiled", "canvases", "repeat", "seconds", "cpu_seconds")


class MeasureSpeedParams(Params):
    """Sizes of the networks and of the batch, how it is sampled, how many canvases are drawn, and how often."""

    networks: Literal["tiny", "small", "stable_diffusion"]
    canvases: Count
    num_inference_steps: Count
    guidance_scales: Annotated[list[float], Field(min_length=1)]
    drawn: Count
    repeats: Count


def measure_speed(*, out: Path, params: MeasureSpeedParams, run: Run) -> None:
    """Time drawing and sampling of untrained networks: all cells in turn. Timings differ from run to run.

    On a GPU also in bfloat16, and with compiled transformer blocks. Canvases are divided by CPU seconds where the
    processor does the work, by seconds on a GPU.

    Writes  speed.csv: task (draw, sample), method, guidance_scale, precision, compiled, canvases, repeat, seconds,
            cpu_seconds (of all threads of the process)
    """
    import pandas as pd

    cells = [*_drawing(params), *_sampling(params, run.device)]
    rows = []
    for repeat in range(params.repeats + 1):
        for cell, call in cells:
            if (found := _timed(call, run.device)) and repeat:  # the first one warms up
                rows.append({**cell, "repeat": repeat, "seconds": found[0], "cpu_seconds": found[1]})
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame.to_csv(out / "speed.csv", index=False, float_format="%.6g")
    on_gpu = run.device.startswith("cuda")
    for names, part in frame.groupby(list(COLUMNS[:5]), sort=False):
        task, method, scale, precision, compiled = names
        used = part.seconds if on_gpu and task == "sample" else part.cpu_seconds
        said = f"guidance {scale:g}, {precision}{', compiled' if compiled else ''}" if task == "sample" else "64×16"
        unit = "second" if on_gpu and task == "sample" else "CPU second"
        run.say(f"{task}, {method}, {said}: {part.canvases.iloc[0] / median(used):.1f} canvases per {unit}")


def _timed(call: Callable[[], Any], device: str) -> tuple[float, float]:
    """Return the seconds and the CPU seconds of a call, to the end of what it started on a GPU."""
    import torch

    wait = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    wait()
    started, cpu_started = time.perf_counter(), time.process_time()
    call()
    wait()
    return time.perf_counter() - started, time.process_time() - cpu_started


def _drawing(params: MeasureSpeedParams) -> list[tuple[dict[str, Any], Callable[[], Any]]]:
    from tenfold.artist.speed import drawing
    from tenfold.rendering.assets import Assets
    from tenfold.rendering.fonts import bundled_fonts
    from tenfold.rendering.words import english_words

    assets = Assets(bundled_fonts(), english_words(3, 4))
    cell = {"task": "draw", "guidance_scale": 1.0, "precision": "bytes", "compiled": False, "canvases": params.drawn}
    kinds: tuple[Literal["composites", "text images"], ...] = ("composites", "text images")
    return [({**cell, "method": kind}, drawing(kind, assets, params.drawn)) for kind in kinds]


def _sampling(params: MeasureSpeedParams, device: str) -> list[tuple[dict[str, Any], Callable[[], Any]]]:
    """Return a cell for each method and guidance; the naive one is another only under guidance."""
    from tenfold.artist.noising import small_scheduler
    from tenfold.artist.sampling import SamplingConfig
    from tenfold.artist.speed import METHODS, NAIVE, compile_blocks, timed

    kinds = [("float32", False)]
    if device.startswith("cuda"):
        kinds += [("bfloat16", False), ("bfloat16", True)]
    cells = []
    for precision, compiled in kinds:
        half = precision == "bfloat16"
        subject = timed(params.networks, small_scheduler(), params.canvases, device=device, half=half)
        if compiled:
            compile_blocks(subject.artist)
            compile_blocks(subject.alone)
        for scale in params.guidance_scales:
            config = SamplingConfig(params.num_inference_steps, scale)
            for method in METHODS:
                if method == NAIVE and scale == 1:
                    continue
                cell = {"task": "sample", "method": method, "guidance_scale": scale, "precision": precision}
                cell |= {"compiled": compiled, "canvases": params.canvases}
                cells.append((cell, subject.call(method, config)))
    return cells
