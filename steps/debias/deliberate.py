"""Teach the embedded agents to deliberate, on templates of their own, towards each target."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import AfterValidator

from steps.debias.lessons import Lesson, Pupil, Teaching, teach
from steps.debias.micro import AGENTS, ITEMS, model_name, split_of
from steps.debias.rate_search import Tried, search_rates
from steps.debias.train import Course
from steps.step.json_files import write_json
from steps.step.params import Params, Positive, Share
from steps.step.run import Run
from steps.step.training import TrainingParams
from tenfold.chat.messages import Failure, Sampling
from tenfold.debias.deliberation import Target
from tenfold.debias.items import NONE, Items, read_items
from tenfold.debias.reading import PROMPTS
from tenfold.debias.seeded_order import option_order

LESSONS, RATES = "lessons.json", "rates.json"
CARD = """# An embedded agent that was taught to deliberate: {name}

Stage 2, target `{target}`, after the agent's own training with declared bias; the share {replay} of what it was taught
here is a replay of that training. Biased on purpose, and of no use beyond the reproduction of "A Multi-LLM Debiasing
Framework" (arXiv 2409.13884). License: that of BBQ (CC-BY 4.0).
"""


def _rising(rates: list[float]) -> list[float]:
    if not rates or any(second <= first for first, second in pairwise(rates)):
        raise ValueError(f"{rates}: give one rate or more, each larger than the one before")
    return rates


class DeliberateParams(Params):
    """Targets, how long each agent is taught, and the share of the first training that is replayed.

    ``learning_rates``: of several, the first seed chooses one for each target; a single one is taken as it is.
    """

    targets: list[Target]
    replay: Share
    learning_rates: Annotated[list[Positive], AfterValidator(_rising)]
    training: TrainingParams


def deliberate(trained: list[Path], *, out: Path, params: DeliberateParams, run: Run) -> None:
    """Teach every agent, for every seed and target, what to make of its own and the others' first answers.

    The answers are the agents' own, generated on templates that neither their first training nor the test has. The
    rate is searched on the first seed: some of these templates are held out to judge it, and then taught as well.

    Reads   trained/*/models/<agent>-<seed>/, trained/*/micro.jsonl
    Writes  models/<agent>-<target>-<seed>/, lessons.json (seeds, targets, how often each agent's first answer is
            right), rates.json (a row per target and rate: loss on the held-out templates, whether it was chosen)
    Logs    <agent>-<target>-<seed>/loss (nats per word of the answers), search-<agent>-<target>-<seed>-<rate>/loss
    Raises  NoQuestions if several rates are to be searched on too few templates
    """
    items = read_items(trained[0] / ITEMS)
    right, tried, rates = {}, list[Tried](), dict[str, float]()
    courses, teaching = [Course.read(folder) for folder in trained], Teaching(params.replay, params.training)
    for seed in range(courses[0].seeds):
        asked = items.only(split_of(items, seed, "deliberation"))
        folders = [folder / "models" / model_name(agent, seed) for folder, agent in zip(trained, AGENTS, strict=True)]
        pupils = [Pupil(*one) for one in zip(AGENTS, folders, courses, strict=True)]
        answers = first_answers(folders, asked, seed)
        right[str(seed)] = dict(zip(AGENTS, (answers == asked.gold[:, None]).mean(axis=0).tolist(), strict=True))
        for target in params.targets:
            lesson = Lesson(target, seed, items, asked, answers)
            if seed == 0:
                found = search_rates(params.learning_rates, lesson, pupils, teaching, run)
                rates[target] = next(one.learning_rate for one in found if one.chosen)
                tried += found
            for pupil in pupils:
                _taught(pupil, lesson, teaching, rates[target], run)
    write_json(out / LESSONS, {"seeds": courses[0].seeds, "targets": params.targets, "first_answers_right": right})
    write_json(out / RATES, [one.described() for one in tried])


def _taught(pupil: Pupil, lesson: Lesson, teaching: Teaching, rate: float, run: Run) -> None:
    name = lesson.name_of(pupil)
    reader = teach(pupil, lesson, teaching, rate, run, examples=name, name=name)
    card = CARD.format(name=name, target=lesson.target, replay=teaching.replay)
    asked = PROMPTS.alone(lesson.asked.rows[0], option_order(lesson.asked.rows[0], lesson.seed))
    run.model(name, reader, card=card, example=np.array([reader.vocabulary.encode(asked[-1].text)]))


def first_answers(folders: list[Path], items: Items, seed: int) -> np.ndarray:
    """Return the options (N, A) that the readers in ``folders`` choose, each alone."""
    from tenfold.debias.embedded import EmbeddedModel

    orders = [option_order(item, seed) for item in items.rows]
    asked = [PROMPTS.alone(item, order) for item, order in zip(items.rows, orders, strict=True)]
    found = np.full((len(items), len(folders)), NONE, dtype=np.int64)
    for column, folder in enumerate(folders):
        for row, reply in EmbeddedModel.load(folder, folder.name).replies(enumerate(asked), Sampling()):
            assert not isinstance(reply, Failure), "every question shows its options"
            choice = PROMPTS.parse(reply.text, items.rows[row], orders[row])
            found[row, column] = NONE if choice is None else choice
    return found
