"""Join every step's output into measurements, tables and figures."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from steps.imagefolder import figures, findings, measurements, tables
from steps.imagefolder.inputs import read_inputs, read_rows
from steps.imagefolder.splits import dataset_names
from steps.step.json_files import read_json
from steps.step.params import Params
from steps.step.run import Run

HEADLINES = ("p1_minus_p2", "semantic_minus_detail_probe", "fd_metric_clf_folded")
TIMINGS = ("unfolded_over_folded_seconds", "no_cache_over_cache_seconds", "timing")


class EvaluateParams(Params):
    """Draws of the bootstrap of distances, and whether models run on a GPU, if there is one."""

    resamples: int
    on_gpu: bool = False


def evaluate(
    prepared: Path,
    trained: Path,
    p2: Path,
    p1: Path,
    unquantised: Path,
    folded: Path,
    unfolded: Path,
    sampled: Path,
    quantisation: Path,
    semantics: Path,
    timings: Path,
    *,
    out: Path,
    params: EvaluateParams,
    run: Run,
) -> None:
    """Publish what the paper's claims are tested by; they are tested on the first data set.

    Reads   prepared/<dataset>.npz; all models; samples.npz, guidance.json; rows.csv, items.npz; timing.csv
    Writes  metrics.json, claims.json, tables/*.csv and figures/*.svg with their captions
    """
    device, resamples = run.device if params.on_gpu else "cpu", params.resamples
    tokenizers = {"p2": p2, "p1": p1, "unquantised": unquantised}
    generators = {"folded": folded, "unfolded": unfolded}
    inputs = [
        read_inputs(name, prepared, trained, tokenizers, generators, sampled, device)
        for name in dataset_names(prepared)
    ]
    first, timing = inputs[0], pd.read_csv(timings / "timing.csv")
    rows, items = read_rows([quantisation, semantics])
    usages = {name: read_json(tokenizers[name] / "usage.json") for name in ("p2", "p1")}
    likelihoods = {name: read_json(folder / "generator.json") for name, folder in generators.items()}
    scales = tables.truncation(inputs)
    run.publish(
        claims=measurements.reconstruction_measurements(first, resamples)
        | measurements.probe_measurements(first)
        | measurements.generation_measurements(first, resamples)
        | measurements.row_measurements(rows, items, adversarial=run.profile in ("gpu", "full"))
        | measurements.speed_measurements(timing)
        | findings.configuration_measurements()
        | findings.joint_measurements(first.models["folded"])
        | measurements.likelihood_measurements(first.dataset, likelihoods),
        headlines=HEADLINES,
        timings=TIMINGS,
        tables={
            "reconstruction": tables.reconstructions(inputs, resamples),
            "generation": tables.generations(inputs, resamples),
            "truncated": scales,
            "usage": tables.usage(usages),
            "probes": tables.probes(inputs),
            "networks": tables.networks(read_json(trained / "networks.json")),
            "timing": tables.timing(timing),
        }
        | tables.ablation(rows),
        figures=figures.image_sheets(inputs, read_json(sampled / "guidance.json"))
        | figures.usage(usages, first.dataset)
        | figures.truncated(scales[0], first.dataset)
        | figures.ablation(rows),
    )
