"""Train what the arms start from: a model of both resolutions and one of low resolution, warm-up and Stage I."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from steps.llava_read.arms import COMPARED, starts_of
from steps.llava_read.models import ModelParams
from steps.llava_read.ocr_sets import read_ocr
from steps.llava_read.page_sets import pages_of
from steps.llava_read.start_files import write_decoder, write_start
from steps.llava_read.starts import Material, StartParams, copying_decoder, start_model, task_losses
from steps.step.json_files import write_json
from steps.step.params import Count, Params
from steps.step.run import Run
from tenfold.llava_read.processor import LlavaReadProcessor
from tenfold.llava_read.tasks import Sample

MODELS, HISTORY, PRETRAINED = "models", "history.jsonl", "pretrained.json"
ALL, SAMPLES = "all", "stage_one.jsonl"


class PretrainParams(Params):
    """How many seeds, which source stands for OCR in training, sizes of the models, and how they are trained.

    What ``tune`` and ``ablate`` need to know of it is written beside the models.
    """

    seeds: Count
    ocr_source: str
    model: ModelParams
    start: StartParams


def pretrain(prepared: Path, tasks: Path, *, out: Path, params: PretrainParams, run: Run) -> None:
    """Train what the arms start from: a model of both resolutions and one of low resolution, warm-up and Stage I.

    Reads   prepared/pages/; tasks/ocr/train/<ocr_source>.jsonl, stage_one.jsonl
    Writes  models/<start>-<seed>/ (both, low), with spent.json (updates, examples, answers that the start was trained
            with); models/decoder-<seed>/ (what they share), with one too; history.jsonl (start, seed, stage, task,
            update, loss in nats per token); pretrained.json (the parameters)
    Logs    <start>-<seed>/<stage>/loss (nats per token of the answers)
    Raises  InvalidPages if the source has not read the training pages; NoSamples
    """
    train, validation = (_material(prepared, tasks, part, params) for part in ("train", "validation"))
    history: list[dict[str, Any]] = []
    for seed in range(params.seeds):
        decoder = copying_decoder(run, seed, train, params.model, params.start)
        write_decoder(decoder, out / MODELS / f"decoder-{seed}")
        for start in starts_of(COMPARED.values()):
            told = {"start": start.name, "seed": seed, "stage": "stage_one"}

            def measure(model: Any, processor: LlavaReadProcessor, update: int = 0, told: Any = told) -> None:
                losses = task_losses(model, processor, validation, params.start, told["seed"])
                history.extend(told | {"task": task, "update": update, "loss": loss} for task, loss in losses.items())

            started = start_model(run, start, seed, train, decoder, params.model, params.start, measure)
            measure(started.model, started.processor, params.start.stage_one.updates)
            write_start(started, out / MODELS / f"{start.name}-{seed}")
    write_history([*logged(run), *history], out)
    write_json(out / PRETRAINED, params.model_dump(mode="json"))


def logged(run: Run) -> list[dict[str, Any]]:
    """Return the losses in training that were logged, all tasks together."""
    found = []
    for row in run.history:
        for key, loss in row.items():
            if key != "update":
                model, stage, _ = key.split("/")
                start, _, seed = model.rpartition("-")
                told = {"start": start, "seed": int(seed), "stage": stage, "task": ALL}
                found.append(told | {"update": row["update"], "loss": loss})
    return found


def write_history(rows: list[dict[str, Any]], out: Path) -> None:
    """Write rows to history.jsonl: losses in training (task "all"), on validation pages per task around Stage I."""
    with (out / HISTORY).open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def _material(prepared: Path, tasks: Path, part: Any, params: PretrainParams) -> Material:
    """Return a part's pages; those that only measure Stage I need neither OCR text nor samples."""
    if part != "train":
        return Material(pages_of(prepared, part), {}, params.ocr_source)
    read = read_ocr(tasks, part, params.ocr_source)
    return Material(pages_of(prepared, part), read, params.ocr_source, stage_one_samples(tasks))


def stage_one_samples(tasks: Path) -> list[Sample]:
    """Return the samples of Stage I that ``tasks`` wrote. Raises InvalidSample."""
    with (tasks / SAMPLES).open(encoding="utf-8") as file:
        return [Sample.from_json(json.loads(line)) for line in file]
