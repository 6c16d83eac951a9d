"""Time drawing: folded against unfolded, with and without the cache of keys and values."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from steps.imagefolder.splits import dataset_names
from steps.step.params import Count, Params
from steps.step.run import Run
from tenfold.imagefolder.pipeline import ImageFolder
from tenfold.imagefolder.sampling import sample


class TimingParams(Params):
    """How many images are drawn at once, and how often each cell is timed."""

    batch_size: Count
    guidance_scale: float
    repeats: Count


def timing(prepared: Path, folded: Path, unfolded: Path, *, out: Path, params: TimingParams, run: Run) -> None:
    """Time drawing: folded against unfolded, with and without the cache of keys and values, all cells in turn.

    Reads   the first model of each, of the first data set
    Writes  timing.csv: generator, cache, positions, repeat, seconds
    """
    import torch

    dataset = dataset_names(prepared)[0]
    models = {
        name: ImageFolder.load(folder / "models" / f"{dataset}-{name}-0").to(run.device)
        for name, folder in (("folded", folded), ("unfolded", unfolded))
    }
    classes = models["folded"].config.generator.classes
    labels = torch.from_numpy(np.arange(params.batch_size) % classes).to(run.device)
    cells = [(name, cache) for name in models for cache in (True, False)]
    table = []
    for repeat in range(params.repeats + 1):
        for name, cache in cells:
            model = models[name]
            started = time.perf_counter()
            sample(model.generator, model.tokenizer, labels, params.guidance_scale, seed=repeat, cache=cache)
            if run.device != "cpu":
                torch.cuda.synchronize()
            seconds = time.perf_counter() - started
            if repeat:  # the first one warms up
                length = model.generator.layout.length
                table.append(
                    {"generator": name, "cache": cache, "positions": length, "repeat": repeat, "seconds": seconds}
                )
    frame = pd.DataFrame(table)
    frame.to_csv(out / "timing.csv", index=False, float_format="%.6g")
    for (name, cache), part in frame.groupby(["generator", "cache"]):
        rate = params.batch_size / median(part.seconds)
        run.say(f"{name}, {'' if cache else 'no '}cache: {rate:.0f} images per second")
