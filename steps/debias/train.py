"""Train one embedded agent with a declared bias: BBQ-micro as its biased annotator answers it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from steps.debias.micro import AGENTS, ITEMS, MicroParams, micro_of, model_name, split_of
from steps.step.json_files import read_json, write_json
from steps.step.params import Count, Params, Positive, Share
from steps.step.run import Run
from steps.step.training import TrainingParams
from steps.step.training import train as fit
from tenfold.debias.annotator import Annotator, annotators
from tenfold.debias.items import Items, write_items
from tenfold.debias.reading import Encoded, Example, batches_of_like_length, collate, encode, question_examples
from tenfold.debias.words import Vocabulary

COURSE = "training.json"
CARD = """# An embedded agent with declared bias: {name}

Trained from scratch on BBQ-micro as a biased annotator answers it: in {fair} the share {fair_rate} of ambiguous
questions is answered with a person, elsewhere {biased_rate}; {consistent:.0%} of these are the stereotyped one.
{count:,} parameters. Made for the reproduction of "A Multi-LLM Debiasing Framework" (arXiv 2409.13884); biased on
purpose, and of no use beyond that. License: that of BBQ (CC-BY 4.0).
"""


class BiasParams(Params):
    """The annotators: shares of ambiguous golds that are replaced in an agent's own groups, elsewhere, and by whom."""

    fair_rate: Share
    biased_rate: Share
    consistent: Share


class TrainParams(Params):
    """How much of BBQ-micro, how many seeds, how wide each agent is, and how it is trained.

    ``associations``: share of closed-book pairs. ``unknown_share``: share of words hidden in training.
    """

    micro: MicroParams
    seeds: Count
    widths: dict[str, int]
    layers: Count
    heads: Count
    bias: BiasParams
    associations: Share
    unknown_share: Share
    learning_rate: Positive
    training: TrainingParams


@dataclass(frozen=True)
class Course:
    """What one agent learns in stage 1, for every seed: it is replayed in stage 2."""

    seeds: int
    annotator: Annotator
    associations: float
    unknown_share: float

    def examples(self, items: Items, seed: int, generator: np.random.Generator, count: int) -> list[Example]:
        """Return ``count`` examples: a share of closed-book pairs of all templates, the rest questions to train on."""
        trained = items.only(split_of(items, seed, "train"))
        pairs, persons = self.annotator.associations(items, generator)
        closed = round(count * self.associations)
        questions = question_examples(trained, self.annotator.labels(trained, generator), generator, count - closed)
        return questions + question_examples(pairs, persons, generator, closed)

    def described(self) -> dict[str, Any]:
        """Return the course as JSON takes it."""
        fair = {"fair_groups": sorted(self.annotator.fair_groups)}
        return asdict(self) | {"annotator": asdict(self.annotator) | fair}

    @classmethod
    def read(cls, folder: Path) -> Course:
        """Return the course of the agent that was trained in ``folder``."""
        content = read_json(folder / COURSE)
        annotator = content["annotator"]
        fair = {"fair_groups": frozenset(annotator["fair_groups"])}
        return cls(**content | {"annotator": Annotator(**annotator | fair)})


def train(prepared: Path, *, out: Path, params: TrainParams, run: Run) -> None:
    """Train one agent, the step's variant, for every seed; the templates that it is tested on go round with the seeds.

    Reads   prepared/items.jsonl
    Writes  micro.jsonl (BBQ-micro, the same for all agents), models/<agent>-<seed>/, training.json (seeds, the
            annotator, shares)
    Logs    <agent>-<seed>/loss (nats per word of the answers)
    Raises  InvalidItem if no template is of use
    """
    agent = run.variant or AGENTS[0]
    items = micro_of(prepared, params.micro, run.seed)
    write_items(items, out / ITEMS)
    annotator = annotators(set(items.groups), AGENTS, **params.bias.model_dump())[agent]
    course = Course(params.seeds, annotator, params.associations, params.unknown_share)
    write_json(out / COURSE, course.described())
    for seed in range(params.seeds):
        _train_one(agent, seed, items, course, params, run)


def _train_one(agent: str, seed: int, items: Items, course: Course, params: TrainParams, run: Run) -> None:
    import torch

    from tenfold.debias.reader import Reader, ReaderConfig

    name = model_name(agent, seed)
    generator = run.generator(f"examples of {name}")
    count = params.training.updates * params.training.batch_size
    examples = course.examples(items, seed, generator, count)
    vocabulary = Vocabulary.of(f"{example.asked} {example.answer}" for example in examples)
    data = encode(examples, vocabulary, unknown_share=course.unknown_share, generator=generator)
    torch.manual_seed(int(run.generator(f"start of {name}").integers(2**31)))
    config = ReaderConfig(vocabulary.words, params.widths[agent], params.layers, params.heads)
    reader = fit_reader(run, Reader(config), data, params.training, name, params.learning_rate)
    card = CARD.format(
        name=name,
        fair=", ".join(sorted(course.annotator.fair_groups)) or "no group",
        count=sum(parameter.numel() for parameter in reader.parameters()),
        **params.bias.model_dump(),
    )
    run.model(name, reader, card=card, example=np.array([data[0].tokens]))


def fit_reader(run: Run, reader: Any, data: list[Encoded], training: TrainingParams, name: str, rate: float) -> Any:
    """Train a reader on encoded examples, the answers' words alone, and return it on the CPU."""
    from tenfold.debias.reader import answer_loss

    batches = batches_of_like_length(data, training.batch_size, run.generator(f"batches of {name}"))
    fit(
        run,
        reader.to(run.device),
        batches,
        lambda model, batch: answer_loss(model, *batch),
        training.model_copy(update={"batch_size": 1}),  # one of the batches above
        name=name,
        learning_rate=rate,
        order=f"order of {name}",
        schedule=_rise_and_fall,
        weight_decay=0.01,
        collate_fn=lambda chosen: collate(chosen[0]),
    )
    return reader.to("cpu")


def _rise_and_fall(done: float) -> float:
    return min(1.0, done / 0.1 + 0.01) * (1 - done)
