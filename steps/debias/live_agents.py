"""The agents of the live regime: one packaged model under turned options, or chat models that reply in free text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from pydantic import model_validator

from steps.step.params import Count, Field, Params
from tenfold.chat.client import ChatBackend, Client, Spent
from tenfold.chat.messages import Sampling
from tenfold.chat.transcript import Transcript
from tenfold.debias.agents import agents_of, endpoints, local_models
from tenfold.debias.conversation import Agent
from tenfold.debias.letter_prompts import LetterPrompts
from tenfold.debias.prompts import ChatPrompts, Variant
from tenfold.language.generation import LocalModel
from tenfold.language.letter_model import LetterModel

OPTIONS = 3  # of a question
FIVE = 5  # agents, of the largest conversation


class ChatModel(Params):
    """A model by its name at an endpoint, its id on the hub or its folder, and the revision of its weights."""

    model: str
    revision: str | None = None


class BackendParams(Params):
    """Where agents come from.

    ``kind``: ``packaged``, the decoder of the step's input, held to letters; ``hub``, decoders of ``models`` on this
    machine; ``endpoint``, the same ``models`` behind ``base_urls``, one for each or one for all. An endpoint is asked
    for ``concurrency`` replies at once; a hub's model makes as many in one batch.
    """

    kind: Literal["packaged", "hub", "endpoint"]
    models: list[ChatModel] = Field(default_factory=list)
    base_urls: list[str] = Field(default_factory=list)
    concurrency: Count = 16

    @model_validator(mode="after")
    def _used(self) -> BackendParams:
        """Refuse what the kind has no use for, and a kind without what it needs."""
        if self.kind == "packaged" and self.models:
            raise ValueError("the packaged model has no use for models: it is the step's input")
        if self.kind != "packaged" and not self.models:
            raise ValueError(f"kind {self.kind} needs models")
        if (self.kind == "endpoint") != bool(self.base_urls):
            raise ValueError("base_urls belong to the kind endpoint, and it needs them")
        return self


class Panel(Protocol):
    """Agents that differ in nothing but the model or the order of options, asked in one way or another."""

    def agents(self, variant: Variant = "plain", *, named: bool = False) -> list[Agent]:
        """Return the agents of the main conversations, or the same ones with other words or with names."""
        ...

    def five(self) -> list[Agent]:
        """Return five agents."""
        ...

    def speakers(self, *, reasons: bool) -> list[Agent]:
        """Return agents that reply in free text, whose peers show their reasons or their answers alone."""
        ...


@dataclass(frozen=True)
class LetterPanel:
    """One model that is held to a letter; its agents see the options turned by one place more each.

    At temperature 0 the order of the options is all that they differ by. Those that speak freely differ by the seeds
    of their replies, of at most ``max_tokens``, which are drawn at ``temperature`` and kept in ``transcript``.
    """

    model: LetterModel
    temperature: float
    max_tokens: int
    transcript: Transcript | None = None

    def agents(self, variant: Variant = "plain", *, named: bool = False) -> list[Agent]:
        return [self._agent(LetterPrompts(turn, variant=variant, named=named), turn) for turn in range(OPTIONS)]

    def five(self) -> list[Agent]:
        """Return five of the six orders; the vote of these counts no letter alike any more."""
        return [
            self._agent(LetterPrompts(number % OPTIONS, mirrored=number >= OPTIONS), number) for number in range(FIVE)
        ]

    def speakers(self, *, reasons: bool) -> list[Agent]:
        sampling, client = Sampling(self.temperature, max_tokens=self.max_tokens), Client(self.free, self.transcript)
        return [
            Agent(f"reader {seed}", client, ChatPrompts(reasons=reasons), replace(sampling, seed=seed))
            for seed in range(1, OPTIONS + 1)
        ]

    def speaker(self) -> Agent:
        """Return an agent that replies in free text at temperature 0."""
        return Agent("free", Client(self.free), ChatPrompts(), Sampling(max_tokens=self.max_tokens))

    @property
    def free(self) -> LocalModel:
        return LocalModel(self.model.decoder)

    def _agent(self, prompts: LetterPrompts, number: int) -> Agent:
        return Agent(f"order {number + 1}", Client(self.model), prompts, Sampling(max_tokens=4))


@dataclass(frozen=True)
class ChatPanel:
    """Chat models that reply in free text at temperature 0; what ``transcript`` knows is not asked again."""

    names: Sequence[str]
    backends: Sequence[ChatBackend]
    transcript: Transcript
    spent: Spent
    temperature: float
    max_tokens: int

    def agents(self, variant: Variant = "plain", *, named: bool = False) -> list[Agent]:
        return self._agents(ChatPrompts(variant, named))

    def five(self) -> list[Agent]:
        """Return five agents of the models in turn; their replies are drawn at ``temperature``, each by a seed."""
        places = [number % len(self.names) for number in range(FIVE)]
        return agents_of(
            [self.names[place] for place in places],
            [self.backends[place] for place in places],
            prompts=ChatPrompts(),
            sampling=Sampling(self.temperature, max_tokens=self.max_tokens, seed=0),
            transcript=self.transcript,
            spent=self.spent,
        )

    def speakers(self, *, reasons: bool) -> list[Agent]:
        return self._agents(ChatPrompts(reasons=reasons))

    def _agents(self, prompts: ChatPrompts) -> list[Agent]:
        return agents_of(
            self.names,
            self.backends,
            prompts=prompts,
            sampling=Sampling(max_tokens=self.max_tokens),
            transcript=self.transcript,
            spent=self.spent,
        )


def chat_backends(params: BackendParams, device: str) -> tuple[list[str], list[ChatBackend]]:
    """Return the models' names, without an owner's or a folder's, and what answers for them.

    On a GPU models run in bfloat16. Raises DecoderMismatch, and InvalidAgents for addresses that are not as many.
    """
    ids = [one.model for one in params.models]
    if params.kind == "endpoint":
        revisions = [one.revision for one in params.models]
        found = endpoints(ids, params.base_urls, concurrency=params.concurrency, revisions=revisions)
    else:
        pinned = [one.model if one.revision is None else f"{one.model}@{one.revision}" for one in params.models]
        dtype = "bfloat16" if device.startswith("cuda") else "float32"
        found = local_models(pinned, device=device, dtype=dtype, batch=params.concurrency)
    return short_names(ids), found


def short_names(models: Sequence[str]) -> list[str]:
    """Return the last part of each model's name; the whole one, slashes as dashes, where two end alike."""
    last = [Path(model).name for model in models]
    counts = Counter(last)
    return [
        name if counts[name] == 1 or counts[name] == models.count(model) else model.strip("/").replace("/", "-")
        for name, model in zip(last, models, strict=True)
    ]
