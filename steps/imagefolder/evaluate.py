"""Join every step's output into measurements, tables and figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from steps.imagefolder import figures
from steps.imagefolder.inputs import ORDERS, Inputs, again, arrays, probes_of, read_inputs
from steps.imagefolder.measurements import (
    ADVERSARIAL,
    ERROR,
    ONE_SEED,
    configuration_measurements,
    joint_measurement,
    of_estimate,
    paired,
    row_measurements,
    speed_measurements,
)
from steps.imagefolder.pictures import dataset_names
from steps.imagefolder.tables import ablation_table, generations, probe_table, reconstructions, truncation, usage_table
from steps.step.params import Params
from steps.step.run import Run
from tenfold.imagefolder.evaluation import Reference, evaluate_images
from tenfold.imagefolder.grids import interpolation, scale_strips
from tenfold.imagefolder.grids import sheet as laid_out
from tenfold.imagefolder.pictures import to_tensor
from tenfold.imagefolder.probes import (
    CAVEAT,
    probe_difference,
)
from tenfold.metrics.generation import frechet_difference
from tenfold.metrics.measurements import Measurement, difference_of, mean_of, measured, unavailable

HEADLINES = ("p1_minus_p2", "unfolded_over_folded_seconds", "semantic_minus_detail_probe", "fd_metric_clf_folded")
NO_HEADROOM = "without quantising the same model is no better, so that quantisation is not what limits it"
COLUMNS = 10  # pictures in a row of a figure
MOST_CLASSES = 10  # rows of a figure


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
    timed: Path,
    *,
    out: Path,
    params: EvaluateParams,
    run: Run,
) -> None:
    """Join every step's output into measurements, tables and figures.

    Claims are tested on the first data set.

    Reads   prepared/<dataset>.npz; all models; samples.npz, guidance.json; rows.csv, items.npz; timing.csv
    Writes  metrics.json, claims.json, figures/*.svg and tables/*.csv with their captions
    """
    datasets, device = dataset_names(prepared), run.device if params.on_gpu else "cpu"
    inputs = [
        read_inputs(name, prepared, trained, (p2, p1, unquantised), (folded, unfolded), sampled, device)
        for name in datasets
    ]
    timing = pd.read_csv(timed / "timing.csv")
    ablation = pd.concat([pd.read_csv(folder / "rows.csv") for folder in (quantisation, semantics)])
    items = {
        name: values for folder in (quantisation, semantics) for name, values in arrays(folder / "items.npz").items()
    }
    claims = (
        reconstruction_measurements(inputs[0], params.resamples)
        | probe_measurements(inputs[0])
        | generation_measurements(inputs[0], params.resamples)
        | row_measurements(ablation, items)
        | speed_measurements(timing)
        | configuration_measurements()
        | {"joint_p_value": joint_measurement(inputs[0].models["folded"])}
        | ({} if run.profile in ("gpu", "full") else {"fd_equilibrium_minus_semantic": unavailable(ADVERSARIAL)})
        | _likelihoods(inputs[0].dataset, {"folded": folded, "unfolded": unfolded})
    )
    _write_json(out / "metrics.json", {name: claims[name]["value"] for name in HEADLINES if "value" in claims[name]})
    _write_json(out / "claims.json", claims)
    usages = {name: _json(folder / "usage.json") for name, folder in (("p2", p2), ("p1", p1))}
    scales = pd.concat([truncation(one) for one in inputs])
    networks = pd.DataFrame(_json(trained / "networks.json")).T.rename_axis("data set").reset_index()
    _write_tables(out / "tables", _tables(inputs, params, usages, scales, networks, timing, ablation))
    drawn = _figures(inputs, _json(sampled / "guidance.json"))
    drawn["usage"] = figures.usage({name: found[inputs[0].dataset] for name, found in usages.items()})
    drawn["truncated"] = figures.truncated(scales[scales.dataset == inputs[0].dataset])
    if len(ablation):
        drawn["ablation"] = figures.ablation(ablation)
    for name, (figure, _) in drawn.items():
        run.figure(name, figure)
    _write_json(out / "figures" / "captions.json", {f"{name}.svg": caption for name, (_, caption) in drawn.items()})


def _likelihoods(dataset: str, generators: dict[str, Path]) -> dict[str, Measurement]:
    found: dict[str, Measurement] = {}
    for order, folder in generators.items():
        nats = [one["nats_per_image"] for one in _json(folder / "generator.json")[dataset]]
        found[f"nats_{order}"] = measured(
            float(np.mean(nats)), "nats an image", f"{order}, validation", seeds=len(nats)
        )
    return found


def _tables(
    inputs: list[Inputs],
    params: EvaluateParams,
    usages: dict[str, Any],
    scales: pd.DataFrame,
    networks: pd.DataFrame,
    timing: pd.DataFrame,
    ablation: pd.DataFrame,
) -> dict[str, tuple[pd.DataFrame, str]]:
    """Return each table with its caption by the name of its file."""
    tables = {
        "reconstruction.csv": (
            reconstructions(inputs, params.resamples),
            "Test pictures through each tokenizer: mse, ssim on [0, 1]; distances in metric_clf.",
        ),
        "generation.csv": (
            generations(inputs, params.resamples),
            "Samples against as many test pictures, in the features of metric_clf: no FID.",
        ),
        "truncated.csv": (scales, "Squared error on [−1, 1] from the first scales alone, test split."),
        "usage.csv": (usage_table(usages), "Use of the codes on validation, by branch and scale."),
        "probes.csv": (probe_table(inputs), "Linear probes of each branch's mean token. " + CAVEAT),
        "networks.csv": (
            networks,
            "Stand-in networks: accuracy of metric_clf, probes of teachers; oracle_teacher saw labels.",
        ),
        "timing.csv": (
            timing.groupby(["generator", "cache", "positions"]).seconds.median().reset_index(),
            "Drawing with guidance: seconds, medians.",
        ),
    }
    if len(ablation):
        caption = "Means over the seeds; errors on [−1, 1]. Rows 7 and 8 are our reading."
        tables["ablation.csv"] = (ablation_table(ablation), caption)
    return tables


def _write_tables(folder: Path, tables: dict[str, tuple[pd.DataFrame, str]]) -> None:
    folder.mkdir()
    for name, (content, _) in tables.items():
        content.to_csv(folder / name, index=False, float_format="%.6g")
    _write_json(folder / "captions.json", {name: caption for name, (_, caption) in tables.items()})


def reconstruction_measurements(one: Inputs, resamples: int) -> dict[str, Measurement]:
    errors = {name: again(one, name, resamples)[0] for name in one.tokenizers}
    positions = one.tokenizers["p2"].config.positions
    lost = {
        name: paired(errors[name], errors["unquantised"], ERROR, f"error of {name} less that without quantising")
        for name in ("p2", "p1")
    }
    least = min(lost.values(), key=lambda found: found["interval"][0])
    limited = least["interval"][0] > 0
    return {
        "p1_minus_p2": paired(
            errors["p1"], errors["p2"], ERROR, f"error of P = 1 less that of P = 2, {positions} positions"
        ),
        "p2_minus_unquantised": lost["p2"],
        "p1_minus_unquantised": lost["p1"],
        "headroom": least if limited else unavailable(NO_HEADROOM),
    }


def probe_measurements(one: Inputs) -> dict[str, Measurement]:
    """Return what probes say of the regularised (last) and the other branch of p2."""
    (detail, semantic), lost = probes_of(one, "p2")
    return {
        "semantic_minus_detail_probe": of_estimate(
            probe_difference(semantic, detail),
            "accuracy",
            "probe of the regularised branch less that of the other, one training",
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
    count = len(one.samples["folded"][0])
    real = Reference.of(one.test.pixels, one.judge, "test").take(count, 0)
    features = {name: [one.judge.measure(part)[0] for part in parts] for name, parts in one.samples.items()}
    figures_of = {
        name: [evaluate_images(part, one.test.pixels, one.judge, resamples=resamples) for part in parts]
        for name, parts in one.samples.items()
    }
    found = {}
    for name, evaluated in figures_of.items():
        for metric in ("fd_metric_clf", "kd_metric_clf", "is_metric_clf"):
            values, detail = [figure[metric]["value"] for figure in evaluated], f"{name} samples, test"
            found[f"{metric}_{name}"] = (
                measured(values[0], metric, f"{detail}, one training", evaluated[0][metric]["interval"], n=count)
                if len(values) == 1
                else mean_of(values, metric, f"{detail}, over trainings", seeds=len(values))
            )
    detail = "distance of folded samples less that of unfolded ones"
    first, second = ([figure["fd_metric_clf"]["value"] for figure in figures_of[name]] for name in ORDERS)
    difference = frechet_difference(features["folded"][0], features["unfolded"][0], real, resamples=resamples)
    found["fd_folded_minus_unfolded_once"] = of_estimate(
        difference, "fd_metric_clf", f"{detail}, the first training of each; the interval is over pictures"
    )
    found["fd_folded_minus_unfolded"] = (
        unavailable(ONE_SEED) if len(first) < 2 else difference_of(first, second, "fd_metric_clf", detail)
    )
    return found


def _figures(inputs: list[Inputs], tried: dict[str, Any]) -> dict[str, figures.Drawn]:
    found: dict[str, figures.Drawn] = {}
    for one in inputs:
        tokenizer, name = one.tokenizers["p2"], one.dataset
        shown, side = one.test.pixels[: 2 * COLUMNS], one.test.size
        images = to_tensor(shown).to(tokenizer.projection.weight.device)
        found[f"{name}_reconstruction"] = figures.sheet(
            scale_strips(tokenizer, images[:COLUMNS]),
            side,
            f"{name}: test pictures, a row each, from the first 1, 2, … scales; the picture itself last.",
        )
        found[f"{name}_interpolation"] = figures.sheet(
            interpolation(tokenizer, images[:5], images[5:10]),
            side,
            f"{name}: between the latent maps of two test pictures, a pair a row.",
        )
        for order, parts in one.samples.items():
            classes = one.models[order].config.generator.classes
            count = min(COLUMNS, len(parts[0]) // classes)
            chosen = parts[0][: classes * count].reshape(count, classes, *parts[0].shape[1:]).swapaxes(0, 1)
            chosen = chosen[:MOST_CLASSES]
            scale = tried[name][order]["chosen"]
            found[f"{name}_samples_{order}"] = figures.sheet(
                laid_out(chosen.reshape(-1, *parts[0].shape[1:]), count),
                side,
                f"{name}: {order} samples, guidance {scale:g}, a class a row; the first ones drawn, not selected.",
                rows=[str(label) for label in range(len(chosen))],
            )
        found[f"{name}_guidance"] = figures.guidance(tried[name])
    return found


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
