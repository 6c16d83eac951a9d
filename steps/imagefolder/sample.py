"""Draw images from the generators; guidance is chosen on validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from steps.imagefolder.splits import dataset_names, read_split
from steps.step.json_files import write_json
from steps.step.params import Count, Params
from steps.step.run import Run
from tenfold.imagefolder.pipeline import ImageFolder
from tenfold.metrics.generation import frechet_distance
from tenfold.metrics.metric_classifier import MetricClassifier


class SampleParams(Params):
    """How many of each class, the guidance scales to choose from, and whether to draw on a GPU, if there is one."""

    per_class: Count
    search_per_class: Count
    guidance_scales: list[float]
    top_k: int
    top_p: float
    on_gpu: bool = False


def sample(
    prepared: Path, trained: Path, folded: Path, unfolded: Path, *, out: Path, params: SampleParams, run: Run
) -> None:
    """Draw images from the generators; guidance is chosen on validation.

    Chosen is the scale with the lowest fd_metric_clf, with the first seed's generator.

    Reads   prepared/<dataset>.npz, validation; the networks' and generators' models
    Writes  samples.npz: <dataset>-<variant>-<seed> (N, H, W) or (N, H, W, 3) uint8, the classes in turn
            guidance.json: fd_metric_clf of each scale tried, and the chosen one, by data set and variant
    """
    arrays: dict[str, np.ndarray] = {}
    tried: dict[str, dict[str, object]] = {}
    for dataset in dataset_names(prepared):
        judge = MetricClassifier.load(trained / "models" / f"{dataset}-metric_clf")
        reference, _ = judge.measure(read_split(prepared, dataset, "validation").pixels)
        for name, folder in (("folded", folded), ("unfolded", unfolded)):
            paths = sorted((folder / "models").glob(f"{dataset}-{name}-*"))
            device = run.device if params.on_gpu else "cpu"
            models = [ImageFolder.load(path).to(device) for path in paths]
            classes = np.arange(models[0].config.generator.classes)
            labels = np.tile(classes, params.search_per_class)
            kept = reference[: len(labels)]
            searched = labels[: len(kept)]
            scores = {
                scale: frechet_distance(
                    judge.measure(draw_images(models[0], searched, scale, params, seed=1))[0], kept, resamples=2
                ).value
                for scale in params.guidance_scales
            }
            best = min(scores, key=lambda scale: scores[scale])
            for seed, model in enumerate(models):
                found = draw_images(model, np.tile(classes, params.per_class), best, params, seed=2 + seed)
                arrays[f"{dataset}-{name}-{seed}"] = found
            tried.setdefault(dataset, {})[name] = {
                "chosen": best,
                "fd_metric_clf": {f"{scale:g}": score for scale, score in scores.items()},
            }
            run.say(f"{dataset}, {name}: guidance {best:g}, fd_metric_clf {scores[best]:.2f} on validation")
    np.savez_compressed(out / "samples.npz", allow_pickle=False, **arrays)
    write_json(out / "guidance.json", tried)


def draw_images(model: ImageFolder, labels: np.ndarray, scale: float, params: SampleParams, *, seed: int) -> np.ndarray:
    """Return one image per label."""
    return model.generate(labels, seed=seed, guidance_scale=scale, top_k=params.top_k, top_p=params.top_p)
