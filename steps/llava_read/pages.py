"""A page of drawn examples: the image with what the OCR engine read, and what each arm answered, right or wrong."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from steps.llava_read.estimates import Asked
from steps.llava_read.measurements import FULL
from steps.llava_read.predictions import Answers
from tenfold.viewing.page import write_page
from tenfold.viewing.sample import Box, Message, Sample, SampleImage, Verdict
from tenfold.viewing.selection import evenly

if TYPE_CHECKING:
    import numpy as np

    from tenfold.llava_read.pages import ReadingPage
    from tenfold.llava_read.questions import Question
    from tenfold.ocr.page import Page

TITLE = "LLaVA-Read: questions about drawn pages"
NOTE = (
    "Pages are drawn here; boxes are what the OCR engine read. Each arm's answer is that of its first seed, right if "
    "it is exactly a reference but for case, width and outer punctuation. The verdict is the full arm's."
)
CHOSEN = (
    "These {shown} of {all} questions are chosen evenly over kinds and over who is right: how many are right here is "
    "no measure of an arm. Exact answers × 100 of the first seed to all questions: {shares}."
)
MOST_BYTES = 3_000_000  # of a page
RIGHT, WRONG, NOT_ASKED = "right", "wrong", "not asked"


def write_examples(
    asked: Asked,
    models: Mapping[str, Answers],
    pages: Mapping[str, ReadingPage],
    read: Mapping[str, Page],
    path: Path,
    *,
    shown: int,
) -> None:
    """Write at most ``shown`` questions, evenly over kinds and over who is right; ``read`` is the OCR by page."""
    right = {name: asked.scores(model, model.seeds[0]) > 0 for name, model in models.items()}
    kinds = [
        (one.kind, *(bool(hits[place]) for hits in right.values()), one.stratum)
        for place, one in enumerate(asked.questions)
    ]
    samples = [
        _sample(
            asked.questions[place],
            pages[asked.questions[place].page],
            read.get(asked.questions[place].page),
            models,
            {name: bool(hits[place]) for name, hits in right.items()},
        )
        for place in evenly(kinds, shown)
    ]
    notes = [NOTE, *([_chosen(len(samples), right, models)] if samples and right else [])]
    write_page(samples, path, title=TITLE, notes=notes, most_bytes=MOST_BYTES)


def _chosen(shown: int, right: Mapping[str, np.ndarray], models: Mapping[str, Answers]) -> str:
    """Return how the questions were chosen, and each arm's share of right answers among all."""
    shares = (f"{models[name].code} {name.replace('_', ' ')} {100 * hits.mean():.1f}" for name, hits in right.items())
    return CHOSEN.format(shown=shown, all=len(next(iter(right.values()))), shares=", ".join(shares))


def _sample(
    question: Question,
    page: ReadingPage,
    read: Page | None,
    models: Mapping[str, Answers],
    right: Mapping[str, bool],
) -> Sample:
    messages = [
        Message(
            speaker=f"{model.code} {name.replace('_', ' ')}",
            text=model.replies[model.seeds[0]][question.id] or "(nothing)",
            heading="answers",
            tag=RIGHT if right[name] else WRONG,
            tone="good" if right[name] else "bad",
        )
        for name, model in models.items()
    ]
    words = () if read is None else read.words
    image = SampleImage(_encoded(page), f"OCR: {len(words)} words", tuple(Box(*word.box, word.text) for word in words))
    if read is not None:
        messages.insert(0, Message(speaker=read.engine, text=read.text or "(nothing)", heading="OCR text"))
    return Sample(
        title=question.id,
        facets=_facets(question, page, right),
        question=question.question,
        images=(image,),
        messages=tuple(messages),
        reply=models[FULL].replies[models[FULL].seeds[0]][question.id] if FULL in models else None,
        reference=" | ".join(question.answers),
        verdict=_verdict(question, read, right),
    )


def _facets(question: Question, page: ReadingPage, right: Mapping[str, bool]) -> dict[str, str]:
    size = f"{question.text_size} px" if question.text_size else "no text"
    return {
        "kind": question.kind,
        "stratum": question.stratum,
        "layout": page.layout,
        "size of the answer": size,
        **{name.replace("_", " "): RIGHT if hit else WRONG for name, hit in right.items()},
    }


def _verdict(question: Question, read: Page | None, right: Mapping[str, bool]) -> Verdict:
    from tenfold.text.anls import collapsed

    if FULL not in right:
        return Verdict(NOT_ASKED, "this profile has no full arm")
    text = "" if read is None else collapsed(" ".join(word.text for word in read.words))
    among = any(collapsed(answer) in text for answer in question.answers)
    reason = f"the answer is {'' if among else 'not '}among what the OCR engine read"
    return Verdict(RIGHT if right[FULL] else WRONG, reason, "good" if right[FULL] else "bad")


def _encoded(page: ReadingPage) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(page.image).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def chosen_models(named: Sequence[tuple[str, Sequence[Answers]]]) -> dict[str, Answers]:
    """Return the models that a page shows, by arm; arms that this profile has not are left out."""
    return {name: found[0] for name, found in named if found}
