"""Measure T1's one-layer training and T2's approximation error."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import torch

from steps.step.params import Count, Params
from steps.step.run import Run
from tenfold.ntk_attention.approximation import draw_prefix, measure_error, memory_share
from tenfold.ntk_attention.one_layer import descend, draw_points

FADING_PREFIX = 16  # vectors in the memory whose share is followed
MAPS = ("elu1", "taylor1", "taylor2", "favor", "hedgehog")


class TheoryParams(Params):
    """Sizes of both studies: T1 has points in some dimensions, T2 scales of entries and lengths of prefixes."""

    points: Count
    dimensions: Count
    widths: list[int]  # prefix lengths m of T1
    updates: Count
    seeds: Count
    head_size: Count
    scales: list[float]
    lengths: list[int]
    input_lengths: list[int]  # for how the memory fades


def theory(*, out: Path, params: TheoryParams, run: Run) -> None:
    """Measure T1's one-layer training and T2's approximation error.

    Writes  descent.csv: one row per seed and width; curves.csv: the losses of the first seed
            error.csv: one row per map, kind of prefix, scale, length and seed
            fading.csv: the memory's share of the attention, one row per length of the input and seed
    """
    rows, curves = [], []
    for seed in range(params.seeds):
        points = draw_points(params.points, params.dimensions, run.torch_generator(f"points {seed}"))
        for m in params.widths:
            found = descend(points, m, params.updates, 1.0, run.torch_generator(f"start {seed} {m}"))
            rows.append(
                {
                    "seed": seed,
                    "m": m,
                    "loss_before": found.losses[0],
                    "loss_after": found.losses[-1],
                    "loss_half": found.losses[params.updates // 2],
                    "lambda_min": found.smallest_eigenvalue,
                    "largest_move": found.largest_move,
                    "kernel_drift": found.kernel_drift,
                }
            )
            if seed == 0:
                kept = range(0, params.updates + 1, max(params.updates // 50, 1))
                curves += [{"m": m, "update": update, "loss": found.losses[update]} for update in kept]
    pd.DataFrame(rows).to_csv(out / "descent.csv", index=False, float_format="%.8g")
    pd.DataFrame(curves).to_csv(out / "curves.csv", index=False, float_format="%.8g")
    errors = []
    for seed in range(params.seeds):
        for kind in ("random", "structured"):
            for scale in params.scales:
                for m in params.lengths:
                    generator = torch.Generator().manual_seed(1000 * seed + m)
                    prefix = draw_prefix(kind, m, params.head_size, scale, generator)
                    errors += [measure_error(phi, kind, prefix, scale, seed).record() for phi in MAPS]
    pd.DataFrame(errors).to_csv(out / "error.csv", index=False, float_format="%.8g")
    fading = []
    for seed in range(params.seeds):
        generator = torch.Generator().manual_seed(seed)
        prefix = draw_prefix("random", FADING_PREFIX, params.head_size, params.scales[0], generator)
        for L in params.input_lengths:
            share = memory_share(prefix, "elu1", params.scales[0], seed, tokens=L)
            fading.append({"seed": seed, "length": L, "share": share})
    pd.DataFrame(fading).to_csv(out / "fading.csv", index=False, float_format="%.8g")
    run.say(f"{len(rows)} descents, {len(errors)} errors")
