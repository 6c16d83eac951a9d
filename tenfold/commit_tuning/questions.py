"""Questions about an image or a sound with a label: what it is, whether it has a property, whether it is of a class.

kind       what is asked                        answer
name       what is it ?                         the class's name, one to three words
property   is it {property} ?                   yes or no
class      is it a {class} ?                    yes or no

Yes and no are equally likely by design, so that a score over all questions is inflated by guessing: the names are
scored apart, and `blind_accuracy` says what the questions alone give away.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Int

from tenfold.commit_tuning.question_errors import InvalidSubject

Kind = Literal["name", "property", "class"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LONGEST_ANSWER = 3  # words
NAME_QUESTION = "what is it ?"


@dataclass(frozen=True)
class Subject:
    """What is asked about: the classes in the order of their labels, and which of them have each property.

    Without properties, names and classes alone are asked for. Raises InvalidSubject unless names are distinct, of one
    to three words, and every property divides the classes.
    """

    name: str
    medium: Literal["image", "sound"]
    classes: tuple[str, ...]
    properties: Mapping[str, frozenset[str]]

    def __post_init__(self) -> None:
        if len(set(self.classes)) < max(2, len(self.classes)):
            raise InvalidSubject(f"{self.name} needs two classes or more of different names, not {self.classes}")
        for name in self.classes:
            if name != name.lower().strip() or not 1 <= len(name.split()) <= LONGEST_ANSWER:
                raise InvalidSubject(f"{self.name}: a class's name is one to three words in small letters: {name!r}")
        for word, holders in self.properties.items():
            if unknown := sorted(holders - set(self.classes)):
                raise InvalidSubject(f"{self.name}: {word} is said of {', '.join(unknown)}, which is no class")
            if not holders or len(holders) == len(self.classes):
                raise InvalidSubject(f"{self.name}: {word} is said of none or of all: its answer is known beforehand")


def _subject(name: str, medium: Literal["image", "sound"], classes: str, **properties: str) -> Subject:
    listed = tuple(one.strip() for one in classes.split(","))
    holders = {
        word.replace("_", " "): frozenset(one.strip() for one in text.split(",")) for word, text in properties.items()
    }
    return Subject(name, medium, listed, holders)


CIFAR10 = _subject(
    "cifar10",
    "image",
    "airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck",
    alive="bird, cat, deer, dog, frog, horse",
    able_to_fly="airplane, bird",
    driven_on_roads="automobile, truck",
    a_pet="cat, dog",
)
FASHION_MNIST = _subject(
    "fashion_mnist",
    "image",
    "t-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot",
    footwear="sandal, sneaker, ankle boot",
    worn_above_the_waist="t-shirt, pullover, coat, shirt",
    carried_by_hand="bag",
)
SPOKEN_DIGITS = _subject(
    "fsdd",
    "sound",
    "zero, one, two, three, four, five, six, seven, eight, nine",
    even="zero, two, four, six, eight",
    above_four="five, six, seven, eight, nine",
    prime="two, three, five, seven",
)
ESC10 = _subject(
    "esc10",
    "sound",
    "dog bark, rain, sea waves, baby cry, clock tick, person sneeze, helicopter, chainsaw, rooster, fire crackling",
    from_an_animal="dog bark, rooster",
    from_a_person="baby cry, person sneeze",
    from_a_machine="clock tick, helicopter, chainsaw",
    from_water="rain, sea waves",
)
SUBJECTS = {subject.name: subject for subject in (CIFAR10, FASHION_MNIST, SPOKEN_DIGITS, ESC10)}


@dataclass(frozen=True)
class Question:
    """A question about the item ``item``, an image or a sound, and its only right answer."""

    id: str
    item: str
    kind: Kind
    question: str
    answer: str


def ask(subject: Subject, items: Sequence[str], labels: Int[np.ndarray, " n"], *, seed: int) -> tuple[Question, ...]:
    """Return three questions per item, one of each kind; which ones depends on the item's name and the seed alone.

    Where there are no properties, there are two.
    Raises InvalidSubject for a label that is no class's, or for other numbers of items and labels.
    """
    if len(items) != len(labels):
        raise InvalidSubject(f"{len(items)} items and {len(labels)} labels do not go together")
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < len(subject.classes):
        raise InvalidSubject(f"{subject.name} has labels 0 to {len(subject.classes) - 1}, not {int(labels.max())}")
    return tuple(
        question
        for item, label in zip(items, labels.tolist(), strict=True)
        for question in _of(subject, item, label, seed)
    )


def _of(subject: Subject, item: str, label: int, seed: int) -> list[Question]:
    digest = hashlib.sha256(f"{subject.name}\0{item}".encode()).digest()
    generator = np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])
    name = subject.classes[label]
    found = [Question(f"{item}-name", item, "name", NAME_QUESTION, name)]
    if subject.properties:
        true = bool(generator.integers(2))
        fitting = [word for word, holders in subject.properties.items() if (name in holders) == true]
        word = str(generator.choice(fitting or list(subject.properties)))
        answer = "yes" if name in subject.properties[word] else "no"
        found.append(Question(f"{item}-property", item, "property", f"is it {word} ?", answer))
    right = bool(generator.integers(2))
    other = str(generator.choice([one for one in subject.classes if one != name]))
    asked = name if right else other
    found.append(
        Question(f"{item}-class", item, "class", f"is it {article(asked)} {asked} ?", "yes" if right else "no")
    )
    return found


def article(words: str) -> str:
    """Return an before a vowel, else a."""
    return "an" if words[0] in "aeiou" else "a"


def answer_prior(questions: Sequence[Question]) -> dict[Kind, dict[str, float]]:
    """Return the share of each answer among the questions of each kind."""
    counts: dict[Kind, Counter[str]] = defaultdict(Counter)
    for one in questions:
        counts[one.kind][one.answer] += 1
    return {
        kind: {word: n / total for word, n in found.items()}
        for kind, found in counts.items()
        if (total := found.total())
    }


def blind_loss(train: Sequence[Question], test: Sequence[Question]) -> float:
    """Return the loss on the test's questions, in nats per word of an answer and its end, that needs no item.

    It is that of the frequencies which an answer has among training's answers to the same words: what a model reaches
    that reads the questions alone. An answer's end costs nothing where its words are known. One is added to the count
    of each answer of the kind, so that none is impossible.
    """
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    answers: dict[Kind, set[str]] = defaultdict(set)
    for one in train:
        seen[one.question][one.answer] += 1
    for one in (*train, *test):
        answers[one.kind].add(one.answer)
    losses, tokens = [], 0
    for one in test:
        found = seen[one.question]
        losses.append(-math.log((found[one.answer] + 1) / (found.total() + len(answers[one.kind]))))
        tokens += len(one.answer.split()) + 1
    return math.fsum(losses) / tokens


def blind_accuracy(train: Sequence[Question], test: Sequence[Question]) -> dict[Kind, float]:
    """Return how many of the test's questions of each kind the commonest answer to the same words in training gets.

    That is what can be had without image or sound, and so the chance level. The first in the alphabet wins a tie.
    """
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for one in train:
        seen[one.question][one.answer] += 1
    best = {words: min(found, key=lambda word: (-found[word], word)) for words, found in seen.items()}
    right: dict[Kind, list[bool]] = defaultdict(list)
    for one in test:
        right[one.kind].append(best.get(one.question) == one.answer)
    return {kind: float(np.mean(found)) for kind, found in right.items()}
