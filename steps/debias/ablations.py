"""Conversations that differ from the main ones in one thing each, and the questions that are hard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, permutations
from typing import Literal

import numpy as np

from steps.debias.outcomes import numbers
from tenfold.chat.client import Client
from tenfold.chat.messages import Sampling
from tenfold.debias.conversation import Agent, Conversation
from tenfold.debias.embedded import EmbeddedModel
from tenfold.debias.items import Items
from tenfold.debias.protocols import Centralized, Decentralized, Planted, Single
from tenfold.debias.seeded_order import Order
from tenfold.debias.subsets import hard_set

Ablation = Literal["rounds", "agents", "same_model", "planted", "ties", "orders", "free"]
MOST_ROUNDS = 3
FREE_WORDS = 12  # of a reply that is not constrained to the options
PLANTED: tuple[Planted, ...] = ("always_biased", "always_unknown")
Variation = tuple[str, Conversation]


def variations(
    ablation: Ablation, agents: Sequence[Agent], *, rounds: int, temperature: float, seed: int
) -> Iterator[Variation]:
    """Yield the conversations of one ablation, each with what it varies, as it stands behind the protocol's name.

    ``rounds``: 0 to 3. ``agents``: every two of them. ``same_model``: each agent three times, its replies drawn at
    ``temperature``. ``planted``: peers that always say what the stereotype wants, or unknown. ``ties``: the other two
    rules. ``orders``: the six orders of three options, the same for all questions. ``free``: replies that are not
    constrained to the options.
    """
    usual = Decentralized(rounds=rounds)
    match ablation:
        case "rounds":
            for count in range(MOST_ROUNDS + 1):
                yield f"@rounds={count}", Conversation(agents, Decentralized(rounds=count), seed)
                if count:
                    yield f"@rounds={count}", Conversation(agents, Centralized(rounds=count), seed)
        case "agents":
            for pair in combinations(agents, 2):
                yield f"@agents={'+'.join(agent.name for agent in pair)}", Conversation(pair, usual, seed)
        case "same_model":
            for agent in agents:
                yield f"@same_model={agent.name}", Conversation(_copies(agent, temperature), usual, seed)
        case "planted":
            for kind in PLANTED:
                planted = replace(usual, planted=kind, stop_on_agreement=False)
                yield "@planted", Conversation(agents, planted, seed)
        case "ties":
            for tie in ("first", "unknown"):
                yield f"@tie={tie}", Conversation(agents, replace(usual, tie=tie), seed)
        case "orders":
            for order in permutations(range(3)):
                name = f"@order={''.join(map(str, order))}"
                yield name, Conversation(agents, usual, seed, orders=_FixedOrder(order))
                yield name, Conversation(agents, Single(), seed, orders=_FixedOrder(order))
        case "free":
            free = [_free(agent) for agent in agents]
            yield "@free", Conversation(free, Single(), seed)
            yield "@free", Conversation(free, usual, seed)


def hard_questions(items: Items, agents: Sequence[Agent], *, least: int, temperature: float, seed: int) -> np.ndarray:
    """Return which ambiguous questions ``least`` agents or more miss, (N,) bool, in a run of its own.

    The options of that run stand in other orders, and its replies are drawn at ``temperature``.
    """
    drawn = [
        replace(agent, sampling=Sampling(temperature, seed=place, max_tokens=FREE_WORDS))
        for place, agent in enumerate(agents, 1 + len(agents) * (1 + seed))
    ]
    debates = Conversation(drawn, Single(), seed + 1_000_003).run(items)
    answers = numbers(debate.final for debate in debates).reshape(len(agents), len(items))
    return hard_set(items, answers, hard_min=least, sampling_run="drawn", scored_run="likeliest")


class _FixedOrder:
    """The same order of options for every question."""

    def __init__(self, order: Order) -> None:
        self.order = order

    def __call__(self, item: object) -> Order:
        return self.order


def _copies(agent: Agent, temperature: float) -> list[Agent]:
    return [
        replace(
            agent, name=f"{agent.name}-{copy}", sampling=replace(agent.sampling, temperature=temperature, seed=copy)
        )
        for copy in range(1, 4)
    ]


def _free(agent: Agent) -> Agent:
    backend = agent.client.backend
    assert isinstance(backend, EmbeddedModel)
    free = EmbeddedModel(backend.reader, backend.name, free=True)
    return replace(agent, client=Client(free), sampling=replace(agent.sampling, max_tokens=FREE_WORDS))
