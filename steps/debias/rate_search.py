"""The search of the learning rate of deliberation, on templates of deliberation that are held out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steps.debias.lessons import Lesson, Pupil, Teaching, teach
from steps.step.run import Run
from tenfold.debias.deliberation import deliberation_examples
from tenfold.debias.reading import Encoded, collate, encode
from tenfold.debias.subsets import held_out_templates

HELD_OUT = 0.3  # of the templates of deliberation
VALIDATED, BATCH = 512, 64  # examples


@dataclass(frozen=True)
class Tried:
    """One rate for one target, and the loss of each agent on what was held out, in nats per word.

    No losses where there was a single rate, and nothing was searched.
    """

    target: str
    learning_rate: float
    losses: Mapping[str, float] | None
    chosen: bool

    def described(self) -> dict[str, Any]:
        """Return a row as JSON takes it; ``validation_loss`` is the mean over agents."""
        losses = {f"loss_{agent}": loss for agent, loss in (self.losses or {}).items()}
        mean = float(np.mean(list(losses.values()))) if losses else None
        row = {"target": self.target, "learning_rate": self.learning_rate, "validation_loss": mean}
        return row | losses | {"chosen": self.chosen}


def search_rates(
    rates: Sequence[float], lesson: Lesson, pupils: Sequence[Pupil], teaching: Teaching, run: Run
) -> list[Tried]:
    """Return what each rate gave for one target; the chosen one has the least mean loss over agents.

    All rates teach the same examples, of some of the lesson's templates; the loss is that of second replies, as the
    target asks for them, on the others. A single rate is chosen without a search.
    Raises NoQuestions if there are too few templates to hold some out.
    """
    if len(rates) == 1:
        return [Tried(lesson.target, rates[0], None, chosen=True)]
    held_out = held_out_templates(lesson.asked, HELD_OUT)
    taught, validated = lesson.only(~held_out), lesson.only(held_out)
    losses = [_losses(rate, taught, validated, pupils, teaching, run) for rate in rates]
    means = [float(np.mean(list(of.values()))) for of in losses]
    best = int(np.argmin(means))
    run.say(f"target {lesson.target}: rate {rates[best]:g} of {', '.join(f'{rate:g}' for rate in rates)}")
    return [Tried(lesson.target, rate, losses[place], place == best) for place, rate in enumerate(rates)]


def _losses(
    rate: float, taught: Lesson, validated: Lesson, pupils: Sequence[Pupil], teaching: Teaching, run: Run
) -> dict[str, float]:
    found = {}
    for pupil in pupils:
        name = f"search-{taught.name_of(pupil)}"
        reader = teach(pupil, taught, teaching, rate, run, examples=name, name=f"{name}-{rate:g}")
        generator = run.generator(f"validation of {name}")
        examples = deliberation_examples(
            validated.asked, validated.answers, pupil.number, validated.target, generator, VALIDATED
        )
        found[pupil.name] = loss_per_word(reader, encode(examples, reader.vocabulary))
    return found


def loss_per_word(reader: Any, data: Sequence[Encoded]) -> float:
    """Return the loss of the answers in nats, the mean over their words."""
    import torch

    from tenfold.debias.reader import answer_loss

    total = words = 0.0
    with torch.inference_mode():
        for start in range(0, len(data), BATCH):
            tokens, lengths, answers = collate(data[start : start + BATCH])
            own = float(answers.sum())
            total, words = total + own * float(answer_loss(reader, tokens, lengths, answers)), words + own
    return total / words
