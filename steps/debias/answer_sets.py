"""The answers that the steps wrote, as sets of answers to the same questions, and their counts by template.

Legend:  M questions · K templates · Z seeds · S sets · R rounds · A agents · C counts of one condition
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from tenfold.debias.items import NONE, Items, read_items
from tenfold.debias.scores import COLUMNS, count
from tenfold.debias.unrelated_replies import other_items

TESTED, HARD, ROUNDS, VARIED = "tested", "hard", "rounds", "@"
PARTS = {"always_biased": "planted", "always_unknown": "planted", "free": "free"}  # of one run, by what a label ends in


class MissingAnswers(ValueError):
    """A step's answers lack what was asked for, or do not fit its questions."""


@dataclass(frozen=True)
class AnswerSets:
    """Sets of answers to the same questions, by the protocol's label; the questions of all seeds one after another.

    ``answers`` are numbers of options, −1 for none. ``rounds`` hold what every agent answered after each round.
    ``hard`` are the hard questions of a run of its own; none where no such run was made. ``alike`` are the questions
    whose shuffled peers answered a question of the same condition, ambiguous or not; None where it is not known.
    """

    items: Items
    answers: dict[str, Int[np.ndarray, " M"]]
    rounds: dict[str, Int[np.ndarray, "M R A"]]
    hard: Bool[np.ndarray, " M"]
    seeds: int = 1
    seed_numbers: Int[np.ndarray, " M"] | None = None  # the seed that each question was tested by; None for one seed
    alike: Bool[np.ndarray, " M"] | None = None

    def labels(self, protocol: str) -> list[str]:
        """Return the labels of a protocol: one for each agent that stands out in turn.

        Ablations are left out, but for ``centralized@rounds=2``, which names one: those of the protocol in it.
        """
        stem, _, wanted = protocol.partition(VARIED)
        parts = ((label, *label.partition(VARIED)) for label in self.answers)
        return [label for label, head, _, varied in parts if (head.partition(":")[0], varied) == (stem, wanted)]

    @property
    def protocols(self) -> list[str]:
        """The protocols that there are answers of, ablations left out."""
        return list(dict.fromkeys(filter(None, map(protocol_of, self.answers))))

    @property
    def tested_by(self) -> Bool[np.ndarray, "M Z"]:
        """Which seed each question was tested by."""
        if self.seed_numbers is None:
            return np.ones((len(self.items), 1), dtype=bool)
        return self.seed_numbers[:, None] == np.arange(self.seeds)

    def only(self, chosen: Bool[np.ndarray, " M"]) -> AnswerSets:
        """Return the sets for some of the questions."""
        return replace(
            self,
            items=self.items.only(chosen),
            answers={label: answers[chosen] for label, answers in self.answers.items()},
            rounds={label: answers[chosen] for label, answers in self.rounds.items()},
            hard=self.hard[chosen],
            alike=None if self.alike is None else self.alike[chosen],
            seed_numbers=None if self.seed_numbers is None else self.seed_numbers[chosen],
        )

    def by_seed(self) -> list[AnswerSets]:
        """Return the sets of each seed apart, its own test questions only."""
        if self.seed_numbers is None:
            return [self]
        parts = [self.only(self.seed_numbers == seed) for seed in np.unique(self.seed_numbers)]
        return [replace(part, seeds=1, seed_numbers=None) for part in parts]

    def counts(self, labels: Iterable[str]) -> Int[np.ndarray, "K S 2 C"]:
        """Return the counts of sets by template, those of all seeds together, as ``tenfold.debias.scores`` has them."""
        return counts_of(self.items, [self.answers[label] for label in labels])

    def counts_by_seed(self, labels: Sequence[str]) -> Int[np.ndarray, "K Z S 2 C"]:
        """Return the counts of sets by template and seed, 0 where a seed does not test a template."""
        names = np.unique(self.items.templates)
        found = np.zeros((len(names), self.seeds, len(labels), 2, len(COLUMNS)), dtype=np.int64)
        for seed, tested in enumerate(self.tested_by.T):
            if tested.any():
                part = self.only(tested)
                found[np.isin(names, part.items.templates), seed] = part.counts(labels)
        return found


def counts_of(items: Items, answers: Sequence[Int[np.ndarray, " M"]]) -> Int[np.ndarray, "K S 2 C"]:
    """Return the counts of sets of answers to ``items`` by template."""
    return np.stack([count(items, one, items.templates)[1] for one in answers], axis=1)


def protocol_of(label: str) -> str:
    """Return ``centralized`` for ``centralized:a0``, and nothing for an ablation, ``decentralized@rounds=3``."""
    return "" if VARIED in label else label.partition(":")[0]


def read_answer_sets(folder: Path, target: str) -> AnswerSets:
    """Return what a step of several targets and seeds wrote about one ``target``, its seeds one after another.

    Reads   items.jsonl; answers.npz: tested/<seed> (places in items.jsonl; all without it), <target>/<seed>/<label>,
            the same with /rounds, and hard/<target>/<seed>
    Raises  MissingAnswers if there is nothing of the target, a seed lacks a label, or lengths differ
    """
    items, arrays = read_items(folder / "items.jsonl"), _arrays(folder)
    seeds = sorted({int(name.split("/")[1]) for name in arrays if name.startswith(f"{target}/")})
    if not seeds:
        raise MissingAnswers(
            f"{folder}/answers.npz has no answers of {target!r}; it has {', '.join(targets_of(folder))}"
        )
    parts = []
    for seed in seeds:
        places, prefix = arrays.get(f"{TESTED}/{seed}"), f"{target}/{seed}/"
        own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
        asked = items if places is None else items.only(places)
        found = _sets(asked, own, arrays.get(f"{HARD}/{target}/{seed}"), folder)
        parts.append(replace(found, alike=alike_peers(asked, seed)))
    return _joined(parts, folder)


def alike_peers(items: Items, seed: int) -> Bool[np.ndarray, " M"] | None:
    """Return whether the question that shuffled peers answered, of those put together, has the same condition.

    None where a question has no other one beside it.
    """
    if len(items) < 2:
        return None
    return items.ambiguous == items.ambiguous[other_items(items.rows, seed)]


def read_one_run(folder: Path) -> dict[str, AnswerSets]:
    """Return what a step of one run wrote: under the empty name what all questions were put to, and the parts.

    Reads   items.jsonl; answers.npz: <label> and <label>/rounds, and places/<part> for what only some questions were
            put to: the labels that end in one of `PARTS`, and those of the ablation of that name
    Raises  MissingAnswers if lengths differ
    """
    items, arrays = read_items(folder / "items.jsonl"), _arrays(folder)
    places = {name.removeprefix("places/"): array for name, array in arrays.items() if name.startswith("places/")}
    own: dict[str, dict[str, np.ndarray]] = {"": {}, **{part: {} for part in places}}
    for name, array in arrays.items():
        if not name.startswith("places/"):
            part = _part_of(name.removesuffix(f"/{ROUNDS}"))
            own[part if part in places else ""][name] = array
    asked = {part: items.only(places[part]) if part else items for part in own}
    return {part: _sets(asked[part], arrays, None, folder) for part, arrays in own.items()}


def _part_of(label: str) -> str:
    """Return ``planted`` for ``decentralized:always_biased``, and ``reasons`` for ``decentralized@reasons=shown``."""
    stem, _, varied = label.partition(VARIED)
    return varied.partition("=")[0] or PARTS.get(stem.partition(":")[2], "")


def targets_of(folder: Path) -> list[str]:
    """Return the targets that a step wrote answers of, in their order."""
    names = dict.fromkeys(name.split("/")[0] for name in _arrays(folder))
    return [name for name in names if name not in (TESTED, HARD)]


def _arrays(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "answers.npz", allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _sets(items: Items, own: dict[str, np.ndarray], hard: np.ndarray | None, folder: Path) -> AnswerSets:
    """Return sets of answers from arrays by label. Raises MissingAnswers if lengths differ."""
    for label, answers in [*own.items(), *([] if hard is None else [(HARD, hard)])]:
        if len(answers) != len(items):
            raise MissingAnswers(
                f"{folder}/answers.npz: {label} has {len(answers)} answers to {len(items)} questions; run the step"
            )
    ended = f"/{ROUNDS}"
    return AnswerSets(
        items,
        {name: array.astype(np.int64) for name, array in own.items() if not name.endswith(ended)},
        {name.removesuffix(ended): array.astype(np.int64) for name, array in own.items() if name.endswith(ended)},
        np.zeros(len(items), dtype=bool) if hard is None else hard.astype(bool),
    )


def _joined(parts: list[AnswerSets], folder: Path) -> AnswerSets:
    labels = set(parts[0].answers)
    for seed, part in enumerate(parts):
        if differing := sorted(labels ^ set(part.answers)):
            raise MissingAnswers(f"{folder}/answers.npz: not every seed has {differing[0]}, by number {seed}")
    return AnswerSets(
        Items(tuple(item for part in parts for item in part.items.rows)),
        {label: np.concatenate([part.answers[label] for part in parts]) for label in parts[0].answers},
        {label: _stacked([part.rounds[label] for part in parts]) for label in parts[0].rounds},
        np.concatenate([part.hard for part in parts]),
        len(parts),
        np.repeat(np.arange(len(parts)), [len(part.items) for part in parts]),
        _alike(parts),
    )


def _alike(parts: list[AnswerSets]) -> Bool[np.ndarray, " M"] | None:
    known = [part.alike for part in parts if part.alike is not None]
    return np.concatenate(known) if len(known) == len(parts) else None


def _stacked(rounds: list[np.ndarray]) -> np.ndarray:
    """Return the answers by round one after another; where all conversations ended early, the last answers stay."""
    most = max(part.shape[1] for part in rounds)
    return np.concatenate([np.pad(part, ((0, 0), (0, most - part.shape[1]), (0, 0)), "edge") for part in rounds])


def spoke(answers: Int[np.ndarray, "M R A"]) -> list[int]:
    """Return the numbers of the agents that said anything: a protocol of one agent has columns of none."""
    return [agent for agent in range(answers.shape[2]) if (answers[:, :, agent] != NONE).any()]
