"""What arms start from: a decoder that has learnt to copy, a warm-up of everything, and Stage I.

**Deviation:** the paper starts from pretrained parts and trains the projector alone in Stage I. Parts that are drawn
anew know nothing: they are warmed up on questions about training pages first, and all learn in Stage I.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from steps.llava_read.arms import LOW, Start
from steps.llava_read.conversations import Row, conversation, of_like_length, page_texts
from steps.llava_read.encoder_pretext import fit_encoders
from steps.llava_read.fitting import StageParams, drawn_numbers, fit, mean_answer_loss
from steps.llava_read.models import ModelParams, new_model
from steps.llava_read.page_images import PageImages
from steps.llava_read.warm_up import LAYOUTS, listed, looked_up, more_questions
from steps.step.params import Count, Params, Share
from steps.step.run import Run
from tenfold.llava_read.ocr_prompt import OcrText
from tenfold.llava_read.pages import ReadingPage
from tenfold.llava_read.processor import LlavaReadProcessor
from tenfold.llava_read.squares import box_tokens
from tenfold.llava_read.tasks import STAGE_ONE, Sample, answer_samples, decimal_box, stage_one
from tenfold.llava_read.training_parts import DecoderTraining, Vision, set_trained
from tenfold.ocr.page import Page

MEASURED = 20  # samples per batch in which losses are measured
LONGEST_LIST, ASKED = 8, 6  # rows of a list; lookups in it
LayoutTexts = Mapping[str, Mapping[str, OcrText]]  # by layout, then by the page's id


class NoSamples(ValueError):
    """No sample of Stage I is left to train on."""


class StartParams(Params):
    """The trainings before an arm's own, and what Stage I trains.

    ``lists``: the decoder alone, on lookups in lists of a few rows of a page, from which it learns to look up at all;
    ``copying``: the same on lookups in OCR text; ``encoders``: the encoders alone, on the colours and shapes
    at each place; ``warm_up``: projector and decoder, on colours and shapes, of which the
    share ``replay`` of the conversations are lookups still. ``short``: share of the pages, those with the least text,
    whose OCR text both show. ``turns``: questions per conversation, at most. ``budget``: characters of OCR text.
    ``longest``: characters of a sample of Stage I, beyond which it is left out. Pretrained parts need none of the
    four: None. ``together``: share of the warm-up's conversations that have image and OCR text both, as the whole
    model is asked: lookups beside the image, and questions about what is seen beside OCR text.
    """

    lists: StageParams | None
    copying: StageParams | None
    encoders: StageParams | None
    warm_up: StageParams | None
    stage_one: StageParams
    replay: Share
    together: Share
    short: Share
    turns: Count
    budget: Count
    longest: Count
    vision: Vision
    decoder: DecoderTraining


@dataclass(frozen=True)
class Spent:
    """What a start was trained with: updates, conversations or images of encoders, and answers, as they were used."""

    updates: int = 0
    examples: int = 0
    answers: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.updates + other.updates, self.examples + other.examples, self.answers + other.answers)

    @classmethod
    def of(cls, stage: StageParams, rows: Sequence[Row]) -> Spent:
        """Return what a stage takes that is trained on ``rows``, each once."""
        return cls(stage.updates, len(rows), sum(row.answers for row in rows))


@dataclass(frozen=True)
class Material:
    """Pages and what a source read on them, by the page's id, with samples of Stage I where they serve for that."""

    pages: Sequence[ReadingPage]
    read: Mapping[str, Page]
    source: str
    samples: Sequence[Sample] = ()


@dataclass(frozen=True)
class Decoder:
    """A decoder that has learnt to copy, and what that took; None for the one that a model begins with."""

    model: Any = None
    spent: Spent = field(default_factory=Spent)


@dataclass(frozen=True)
class Started:
    """A model that arms start from, its processor, and what it was trained with, the shared decoder's part included."""

    model: Any
    processor: LlavaReadProcessor
    spent: Spent


def copying_decoder(run: Run, seed: int, material: Material, model_params: ModelParams, params: StartParams) -> Decoder:
    """Return the decoder that all starts of a seed share, after it has learnt to look texts up in OCR text."""
    if params.copying is None:
        return Decoder()
    model, processor = new_model(LOW, model_params, seed)
    set_trained(model, projector=False, decoder="full")
    spent, name, lists, copying = Spent(), f"decoder-{seed}", params.lists, params.copying
    if lists is not None:
        generator = np.random.default_rng([run.seed, seed, 4])
        rows = list_rows(material.pages, processor, lists.examples, generator)
        fit(run, model, rows, None, lists, lists.learning_rate, name=f"{name}/lists", generator=generator)
        spent += Spent.of(lists, rows)
    generator = np.random.default_rng([run.seed, seed, 0])
    rows = lookup_rows(material.pages, layouts_of(material, params), processor, params, copying.examples, generator)
    fit(run, model, rows, None, copying, copying.learning_rate, name=f"{name}/copying", generator=generator)
    return Decoder(model.language_model.to("cpu"), spent + Spent.of(copying, rows))


def start_model(
    run: Run,
    start: Start,
    seed: int,
    material: Material,
    decoder: Decoder,
    model_params: ModelParams,
    params: StartParams,
    before_stage_one: Callable[[Any, LlavaReadProcessor], object] | None = None,
) -> Started:
    """Return the trained model of a start: encoders, a warm-up of everything, then Stage I.

    The seed alone decides what is drawn, so that starts differ in what they are and in nothing else. A start without
    Stage I learns from as many conversations of the warm-up instead, of one answer each as Stage I's, in as many
    updates of the same kind. ``before_stage_one`` is called with model and processor as they are then.
    """
    model, processor = new_model(start, model_params, seed)
    if decoder.model is not None:
        model.language_model.load_state_dict(decoder.model.state_dict())
    name, spent = f"{start.name}-{seed}", decoder.spent
    warm, pages = params.warm_up, PageImages.of((), processor.image_processor)
    if params.encoders is not None or warm is not None:
        pages = PageImages.of((page.image for page in material.pages), processor.image_processor)
    if params.encoders is not None:
        fit_encoders(run, model, material.pages, pages, params.encoders, name=f"{name}/encoders", seed=seed)
        spent += Spent(params.encoders.updates, params.encoders.examples)
    if warm is not None:
        generator = np.random.default_rng([run.seed, seed, 1])
        rows = warm_rows(material, processor, params, warm.examples, generator)
        taught = params.encoders is not None  # what encoders have learnt place by place stays
        set_trained(model, vision="frozen" if taught else "full", decoder="full")
        images = pages.encoded(model.to(run.device)) if taught else pages
        fit(run, model, rows, images, warm, warm.learning_rate, name=f"{name}/warm_up", generator=generator)
        spent += Spent.of(warm, rows)
    if before_stage_one is not None:
        before_stage_one(model, processor)
    last, generator = params.stage_one, np.random.default_rng([run.seed, seed, 2])
    if start.stage_one:
        rows, pages = stage_one_rows(material, processor, start, params, generator)
    elif warm is None:
        return Started(model, processor, spent)  # pretrained parts, of which Stage I is all the training
    else:
        one_answer = params.model_copy(update={"turns": 1})
        rows = warm_rows(material, processor, one_answer, last.examples, generator)
    set_trained(model, vision=params.vision, decoder=params.decoder)
    images = pages.encoded(model.to(run.device)) if params.vision == "frozen" else pages
    fit(run, model, rows, images, last, last.learning_rate, name=f"{name}/stage_one", generator=generator)
    return Started(model, processor, spent + Spent.of(last, rows))


def list_rows(
    pages: Sequence[ReadingPage], processor: LlavaReadProcessor, count: int, generator: np.random.Generator
) -> list[Row]:
    """Return ``count`` conversations of lookups in lists, of two rows of a page to LONGEST_LIST."""
    rows = []
    for number in drawn_numbers(len(pages), count, generator).tolist():
        length = int(generator.integers(2, LONGEST_LIST + 1))
        rows.append(conversation(processor, listed(pages[number], length, ASKED, generator), None))
    return rows


def lookup_rows(
    pages: Sequence[ReadingPage],
    texts: LayoutTexts,
    processor: LlavaReadProcessor,
    params: StartParams,
    count: int,
    generator: np.random.Generator,
    *,
    shown: float = 0.0,
) -> list[Row]:
    """Return ``count`` conversations of lookups in the OCR text of short pages, in all layouts.

    The share ``shown`` of them has the image besides, the others have none.
    """
    shorter = _short_pages(pages, texts["space"], params.short)
    rows = []
    for number in shorter[drawn_numbers(len(shorter), count, generator)].tolist():
        layout = LAYOUTS[int(generator.integers(0, len(LAYOUTS)))]
        samples = _copying(pages[number], texts[layout], params.turns, generator)
        if shown and generator.random() < shown:
            samples = [replace(one, image=pages[number].id) for one in samples]
        rows.append(conversation(processor, samples, number))
    return rows


def layouts_of(material: Material, params: StartParams) -> LayoutTexts:
    """Return the OCR text of each page in each layout."""
    return {layout: page_texts(material.pages, material.read, layout, params.budget) or {} for layout in LAYOUTS}


def _short_pages(pages: Sequence[ReadingPage], texts: Mapping[str, OcrText], share: float) -> np.ndarray:
    """Return the numbers of the ``share`` of the pages with the shortest texts."""
    lengths = [len(texts[page.id].text) for page in pages]
    return np.argsort(lengths, kind="stable")[: max(1, round(share * len(pages)))]


def warm_rows(
    material: Material, processor: LlavaReadProcessor, params: StartParams, count: int, generator: np.random.Generator
) -> list[Row]:
    """Return ``count`` conversations, most about what is seen and some lookups, in a drawn order.

    The share ``together`` has both image and OCR text, the latter where a page is one of the short ones.
    """
    pages, texts = material.pages, layouts_of(material, params)
    replayed = round(params.replay * count)
    rows = lookup_rows(pages, texts, processor, params, replayed, generator, shown=params.together)
    short = set(_short_pages(pages, texts["space"], params.short).tolist())
    for number in drawn_numbers(len(pages), count - replayed, generator).tolist():
        layout = LAYOUTS[int(generator.integers(0, len(LAYOUTS)))]
        given = texts[layout] if number in short and generator.random() < params.together / params.short else None
        rows.append(conversation(processor, _seeing(pages[number], given, params.turns, generator), number))
    return [rows[place] for place in generator.permutation(count)]


def _copying(page: ReadingPage, texts: Mapping[str, Any], turns: int, generator: np.random.Generator) -> list[Sample]:
    """Return short lookups, or for one page of three questions in full."""
    if generator.random() < 2 / 3:
        return looked_up(page, texts[page.id], turns, generator)
    asked = more_questions(page, turns, generator, sight=False)
    return answer_samples([_asking(page, asked)], texts=texts, with_image=False)


def _seeing(
    page: ReadingPage, texts: Mapping[str, OcrText] | None, turns: int, generator: np.random.Generator
) -> list[Sample]:
    return answer_samples([_asking(page, more_questions(page, turns, generator, sight=True))], texts=texts)


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
