"""The same comparison with a decoder that others trained: SmolLM2 with LoRA, and EfficientNet-Lite0 as encoder.

Whether OCR text and sight add up does not rest on a decoder of characters that starts from nothing. The projector and
the last merge are trained from a drawn start, without Stage I; the encoders stay frozen, and the small one of low
resolution, which has no pretrained weights here, as it is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from steps.llava_read.arm_training import Trained, untried, write_arms
from steps.llava_read.arms import Arm
from steps.llava_read.asking import asked, share_right
from steps.llava_read.conversations import Row, conversation, page_texts
from steps.llava_read.fitting import StageParams, drawn_numbers, fit
from steps.llava_read.ocr_sets import read_ocr
from steps.llava_read.page_images import PageImages
from steps.llava_read.page_sets import PAGES
from steps.llava_read.starts import Material
from steps.step.json_files import read_json
from steps.step.params import Count, Params
from steps.step.run import Run
from tenfold.llava_read.pages import read_pages
from tenfold.llava_read.tasks import answer_samples

if TYPE_CHECKING:
    from tenfold.llava_read.parts import Part
    from tenfold.llava_read.processor import LlavaReadProcessor

CODE = "pretrained decoder"
ARMS = {
    arm.name: arm
    for arm in (
        Arm("language_full", CODE),
        Arm("language_vision", CODE, ocr="none"),
        Arm("language_ocr", CODE, image=False),
    )
}
WEIGHTS = "*.pth"  # EfficientNet-Lite0 as published; a folder without is one of transformers' form
SEED = 0  # of the one seed that there is


class TuneLanguageModelParams(Params):
    """Which arms there are, none of them being an empty comparison, and how they are trained and asked.

    ``lora_rank``: of the decoder's adapters. ``side``: of the images for EfficientNet, in pixels. ``budget``:
    characters of OCR text in a prompt, ``reply``: the longest reply in tokens, ``batch``: prompts that are answered
    together. ``asked`` and ``validated``: test and validation pages that are asked about, the first ones.
    """

    arms: list[str]
    ocr_train: str
    ocr_source: str
    training: StageParams
    lora_rank: Count
    side: Count
    budget: Count
    reply: Count
    batch: Count
    asked: Count
    validated: Count


class UnknownArm(ValueError):
    """There is no such arm."""


def tune_language_model(
    prepared: Path,
    tasks: Path,
    decoder: Path,
    efficientnet: Path,
    *,
    out: Path,
    params: TuneLanguageModelParams,
    run: Run,
) -> None:
    """Tune each arm with equal updates on the same pages from one start, and ask it about test pages; one seed.

    Reads   prepared/pages/<part>; tasks/ocr/<part>/<source>.jsonl; decoder/: config.json, model.safetensors, a
            tokenizer, origin.json; efficientnet/: the published weights, source.json
    Writes  predictions.jsonl, arms.json as ``tune`` does, lists without rows where there are no arms
    Logs    <arm>-0/loss (nats per token of the answers)
    Raises  UnknownArm, InvalidParts, UnknownWeights, UnequalTraining
    """
    if unknown := sorted(set(params.arms) - set(ARMS)):
        raise UnknownArm(f"no arm with a pretrained decoder is called {unknown[0]!r}; there are {', '.join(ARMS)}")
    if not params.arms:
        run.say("no arm with a pretrained decoder under this profile")
        write_arms([], out)
        return
    made_up = any(bool(read_json(path)["stand_in"]) for path in (decoder / "origin.json", efficientnet / "source.json"))
    training = LanguageTraining(
        run,
        params,
        train=first_pages(prepared, tasks, "train", params.training.examples, params.ocr_train),
        validation=first_pages(prepared, tasks, "validation", params.validated, params.ocr_source),
        test=first_pages(prepared, tasks, "test", params.asked, params.ocr_source),
    )
    found = []
    with TemporaryDirectory(dir=out) as scratch:
        encoder = encoder_folder(efficientnet, Path(scratch))
        for name in params.arms:
            found.append(training.trained(ARMS[name], *language_model(decoder, encoder, params)))
            found[-1].row["stand_in"] = made_up
    write_arms(found, out)


def first_pages(prepared: Path, tasks: Path, part: Part, count: int, source: str) -> Material:
    """Return the first ``count`` pages of a part with what ``source`` read on them."""
    pages = list(islice(read_pages(prepared / PAGES / part), count))
    return Material(pages, read_ocr(tasks, part, source), source)


@dataclass(frozen=True)
class LanguageTraining:
    """Trains arms on the same pages in the same order: what they are given of a page is all that differs."""

    run: Run
    params: TuneLanguageModelParams
    train: Material
    validation: Material
    test: Material

    def trained(self, arm: Arm, model: Any, processor: LlavaReadProcessor) -> Trained:
        """Return what an arm's training came to, and its answers."""
        from tenfold.llava_read.training_parts import add_lora, merge_lora, set_trained
        from tenfold.nn.seeding import drawn_from

        stage, name = self.params.training, f"{arm.name}-{SEED}"
        before = share_right(self._asked(arm, model, processor, self.validation), self.validation.pages)
        with drawn_from(SEED):
            add_lora(model, rank=self.params.lora_rank, alpha=2 * self.params.lora_rank)
        counts = set_trained(model, vision="frozen", projector=arm.image, decoder="lora")
        generator = np.random.default_rng([self.run.seed, SEED, 5])
        rows = self._rows(arm, processor, generator)
        images = self._images(arm, model, processor, self.train)
        fit(self.run, model, rows, images, stage, stage.learning_rate, name=name, generator=generator)
        merge_lora(model)
        model.eval()
        after = share_right(self._asked(arm, model, processor, self.validation), self.validation.pages)
        known: dict[str, Any] = {"arm": arm.name, "code": arm.code, "seed": SEED, "set": "test"}
        predictions = [known | row for row in self._asked(arm, model, processor, self.test)]
        row = {
            **{key: known[key] for key in ("arm", "code", "seed")},
            "updates": stage.updates,
            "examples": len(rows),
            "answers": sum(row.answers for row in rows),
            "start_updates": 0,
            "start_examples": 0,
            "start_answers": 0,
            "ocr_train": "none" if arm.ocr == "none" else self.train.source,
            "ocr_asked": sorted({row["ocr_source"] for row in predictions}),
            "trained": counts,
            "validation": [[0, before], [stage.updates, after]],
            "rate": untried(stage.learning_rate),
        }
        self.run.say(f"{name}: {before:.3f} of the validation questions right before, {after:.3f} after")
        return Trained(None, row, predictions)

    def _rows(self, arm: Arm, processor: LlavaReadProcessor, generator: np.random.Generator) -> list[Row]:
        """Return all questions about each drawn page as one conversation, in a drawn order."""
        pages = self.train.pages
        texts = page_texts(pages, self.train.read, arm.ocr, self.params.budget)
        rows = []
        for number in drawn_numbers(len(pages), self.params.training.examples, generator).tolist():
            samples = answer_samples([pages[number]], texts=texts, with_image=arm.image)
            order = generator.permutation(len(samples)).tolist()
            rows.append(conversation(processor, [samples[place] for place in order], number))
        return rows

    def _images(self, arm: Arm, model: Any, processor: LlavaReadProcessor, material: Material) -> PageImages | None:
        """Return what the frozen encoders make of the pages' images; None for an arm that sees none."""
        if not arm.image:
            return None
        sized = PageImages.of((page.image for page in material.pages), processor.image_processor)
        return sized.encoded(model.to(self.run.device))

    def _asked(self, arm: Arm, model: Any, processor: LlavaReadProcessor, material: Material) -> list[dict[str, Any]]:
        images = self._images(arm, model, processor, material)
        how = {"budget": self.params.budget, "longest": self.params.reply, "batch": self.params.batch}
        return asked(model.to(self.run.device), processor, arm, material.pages, images, material.read, **how)


def language_model(decoder: Path, encoder: Path, params: TuneLanguageModelParams) -> tuple[Any, LlavaReadProcessor]:
    """Return the model that every arm starts from: the decoder, both encoders, and a drawn projector."""
    from tenfold.llava_read.pretrained import Parts, from_parts

    parts = Parts(text=str(decoder), high=str(encoder))
    return from_parts(parts, merge="sum", image_side_high=params.side, seed=SEED)


def encoder_folder(efficientnet: Path, scratch: Path) -> Path:
    """Return EfficientNet-Lite0 as a folder of transformers' form, converted below ``scratch`` if it is not one yet."""
    from tenfold.vision.efficientnet_lite0 import convert_efficientnet_lite0

    published = sorted(efficientnet.glob(WEIGHTS))
    if not published:
        return efficientnet
    convert_efficientnet_lite0(published[0], scratch / "encoder")
    return scratch / "encoder"
