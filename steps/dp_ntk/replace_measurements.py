"""Measurements at record level, of the published release, and of the audits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from steps.dp_ntk.datasets import load
from steps.step.json_files import read_json
from tenfold.dp_ntk.random_features import RandomFeatures
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import mean_or_unavailable, measured, share_of

DATASET = "digits"
USEFUL = 8.0


def replace_measurements(record: pd.DataFrame, baselines: pd.DataFrame) -> dict[str, Measurement]:
    """Return accuracies at record level on digits, each method at the same (ε, δ) and adjacency."""
    found: dict[str, Measurement] = {}
    mine = record[record.dataset == DATASET]
    peers = baselines[baselines.dataset == DATASET]
    for epsilon in (1.0, USEFUL):
        at = mine[mine.epsilon == epsilon]
        public = at.method.str.endswith("labels public")
        ridge = at[at.method.str.startswith("ridge-sample") & ~public]
        means = ridge.groupby("method").accuracy.mean()
        best = ridge[ridge.method == means.idxmax()] if len(means) else ridge
        words = f"{DATASET}, ε = {epsilon:g}, δ = 10⁻⁵, a record and its label replaced"
        found[f"ridge_sample_accuracy_{epsilon:g}"] = mean_or_unavailable(
            best.accuracy, "accuracy", f"{words}, the better k"
        )
        found[f"ridge_sample_public_labels_{epsilon:g}"] = mean_or_unavailable(
            at[public].accuracy,
            "accuracy",
            f"{DATASET}, ε = {epsilon:g}, δ = 10⁻⁵, a record replaced, labels not protected",
        )
        found[f"ssp_accuracy_{epsilon:g}"] = mean_or_unavailable(at[at.method == "ssp"].accuracy, "accuracy", words)
        for method, name in (("AdaSSP", "adassp"), ("DP-SGD", "dp_sgd")):
            chosen = peers[(peers.method == method) & (peers.epsilon == epsilon)]
            found[f"{name}_accuracy_{epsilon:g}"] = mean_or_unavailable(
                chosen.accuracy, "accuracy", f"{method}, {words}"
            )
    exact = peers[peers.method == "non-private kernel"].accuracy
    found["record_non_private"] = mean_or_unavailable(exact, "accuracy", f"{DATASET}, limit kernel, no privacy")
    return found


def boundary_measurement(prepared: Path, replaced: Path, fitted: Path) -> Measurement:
    """Return how far apart two models of the published release predict.

    One was made beside the data, the other where no record can be opened.
    """
    facts, data = read_json(replaced / "private_release.json"), load(prepared, DATASET)
    with np.load(fitted / "model.npz") as model:
        scores = RandomFeatures(model["weights"]).transform(data.x_test) @ model["coefficients"]
    difference = abs(data.accuracy(scores) - facts["accuracy"])
    return measured(difference, "accuracy", "model made from the stored release alone against the one made in place")


def audit_measurements(audits: pd.DataFrame) -> dict[str, Measurement]:
    """Return what the audits say of every mode, of the planted bugs, and of the paper's mechanism."""
    correct, planted = audits[audits.kind == "correct"], audits[audits.kind == "planted"]
    replaced = audits[audits.kind == "replacement"]
    claimed, seeds = correct.claimed_epsilon.max(), int(correct.seed.nunique())

    def least(mechanism: str, words: str) -> Measurement:
        chosen = planted[planted.mechanism == mechanism]
        return measured(chosen.epsilon_lower_bound.min(), "ε", f"least lower bound over seeds: {words}", n=len(chosen))

    wrong = planted[planted.mechanism == "too small an n in k"]
    return {
        "audit_correct_epsilon": measured(
            correct.epsilon_lower_bound.max(),
            "ε",
            f"largest lower bound over canaries, claimed ε = {claimed:g}",
            n=len(correct),
            seeds=seeds,
        ),
        "audit_false_alarms": measured(
            correct.alarm.sum(), "alarms", f"in {len(correct)} audits of correct modes", n=len(correct), seeds=seeds
        ),
        "audit_caught": measured(planted.alarm.mean(), "share", "of audits of planted bugs with alarm", n=len(planted)),
        "audit_caught_share": share_of(int(planted.alarm.sum()), len(planted), "the same with its interval"),
        "raw_queries_epsilon": least("raw X in the cross terms", "queries answered with raw records"),
        "exact_labels_epsilon": least("exact Y", "labels claimed private, α solved with exact ones"),
        "wrong_count_epsilon": measured(
            wrong.implied_epsilon.min(), "ε", f"by the theorem once n is right, claimed ε = {claimed:g}", n=len(wrong)
        ),
        "replacement_epsilon": measured(
            replaced.epsilon_lower_bound.min(),
            "ε",
            "mode paper, calibrated for β, a record replaced; claimed ε = 4",
            n=len(replaced),
        ),
    }
