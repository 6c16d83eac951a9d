"""The other arms of the paper's ablations (A3 to A13), at the same updates as the comparison's."""

from __future__ import annotations

from pathlib import Path

from steps.llava_read.arm_training import TRAINED, ArmTraining, StageTwoParams, Trained, untried, write_arms
from steps.llava_read.arms import ABLATED, FULL, Arm, Start
from steps.llava_read.pretrain import MODELS, PRETRAINED, PretrainParams, stage_one_samples
from steps.llava_read.start_files import read_decoder, write_start
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

    The full arm is asked with every source that has read a set; the others with the first. Those with a start of their
    own train it too. ``searched``: arms with a search of their learning rate, which are those that claims compare, from
    ``seeds``; the others take the rate of the comparison's full arm, from ``seeds_beside``, the full arm among them.
    """

    arms: list[str]
    seeds: Count
    seeds_beside: Count
    searched: list[str]
    ocr_sources: list[str]
    stage_two: StageTwoParams


def ablate(
    prepared: Path, tasks: Path, pretrained: Path, tuned: Path, *, out: Path, params: AblateParams, run: Run
) -> None:
    """Train the arms of the ablations and ask them about the test pages.

    Reads   as ``tune``; tuned/arms.json of the full arm, whose learning rate arms without a search take
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
        taken = read_json(tuned / TRAINED)[0]["rate"]["chosen"]
        for arm in [ABLATED[name] for name in ABLATED if name in params.arms]:
            searched = arm.name in params.searched
            rate = training.searched(arm, starts.folder(arm, 0)) if searched else untried(taken)
            sources = params.ocr_sources if arm.name == FULL.name else params.ocr_sources[:1]
            for seed in range(params.seeds if searched else params.seeds_beside):
                one = training.trained(arm, seed, starts.folder(arm, seed), rate, sources)
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
        decoder = read_decoder(self.pretrained / MODELS / f"decoder-{seed}")
        read = self.training.train
        pages = [page for page in read.pages if page.layout != RECEIPT]
        material = Material(pages, read.read, read.source, stage_one_samples(self.tasks))
        started = start_model(self.run, start, seed, material, decoder, self.params.model, self.params.start)
        write_start(started, folder)
