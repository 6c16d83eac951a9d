"""Stage II of one arm of the comparison, for every seed: instruction tuning on the questions about training pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from steps.llava_read.arm_training import ArmTraining, AskedSet, StageTwoParams, Trained, write_arms
from steps.llava_read.arms import ARMS, COMPARED, Arm
from steps.llava_read.ocr_sets import ocr_sources, read_ocr
from steps.llava_read.page_sets import pages_of, receipts_of_part
from steps.llava_read.pretrain import MODELS, PRETRAINED, PretrainParams
from steps.llava_read.starts import Material
from steps.step.json_files import read_json
from steps.step.params import Count, Params
from steps.step.run import Run

TEST, RECEIPTS = "test", "receipts_test"
CARD = """# LLaVA-Read at small scale: {name}

{parameters:,} parameters, trained from scratch on drawn pages with coloured shapes, tables and bar charts, and asked
{asked}. Made for the reproduction of "LLaVA-Read" (arXiv 2407.19185); it knows short questions of the forms it was
trained on ("What colour is the star?", 'What stands to the right of "TOTAL"?') and nothing else. License: Apache-2.0.
"""


class MissingSource(ValueError):
    """The source that arms are to be asked with has not read the pages."""


class TuneParams(Params):
    """From how many seeds arms are trained, how, and with which engine's OCR text they are asked."""

    seeds: Count
    ocr_source: str
    stage_two: StageTwoParams


def tune(prepared: Path, tasks: Path, pretrained: Path, *, out: Path, params: TuneParams, run: Run) -> None:
    """Train one arm, the step's variant, from every seed, and ask it about the test pages.

    Reads   prepared/pages/<part>, receipts/<part>; tasks/ocr/<part>/<source>.jsonl; pretrained/models/<start>-<seed>/,
            pretrained.json
    Writes  predictions.jsonl, arms.json; models/<arm>-<seed>/
    Logs    <arm>-<seed>/loss (nats per token of the answers), the same of each learning rate that was searched
    Raises  MissingSource, UnequalTraining
    """
    arm = COMPARED[run.variant or ARMS[0]]
    training = arm_training(prepared, tasks, pretrained, [params.ocr_source], params.stage_two, run)
    rate = training.searched(arm, start_folder(pretrained, arm, 0))
    found: list[Trained] = []
    for seed in range(params.seeds):
        one = training.trained(arm, seed, start_folder(pretrained, arm, seed), rate, [params.ocr_source])
        assert one.reader is not None
        model: Any = one.reader.model
        model.to("cpu")
        count = sum(value.numel() for value in model.parameters())
        card = CARD.format(name=one.reader.name, parameters=count, asked=_asked(arm))
        run.model(one.reader.name, one.reader, card=card)
        found.append(Trained(None, one.row, one.predictions))
    write_arms(found, out)


def start_folder(pretrained: Path, arm: Arm, seed: int) -> Path:
    """Return the folder of the model that an arm starts from."""
    return pretrained / MODELS / f"{arm.start.name}-{seed}"


def arm_training(
    prepared: Path, tasks: Path, pretrained: Path, sources: list[str], stage_two: StageTwoParams, run: Run
) -> ArmTraining:
    """Return the training of arms on the pages of ``prepared``; sets are asked with each of ``sources`` they have.

    Raises MissingSource if the first of them has not read a set.
    """
    before = PretrainParams.model_validate(read_json(pretrained / PRETRAINED))
    train = pages_of(prepared, "train") + receipts_of_part(prepared, "train")
    read = read_ocr(tasks, "train", before.ocr_source)
    if ocr_sources(tasks, "receipts_train"):
        read |= read_ocr(tasks, "receipts_train", "ppocr6")
    validation = Material(pages_of(prepared, "validation"), read_ocr(tasks, "validation", sources[0]), sources[0])
    sets = []
    for name, pages in ((TEST, pages_of(prepared, "test")), (RECEIPTS, receipts_of_part(prepared, "test"))):
        there = ocr_sources(tasks, name)
        if pages and sources[0] not in there:
            raise MissingSource(f"{name} was not read by {sources[0]}, but by {', '.join(there) or 'nobody'}")
        if pages:
            by_source = {source: read_ocr(tasks, name, source) for source in sources if source in there}
            sets.append(AskedSet(name, Material(pages, by_source[sources[0]], sources[0]), by_source))
    return ArmTraining(run, stage_two, Material(train, read, before.ocr_source), validation, sets)


def _asked(arm: Arm) -> str:
    given = {"none": "", "plain": " row by row", "xy_cut": " column by column", "space": " laid out by spaces"}[arm.ocr]
    seen = ["with the image"] if arm.image else ["without an image"]
    return " and ".join([*seen, f"with what an OCR engine read{given}" if arm.ocr != "none" else "without OCR text"])
