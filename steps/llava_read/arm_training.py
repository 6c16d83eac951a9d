"""Stage II of one arm: a search of its learning rate, its training from what it starts from, and its answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from steps.llava_read.arms import Arm, require_equal
from steps.llava_read.asking import asked, share_right
from steps.llava_read.conversations import POLICY, Row, conversation, page_texts
from steps.llava_read.fitting import LengthParams, drawn_numbers, fit
from steps.llava_read.models import read_model
from steps.llava_read.page_images import PageImages
from steps.llava_read.start_files import read_spent
from steps.llava_read.starts import Material
from steps.step.json_files import write_json
from steps.step.params import Count, Params, Positive
from steps.step.run import Diverged, Run
from tenfold.llava_read.asking import Asking
from tenfold.llava_read.processor import LlavaReadProcessor
from tenfold.llava_read.reader import Reader
from tenfold.llava_read.tasks import answer_samples
from tenfold.llava_read.training_parts import DecoderTraining, add_lora, merge_lora, set_trained
from tenfold.ocr.page import Page

PREDICTIONS, TRAINED = "predictions.jsonl", "arms.json"


class StageTwoParams(Params):
    """How an arm is trained and asked.

    ``rates``: learning rates, of which the one with most right answers on validation pages, from the first seed and
    for ``search_updates``, is taken; one rate is not searched. ``budget``: characters of OCR text in a prompt.
    ``reply``: the longest reply in tokens, ``batch``: prompts that are answered together. ``rank``, ``alpha``: of the
    LoRA of ``decoder: lora``, which is merged into the decoder after training.
    """

    training: LengthParams
    rates: list[Positive]
    search_updates: Count
    decoder: DecoderTraining
    budget: Count
    reply: Count
    batch: Count
    rank: Count = 16
    alpha: Count = 32


@dataclass(frozen=True)
class AskedSet:
    """A set of pages that arms are asked about, with what each source read on them, by source and page's id."""

    name: str
    material: Material
    sources: Mapping[str, Mapping[str, Page]]


@dataclass(frozen=True)
class Trained:
    """A trained arm as a reader of its own, None once it is let go, its row of arms.json, and its predictions."""

    reader: Reader | None
    row: dict[str, Any]
    predictions: list[dict[str, Any]]


class ArmTraining:
    """Trains arms on the same questions about the same pages: what they are given of a page is all that differs.

    Batches hold conversations of like length, so that arms see the pages in orders of their own.
    """

    def __init__(
        self,
        run: Run,
        params: StageTwoParams,
        train: Material,
        validation: Material,
        sets: Sequence[AskedSet],
    ) -> None:
        self.run, self.params = run, params
        self.train, self.validation, self.sets = train, validation, sets
        self._sized: dict[tuple[int, ...], PageImages] = {}

    def trained(self, arm: Arm, seed: int, folder: Path, rate: Mapping[str, Any], sources: Sequence[str]) -> Trained:
        """Return ``arm`` trained from the model in ``folder`` at the chosen rate, and asked with each of ``sources``.

        An arm without OCR text is asked once, and nobody with a source that has not read a set. Raises InvalidReading,
        InvalidSample.
        """
        model, processor, counts = self._started(arm, folder)
        spent = read_spent(folder)
        before = self._validation(model, processor, arm)
        rows, answers = self._fit(model, processor, arm, seed, rate["chosen"], self.params.training, "")
        if self.params.decoder == "lora":
            merge_lora(model)
        after = self._validation(model, processor, arm)
        predictions = []
        for one in self.sets:
            images = self._images(one.material, model, processor, arm)
            asked_with = [source for source in sources if source in one.sources]
            for source in asked_with if arm.ocr != "none" else asked_with[:1]:
                replies = self._asked(model, processor, arm, one.material.pages, images, one.sources[source])
                known = {"arm": arm.name, "code": arm.code, "seed": seed, "set": one.name}
                predictions += [known | row for row in replies]
        row = {
            "arm": arm.name,
            "code": arm.code,
            "seed": seed,
            "updates": self.params.training.updates,
            "examples": rows,
            "answers": answers,
            **{f"start_{name}": count for name, count in asdict(spent).items()},
            "budget": None if arm.ocr == "none" else self._budget(arm),
            "ocr_train": "none" if arm.ocr == "none" else self.train.source,
            "ocr_asked": sorted({str(row["ocr_source"]) for row in predictions}),
            "trained": counts,
            "validation": [[0, before], [self.params.training.updates, after]],
            "rate": dict(rate),
        }
        self.run.say(f"{arm.name}-{seed}: {before:.3f} of the validation questions right before, {after:.3f} after")
        return Trained(Reader(model, processor, self.asking(arm), f"{arm.name}-{seed}"), row, predictions)

    def searched(self, arm: Arm, folder: Path) -> dict[str, Any]:
        """Return the grid of learning rates, the share right on validation pages of each, and the one that is taken.

        Of rates with the same share the one nearest to the middle of the grid is taken; one that diverges has none
        right. ``at_edge`` is None where there was nothing to search: one rate, or an arm that is given nothing.
        """
        grid = list(self.params.rates)
        middle = sorted(grid, key=lambda rate: abs(grid.index(rate) - (len(grid) - 1) / 2))
        if len(grid) == 1 or not (arm.image or arm.ocr != "none"):
            return untried(middle[0])
        shares: list[float] = []
        stage = self.params.training.model_copy(update={"updates": self.params.search_updates})
        for rate in grid:
            model, processor, _ = self._started(arm, folder)
            try:
                self._fit(model, processor, arm, 0, rate, stage, f"/{rate:g}")
                shares.append(self._validation(model, processor, arm))
            except Diverged:
                shares.append(0.0)
        chosen = max(middle, key=lambda rate: shares[grid.index(rate)])  # of equal ones the first
        return {"grid": grid, "chosen": chosen, "validation": shares, "at_edge": chosen in (min(grid), max(grid))}

    def asking(self, arm: Arm) -> Asking:
        """Return how a model of this arm is asked."""
        if arm.ocr == "none":
            return Asking(ocr="none", image=arm.image, reply_tokens=self.params.reply)
        return Asking(arm.ocr, arm.image, self._budget(arm), POLICY, self.params.reply)

    def _budget(self, arm: Arm) -> int:
        return self.params.budget if arm.budget is None else arm.budget

    def _started(self, arm: Arm, folder: Path) -> tuple[Any, LlavaReadProcessor, dict[str, int]]:
        model, processor = read_model(folder)
        if self.params.decoder == "lora":
            add_lora(model, rank=self.params.rank, alpha=self.params.alpha)
        counts = set_trained(model, vision=arm.vision, projector=arm.image, decoder=self.params.decoder)
        return model.to(self.run.device), processor, counts

    def _fit(
        self,
        model: Any,
        processor: LlavaReadProcessor,
        arm: Arm,
        seed: int,
        rate: float,
        stage: LengthParams,
        suffix: str,
    ) -> tuple[int, int]:
        """Train in place; return how many conversations and how many answers were learnt from, each once."""
        generator = np.random.default_rng([self.run.seed, seed, 3])
        numbers = drawn_numbers(len(self.train.pages), stage.examples, generator)
        shown = np.unique(numbers).tolist()  # of the others no features are needed
        rows = self._rows(
            processor, arm, numbers.tolist(), {page: place for place, page in enumerate(shown)}, generator
        )
        images = self._images(self.train, model, processor, arm, shown)
        name = f"{arm.name}-{seed}{suffix}"
        fit(self.run, model, rows, images, stage, rate, name=name, generator=generator)
        return len(rows), sum(row.answers for row in rows)

    def _rows(
        self,
        processor: LlavaReadProcessor,
        arm: Arm,
        numbers: Sequence[int],
        places: Mapping[int, int],
        generator: np.random.Generator,
    ) -> list[Row]:
        """Return all questions about each page as one conversation, in a drawn order; ``places`` are its image's."""
        pages = self.train.pages
        chosen = [pages[number] for number in places]
        texts = page_texts(chosen, self.train.read, arm.ocr, self._budget(arm))
        rows = []
        for number in numbers:
            samples = answer_samples([pages[number]], texts=texts, with_image=arm.image)
            order = generator.permutation(len(samples)).tolist()
            rows.append(conversation(processor, [samples[place] for place in order], places[number]))
        return rows

    def _images(
        self,
        material: Material,
        model: Any,
        processor: LlavaReadProcessor,
        arm: Arm,
        numbers: Sequence[int] | None = None,
    ) -> PageImages | None:
        """Return the images of pages, of all or of some, as features where no encoder is trained.

        None for an arm that sees none.
        """
        if not arm.image:
            return None
        sizes = processor.image_processor
        key = (id(material), sizes.low_side, sizes.high_side)
        if key not in self._sized:
            self._sized[key] = PageImages.of((page.image for page in material.pages), sizes)
        images = self._sized[key] if numbers is None else self._sized[key].only(numbers)
        return images.encoded(model) if arm.vision == "frozen" else images

    def _validation(self, model: Any, processor: LlavaReadProcessor, arm: Arm) -> float:
        images = self._images(self.validation, model, processor, arm)
        rows = self._asked(model, processor, arm, self.validation.pages, images, self.validation.read)
        return share_right(rows, self.validation.pages)

    def _asked(
        self,
        model: Any,
        processor: LlavaReadProcessor,
        arm: Arm,
        pages: Sequence[Any],
        images: PageImages | None,
        read: Mapping[str, Page],
    ) -> list[dict[str, Any]]:
        how = {"budget": self._budget(arm), "longest": self.params.reply, "batch": self.params.batch}
        return asked(model, processor, arm, pages, images, read, **how)


def untried(rate: float) -> dict[str, Any]:
    """Return a learning rate that was not searched, in the form of ``ArmTraining.searched``."""
    return {"grid": [rate], "chosen": rate, "validation": [], "at_edge": None}


def write_arms(trained: Sequence[Trained], out: Path) -> None:
    """Write predictions.jsonl and arms.json. Raises UnequalTraining if arms were trained unequally."""
    require_equal([one.row for one in trained])
    with (out / PREDICTIONS).open("w", encoding="utf-8") as file:
        for one in trained:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in one.predictions)
    write_json(out / TRAINED, [one.row for one in trained])
