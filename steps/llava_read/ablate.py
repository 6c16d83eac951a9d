"""The other arms of the paper's ablations (A3 to A13), from every seed, at the same updates as the comparison's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steps.llava_read.arm_training import ArmTraining, StageTwoParams, Trained, write_arms
from steps.llava_read.arms import ABLATED, FULL, Arm, Start
from steps.llava_read.models import write_model
from steps.llava_read.pretrain import MODELS, PRETRAINED, PretrainParams, stage_one_samples
from steps.llava_read.starts import Material, start_model
from steps.llava_read.tune import arm_training, start_folder
from steps.step.json_files import read_json
from steps.step.params import Count, Params
from steps.step.run import Run

RECEIPT = "receipt"  # the layout of receipts, on which no start is trained


class UnknownArm(ValueError):
    """No arm of the ablations has this name."""


class AblateParams(Params):
    """Which arms are trained, from how many seeds, how, and with which sources' OCR text each is asked.

    The full arm is asked with every source; the others with the first. Those with a start of their own train it too.
    ``searched``: arms with a search of their learning rate; the others take the full arm's of this step, the first
    learning rate if it is not among the arms.
    """

    arms: list[str]
    seeds: Count
    searched: list[str]
    ocr_sources: list[str]
    stage_two: StageTwoParams


def ablate(prepared: Path, tasks: Path, pretrained: Path, *, out: Path, params: AblateParams, run: Run) -> None:
    """Train the arms of the ablations, from every seed, and ask them about the test pages.

    Reads   as ``tune``
    Writes  predictions.jsonl, arms.json
    Logs    <arm>-<seed>/loss, <start>-<seed>/<stage>/loss (nats per token of the answers)
    Raises  UnknownArm, MissingSource, UnequalTraining
    """
    if unknown := sorted({*params.arms, *params.searched} - set(ABLATED)):
        raise UnknownArm(f"no arm is called {unknown[0]!r}; there are {', '.join(ABLATED)}")
    found: list[Trained] = []
    if params.arms:
        training = arm_training(prepared, tasks, pretrained, params.ocr_sources, params.stage_two, run)
        starts = Starts(run, training, tasks, pretrained, out)
        rates: dict[str, dict[str, Any]] = {}
        for arm in [ABLATED[name] for name in ABLATED if name in params.arms]:
            rates[arm.name] = _rate(arm, training, starts, params, rates)
            sources = params.ocr_sources if arm.name == FULL.name else params.ocr_sources[:1]
            for seed in range(params.seeds):
                one = training.trained(arm, seed, starts.folder(arm, seed), rates[arm.name], sources)
                found.append(Trained(None, one.row, one.predictions))  # the model is not kept
        starts.clear()
    write_arms(found, out)


class Starts:
    """What arms start from: those of ``pretrain``, and those that are trained here, each once."""

    def __init__(self, run: Run, training: ArmTraining, tasks: Path, pretrained: Path, out: Path) -> None:
        self.run, self.training, self.tasks, self.pretrained = run, training, tasks, pretrained
        self.params = PretrainParams.model_validate(read_json(pretrained / PRETRAINED))
        self.own = out / MODELS

    def folder(self, arm: Arm, seed: int) -> Path:
        """Return the folder of the model that an arm starts from, which is trained if it is not there."""
        given = start_folder(self.pretrained, arm, seed)
        if given.is_dir():
            return given
        folder = self.own / given.name
        if not folder.is_dir():
            self._train(arm.start, seed, folder)
        return folder

    def clear(self) -> None:
        """Take away the models that were trained here."""
        from shutil import rmtree

        if self.own.is_dir():
            rmtree(self.own)

    def _train(self, start: Start, seed: int, folder: Path) -> None:
        from tenfold.llava_read.decoder import TinyDecoderForCausalLM

        copied = self.pretrained / MODELS / f"decoder-{seed}"
        decoder = TinyDecoderForCausalLM.from_pretrained(copied) if copied.is_dir() else None
        read = self.training.train
        pages = [page for page in read.pages if page.layout != RECEIPT]
        material = Material(pages, read.read, read.source, stage_one_samples(self.tasks))
        model, processor = start_model(self.run, start, seed, material, decoder, self.params.model, self.params.start)
        write_model(model, processor, folder)


def _rate(
    arm: Arm, training: ArmTraining, starts: Starts, params: AblateParams, known: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the learning rate of an arm: searched, the full arm's, or the first of the grid."""
    if arm.name in params.searched:
        return training.searched(arm, starts.folder(arm, 0))
    chosen = known[FULL.name]["chosen"] if FULL.name in known else params.stage_two.rates[0]
    return {"grid": [chosen], "chosen": chosen, "validation": [], "at_edge": None}
