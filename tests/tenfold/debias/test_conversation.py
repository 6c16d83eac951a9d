"""Who is asked what, in which round, how often, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations

import pytest

from tenfold.chat import Client, Failure, Message, Reply, Sampling, Transcript
from tenfold.chat.messages import call_key
from tenfold.debias.conversation import Agent, Conversation
from tenfold.debias.debate import Debate, Turn, read_debates, write_debates
from tenfold.debias.errors import DamagedDebates, InvalidAgents, InvalidProtocol
from tenfold.debias.items import Items
from tenfold.debias.letter_prompts import LetterPrompts
from tenfold.debias.prompts import ChatPrompts
from tenfold.debias.protocols import (
    PROTOCOLS,
    Centralized,
    Decentralized,
    Protocol,
    SelfConsistency,
    SelfRefine,
    ShuffledPeers,
    Silent,
    Single,
    Vote,
    protocol_named,
)
from tenfold.debias.seeded_order import option_order
from tests.tenfold.debias.stand_ins import FRUIT, Scripted, agent, always, in_turn, item, items

BAKER, GARDENER, UNKNOWN = FRUIT
NAMES = ("ann", "ben", "eve")


def numbered(name):
    """Return a rule whose replies say who speaks and for which time, and never agree with another agent's."""
    answer, counts = FRUIT[NAMES.index(name)], [0]

    def rule(conversation):
        counts[0] += 1
        return f"{always(answer, f'{name} speaks, {counts[0]}.')(conversation)}"

    return rule


def three(rule=numbered, prompts=None):
    made = [agent(name, rule(name), prompts) for name in NAMES]
    return [one for one, _ in made], {one.name: backend for one, backend in made}


def test_peers_of_a_round_see_the_round_before_and_nothing_else():
    agents, backends = three(prompts=ChatPrompts(named=True))
    (debate,) = Conversation(agents, Decentralized(rounds=2)).run(items(1))
    assert sum(len(backend.asked) for backend in backends.values()) == len(debate.turns) == 9
    said = {(turn.agent, turn.round): turn.text for turn in debate.turns}
    for name, backend in backends.items():
        first, second, third = backend.asked
        assert first == second[:1] == third[:1] and len(first) == 1
        for number, asked in ((1, second), (2, third)):
            _, own, heard = asked
            assert own == said[name, number - 1]
            others = [other for other in NAMES if other != name]
            assert heard.count(" speaks, ") == 2
            for other in others:
                assert f"[{other}]\n{said[other, number - 1]}" in heard
    assert {asked[0] for backend in backends.values() for asked in backend.asked} == {backends["ann"].asked[0][0]}


def test_the_exact_words_of_nine_calls():
    agents, backends = three()
    one = item()
    conversation = Conversation(agents, Decentralized(rounds=2), orders=lambda _: (0, 1, 2))
    (debate,) = conversation.run([one])
    style, order = ChatPrompts(), (0, 1, 2)
    turns = {(turn.agent, turn.round): turn for turn in debate.turns}
    for name, backend in backends.items():
        others = [other for other in NAMES if other != name]
        expected = [tuple(message.text for message in style.alone(one, order))]
        for number in (0, 1):
            ways = [
                tuple(
                    message.text
                    for message in style.with_peers(
                        one, order, turns[name, number], [turns[other, number] for other in way]
                    )
                )
                for way in permutations(others)
            ]
            assert backend.asked[number + 1] in ways
            expected.append(next(way for way in ways if way == backend.asked[number + 1]))
        assert backend.asked == expected


def test_the_order_of_anonymous_peers_is_drawn_for_each_question():
    agents, backends = three()
    Conversation(agents, Decentralized(rounds=1)).run(items(40))
    heard = [asked[2] for asked in backends["ann"].asked if len(asked) == 3]
    assert len(heard) == 40 and not [words for words in heard if "[ben]" in words]
    assert 8 < sum(words.index("ben speaks") < words.index("eve speaks") for words in heard) < 32


def test_a_conversation_ends_when_all_agree():
    agents, _ = three(lambda name: always(BAKER))
    (debate,) = Conversation(agents, Decentralized(rounds=3)).run(items(1))
    assert (debate.final, debate.rounds, len(debate.turns)) == (0, 0, 3)
    goes_on = Decentralized(rounds=3, stop_on_agreement=False)
    (debate,) = Conversation(agents, goes_on).run(items(1))
    assert (debate.final, debate.rounds, len(debate.turns)) == (0, 3, 12)


def test_only_the_questions_that_are_open_go_on_in_one_request_for_each_agent_and_round():
    rules = {"ann": always(BAKER), "ben": in_turn(GARDENER, BAKER), "eve": always(BAKER)}
    late, at_once = rules["ben"], always(BAKER)
    rules["ben"] = lambda asked: late(asked) if "day 1?" in asked[0].text else at_once(asked)
    made = [agent(name, rule) for name, rule in rules.items()]
    debates = Conversation([one for one, _ in made], Decentralized(rounds=3)).run(items(3))
    assert [debate.rounds for debate in debates] == [0, 1, 0] and [debate.final for debate in debates] == [0, 0, 0]
    assert [backend.batches for _, backend in made] == [[3, 1]] * 3


def test_a_reply_without_an_answer_is_no_agreement_and_no_voice():
    made = [agent("ann", always(BAKER)), agent("ben", in_turn(None)), agent("eve", always(BAKER))]
    (debate,) = Conversation([one for one, _ in made], Decentralized(rounds=1)).run(items(1))
    assert debate.rounds == 1 and debate.final == 0
    silent = [agent(name, in_turn(None)) for name in NAMES]
    (debate,) = Conversation([one for one, _ in silent], Decentralized(rounds=1)).run(items(1))
    assert debate.final is None and len(debate.turns) == 6


@pytest.mark.parametrize(("tie", "final"), [("first", 1), ("unknown", 2)])
def test_a_tie_of_two_beside_one_without_an_answer(tie, final):
    made = [agent("ann", in_turn(None)), agent("ben", always(GARDENER)), agent("eve", always(BAKER))]
    (debate,) = Conversation([one for one, _ in made], Vote(tie=tie)).run(items(1))
    assert debate.final == final
    drawn = Conversation([one for one, _ in made], Vote()).run(items(60))
    assert {debate.final for debate in drawn} == {0, 1}


def test_a_star_the_followers_read_the_centre_and_the_centre_reads_all():
    agents, backends = three()
    (debate,) = Conversation(agents, Centralized(rounds=2, centre="ben")).run(items(1))
    assert [(turn.agent, turn.role, turn.round) for turn in debate.turns] == [
        ("ann", "agent", 0),
        ("ben", "agent", 0),
        ("eve", "agent", 0),
        *[
            (name, role, number)
            for number in (1, 2)
            for name, role in (("ben", "centre"), ("ann", "follower"), ("eve", "follower"))
        ],
    ]
    said = {(turn.agent, turn.round): turn.text for turn in debate.turns}
    for number in (1, 2):
        _, own, heard = backends["ben"].asked[number]
        assert own == said["ben", number - 1] and heard.count(" speaks, ") == 2
        assert said["ann", number - 1] in heard and said["eve", number - 1] in heard
        for name in ("ann", "eve"):
            (heard,) = backends[name].asked[number]
            assert said["ben", number] in heard and heard.count(" speaks, ") == 1
    assert debate.final == 1 and debate.protocol == "centralized:ben"


def test_every_model_is_the_centre_in_turn_and_the_last_decision_is_final():
    rules = {"ann": in_turn(BAKER, GARDENER), "ben": always(UNKNOWN), "eve": in_turn(None)}
    agents, _ = three(lambda name: rules[name])
    debates = Conversation(agents, Centralized(rounds=1)).run(items(1))
    assert [debate.protocol for debate in debates] == [f"centralized:{name}" for name in NAMES]
    assert [debate.final for debate in debates] == [1, 2, None]


def test_agreement_with_the_centre_ends_a_star():
    agents, _ = three(lambda name: always(BAKER) if name == "ann" else in_turn(GARDENER, BAKER))
    (debate,) = Conversation(agents, Centralized(rounds=3, centre="ann")).run(items(1))
    assert (debate.rounds, debate.final) == (1, 0)


def test_a_silent_round_and_self_refinement_hear_of_nobody():
    agents, backends = three()
    (debate,) = Conversation(agents, Silent(rounds=2)).run(items(1))
    assert len(debate.turns) == 9
    for backend in backends.values():
        for asked in backend.asked[1:]:
            assert len(asked) == 3 and " speaks" not in asked[2] and asked[1].startswith(f"{backend.model} speaks")
    one, backend = agent("ann", in_turn(BAKER, GARDENER, UNKNOWN))
    (debate,) = Conversation([one], SelfRefine(rounds=2)).run(items(1))
    assert debate.final == 2 and [asked[1].splitlines()[0] for asked in backend.asked[1:]] == ["reply 0", "reply 1"]


def test_samples_have_seeds_of_their_own_and_the_plurality_counts():
    one, backend = agent("ann", in_turn(BAKER, GARDENER, GARDENER, None), sampling=Sampling(temperature=0))
    (debate,) = Conversation([one], SelfConsistency(samples=4, temperature=0.5)).run(items(1))
    assert debate.final == 1 and len({sampling.seed for sampling in backend.samplings}) == 4
    assert {sampling.temperature for sampling in backend.samplings} == {0.5}
    assert len(set(backend.asked)) == 1 and len(backend.asked[0]) == 1


def test_each_agent_alone_is_the_first_round_of_all():
    agents, backends = three()
    alone = Conversation(agents, Single()).run(items(2))
    assert [debate.protocol for debate in alone] == [f"single:{name}" for name in NAMES for _ in range(2)]
    assert [debate.final for debate in alone] == [0, 0, 1, 1, 2, 2]
    before = {name: list(backend.asked) for name, backend in backends.items()}
    Conversation(agents, Vote()).run(items(2))
    assert all(backend.asked == before[name] * 2 for name, backend in backends.items())


@pytest.mark.parametrize("name", PROTOCOLS)
def test_calls_are_as_many_as_the_protocol_says(name):
    agents, backends = three()
    protocol: Protocol = protocol_named(name)
    conversation = Conversation(agents, protocol)
    debates = conversation.run(items(4))
    each = protocol.calls_per_item(3)
    assert {len(debate.turns) for debate in debates} == {each}
    assert sum(len(backend.asked) for backend in backends.values()) == 4 * conversation.calls_per_item
    assert len(debates) * each == 4 * conversation.calls_per_item


def test_shuffled_peers_speak_of_another_question_in_the_letters_of_this_one():
    agents, backends = three()
    debates = Conversation(agents, ShuffledPeers(rounds=1)).run(items(6))
    for place, debate in enumerate(debates):
        heard = backends["ann"].asked[6 + place][2]
        mine = {turn.text for turn in debate.turns}
        spoken = [line for line in heard.splitlines() if " speaks, " in line]
        assert len(spoken) == 2 and not [line for line in spoken if any(line in text for text in mine)]
        assert len({line.split(", ")[1] for line in spoken}) == 1  # both about the same question
    with pytest.raises(InvalidProtocol, match="give more items"):
        Conversation(agents, ShuffledPeers(rounds=1)).run(items(1))


@pytest.mark.parametrize(("planted", "option"), [("always_biased", BAKER), ("always_unknown", UNKNOWN)])
def test_planted_peers_say_the_same_in_every_round(planted, option):
    agents, backends = three(lambda name: always(GARDENER))
    protocol = Decentralized(rounds=2, planted=planted, stop_on_agreement=False)
    (debate,) = Conversation(agents, protocol, orders=lambda _: (2, 1, 0)).run(items(1))
    letter = {BAKER: "C", UNKNOWN: "A"}[option]
    for backend in backends.values():
        for asked in backend.asked[1:]:
            assert asked[2].count(f"{option}\nAnswer: {letter}") == 2 and "I think so" not in asked[2]
    assert debate.protocol == f"decentralized:{planted}" and len(debate.turns) == 9
    with pytest.raises(InvalidProtocol, match="'q1'"):
        Conversation(agents, protocol).run([item(0), item(1, target=None, unknown=None)])


def test_a_failed_call_is_no_answer_and_is_shown_to_nobody():
    fails = Failure("ContextTooLong: 5000 tokens and 256 of a reply exceed the 4096 of small")
    made = [agent("ann", lambda _: fails), agent("ben", always(BAKER)), agent("eve", always(GARDENER))]
    (debate,) = Conversation([one for one, _ in made], Decentralized(rounds=1, tie="first")).run(items(1))
    failed = [turn for turn in debate.turns if turn.agent == "ann"]
    assert [(turn.failed, turn.text, turn.choice) for turn in failed] == [(fails.error, "", None)] * 2
    assert debate.final == 0
    assert made[1][1].asked[1][2].count("[Reply ") == 1
    (only,) = made[0][1].asked[1]
    assert only.count("[Reply ") == 2
    (debate,) = Conversation([made[0][0]], SelfRefine(rounds=1)).run(items(1))
    assert debate.final is None and [len(asked) for asked in made[0][1].asked[-2:]] == [1, 1]


def test_replies_of_peers_are_never_cut():
    words = "word " * 20000
    made = [agent("ann", always(BAKER, words)), agent("ben", always(GARDENER))]
    Conversation([one for one, _ in made], Decentralized(rounds=1)).run(items(1))
    assert words in made[1][1].asked[1][2]


def test_an_agent_that_is_blind_to_the_order_answers_the_same_in_every_order():
    def rule(name):
        return {"ann": in_turn(BAKER, GARDENER), "ben": always(UNKNOWN), "eve": in_turn(GARDENER, BAKER, None)}[name]

    for protocol in (Vote(), Decentralized(), Centralized(), Silent(), ShuffledPeers()):
        outcomes = set()
        for order in permutations(range(3)):
            agents, _ = three(rule)
            debates = Conversation(agents, protocol, orders=lambda _, order=order: order).run(items(5))
            outcomes.add(tuple((one.final, *(turn.choice for turn in one.turns)) for one in debates))
        assert len(outcomes) == 1, protocol


@pytest.mark.parametrize("name", [name for name in PROTOCOLS if name != "shuffled_peers"])
def test_a_batch_of_one_is_as_one_of_many(name):
    def rule(_):
        def reply(conversation):
            words = conversation[-1].text
            return f"{sum(map(ord, words)) % 97}\nAnswer: {'ABC'[len(words) % 3]}"

        return reply

    agents, _ = three(rule)
    conversation = Conversation(agents, protocol_named(name), seed=3)
    together = conversation.run(items(6))
    apart = [debate for one in items(6).rows for debate in conversation.run([one])]
    assert sorted(map(str, together)) == sorted(map(str, apart))


def test_turns_and_debates_are_told_as_they_happen():
    heard, ended = [], []
    agents, _ = three(lambda name: always(BAKER))
    conversation = Conversation(
        agents, Decentralized(rounds=2), heard=lambda one, turn: heard.append((one.key, turn.agent)), ended=ended.append
    )
    debates = conversation.run(items(2))
    assert heard == [(f"q{number}", name) for name in NAMES for number in range(2)]
    assert ended == debates


def test_calls_differ_by_seed_temperature_and_model():
    (first, _), (second, _) = agent("ann", always(BAKER)), agent("ben", always(BAKER))
    asked = first.prompts.alone(item(), (0, 1, 2))
    samplings = [Sampling(), Sampling(temperature=0.5), Sampling(temperature=0.5, seed=1)]
    keys = {
        call_key(one.client.backend.identity(), asked, sampling) for one in (first, second) for sampling in samplings
    }
    assert len(keys) == 6
    assert ChatPrompts().alone(item(), (0, 2, 1)) != asked


def test_a_transcript_serves_the_baseline_and_every_protocol_after_it(tmp_path):
    agents, backends = three(lambda name: always(BAKER) if name == "ann" else always(GARDENER))
    with Transcript(tmp_path / "t.jsonl") as transcript:
        for one in agents:
            one.client.transcript = transcript
        Conversation(agents, Decentralized(rounds=1)).run(items(3))
        assert sum(len(backend.asked) for backend in backends.values()) == 18
        for protocol in (Single(), Vote(), Decentralized(rounds=1)):
            Conversation(agents, protocol).run(items(3))
        Conversation(agents, Centralized(rounds=0)).run(items(3))
        assert sum(len(backend.asked) for backend in backends.values()) == 18


def test_agents_that_cannot_be_told_apart_are_refused():
    (one, _), (two, _) = agent("ann", always(BAKER)), agent("ben", always(BAKER))
    for agents in ([], [one, one], [replace(one, name="")]):
        with pytest.raises(InvalidAgents):
            Conversation(agents, Vote())
    with pytest.raises(InvalidAgents, match="needs 2"):
        Conversation([one], Decentralized())
    with pytest.raises(InvalidAgents, match="no agent 'eve'"):
        Conversation([one, two], Centralized(centre="eve"))


def test_questions_that_lack_what_the_protocol_needs_are_refused_before_anything_is_asked():
    agents, backends = three()
    with pytest.raises(InvalidProtocol, match=r"needs to know the unknown option.*column .unknown."):
        Conversation(agents, Vote(tie="unknown")).run([item(unknown=None)])
    with pytest.raises(InvalidProtocol, match="'q0' stands twice"):
        Conversation(agents, Vote()).run([item(), item()])
    assert not any(backend.asked for backend in backends.values())


def test_no_questions_no_calls():
    agents, _ = three()
    assert Conversation(agents, Decentralized()).run(Items(())) == []


def test_debates_are_read_as_they_were_written(tmp_path):
    agents, _ = three(lambda name: (lambda _: Failure("no")) if name == "ann" else always(BAKER, "“Ü”\u2028 new"))
    debates: list[Debate] = Conversation(agents, Centralized(rounds=1)).run(items(2))
    write_debates(debates, tmp_path / "debates.jsonl")
    assert read_debates(tmp_path / "debates.jsonl") == debates
    with (tmp_path / "debates.jsonl").open("a") as stream:
        stream.write('{"item": {}}\n')
    with pytest.raises(DamagedDebates, match=r"debates.jsonl:7"):
        read_debates(tmp_path / "debates.jsonl")


def test_debates_with_half_a_surrogate_pair_are_written_and_read(tmp_path):
    debates = [Debate(item(question="Who \ud83d?"), "vote", (Turn("ann", 0, "agent", "a \udfff", 0),), 0)]
    write_debates(debates, tmp_path / "debates.jsonl")
    assert read_debates(tmp_path / "debates.jsonl") == debates


@pytest.mark.parametrize("protocol", [Decentralized, Silent, ShuffledPeers])
def test_the_last_answers_elect_and_no_earlier_ones(protocol):
    """The first answers elect the baker, all of them together too; the last ones elect the gardener."""
    rules = {
        "ann": in_turn(BAKER, BAKER, GARDENER),
        "ben": in_turn(BAKER, BAKER, GARDENER),
        "eve": in_turn(UNKNOWN, BAKER, UNKNOWN),
    }
    agents, _ = three(lambda name: rules[name])
    debates = Conversation(agents, protocol(rounds=2, stop_on_agreement=False)).run(items(4))
    assert [debate.final for debate in debates] == [1] * 4


def test_shuffled_peers_are_the_others_and_never_the_agent_itself():
    agents, backends = three()
    Conversation(agents, ShuffledPeers(rounds=2)).run(items(6))
    for name, backend in backends.items():
        for asked in backend.asked[6:]:
            assert {other for other in NAMES if f"{other} speaks, " in asked[2]} == set(NAMES) - {name}


def fails_from(number, rule):
    """Return a rule whose replies about a question fail from that one on."""
    counts: dict[str, int] = {}

    def reply(conversation):
        question = conversation[0].text.splitlines()[1]
        counts[question] = counts.get(question, 0) + 1
        return Failure("GaveUp: no") if counts[question] > number else rule(conversation)

    return reply


@pytest.mark.parametrize("protocol", [Decentralized(rounds=1, tie="first"), Silent(rounds=1, tie="first")])
def test_an_agent_whose_last_call_failed_has_no_voice_in_the_end(protocol):
    rules = {"ann": fails_from(1, always(BAKER)), "ben": always(GARDENER), "eve": always(BAKER)}
    agents, _ = three(lambda name: rules[name])
    (debate,) = Conversation(agents, protocol).run(items(1))
    assert [turn.choice for turn in debate.turns] == [0, 1, 0, None, 1, 0]
    assert debate.final == 1  # the tie of the two that are left; with the failed one's earlier answer it were the baker
    one, _ = agent("ann", fails_from(1, always(BAKER)))
    (debate,) = Conversation([one], SelfRefine(rounds=1)).run(items(1))
    assert debate.final is None


def test_a_centre_whose_call_failed_decides_nothing_and_no_follower_is_asked():
    rules = {"ann": always(BAKER), "ben": fails_from(1, always(BAKER)), "eve": always(GARDENER)}
    agents, backends = three(lambda name: rules[name])
    (debate,) = Conversation(agents, Centralized(rounds=1, centre="ben")).run(items(1))
    assert [(turn.agent, turn.role) for turn in debate.turns[3:]] == [("ben", "centre")]
    assert debate.final is None and [len(backends[name].asked) for name in NAMES] == [1, 2, 1]


def test_a_centre_that_failed_once_goes_on_in_the_next_round():
    calls = []

    def second_fails(conversation):
        calls.append(conversation)
        return Failure("GaveUp: no") if len(calls) == 2 else always(BAKER)(conversation)

    rules = {"ann": always(GARDENER), "ben": second_fails, "eve": always(GARDENER)}
    agents, backends = three(lambda name: rules[name])
    (debate,) = Conversation(agents, Centralized(rounds=2, centre="ben")).run(items(1))
    assert debate.final == 0 and [len(backends[name].asked) for name in NAMES] == [2, 3, 2]
    (again,) = backends["ben"].asked[2]
    assert again.count("[Reply ") == 2 and "(nothing)" not in again + backends["ann"].asked[1][0]


def test_the_centre_is_not_shown_peers_that_failed():
    rules = {"ann": fails_from(0, always(BAKER)), "ben": always(BAKER), "eve": always(GARDENER)}
    agents, backends = three(lambda name: rules[name])
    Conversation(agents, Centralized(rounds=1, centre="ben")).run(items(1))
    heard = backends["ben"].asked[1][2]
    assert heard.count("[Reply ") == 1 and "(nothing)" not in heard


@pytest.mark.parametrize("protocol", [Vote(), SelfConsistency(samples=2), Silent(rounds=1), Decentralized(rounds=1)])
def test_ties_are_drawn_by_the_seed_and_the_question(protocol):
    def finals(seed):
        if isinstance(protocol, SelfConsistency):
            made = [agent("ann", in_turn(BAKER, GARDENER))]
        else:
            made = [agent("ann", always(BAKER)), agent("ben", always(GARDENER))]
        return [one.final for one in Conversation([one for one, _ in made], protocol, seed=seed).run(items(40))]

    assert finals(1) == finals(1) != finals(2)
    assert 8 < sum(finals(1)) < 32


def test_samples_of_copies_of_one_model_are_drawn_apart():
    made = [agent(name, always(BAKER), sampling=Sampling(seed=number)) for number, name in enumerate(NAMES)]
    Conversation([one for one, _ in made], SelfConsistency(samples=3), seed=5).run(items(1))
    seeds = [[sampling.seed for sampling in backend.samplings] for _, backend in made]
    assert [len(own) for own in seeds] == [3, 3, 3] and len({seed for own in seeds for seed in own}) == 9
    again = agent("ann", always(BAKER), sampling=Sampling(seed=1))
    Conversation([again[0]], SelfConsistency(samples=3), seed=5).run(items(1))
    assert [sampling.seed for sampling in again[1].samplings] == seeds[1]


@pytest.mark.parametrize(("tie", "finals"), [("first", {1}), ("unknown", {2}), ("random", {0, 1})])
def test_tied_samples_become_what_the_rule_for_ties_says(tie, finals):
    one, _ = agent("ann", in_turn(GARDENER, BAKER))
    debates = Conversation([one], SelfConsistency(samples=2, tie=tie)).run(items(40))
    assert {debate.final for debate in debates} == finals


def test_a_star_goes_on_though_all_agree_where_that_is_the_rule():
    for stop, calls in ((True, 3), (False, 9)):
        agents, backends = three(lambda name: always(BAKER))
        protocol = Centralized(rounds=2, centre="ben", stop_on_agreement=stop)
        (debate,) = Conversation(agents, protocol).run(items(1))
        assert sum(len(backend.asked) for backend in backends.values()) == len(debate.turns) == calls
        assert debate.final == 0 and debate.rounds == (0 if stop else 2)


@pytest.mark.parametrize("order", [(0, 1), (0, 1, 1), (0, 1, 2, 0), (1, 2, 3), ()])
def test_an_order_that_leaves_an_option_out_is_refused_before_anything_is_asked(order):
    agents, backends = three()
    with pytest.raises(InvalidProtocol, match="each number of its 3 options once"):
        Conversation(agents, Vote(), orders=lambda _: order).run(items(1))
    assert not any(backend.asked for backend in backends.values())


class OwnStyle:
    """A style of an agent's own: what it is asked are single words."""

    def alone(self, one, order):
        return [Message("user", "alone")]

    def again(self, one, order, own):
        return [Message("user", f"again {own.choice}")]

    def with_peers(self, one, order, own, peers):
        return [Message("user", f"own {own.choice} peers {sorted(peer.choice for peer in peers)}")]

    def central(self, one, order, own, peers):
        return [Message("user", f"centre {own.choice} of {sorted(peer.choice for peer in peers)}")]

    def follower(self, one, order, own, decision):
        return [Message("user", f"follower {own.choice} of {decision.choice}")]

    def parse(self, reply, one, order):
        return int(reply[-1])


def test_agents_may_bring_a_style_of_their_own():
    backends = [Scripted(lambda conversation, number=number: f"say {number}") for number in range(2)]
    agents = [Agent(f"a{number}", Client(backend), OwnStyle()) for number, backend in enumerate(backends)]
    for protocol in (Decentralized(rounds=1), Silent(rounds=1), Centralized(rounds=1, centre="a0")):
        Conversation(agents, protocol).run(items(1))
    assert [words for (words,) in backends[0].asked] == [
        *("alone", "own 0 peers [1]"),
        *("alone", "again 0"),
        *("alone", "centre 0 of [1]"),
    ]
    assert backends[1].asked[-1] == ("follower 1 of 0",)


def test_a_reply_that_was_cut_and_the_order_of_options_are_kept(tmp_path):
    @dataclass
    class Cut(Scripted):
        def replies(self, calls, sampling):
            for number, _ in calls:
                yield number, Reply("I wonder", "length", 5, 3)

    debates = Conversation([Agent("red", Client(Cut(always(BAKER))))], Single()).run(items(3))
    assert all(turn.cut for debate in debates for turn in debate.turns)
    assert [debate.order for debate in debates] == [option_order(debate.item, 0) for debate in debates]
    write_debates(debates, tmp_path / "debates.jsonl")
    assert read_debates(tmp_path / "debates.jsonl") == debates
    turned = Agent("red", Client(Scripted(always(BAKER))), LetterPrompts(turn=1))
    assert [debate.order for debate in Conversation([turned], Single()).run(items(1))] == [()]  # its own order
