"""Agents that answer questions alone or in conversation, all questions of a round at once.

What an agent reads in round t was said in round t − 1: the messages of a whole round are made before any of its replies
is there. What becomes of a question depends on that question, the agents and the seed alone, not on the others beside
it (but for shuffled peers, whose replies come from the others).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from tenfold.chat.client import Client
from tenfold.chat.messages import Failure, Message, Sampling
from tenfold.debias.debate import Debate, Role, Turn
from tenfold.debias.errors import InvalidAgents, InvalidProtocol
from tenfold.debias.items import Item, Items
from tenfold.debias.prompts import ChatPrompts, PromptStyle
from tenfold.debias.protocols import (
    Centralized,
    Decentralized,
    Protocol,
    Rounds,
    SelfConsistency,
    SelfRefine,
    ShuffledPeers,
    Silent,
    Single,
    Vote,
)
from tenfold.debias.seeded_order import Order, drawn_number, option_order, shuffled
from tenfold.debias.unrelated_replies import moved, option_pairs, other_items
from tenfold.debias.voting import Tie, agreed, plurality
from tenfold.text.choices import LETTERS


@dataclass(frozen=True)
class Agent:
    """A model under a name, how it is asked, and how its replies are drawn.

    Two agents of one model need different seeds in ``sampling``, at a temperature above 0, or they say the same.
    """

    name: str
    client: Client
    prompts: PromptStyle = field(default_factory=ChatPrompts)
    sampling: Sampling = field(default_factory=Sampling)


@dataclass
class _Talk:
    """What was said about one question so far; ``latest`` is each agent's last reply, by its name.

    ``other`` is the talk whose replies shuffled peers bring.
    """

    item: Item
    order: Order
    turns: list[Turn] = field(default_factory=list)
    latest: dict[str, Turn] = field(default_factory=dict)
    final: int | None = None
    ended: bool = False
    other: _Talk | None = None

    def choices(self, agents: Sequence[Agent]) -> list[int | None]:
        return [self.latest[agent.name].choice for agent in agents]


@dataclass
class Conversation:
    """Agents and the protocol by which they talk; ``run`` puts questions to them.

    ``orders`` gives the order in which an item's options are shown, each of them once, by default one drawn from
    ``seed`` and the item's key. ``heard`` is called with each reply, ``ended`` with each debate when it is over.
    Raises InvalidAgents if two agents share a name, or if the protocol wants more or other ones.
    """

    agents: Sequence[Agent]
    protocol: Protocol
    seed: int = 0
    orders: Callable[[Item], Order] | None = None
    heard: Callable[[Item, Turn], None] | None = None
    ended: Callable[[Debate], None] | None = None

    def __post_init__(self) -> None:
        names = [agent.name for agent in self.agents]
        if not names or not all(names) or len(set(names)) < len(names):
            raise InvalidAgents(f"agents need names, all different: {names}")
        self.protocol.in_turn(names)

    @property
    def calls_per_item(self) -> int:
        """The calls that one question costs if nothing stops it early, over all debates about it."""
        each = self.protocol.in_turn([agent.name for agent in self.agents])
        return sum(protocol.calls_per_item(len(self.agents)) for protocol in each)

    def run(self, items: Items | Sequence[Item]) -> list[Debate]:
        """Return the debate about each question, in order; one series after another where agents stand out in turn.

        A call that failed is a turn with its reason in ``failed``, and no answer. If it was the centre's, its round
        ends without a decision and no follower is asked in it: a debate whose last round it is has no answer.
        Raises InvalidProtocol if the questions lack what the protocol needs, or if an order is none of all options,
        and what ``Client.generate`` raises.
        """
        rows = items.rows if isinstance(items, Items) else tuple(items)
        _check(self.protocol, rows)
        debates: list[Debate] = []
        for protocol in self.protocol.in_turn([agent.name for agent in self.agents]):
            order = self.orders or (lambda item: option_order(item, self.seed))
            talks = [_Talk(item, _checked(order(item), item)) for item in rows]
            self._hold(protocol, talks)
            debates += [self._debate(protocol, talk) for talk in talks]
        return debates

    def _hold(self, protocol: Protocol, talks: list[_Talk]) -> None:
        """Let all talks take place side by side."""
        match protocol:
            case Single() | SelfRefine():
                (agent,) = (one for one in self.agents if one.name == protocol.agent)
                self._alone([agent], talks)
                for number in range(1, 1 + (protocol.rounds if isinstance(protocol, SelfRefine) else 0)):
                    self._ask(agent, talks, [_again(agent, talk) for talk in talks], number)
                self._end(protocol, talks, lambda talk: talk.latest[agent.name].choice)
            case SelfConsistency():
                (agent,) = (one for one in self.agents if one.name == protocol.agent)
                self._samples(protocol, agent, talks)
            case Vote():
                self._alone(self.agents, talks)
                self._end(protocol, talks, lambda talk: self._elected(talk, talk.choices(self.agents), protocol.tie))
            case Rounds():
                self._rounds(protocol, talks)
            case Centralized():
                self._centralized(protocol, talks)
            case _:
                raise InvalidProtocol(f"{type(protocol).__name__} is no protocol of this library")

    def _alone(self, agents: Sequence[Agent], talks: list[_Talk]) -> None:
        """Round 0: each agent answers by itself."""
        for agent in agents:
            self._ask(agent, talks, [agent.prompts.alone(talk.item, talk.order) for talk in talks], 0)

    def _samples(self, protocol: SelfConsistency, agent: Agent, talks: list[_Talk]) -> None:
        for number in range(protocol.samples):
            seed = drawn_number("sample", agent.sampling.seed, self.seed, number)
            sampling = replace(agent.sampling, temperature=protocol.temperature, seed=seed)
            alone = [agent.prompts.alone(talk.item, talk.order) for talk in talks]
            self._ask(replace(agent, name=f"{agent.name} #{number + 1}"), talks, alone, 0, sampling=sampling)
        self._end(protocol, talks, lambda talk: self._elected(talk, [turn.choice for turn in talk.turns], protocol.tie))

    def _rounds(self, protocol: Rounds, talks: list[_Talk]) -> None:
        def final(talk: _Talk) -> int | None:
            return self._elected(talk, talk.choices(self.agents), protocol.tie)

        if isinstance(protocol, ShuffledPeers):
            for talk, place in zip(talks, other_items([one.item for one in talks], self.seed), strict=True):
                talk.other = talks[place]
        self._alone(self.agents, talks)
        for number in range(1, 1 + protocol.rounds):
            going = self._going(protocol, talks)
            asked = [
                [self._messages(protocol, agent, talk) for talk in going] for agent in self.agents
            ]  # all of them before the first reply of this round
            for agent, conversations in zip(self.agents, asked, strict=True):
                self._ask(agent, going, conversations, number)
        self._end(protocol, talks, final)

    def _messages(self, protocol: Rounds, agent: Agent, talk: _Talk) -> list[Message]:
        """Return what an agent is asked after round 0."""
        if isinstance(protocol, Silent):
            return _again(agent, talk)
        peers = self._peers(agent, talk)
        if talk.other is not None:
            peers = self._moved_peers(peers, talk, talk.other)
        elif isinstance(protocol, Decentralized) and protocol.planted is not None:
            option = talk.item.target if protocol.planted == "always_biased" else talk.item.unknown
            assert option is not None, "checked by _check"
            text = f"{talk.item.options[option]}\nAnswer: {LETTERS[talk.order.index(option)]}"
            peers = [replace(peer, text=text, choice=option, failed=None) for peer in peers]
        answered = [peer for peer in peers if peer.failed is None]
        return agent.prompts.with_peers(talk.item, talk.order, talk.latest[agent.name], answered)

    def _peers(self, agent: Agent, talk: _Talk) -> list[Turn]:
        """Return the others' latest replies, in an order drawn for the question."""
        names = shuffled((one.name for one in self.agents if one is not agent), "peers", self.seed, talk.item.key)
        return [talk.latest[name] for name in names]

    def _moved_peers(self, peers: Sequence[Turn], talk: _Talk, other: _Talk) -> list[Turn]:
        """Return what the same peers said about another question, as if it were about this one."""
        pairs = option_pairs(talk.item, other.item, self.seed)
        styles = {agent.name: agent.prompts for agent in self.agents}
        return [
            moved(turn, other.item, other.order, talk.item, talk.order, pairs, styles[turn.agent].parse)
            for turn in (other.latest[peer.agent] for peer in peers)
        ]

    def _centralized(self, protocol: Centralized, talks: list[_Talk]) -> None:
        (centre,) = (one for one in self.agents if one.name == protocol.centre)
        followers = [one for one in self.agents if one is not centre]
        self._alone(self.agents, talks)
        for number in range(1, 1 + protocol.rounds):
            going = self._going(protocol, talks)
            self._ask(centre, going, [self._central(centre, talk) for talk in going], number, "centre")
            decided = [talk for talk in going if talk.latest[centre.name].failed is None]
            for follower in followers:
                asked = [
                    follower.prompts.follower(
                        talk.item, talk.order, talk.latest[follower.name], talk.latest[centre.name]
                    )
                    for talk in decided
                ]
                self._ask(follower, decided, asked, number, "follower")
        self._end(protocol, talks, lambda talk: talk.latest[centre.name].choice)

    def _central(self, centre: Agent, talk: _Talk) -> list[Message]:
        peers = [peer for peer in self._peers(centre, talk) if peer.failed is None]
        return centre.prompts.central(talk.item, talk.order, talk.latest[centre.name], peers)

    def _going(self, protocol: Rounds | Centralized, talks: list[_Talk]) -> list[_Talk]:
        """End the talks in which all agree, where that is the rule, and return the others."""
        if protocol.stop_on_agreement:
            agree = [talk for talk in talks if not talk.ended and agreed(talk.choices(self.agents)) is not None]
            self._end(protocol, agree, lambda talk: agreed(talk.choices(self.agents)))
        return [talk for talk in talks if not talk.ended]

    def _ask(
        self,
        agent: Agent,
        talks: Sequence[_Talk],
        conversations: Sequence[list[Message]],
        number: int,
        role: Role = "agent",
        sampling: Sampling | None = None,
    ) -> None:
        """Put one question of round ``number`` about each talk to an agent, and add its replies."""
        if not talks:
            return
        replies = agent.client.generate(conversations, sampling or agent.sampling)
        for talk, reply in zip(talks, replies, strict=True):
            if isinstance(reply, Failure):
                turn = Turn(agent.name, number, role, "", None, failed=reply.error)
            else:
                choice = agent.prompts.parse(reply.text, talk.item, talk.order)
                turn = Turn(agent.name, number, role, reply.text, choice, cut=reply.finish_reason == "length")
            talk.turns.append(turn)
            talk.latest[agent.name] = turn
            if self.heard is not None:
                self.heard(talk.item, turn)

    def _elected(self, talk: _Talk, choices: Sequence[int | None], tie: Tie) -> int | None:
        return plurality(choices, tie=tie, unknown=talk.item.unknown, draw=(self.seed, talk.item.key))

    def _end(self, protocol: Protocol, talks: Sequence[_Talk], final: Callable[[_Talk], int | None]) -> None:
        """End talks that have not ended yet, with the option that came of each."""
        for talk in talks:
            if not talk.ended:
                talk.final, talk.ended = final(talk), True
                if self.ended is not None:
                    self.ended(self._debate(protocol, talk))

    def _debate(self, protocol: Protocol, talk: _Talk) -> Debate:
        same = all(isinstance(agent.prompts, ChatPrompts) for agent in self.agents)  # other styles turn the options
        return Debate(talk.item, protocol.label, tuple(talk.turns), talk.final, talk.order if same else ())


def _again(agent: Agent, talk: _Talk) -> list[Message]:
    """Return the question of an agent that hears of no other; where it has no reply yet, it is the first one."""
    own = talk.latest[agent.name]
    if own.failed is not None:
        return agent.prompts.alone(talk.item, talk.order)
    return agent.prompts.again(talk.item, talk.order, own)


def _checked(order: Order, item: Item) -> Order:
    """Return an order. Raises InvalidProtocol unless it shows each option once."""
    if sorted(order) != list(range(len(item.options))):
        raise InvalidProtocol(
            f"{item.key}: the order {tuple(order)} must hold each number of its {len(item.options)} options once"
        )
    return order


def _check(protocol: Protocol, items: Sequence[Item]) -> None:
    """Raise InvalidProtocol unless every question has what the protocol needs."""
    needed = ["unknown"] if getattr(protocol, "tie", None) == "unknown" else []
    if isinstance(protocol, Decentralized) and protocol.planted is not None:
        needed.append("target" if protocol.planted == "always_biased" else "unknown")
    for name in needed:
        lacking = [item.key for item in items if getattr(item, name) is None]
        if lacking:
            raise InvalidProtocol(
                f"{protocol.label} needs to know the {name} option, which {len(lacking)} questions lack, such as "
                f"{lacking[0]!r}: give the questions a column {name!r}"
            )
    keys = [item.key for item in items]
    if len(set(keys)) < len(keys):
        twice = next(key for number, key in enumerate(keys) if key in keys[:number])
        raise InvalidProtocol(f"the key {twice!r} stands twice among the questions: give each one its own")
    if isinstance(protocol, ShuffledPeers):
        other_items(items, 0)
