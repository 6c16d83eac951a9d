"""Teach the embedded agents to deliberate, on templates of their own, towards each target."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from steps.debias.micro import AGENTS, ITEMS, model_name, split_of
from steps.debias.train import Course, fit_reader
from steps.step.json_files import write_json
from steps.step.params import Params, Positive, Share
from steps.step.run import Run
from steps.step.training import TrainingParams
from tenfold.chat.messages import Failure, Sampling
from tenfold.debias.deliberation import Target, deliberation_examples
from tenfold.debias.items import NONE, Items, read_items
from tenfold.debias.reading import PROMPTS, encode
from tenfold.debias.seeded_order import option_order

LESSONS = "lessons.json"
CARD = """# An embedded agent that was taught to deliberate: {name}

Stage 2, target `{target}`, after the agent's own training with declared bias; the share {replay} of what it was taught
here is a replay of that training. Biased on purpose, and of no use beyond the reproduction of "A Multi-LLM Debiasing
Framework" (arXiv 2409.13884). License: that of BBQ (CC-BY 4.0).
"""


class DeliberateParams(Params):
    """Targets, how long each agent is taught, and the share of the first training that is replayed."""

    targets: list[Target]
    replay: Share
    learning_rate: Positive
    training: TrainingParams


def deliberate(trained: list[Path], *, out: Path, params: DeliberateParams, run: Run) -> None:
    """Teach every agent, for every seed and target, what to make of its own and the others' first answers.

    The answers are the agents' own, generated on templates that neither their first training nor the test has.

    Reads   trained/*/models/<agent>-<seed>/, trained/*/micro.jsonl
    Writes  models/<agent>-<target>-<seed>/, lessons.json (seeds, targets, how often each agent's first answer is
            right)
    Logs    <agent>-<target>-<seed>/loss (nats per word of the answers)
    """
    items = read_items(trained[0] / ITEMS)
    right = {}
    courses = [Course.read(folder) for folder in trained]
    for seed in range(courses[0].seeds):
        asked = items.only(split_of(items, seed, "deliberation"))
        folders = [folder / "models" / model_name(agent, seed) for folder, agent in zip(trained, AGENTS, strict=True)]
        answers = first_answers(folders, asked, seed)
        right[str(seed)] = dict(zip(AGENTS, (answers == asked.gold[:, None]).mean(axis=0).tolist(), strict=True))
        for target in params.targets:
            lesson = Lesson(target, seed, items, asked, answers)
            for agent, folder, course in zip(AGENTS, folders, courses, strict=True):
                _teach(agent, folder, course, lesson, params, run)
    write_json(out / LESSONS, {"seeds": courses[0].seeds, "targets": params.targets, "first_answers_right": right})


@dataclass(frozen=True)
class Lesson:
    """What the agents of one seed are taught: a target, on the questions ``asked`` and their own answers to them."""

    target: Target
    seed: int
    items: Items
    asked: Items
    answers: np.ndarray  # (N, A)


def _teach(agent: str, folder: Path, course: Course, lesson: Lesson, params: DeliberateParams, run: Run) -> None:
    from tenfold.debias.reader import Reader

    name = model_name(agent, lesson.seed, lesson.target)
    generator = run.generator(f"examples of {name}")
    count = params.training.updates * params.training.batch_size
    again = round(count * params.replay)
    examples = course.examples(lesson.items, lesson.seed, generator, again)
    examples += deliberation_examples(
        lesson.asked, lesson.answers, AGENTS.index(agent), lesson.target, generator, count - again
    )
    reader = Reader.load(folder)
    data = encode(examples, reader.vocabulary, unknown_share=course.unknown_share, generator=generator)
    reader = fit_reader(run, reader, data, params.training, name, params.learning_rate)
    card = CARD.format(name=name, target=lesson.target, replay=params.replay)
    run.model(name, reader, card=card, example=np.array([data[0].tokens]))


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
