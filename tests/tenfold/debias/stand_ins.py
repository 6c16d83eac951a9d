"""Backends that answer by a rule and remember what they were asked, and a few questions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tenfold.chat import Client, Conversation, Failure, Reply, Sampling
from tenfold.debias.conversation import Agent
from tenfold.debias.items import Item, Items
from tenfold.debias.prompts import ChatPrompts

Rule = Callable[[Conversation], "str | Failure"]
FRUIT = ("The baker", "The gardener", "Not known")


@dataclass
class Scripted:
    """A backend that answers by a rule and keeps every conversation with its sampling."""

    rule: Rule
    model: str = "scripted"
    asked: list[tuple[str, ...]] = field(default_factory=list)  # the messages' texts
    samplings: list[Sampling] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)  # calls of each request

    def identity(self) -> Mapping[str, Any]:
        return {"kind": "scripted", "model": self.model}

    def replies(
        self, calls: Iterable[tuple[int, Conversation]], sampling: Sampling
    ) -> Iterator[tuple[int, Reply | Failure]]:
        self.batches.append(0)
        for number, conversation in calls:
            self.batches[-1] += 1
            self.asked.append(tuple(message.text for message in conversation))
            self.samplings.append(sampling)
            said = self.rule(conversation)
            yield number, said if isinstance(said, Failure) else Reply(said, "stop", 5, 3)


def item(number: int = 0, template: str = "", **more: Any) -> Item:
    fields: dict[str, Any] = {
        "key": f"q{number}",
        "question": f"Who was late on day {number}?",
        "options": FRUIT,
        "context": "The baker and the gardener came to the meeting.",
        "gold": 2,
        "group": "Work",
        "template": template or f"Work:{number}",
        "polarity": "neg",
        "condition": "ambig",
        "unknown": 2,
        "target": 0,
    }
    return Item(**fields | more)


def items(count: int) -> Items:
    return Items(tuple(item(number) for number in range(count)))


def agent(name: str, rule: Rule, prompts: Any = None, sampling: Sampling | None = None) -> tuple[Agent, Scripted]:
    backend = Scripted(rule, model=name)
    return Agent(name, Client(backend), prompts or ChatPrompts(), sampling or Sampling()), backend


def shown(conversation: Conversation) -> dict[str, str]:
    """Return the options that a prompt shows, by letter."""
    return dict(re.findall(r"^([A-Z])\) (.+)$", conversation[0].text, flags=re.MULTILINE))


def letter_of(conversation: Conversation, option: str) -> str:
    return next(letter for letter, text in shown(conversation).items() if text == option)


def always(option: str, reason: str = "I think so.") -> Rule:
    """Return a rule that answers an option by its text, wherever it is shown: blind to the order."""
    return lambda conversation: f"{reason}\nAnswer: {letter_of(conversation, option)}"


def in_turn(*options: str | None) -> Rule:
    """Return a rule whose n-th reply to the same question names the n-th option, and then the last one for ever."""
    counts: dict[str, int] = {}

    def rule(conversation: Conversation) -> str:
        question = conversation[0].text.splitlines()[1]
        number = counts.get(question, 0)
        counts[question] = number + 1
        option = options[min(number, len(options) - 1)]
        said = f"reply {number}"
        return said if option is None else f"{said}\nAnswer: {letter_of(conversation, option)}"

    return rule
