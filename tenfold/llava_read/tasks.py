"""Samples to train and to ask with: the four tasks of Stage I, and questions with or without OCR text (Stage II).

task     input → output                                             OCR text in the prompt
T1       the image of one line → its text                           never
T2       the page and a text → its box, or a box → its text         never
T3       the page → its text in reading order                       never
T4       shuffled words with boxes → text laid out by spaces        the words are the task
answer   the page, its OCR text and a question → the answer         as asked for

The tasks' names are the paper's, their formats ours. Boxes are in shares of the square around the page, the page in
its middle; ``write_box`` puts them into words.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from tenfold.llava_read.ocr_prompt import OcrText
from tenfold.llava_read.pages import ReadingPage
from tenfold.llava_read.reading_errors import InvalidSample
from tenfold.ocr.page import Box, Line
from tenfold.ocr.reading_order import xy_cut
from tenfold.ocr.spacing import space_layout

Task = Literal["T1", "T2", "T3", "T4", "answer"]
STAGE_ONE: tuple[Task, ...] = ("T1", "T2", "T3", "T4")
WITHOUT_OCR: tuple[Task, ...] = ("T1", "T2", "T3")

NO_OCR = "none"
OCR_HEAD = "Text on the page:\n"
READ_LINE, READ_PAGE, LAY_OUT = "Read the text.", "Read the page.", "Lay out the words:"
MARGIN = 4  # pixels around a line that is read by itself

WriteBox = Callable[[Box], str]


@dataclass(frozen=True)
class Sample:
    """What a model is given and what it should say.

    ``image`` is the id of the page that the model sees, None if it sees none; ``crop`` is the part of it, in pixels,
    None for all of it. ``page`` is the unit of resampling. ``ocr_source`` says which engine's text is in the prompt,
    "none" if there is none. Raises InvalidSample for an empty prompt or answer, an unknown task, OCR text in a task
    that has none, and a source that contradicts the prompt.
    """

    id: str
    page: str
    task: Task
    prompt: str
    answer: str
    ocr_source: str = NO_OCR
    image: str | None = None
    crop: tuple[int, int, int, int] | None = None

    def __post_init__(self) -> None:
        if self.task not in get_args(Task):
            raise InvalidSample(f"{self.id}: no task is called {self.task!r}; there are {', '.join(get_args(Task))}")
        if not self.prompt.strip() or not self.answer.strip():
            raise InvalidSample(f"{self.id}: a sample needs a prompt and an answer, neither of them empty")
        if self.task in WITHOUT_OCR and (self.ocr_source != NO_OCR or OCR_HEAD in self.prompt):
            raise InvalidSample(f"{self.id}: the task {self.task} is given no OCR text, but has {self.ocr_source!r}")
        if self.task == "answer" and (self.ocr_source != NO_OCR) != self.prompt.startswith(OCR_HEAD):
            raise InvalidSample(f"{self.id}: the OCR source {self.ocr_source!r} contradicts the prompt")
        if self.crop is not None and self.image is None:
            raise InvalidSample(f"{self.id}: a crop needs an image to be cut from")

    @property
    def prompt_sha256(self) -> str:
        """The sum of the prompt: OCR text that slips into a benchmark's prompts changes it."""
        return hashlib.sha256(self.prompt.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold, with the prompt's sum."""
        return {**asdict(self), "prompt_sha256": self.prompt_sha256}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Sample:
        """Return the sample that ``to_json`` wrote. Raises InvalidSample if its prompt is not the one it was."""
        content = {name: value for name, value in row.items() if name != "prompt_sha256"}
        crop = content.get("crop")
        sample = cls(**content | {"crop": None if crop is None else tuple(crop)})
        if row.get("prompt_sha256", sample.prompt_sha256) != sample.prompt_sha256:
            raise InvalidSample(f"{sample.id}: the prompt is not the one that was written; write the samples again")
        return sample


@dataclass(frozen=True)
class StageOne:
    """Samples of Stage I in the order of the pages, and how many of each task were left out as too long."""

    samples: tuple[Sample, ...]
    left_out: Mapping[str, int]


def decimal_box(box: Box) -> str:
    """Return a box in shares with three decimals, as [0.125, 0.250, 0.500, 0.313]."""
    return "[" + ", ".join(f"{value:.3f}" for value in box) + "]"


def stage_one(
    pages: Iterable[ReadingPage],
    *,
    seed: int,
    tasks: Sequence[Task] = STAGE_ONE,
    write_box: WriteBox = decimal_box,
    longest: int | None = None,
    layout_with_image: bool = False,
) -> StageOne:
    """Return one sample of each of ``tasks`` per page; T2 asks for a box on one page and for a text on the next.

    Samples whose prompt and answer have more than ``longest`` characters together are left out and counted.
    ``layout_with_image`` shows T4 the page too. Raises InvalidSample for a task that is none of Stage I.
    """
    if unknown := sorted(set(tasks) - set(STAGE_ONE)):
        raise InvalidSample(f"no task of Stage I is called {unknown[0]!r}; there are {', '.join(STAGE_ONE)}")
    samples, left_out = [], dict.fromkeys(map(str, tasks), 0)
    turn: Counter[str] = Counter()
    for page in pages:
        generator = np.random.default_rng([seed, int(page.sha256[:15], 16)])
        for task in tasks:
            sample = _sample(page, task, turn[task], generator, write_box, layout_with_image)
            turn[task] += 1
            if longest is not None and len(sample.prompt) + len(sample.answer) > longest:
                left_out[task] += 1
            else:
                samples.append(sample)
    return StageOne(tuple(samples), left_out)


def answer_samples(
    pages: Iterable[ReadingPage], *, texts: Mapping[str, OcrText] | None, with_image: bool = True
) -> list[Sample]:
    """Return a sample per question, its answer the first that counts as right.

    ``texts`` holds the OCR text of each page by its id; None asks without any. ``with_image`` False leaves the image
    out. Raises InvalidSample if a page has no OCR text among ``texts``, or one that no engine read.
    """
    samples = []
    for page in pages:
        text = None
        if texts is not None:
            text = texts.get(page.id)
            if text is None:
                raise InvalidSample(f"page {page.id!r} has no OCR text: read it, or ask without OCR text (texts=None)")
            if text.source == NO_OCR:
                raise InvalidSample(f"page {page.id!r} was read by no engine: ask without OCR text (texts=None)")
        for question in page.questions:
            samples.append(
                Sample(
                    id=question.id,
                    page=page.id,
                    task="answer",
                    prompt=question_prompt(question.question, text),
                    answer=question.answers[0],
                    ocr_source=NO_OCR if text is None else text.source,
                    image=page.id if with_image else None,
                )
            )
    return samples


def question_prompt(question: str, text: OcrText | None) -> str:
    """Return the prompt of a question, after the OCR text if there is one; a page without words has its heading too."""
    return question if text is None else f"{OCR_HEAD}{text.text}\n{question}"


def page_text(page: ReadingPage) -> str:
    """Return the lines of a page in the order of XY-cut, one under the other."""
    lines = page.truth.lines
    return "\n".join(lines[index].text for index in xy_cut([line.box for line in lines]))


def square_shares(box: Sequence[float], width: int, height: int) -> Box:
    """Return a box in pixels as shares of the square around a page, in whose middle the page lies."""
    side = max(width, height)
    left, top = (side - width) // 2, (side - height) // 2
    x0, y0, x1, y1 = box
    return (x0 + left) / side, (y0 + top) / side, (x1 + left) / side, (y1 + top) / side


def _sample(
    page: ReadingPage,
    task: Task,
    turn: int,
    generator: np.random.Generator,
    write_box: WriteBox,
    layout_with_image: bool,
) -> Sample:
    truth = page.truth
    line: Line = truth.lines[int(generator.integers(0, len(truth.lines)))]
    named: dict[str, Any] = {"id": f"{page.id}-{task}", "page": page.id, "task": task, "image": page.id}
    if task == "T1":
        x0, y0, x1, y1 = (round(value) for value in line.box)
        crop = (
            max(0, x0 - MARGIN),
            max(0, y0 - MARGIN),
            min(truth.width, x1 + MARGIN),
            min(truth.height, y1 + MARGIN),
        )
        return Sample(**named, prompt=READ_LINE, answer=line.text, crop=crop)
    if task == "T2":
        place = write_box(square_shares(line.box, truth.width, truth.height))
        if turn % 2:
            return Sample(**named, prompt=f"What text is at {place}?", answer=line.text)
        return Sample(**named, prompt=f'Where is "{line.text}"?', answer=place)
    if task == "T3":
        return Sample(**named, prompt=READ_PAGE, answer=page_text(page))
    shuffled = [truth.words[index] for index in generator.permutation(len(truth.words)).tolist()]
    rows = [f"{word.text} {write_box(square_shares(word.box, truth.width, truth.height))}" for word in shuffled]
    prompt = "\n".join((LAY_OUT, *rows))
    named["image"] = page.id if layout_with_image else None
    return Sample(**named, prompt=prompt, answer=space_layout(truth.words), ocr_source="oracle")
