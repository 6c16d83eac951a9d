"""Who hears whom: the two conversations of the paper, and the controls that they are read against.

A protocol says what one question costs in calls, ``calls_per_item``, so that controls at equal calls can be set beside
a conversation: ``equal_calls``. Where the paper's text leaves a rule open, the rule is a parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal, Self, get_args

from tenfold.debias.errors import InvalidAgents, InvalidProtocol
from tenfold.debias.voting import Tie

EACH = "each"  # in the place of an agent's name: every one in turn, a debate each
Planted = Literal["always_biased", "always_unknown"]


@dataclass(frozen=True)
class Protocol:
    """What all protocols have. Raises InvalidProtocol for a parameter outside its range."""

    name: ClassVar[str] = ""
    fewest_agents: ClassVar[int] = 1

    def __post_init__(self) -> None:
        for parameter, least in (("rounds", 0), ("samples", 1)):
            value = getattr(self, parameter, least)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InvalidProtocol(f"{self.name}: {parameter} = {value!r} must be a whole number, {least} or larger")
        for parameter, known in (("tie", get_args(Tie)), ("planted", (None, *get_args(Planted)))):
            if getattr(self, parameter, known[0]) not in known:
                said = ", ".join(map(str, known))
                raise InvalidProtocol(f"{self.name}: {parameter} = {getattr(self, parameter)!r}: must be one of {said}")

    @property
    def label(self) -> str:
        """The name that its debates carry."""
        return self.name

    def calls_per_item(self, agents: int) -> int:
        """Return the calls that one question costs among so many agents, if nothing stops it early."""
        raise NotImplementedError

    def in_turn(self, names: Sequence[str]) -> list[Self]:
        """Return one protocol for each agent whose turn it is, itself where no agent stands out.

        Raises InvalidAgents if the agent that stands out is not among ``names``, or if there are too few.
        """
        if len(names) < self.fewest_agents:
            raise InvalidAgents(f"{self.name} needs {self.fewest_agents} agents or more, and there is {len(names)}")
        return [self]


@dataclass(frozen=True)
class _OfOne(Protocol):
    """A protocol in which one agent answers by itself, or every one in turn."""

    agent: str = EACH

    @property
    def label(self) -> str:
        return f"{self.name}:{self.agent}"

    def in_turn(self, names: Sequence[str]) -> list[Self]:
        return [replace(self, agent=name) for name in _chosen(self.agent, names)]


@dataclass(frozen=True)
class Single(_OfOne):
    """One agent answers alone."""

    name: ClassVar[str] = "single"

    def calls_per_item(self, agents: int) -> int:
        return 1


@dataclass(frozen=True)
class SelfRefine(_OfOne):
    """One agent is asked again with its own reply before it, ``rounds`` times; its last answer counts."""

    name: ClassVar[str] = "self_refine"
    rounds: int = 1

    def calls_per_item(self, agents: int) -> int:
        return 1 + self.rounds


@dataclass(frozen=True)
class SelfConsistency(_OfOne):
    """One agent answers ``samples`` times, each with a seed of its own, and the plurality counts.

    Raises InvalidProtocol if the temperature is 0, at which all samples would be one.
    """

    name: ClassVar[str] = "self_consistency"
    samples: int = 6
    temperature: float = 0.7
    tie: Tie = "random"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.temperature <= 2:
            raise InvalidProtocol(f"{self.name}: temperature = {self.temperature} must be above 0 and at most 2")

    def calls_per_item(self, agents: int) -> int:
        return self.samples


@dataclass(frozen=True)
class Vote(Protocol):
    """All agents answer alone, and the plurality counts."""

    name: ClassVar[str] = "vote"
    tie: Tie = "random"

    def calls_per_item(self, agents: int) -> int:
        return agents


@dataclass(frozen=True)
class Rounds(Protocol):
    """All agents answer alone, then again in ``rounds`` rounds; agreement ends it, and else the plurality counts.

    All agree if each reply names an option and these are the same.
    """

    rounds: int = 2
    tie: Tie = "random"
    stop_on_agreement: bool = True

    def calls_per_item(self, agents: int) -> int:
        return agents * (1 + self.rounds)


@dataclass(frozen=True)
class Decentralized(Rounds):
    """Each agent reads its own and all others' replies of the round before: the complete graph.

    ``planted`` peers stand in the place of the others: each says in every round what the stereotype wants, or unknown.
    Raises InvalidProtocol if agreement could end a conversation before its planted peers were heard.
    """

    name: ClassVar[str] = "decentralized"
    fewest_agents: ClassVar[int] = 2
    planted: Planted | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.planted is not None and self.stop_on_agreement:
            raise InvalidProtocol(f"{self.name}: planted peers speak in every round: set stop_on_agreement to False")

    @property
    def label(self) -> str:
        return self.name if self.planted is None else f"{self.name}:{self.planted}"


@dataclass(frozen=True)
class ShuffledPeers(Rounds):
    """As decentralized, but the others' replies come from another question: a conversation without its content."""

    name: ClassVar[str] = "shuffled_peers"
    fewest_agents: ClassVar[int] = 2


@dataclass(frozen=True)
class Silent(Rounds):
    """As decentralized, but nobody hears of another: each agent is asked again with its own reply alone."""

    name: ClassVar[str] = "silent"


@dataclass(frozen=True)
class Centralized(Protocol):
    """A star: the centre reads all replies, decides and comments; the followers read that alone and answer again.

    The last central decision counts, whatever the followers say to it; agreement of all ends the conversation.
    """

    name: ClassVar[str] = "centralized"
    fewest_agents: ClassVar[int] = 2
    rounds: int = 2
    centre: str = EACH
    stop_on_agreement: bool = True

    @property
    def label(self) -> str:
        return f"{self.name}:{self.centre}"

    def calls_per_item(self, agents: int) -> int:
        return agents * (1 + self.rounds)

    def in_turn(self, names: Sequence[str]) -> list[Self]:
        super().in_turn(names)
        return [replace(self, centre=name) for name in _chosen(self.centre, names)]


PROTOCOLS: dict[str, type[Protocol]] = {
    kind.name: kind
    for kind in (Single, Vote, SelfRefine, SelfConsistency, Decentralized, Centralized, ShuffledPeers, Silent)
}


def protocol_named(name: str, **parameters: Any) -> Protocol:
    """Return a protocol by its name.

    Raises InvalidProtocol for an unknown name, and for a parameter that the protocol has no use for.
    """
    if name not in PROTOCOLS:
        raise InvalidProtocol(f"protocol {name!r}: must be one of {', '.join(PROTOCOLS)}")
    known = [field.name for field in fields(PROTOCOLS[name])]
    unused = sorted(set(parameters) - set(known))
    if unused:
        raise InvalidProtocol(f"{name} has no use for {', '.join(unused)}; it has {', '.join(known)}")
    return PROTOCOLS[name](**parameters)


def equal_calls(calls: int, agent: str = EACH, temperature: float = 0.7) -> tuple[SelfRefine, SelfConsistency]:
    """Return the two controls in which one agent alone spends as many ``calls`` per question as a conversation."""
    return (
        SelfRefine(rounds=calls - 1, agent=agent),
        SelfConsistency(samples=calls, agent=agent, temperature=temperature),
    )


def _chosen(agent: str, names: Sequence[str]) -> Sequence[str]:
    if agent != EACH and agent not in names:
        raise InvalidAgents(f"there is no agent {agent!r}; there are {', '.join(names)}")
    return names if agent == EACH else [agent]
