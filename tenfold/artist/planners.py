"""From a free prompt to words with boxes: by quotation marks, by the keyword tagger, or by a language model.

planner = TaggerPlanner(tagger, BoxSampler.fit(layouts))
planner.plan(["a sign that says open"])[0].words
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tenfold.artist.box_sampler import BoxSampler, centred_rows
from tenfold.artist.plan_prompts import conversation, repair
from tenfold.artist.plans import How, InvalidPlan, NoKeywords, Plan, parse_plan
from tenfold.artist.quotations import quoted_words
from tenfold.artist.tagger import KeywordTagger
from tenfold.chat.client import Client
from tenfold.chat.messages import Conversation, Failure, Reply, Sampling


class Planner(Protocol):
    """Anything that says which words a prompt wants, and where."""

    def plan(self, prompts: Sequence[str]) -> list[Plan]:
        """Return a plan for each prompt, in order. One without words comes with a NoKeywords warning."""
        ...


@dataclass(frozen=True)
class QuotePlanner:
    """``quote_regex``: the words between quotation marks, and no others."""

    boxes: BoxSampler
    seed: int = 0

    def plan(self, prompts: Sequence[str]) -> list[Plan]:
        """Return a plan for each prompt."""
        return [_planned(prompt, quoted_words(prompt), "quotes", self.boxes, self.seed) for prompt in prompts]


@dataclass(frozen=True)
class TaggerPlanner:
    """The words between quotation marks where there are any, else those that the tagger finds."""

    tagger: KeywordTagger
    boxes: BoxSampler
    seed: int = 0

    def plan(self, prompts: Sequence[str]) -> list[Plan]:
        """Return a plan for each prompt. Raises PromptTooLong."""
        plans = []
        for prompt in prompts:
            words, how = found_words(prompt, self.tagger)
            plans.append(_planned(prompt, words, how, self.boxes, self.seed))
        return plans


@dataclass(frozen=True)
class ChatPlanner:
    """A language model that writes words and boxes as JSON, at temperature 0; its client keeps each reply by prompt.

    A reply that is not the contract's JSON is sent back once, with what is wrong. If that fails too, the quoted words,
    or else the tagger's where there is one, stand in rows in the middle, and the plan says "centred rows".
    ``aspect`` is width over height of the canvases.
    """

    client: Client
    aspect: float = 1.0
    tagger: KeywordTagger | None = None
    max_tokens: int = 384

    def plan(self, prompts: Sequence[str]) -> list[Plan]:
        """Return a plan for each prompt. Raises what the client raises."""
        first, sampling = [conversation(prompt) for prompt in prompts], Sampling(0.0, max_tokens=self.max_tokens)
        replies = self.client.generate(first, sampling)
        plans: dict[int, Plan] = {}
        again: dict[int, Conversation] = {}
        for number, (prompt, reply) in enumerate(zip(prompts, replies, strict=True)):
            try:
                plans[number] = self._read(prompt, reply, "chat")
            except InvalidPlan as error:
                if isinstance(reply, Reply) and reply.text:
                    again[number] = repair(first[number], reply.text, str(error))
        for number, reply in zip(again, self.client.generate(list(again.values()), sampling), strict=True):
            try:
                plans[number] = self._read(prompts[number], reply, "chat, repaired")
            except InvalidPlan:
                continue
        return [plans.get(number) or self._fallback(prompt) for number, prompt in enumerate(prompts)]

    def _read(self, prompt: str, reply: Reply | Failure, how: How) -> Plan:
        if isinstance(reply, Failure):
            raise InvalidPlan(reply.error)
        words = parse_plan(reply.text)
        return _told(Plan(prompt, words, how if words else "none"))

    def _fallback(self, prompt: str) -> Plan:
        words, _ = found_words(prompt, self.tagger)
        boxes = centred_rows(words, aspect=self.aspect)
        return _told(Plan(prompt, tuple(zip(words, boxes, strict=True)), "centred rows"))


def found_words(prompt: str, tagger: KeywordTagger | None) -> tuple[list[str], How]:
    """Return the quoted words of a prompt, else those that a tagger finds, and which of the two they are."""
    if words := quoted_words(prompt):
        return words, "quotes"
    return (tagger.keywords([prompt])[0], "tagger") if tagger is not None else ([], "none")


def _planned(prompt: str, words: Sequence[str], how: How, boxes: BoxSampler, seed: int) -> Plan:
    if not words:
        return _told(Plan(prompt, (), "none"))
    return Plan(prompt, tuple(zip(words, boxes.sample(words, key=prompt, seed=seed), strict=True)), how)


def _told(plan: Plan) -> Plan:
    """Return a plan, with a warning if it has no words."""
    if not plan.words:
        warnings.warn(f"no words are found in {plan.prompt!r}: its image will be plain", NoKeywords, stacklevel=3)
    return plan
