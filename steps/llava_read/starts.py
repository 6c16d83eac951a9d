"""What arms start from: a decoder that has learnt to copy, a warm-up of everything, and Stage I.

**Deviation:** the paper starts from pretrained parts and trains the projector alone in Stage I. Parts that are drawn
anew know nothing: they are warmed up on questions about training pages first, and all learn in Stage I.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steps.llava_read.arms import LOW, Start
from steps.llava_read.conversations import Row, conversation, of_like_length, page_texts
from steps.llava_read.encoder_pretext import fit_encoders
from steps.llava_read.fitting import StageParams, drawn_numbers, fit, mean_answer_loss
from steps.llava_read.models import ModelParams, new_model
from steps.llava_read.page_images import PageImages
from steps.llava_read.warm_up import LAYOUTS, looked_up, more_questions
from steps.step.params import Count, Params, Share
from steps.step.run import Run
from tenfold.llava_read.pages import ReadingPage
from tenfold.llava_read.processor import LlavaReadProcessor
from tenfold.llava_read.squares import box_tokens
from tenfold.llava_read.tasks import STAGE_ONE, Sample, answer_samples, decimal_box, stage_one
from tenfold.llava_read.training_parts import DecoderTraining, Vision, set_trained
from tenfold.ocr.page import Page

MEASURED = 20  # samples per batch in which losses are measured


class NoSamples(ValueError):
    """No sample of Stage I is left to train on."""


class StartParams(Params):
    """The trainings before an arm's own, and what Stage I trains.

    ``copying``: the decoder alone, on lookups in OCR text; ``encoders``: the encoders alone, on the colours and shapes
    at each place; ``warm_up``: projector and decoder, on colours and shapes, of which the
    share ``replay`` of the conversations are lookups still. ``short``: share of the pages, those with the least text,
    whose OCR text both show. ``turns``: questions per conversation, at most. ``budget``: characters of OCR text.
    ``longest``: characters of a sample of Stage I, beyond which it is left out. Pretrained parts need none of the
    three: None.
    """

    copying: StageParams | None
    encoders: StageParams | None
    warm_up: StageParams | None
    stage_one: StageParams
    replay: Share
    short: Share
    turns: Count
    budget: Count
    longest: Count
    vision: Vision
    decoder: DecoderTraining

    @property
    def updates(self) -> int:
        """The updates of a start, over all stages."""
        return sum(stage.updates for stage in self._stages)

    @property
    def examples(self) -> int:
        """The conversations of a start, and the images of its encoders, over all stages."""
        return sum(stage.examples for stage in self._stages)

    @property
    def _stages(self) -> list[StageParams]:
        return [stage for stage in (self.copying, self.encoders, self.warm_up, self.stage_one) if stage is not None]


@dataclass(frozen=True)
class Material:
    """Pages and what a source read on them, by the page's id, with samples of Stage I where they serve for that."""

    pages: Sequence[ReadingPage]
    read: Mapping[str, Page]
    source: str
    samples: Sequence[Sample] = ()


def copying_decoder(run: Run, seed: int, material: Material, model_params: ModelParams, params: StartParams) -> Any:
    """Return the decoder that all starts of a seed share, after it has learnt to look texts up in OCR text.

    None where no copying is asked for.
    """
    if params.copying is None:
        return None
    model, processor = new_model(LOW, model_params, seed)
    generator = np.random.default_rng([run.seed, seed, 0])
    rows = lookup_rows(material, processor, params, params.copying.examples, generator)
    set_trained(model, projector=False, decoder="full")
    fit(
        run,
        model,
        rows,
        None,
        params.copying,
        params.copying.learning_rate,
        name=f"decoder-{seed}/copying",
        generator=generator,
    )
    return model.language_model.to("cpu")


def start_model(
    run: Run,
    start: Start,
    seed: int,
    material: Material,
    decoder: Any,
    model_params: ModelParams,
    params: StartParams,
) -> tuple[Any, LlavaReadProcessor]:
    """Return the trained model of a start and its processor: encoders, a warm-up of everything, then Stage I.

    ``decoder`` is the one that has learnt copying, None for the model's own. The seed alone decides what is drawn, so
    that starts differ in what they are and in nothing else. A start without Stage I is warmed up for as many updates
    more.
    """
    model, processor = new_model(start, model_params, seed)
    if decoder is not None:
        model.language_model.load_state_dict(decoder.state_dict())
    name = f"{start.name}-{seed}"
    if params.encoders is not None:
        shown = PageImages.of((page.image for page in material.pages), processor.image_processor)
        fit_encoders(run, model, material.pages, shown, params.encoders, name=f"{name}/encoders", seed=seed)
    warm = _warm_up(start, params)
    if warm is not None:
        generator = np.random.default_rng([run.seed, seed, 1])
        rows, images = warm_rows(material, processor, params, warm.examples, generator)
        taught = params.encoders is not None  # what encoders have learnt place by place stays
        set_trained(model, vision="frozen" if taught else "full", decoder="full")
        images = images.encoded(model.to(run.device)) if taught else images
        fit(run, model, rows, images, warm, warm.learning_rate, name=f"{name}/warm_up", generator=generator)
    if start.stage_one:
        generator = np.random.default_rng([run.seed, seed, 2])
        rows, images = stage_one_rows(material, processor, start, params, generator)
        set_trained(model, vision=params.vision, decoder=params.decoder)
        images = images.encoded(model.to(run.device)) if params.vision == "frozen" else images
        fit(
            run,
            model,
            rows,
            images,
            params.stage_one,
            params.stage_one.learning_rate,
            name=f"{name}/stage_one",
            generator=generator,
        )
    return model, processor


def _warm_up(start: Start, params: StartParams) -> StageParams | None:
    """Return the warm-up of a start; one without Stage I is warmed up for as many updates more."""
    if params.warm_up is None or start.stage_one:
        return params.warm_up
    return params.warm_up.model_copy(update={"updates": params.warm_up.updates + params.stage_one.updates})


def lookup_rows(
    material: Material, processor: LlavaReadProcessor, params: StartParams, count: int, generator: np.random.Generator
) -> list[Row]:
    """Return ``count`` conversations of lookups in the OCR text of short pages, in all layouts, without images."""
    pages = material.pages
    texts = {layout: page_texts(pages, material.read, layout, params.budget) or {} for layout in LAYOUTS}
    lengths = [len(texts["space"][page.id].text) for page in pages]
    shorter = np.argsort(lengths, kind="stable")[: max(1, round(params.short * len(pages)))]
    rows = []
    for number in shorter[drawn_numbers(len(shorter), count, generator)].tolist():
        layout = LAYOUTS[int(generator.integers(0, len(LAYOUTS)))]
        samples = _copying(pages[number], texts[layout], params.turns, generator)
        rows.append(conversation(processor, samples, None))
    return rows


def warm_rows(
    material: Material, processor: LlavaReadProcessor, params: StartParams, count: int, generator: np.random.Generator
) -> tuple[list[Row], PageImages]:
    """Return ``count`` conversations, most about what is seen and some lookups, in a drawn order, and the images."""
    pages = material.pages
    replayed = round(params.replay * count)
    rows = lookup_rows(material, processor, params, replayed, generator)
    for number in drawn_numbers(len(pages), count - replayed, generator).tolist():
        rows.append(conversation(processor, _seeing(pages[number], params.turns, generator), number))
    images = PageImages.of((page.image for page in pages), processor.image_processor)
    return [rows[place] for place in generator.permutation(count)], images


def _copying(page: ReadingPage, texts: Mapping[str, Any], turns: int, generator: np.random.Generator) -> list[Sample]:
    """Return short lookups, or for one page of three questions in full."""
    if generator.random() < 2 / 3:
        return looked_up(page, texts[page.id], turns, generator)
    asked = more_questions(page, turns, generator, sight=False)
    return answer_samples([_asking(page, asked)], texts=texts, with_image=False)


def _seeing(page: ReadingPage, turns: int, generator: np.random.Generator) -> list[Sample]:
    return answer_samples([_asking(page, more_questions(page, turns, generator, sight=True))], texts=None)


def _asking(page: ReadingPage, questions: Sequence[Any]) -> ReadingPage:
    return ReadingPage(page.id, page.part, page.image, page.description, tuple(questions))


def stage_one_rows(
    material: Material,
    processor: LlavaReadProcessor,
    start: Start,
    params: StartParams,
    generator: np.random.Generator,
) -> tuple[list[Row], PageImages]:
    """Return as many samples of Stage I as it has examples, each a conversation, and the images that they show.

    Those that are too long are left out. Raises NoSamples if none is left.
    """
    kept = [one for one in material.samples if one.task in start.stage_one]
    found = [one for one in kept if len(one.prompt) + len(one.answer) <= params.longest]
    if not found:
        raise NoSamples(f"none of {len(kept)} samples of {', '.join(start.stage_one)} has {params.longest} characters")
    chosen = [found[number] for number in drawn_numbers(len(found), params.stage_one.examples, generator).tolist()]
    return shown_rows(chosen, material, processor)


def shown_rows(
    samples: Sequence[Sample], material: Material, processor: LlavaReadProcessor
) -> tuple[list[Row], PageImages]:
    """Return samples as conversations of one answer each, and the images, whole or cut out, that they show."""
    by_id = {page.id: page for page in material.pages}
    shown = list(dict.fromkeys((str(one.image), one.crop) for one in samples if one.image is not None))
    places = {key: number for number, key in enumerate(shown)}
    images = PageImages.of((_cut(by_id[page], crop) for page, crop in shown), processor.image_processor)
    return [conversation(processor, [one], places.get((str(one.image), one.crop))) for one in samples], images


def _cut(page: ReadingPage, crop: tuple[int, int, int, int] | None) -> np.ndarray:
    if crop is None:
        return page.image
    left, top, right, bottom = crop
    return page.image[top:bottom, left:right]


def task_losses(
    model: Any, processor: LlavaReadProcessor, material: Material, params: StartParams, seed: int
) -> dict[str, float]:
    """Return the mean loss per token (nats) of each task of Stage I on pages that were not trained on.

    A task whose samples are all too long has none.
    """
    generator = np.random.default_rng([seed])
    write_box = box_tokens if "<x0>" in processor.tokenizer.get_vocab() else decimal_box
    found: dict[str, float] = {}
    for task in STAGE_ONE:
        samples = stage_one(
            material.pages, seed=seed, tasks=[task], write_box=write_box, longest=params.longest
        ).samples
        if samples:
            rows, images = shown_rows(samples, material, processor)
            batches = of_like_length(rows, min(len(rows), MEASURED), generator)
            found[task] = mean_answer_loss(model, batches, images)
    return found
