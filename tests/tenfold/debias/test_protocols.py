"""Protocols by name: which parameters they take, what they cost, and whose turn it is."""

from __future__ import annotations

import pytest

from tenfold.debias.errors import InvalidAgents, InvalidProtocol
from tenfold.debias.protocols import (
    PROTOCOLS,
    Centralized,
    Decentralized,
    SelfConsistency,
    SelfRefine,
    Single,
    Vote,
    equal_calls,
    protocol_named,
)

NAMES = ("a", "b", "c")


def test_the_names():
    assert set(PROTOCOLS) == {
        "single",
        "vote",
        "self_refine",
        "self_consistency",
        "decentralized",
        "centralized",
        "shuffled_peers",
        "silent",
    }
    assert protocol_named("decentralized", rounds=3, tie="first") == Decentralized(rounds=3, tie="first")


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("debate", {}, "must be one of"),
        ("vote", {"rounds": 2}, "no use for rounds"),
        ("decentralized", {"centre": "a"}, "no use for centre"),
        ("decentralized", {"rounds": -1}, "rounds = -1"),
        ("decentralized", {"rounds": True}, "rounds = True"),
        ("self_consistency", {"samples": 0}, "samples = 0"),
        ("self_consistency", {"temperature": 0}, "temperature = 0"),
        ("vote", {"tie": "last"}, "tie = 'last'"),
        ("decentralized", {"planted": "loud", "stop_on_agreement": False}, "planted = 'loud'"),
        ("decentralized", {"planted": "always_biased"}, "stop_on_agreement"),
    ],
)
def test_what_makes_no_sense_is_refused(name, parameters, says):
    with pytest.raises(InvalidProtocol, match=says):
        protocol_named(name, **parameters)


def test_one_debate_for_each_agent_that_stands_out():
    assert [one.label for one in Centralized().in_turn(NAMES)] == [f"centralized:{name}" for name in NAMES]
    assert Centralized(centre="b").in_turn(NAMES) == [Centralized(centre="b")]
    assert [one.agent for one in Single().in_turn(NAMES)] == list(NAMES)
    assert Vote().in_turn(NAMES) == [Vote()]
    with pytest.raises(InvalidAgents, match="no agent 'z'"):
        Centralized(centre="z").in_turn(NAMES)
    for name in ("decentralized", "centralized", "shuffled_peers"):
        with pytest.raises(InvalidAgents, match="needs 2 agents"):
            protocol_named(name).in_turn(["a"])


@pytest.mark.parametrize("agents", [2, 3, 5])
@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_controls_of_one_agent_cost_as_much_as_a_conversation(agents, rounds):
    calls = {protocol_named(name, rounds=rounds).calls_per_item(agents) for name in ("decentralized", "centralized")}
    assert calls == {agents * (1 + rounds)}
    refine, consistent = equal_calls(*calls)
    assert isinstance(refine, SelfRefine) and isinstance(consistent, SelfConsistency)
    assert refine.calls_per_item(agents) == consistent.calls_per_item(agents) == agents * (1 + rounds)
