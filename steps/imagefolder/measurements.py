"""Measurements that ImageFolder's claims are tested by."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from steps.imagefolder.inputs import ORDERS, Inputs, probes_of, reconstruction_figures, sample_figures
from tenfold.metrics.bootstrap import Estimate, paired_difference
from tenfold.metrics.generation import frechet_difference
from tenfold.metrics.image_sets import Reference
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import (
    difference_of,
    estimated,
    geometric_mean_of,
    mean_of,
    measured,
    unavailable,
)
from tenfold.metrics.probes import probe_difference

ERROR = "squared error on [−1, 1]"
NO_ROWS = "the ablation's rows that it needs are not trained at this size"
ONE_SEED = "its training varies between seeds, and there is one at this size"
NO_HEADROOM = "without quantising the same model is no better, so that quantisation is not what limits it"
ADVERSARIAL = "adversarial training of a few hundred updates on a CPU says nothing about it"

Items = Mapping[str, np.ndarray]


def paired(first: np.ndarray, second: np.ndarray, unit: str, detail: str) -> Measurement:
    """Return the mean difference of one training each, paired by image: (images,), resampling images.

    The interval says nothing of how trainings differ from seed to seed.
    """
    found = paired_difference(first, second, seed=0)
    return estimated(found, unit, f"{detail}; one training each, the interval is over images", seeds=1)


def between_seeds(first: np.ndarray, second: np.ndarray, unit: str, detail: str) -> Measurement:
    """Return the mean difference of (seeds, images) with Student's interval over seeds; unavailable for one seed."""
    if len(first) < 2:
        return unavailable(ONE_SEED)
    return difference_of(first.mean(axis=1).tolist(), second.mean(axis=1).tolist(), unit, detail)


def reconstruction_measurements(one: Inputs, resamples: int) -> dict[str, Measurement]:
    """Return what fewer branches and what quantising cost on the test images, one training each."""
    errors = {name: reconstruction_figures(one, name, resamples)[0] for name in one.tokenizers}
    positions = one.tokenizers["p2"].config.positions
    lost = {
        name: paired(errors[name], errors["unquantised"], ERROR, f"error of {name} less that without quantising")
        for name in ("p2", "p1")
    }
    least = min(lost.values(), key=lambda found: found.bounds[0])
    return {
        "p1_minus_p2": paired(
            errors["p1"], errors["p2"], ERROR, f"error of P = 1 less that of P = 2, {positions} positions"
        ),
        "p2_minus_unquantised": lost["p2"],
        "p1_minus_unquantised": lost["p1"],
        "headroom": least if least.bounds[0] > 0 else unavailable(NO_HEADROOM),
    }


def probe_measurements(one: Inputs) -> dict[str, Measurement]:
    """Return what probes say of the regularised (last) and the other branch of p2."""
    (detail, semantic), lost = probes_of(one, "p2")
    return {
        "semantic_minus_detail_probe": estimated(
            probe_difference(semantic, detail),
            "accuracy",
            "probe of the regularised branch less that of the other, one training",
            seeds=1,
        ),
        "semantic_probe": measured(
            semantic.accuracy, "accuracy", "regularised branch", semantic.interval, n=semantic.n
        ),
        "detail_probe": measured(detail.accuracy, "accuracy", "other branch", detail.interval, n=detail.n),
        "dependence_difference": measured(
            float(lost[1] - lost[0]),
            "accuracy",
            "what a probe of both branches loses without the regularised one, less without the other",
            n=semantic.n,
        ),
        "shuffled_probe": measured(
            semantic.shuffled_accuracy - semantic.chance,
            "accuracy",
            "probe of shuffled labels less chance",
            n=semantic.n,
        ),
    }


def generation_measurements(one: Inputs, resamples: int) -> dict[str, Measurement]:
    """Return distances of samples, and folded less unfolded: over seeds, or resampled where there is one."""
    found, evaluated = {}, {order: sample_figures(one, order, resamples) for order in ORDERS}
    for order, figures in evaluated.items():
        for metric in ("fd_metric_clf", "kd_metric_clf", "is_metric_clf"):
            found[f"{metric}_{order}"] = _over_trainings([figure[metric] for figure in figures], metric, order)
    detail = "distance of folded samples less that of unfolded ones"
    folded, unfolded = (one.judge.measure(one.samples[order][0])[0] for order in ORDERS)
    real = Reference.of(one.test.pixels, one.judge, "test").take(len(folded), 0)
    found["fd_folded_minus_unfolded_once"] = estimated(
        frechet_difference(folded, unfolded, real, resamples=resamples),
        "fd_metric_clf",
        f"{detail}, the first training of each; the interval is over images",
    )
    first, second = ([figure["fd_metric_clf"]["value"] for figure in evaluated[order]] for order in ORDERS)
    found["fd_folded_minus_unfolded"] = (
        unavailable(ONE_SEED) if len(first) < 2 else difference_of(first, second, "fd_metric_clf", detail)
    )
    return found


def _over_trainings(figures: list[dict[str, Any]], metric: str, order: str) -> Measurement:
    """Return the mean of a figure over trainings, or that of the one training with its bootstrap interval."""
    first, detail = figures[0], f"{order} samples, test"
    if len(figures) > 1:
        return mean_of([one["value"] for one in figures], metric, f"{detail}, over trainings", seeds=len(figures))
    low, high = first["interval"]
    return estimated(Estimate(first["value"], (low, high), first["n"]), metric, f"{detail}, one training")


def row_measurements(table: pd.DataFrame, items: Items, *, adversarial: bool = True) -> dict[str, Measurement]:
    """Return the differences between rows of the ablation, paired by image or by seed.

    ``adversarial`` False: training against a discriminator was too short here to say anything.
    """

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
    found |= _distance_measurements(table)
    if not adversarial:
        found["fd_equilibrium_minus_semantic"] = unavailable(ADVERSARIAL)
    return found


def _ratio(dropped: np.ndarray | None, plain: np.ndarray | None) -> Measurement:
    if dropped is None or plain is None:
        return unavailable(NO_ROWS)
    if len(plain) < 2:
        return unavailable(ONE_SEED)
    ratios = dropped.mean(axis=1) / plain.mean(axis=1)
    detail = "error from all scales, with quantizer dropout (row 2) over without (row 1)"
    return geometric_mean_of(ratios.tolist(), detail, seeds=range(len(ratios)))


def _distance_measurements(table: pd.DataFrame) -> dict[str, Measurement]:
    """Return the differences between rows of the samples' distances, over seeds."""
    pairs = {
        "fd_one_minus_none": (6, 4, "semantic loss on one branch (row 6) less none (row 4)"),
        "fd_one_minus_all": (6, 5, "semantic loss on one branch (row 6) less on both (row 5)"),
        "fd_equilibrium_minus_semantic": (8, 6, "a discriminator with equilibrium (row 8) less none (row 6)"),
    }
    return {name: _between_seeds(table, *pair) for name, pair in pairs.items()}


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


def likelihood_measurements(dataset: str, likelihoods: Mapping[str, Any]) -> dict[str, Measurement]:
    """Return what generator.json says of each order's generators, by order, of one data set."""
    found: dict[str, Measurement] = {}
    for order, of_datasets in likelihoods.items():
        nats = [one["nats_per_image"] for one in of_datasets[dataset]]
        found[f"nats_{order}"] = measured(
            float(np.mean(nats)), "nats per image", f"{order}, validation", seeds=len(nats)
        )
    return found
