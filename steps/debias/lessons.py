"""What the agents of one seed are taught about others' answers, and the teaching of one of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from steps.debias.micro import AGENTS, model_name
from steps.debias.train import Course, fit_reader
from steps.step.run import Run
from steps.step.training import TrainingParams
from tenfold.debias.deliberation import Target, deliberation_examples
from tenfold.debias.items import Items
from tenfold.debias.reading import encode


@dataclass(frozen=True)
class Lesson:
    """A target, on the questions ``asked`` and all agents' own answers to them; ``items`` are all questions."""

    target: Target
    seed: int
    items: Items
    asked: Items
    answers: Int[np.ndarray, "N A"]

    def only(self, chosen: Bool[np.ndarray, " N"]) -> Lesson:
        """Return the lesson on some of the questions asked."""
        return replace(self, asked=self.asked.only(chosen), answers=self.answers[chosen])

    def name_of(self, pupil: Pupil) -> str:
        """Return the name of an agent after this lesson."""
        return model_name(pupil.name, self.seed, self.target)


@dataclass(frozen=True)
class Pupil:
    """An agent that is to be taught: its folder after the first training, and what it learnt there."""

    name: str
    folder: Path
    course: Course

    @property
    def number(self) -> int:
        """Its place among the agents."""
        return AGENTS.index(self.name)


@dataclass(frozen=True)
class Teaching:
    """The share of the first training that is replayed, and how long an agent is taught."""

    replay: float
    training: TrainingParams


def teach(pupil: Pupil, lesson: Lesson, teaching: Teaching, rate: float, run: Run, *, examples: str, name: str) -> Any:
    """Return the agent's reader after a lesson; ``examples`` names what seeds the examples, ``name`` the rest."""
    from tenfold.debias.reader import Reader

    generator = run.generator(f"examples of {examples}")
    count = teaching.training.updates * teaching.training.batch_size
    again = round(count * teaching.replay)
    shown = pupil.course.examples(lesson.items, lesson.seed, generator, again)
    shown += deliberation_examples(lesson.asked, lesson.answers, pupil.number, lesson.target, generator, count - again)
    reader = Reader.load(pupil.folder)
    data = encode(shown, reader.vocabulary, unknown_share=pupil.course.unknown_share, generator=generator)
    return fit_reader(run, reader, data, teaching.training, name, rate)
