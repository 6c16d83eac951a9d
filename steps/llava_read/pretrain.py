"""Train what the arms start from: a model of both resolutions and one of low resolution, warm-up and Stage I."""

from __future__ import annotations

import json
from pathlib import Path

from steps.llava_read.arms import COMPARED, starts_of
from steps.llava_read.models import ModelParams, write_model
from steps.llava_read.ocr_sets import read_ocr
from steps.llava_read.page_sets import pages_of
from steps.llava_read.starts import Material, StartParams, copying_decoder, start_model
from steps.step.json_files import write_json
from steps.step.params import Count, Params
from steps.step.run import Run

MODELS, HISTORY, PRETRAINED = "models", "history.jsonl", "pretrained.json"


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

    Reads   prepared/pages/train; tasks/ocr/train/<ocr_source>.jsonl
    Writes  models/<start>-<seed>/ (both, low); models/decoder-<seed>/ (what they share); history.jsonl (start, seed,
            stage, task, update, loss in nats per token); pretrained.json (the parameters)
    Logs    <start>-<seed>/<stage>/loss (nats per token of the answers)
    Raises  InvalidReading if the source has not read the training pages
    """
    pages = pages_of(prepared, "train")
    material = Material(pages, read_ocr(tasks, "train", params.ocr_source), params.ocr_source)
    for seed in range(params.seeds):
        decoder = copying_decoder(run, seed, material, params.model, params.start)
        if decoder is not None:
            decoder.save_pretrained(out / MODELS / f"decoder-{seed}")
        for start in starts_of(COMPARED.values()):
            model, processor = start_model(run, start, seed, material, decoder, params.model, params.start)
            write_model(model, processor, out / MODELS / f"{start.name}-{seed}")
    write_history(run, out)
    write_json(out / PRETRAINED, params.model_dump(mode="json"))


def write_history(run: Run, out: Path) -> None:
    """Write the losses that were logged to history.jsonl, one per line."""
    with (out / HISTORY).open("w", encoding="utf-8") as file:
        for row in run.history:
            for key, loss in row.items():
                if key == "update":
                    continue
                model, stage, _ = key.split("/")
                start, _, seed = model.rpartition("-")
                told = {"start": start, "seed": int(seed), "stage": stage, "update": row["update"], "loss": loss}
                file.write(json.dumps(told) + "\n")
