"""Measurements of ImageFolder's claims and findings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import stats

from tenfold.imagefolder.config import PAPER_TOKENIZER, TokenizerConfig
from tenfold.imagefolder.pipeline import ImageFolder
from tenfold.imagefolder.quantizer import Quantizer
from tenfold.imagefolder.sampling import draw, filtered, joint_sample
from tenfold.imagefolder.seeding import drawn_from
from tenfold.metrics.bootstrap import Estimate, paired_difference
from tenfold.metrics.measurements import Measurement, difference_of, mean_of, measured, unavailable

ERROR = "squared error on [−1, 1]"
JOINT_DRAWS, FEW_CODES = 20_000, 6
NO_ROWS = "the ablation's rows that it needs are not trained at this size"
ONE_SEED = "its training varies between seeds, and there is one at this size"
ADVERSARIAL = "adversarial training of a few hundred updates on a CPU says nothing about it"

Items = Mapping[str, np.ndarray]


def of_estimate(estimate: Estimate, unit: str, detail: str) -> Measurement:
    """Return a bootstrap estimate as a measurement; its interval holds the value."""
    low, high = estimate.interval
    interval = (min(low, estimate.value), max(high, estimate.value))
    return measured(estimate.value, unit, detail, interval, n=estimate.n)


def paired(first: np.ndarray, second: np.ndarray, unit: str, detail: str) -> Measurement:
    """Return the mean difference of one training each, paired by picture: (pictures,), resampling pictures.

    The interval says nothing of how trainings differ from seed to seed.
    """
    found = paired_difference(first, second, seed=0)
    return of_estimate(found, unit, f"{detail}; one training each, the interval is over pictures")


def between_seeds(first: np.ndarray, second: np.ndarray, unit: str, detail: str) -> Measurement:
    """Return the mean difference of (seeds, pictures) with Student's interval over seeds; unavailable for one seed."""
    if len(first) < 2:
        return unavailable(ONE_SEED)
    return difference_of(first.mean(axis=1).tolist(), second.mean(axis=1).tolist(), unit, detail)


def row_measurements(table: pd.DataFrame, items: Items) -> dict[str, Measurement]:
    """Return the differences between rows of the ablation, paired by picture or by seed."""

    def of(row: int, what: str) -> np.ndarray | None:
        found = [values for name, values in sorted(items.items()) if name.split("|")[::2] == [str(row), what]]
        return np.stack(found) if found else None

    def between(first: tuple[int, str], second: tuple[int, str], unit: str, detail: str) -> Measurement:
        a, b = of(*first), of(*second)
        return unavailable(NO_ROWS) if a is None or b is None else between_seeds(a, b, unit, detail)

    found = {
        "smaller_map_costs": between(
            (3, "error"), (2, "error"), ERROR, "error of row 3 (smaller map) less that of row 2"
        ),
        "rows_p1_minus_p2": between(
            (3, "error"), (4, "error"), ERROR, "error of row 3 (P = 1) less that of row 4 (P = 2)"
        ),
        "dropout_gain_3_scales": between(
            (1, "error_3_scales"),
            (2, "error_3_scales"),
            ERROR,
            "error from 3 scales without quantizer dropout (row 1) less that with it (row 2)",
        ),
        "semantic_loss_gain": between(
            (6, "probe_1"),
            (4, "probe_1"),
            "accuracy",
            "probe of the semantic branch (row 6) less that of the same branch without the loss (row 4)",
        ),
        "one_minus_all_probe": between(
            (6, "probe_1"),
            (5, "probe_1"),
            "accuracy",
            "probe of the semantic branch, one branch regularised (row 6) less both (row 5)",
        ),
    }
    found["dropout_full_ratio"] = _ratio(of(2, "error"), of(1, "error"))
    for name, first, second, detail in (
        ("fd_one_minus_none", 6, 4, "semantic loss on one branch (row 6) less none (row 4)"),
        ("fd_one_minus_all", 6, 5, "semantic loss on one branch (row 6) less on both (row 5)"),
        ("fd_equilibrium_minus_semantic", 8, 6, "a discriminator with equilibrium (row 8) less none (row 6)"),
    ):
        found[name] = _between_seeds(table, first, second, detail)
    return found


def _ratio(dropped: np.ndarray | None, plain: np.ndarray | None) -> Measurement:
    if dropped is None or plain is None:
        return unavailable(NO_ROWS)
    if len(plain) < 2:
        return unavailable(ONE_SEED)
    logs = np.log(dropped.mean(axis=1) / plain.mean(axis=1))
    mean = mean_of(logs.tolist(), "log ratio", "", seeds=len(logs))
    ends = None if mean["interval"] is None else (math.exp(mean["interval"][0]), math.exp(mean["interval"][1]))
    detail = "error from all scales, with quantizer dropout (row 2) over without (row 1), geometric mean"
    return measured(math.exp(mean["value"]), "ratio", detail, ends, seeds=len(logs))


def _between_seeds(table: pd.DataFrame, first: int, second: int, detail: str) -> Measurement:
    if "fd_metric_clf" not in table:
        return unavailable(NO_ROWS)
    a, b = (table[table.row == row].sort_values("seed").fd_metric_clf.tolist() for row in (first, second))
    if not a or not b:
        return unavailable(NO_ROWS)
    if len(a) < 2:
        return unavailable(ONE_SEED)
    return difference_of(a, b, "fd_metric_clf", f"distance of samples, {detail}")


def speed_measurements(timing: pd.DataFrame) -> dict[str, Measurement]:
    """Return ratios of drawing times, medians over the repeats, with the repeats' range of the ratio."""

    def ratio(first: tuple[str, bool], second: tuple[str, bool], detail: str) -> Measurement:
        a, b = (
            timing[(timing.generator == name) & (timing.cache == cache)].sort_values("repeat").seconds.to_numpy()
            for name, cache in (first, second)
        )
        ratios, value = a / b, median(a) / median(b)
        interval = (min(float(ratios.min()), value), max(float(ratios.max()), value))
        return measured(value, "ratio", f"{detail}; the interval is the range over {len(a)} repeats", interval)

    lengths = timing.groupby("generator").positions.first()
    return {
        "unfolded_over_folded_seconds": ratio(
            ("unfolded", True), ("folded", True), "time to draw the same number of tokens, both with the cache"
        ),
        "no_cache_over_cache_seconds": ratio(("folded", False), ("folded", True), "folded drawing without the cache"),
        "positions_ratio": measured(
            float(lengths["unfolded"] / lengths["folded"]), "ratio", "positions, unfolded over folded"
        ),
    }


def configuration_measurements() -> dict[str, Measurement]:
    """Return what follows from the published configuration alone."""
    sizes: dict[str, Any] = {"image_size": 176, "code_dim": 2, "codebook_size": 8, "sides": PAPER_TOKENIZER.sides}
    losses = []
    for reduction in ("mean", "sum"):
        config = TokenizerConfig.from_dict({**sizes, "patch_size": 16, "start_drop": 1, "commit_reduction": reduction})
        with drawn_from(0, torch.device("cpu")):
            quantizer = Quantizer(config).eval()
        z = torch.linspace(-1, 1, 2 * 2 * 121).view(1, 2, 2, 121)
        losses.append(float(quantizer(z).commitment_loss.detach()))
    one = TokenizerConfig.from_dict({**PAPER_TOKENIZER.to_dict(), "branches": 1, "semantic_branches": "none"})
    return {
        "published_positions": measured(float(PAPER_TOKENIZER.positions), "positions", "Σp² of the shipped schedule"),
        "commitment_ratio": measured(losses[1] / losses[0], "ratio", "commitment loss, summed over averaged"),
        "bits_ratio": measured(PAPER_TOKENIZER.bits / one.bits, "ratio", "bits of an image, P = 2 over P = 1"),
    }


def joint_measurement(model: ImageFolder) -> Measurement:
    """Return the p-value of a chi-square test: pairs drawn jointly against the product of both filtered marginals."""
    generator = model.generator
    first = generator.segments[0]
    zeros = generator.inputs.weight.new_zeros(1, first.stop, generator.inputs.in_features)
    with torch.inference_mode():
        classes = torch.zeros(1, dtype=torch.long, device=zeros.device)
        logits, _ = generator.next_segment(first, zeros, classes, None)
    best = logits[:, 0].topk(FEW_CODES, dim=-1).values.cpu()  # (1, 2, few): so few that every pair is drawn often
    kept = filtered(best, 0, 0.95)
    draws = torch.Generator().manual_seed(0)
    pairs = joint_sample(kept.expand(JOINT_DRAWS, -1, -1), 0, 1.0, draws)
    marginals = kept.softmax(dim=-1)[0].double()
    alone = [draw(m.expand(JOINT_DRAWS, -1), torch.rand(JOINT_DRAWS, generator=draws)) for m in marginals]
    codes = [torch.unique(torch.cat([pairs[:, b], alone[b]])) for b in range(2)]
    rows = [
        [int(((a == i) & (b == j)).sum()) for i in codes[0] for j in codes[1]]
        for a, b in (pairs.unbind(1), tuple(alone))
    ]
    counts = np.array(rows)
    counts = counts[:, counts.sum(axis=0) >= 10]
    p = 1.0 if counts.shape[1] < 2 else float(stats.chi2_contingency(counts).pvalue)
    return measured(p, "p-value", f"of {JOINT_DRAWS} pairs drawn jointly and as many drawn branch by branch")
