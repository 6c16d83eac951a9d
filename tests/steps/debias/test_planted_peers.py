"""Agents that follow planted peers, ignore them or avoid what they say: only the first hold a conversation."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from flows.report.verdicts import Verdict
from steps.debias.answer_sets import AnswerSets
from steps.debias.measurements import live_measurements
from steps.debias.planted_peers import planted_measurements, planted_table
from tenfold.metrics.measurement import Measurement
from tests.steps.debias.planted import FAIR, OTHER, TARGET, UNKNOWN, Reader, answered, questions
from tests.steps.debias.test_rivals import live, verdict

TWO = {"models": [{"model": "a"}, {"model": "b"}]}
SAID = {"always_biased": TARGET, "always_unknown": UNKNOWN}


@cache
def capable() -> dict[str, Measurement]:
    """Return the measurements of models whose conversation lowers bias, and which saw no planted peers."""
    return live_measurements(live(FAIR), TWO)


def beside_planted(kind: str, agents: int = 2) -> AnswerSets:
    """Return answers beside both kinds of peers, of agents that follow, ignore or avoid them, or drift to unknown."""
    items = questions()
    generator, rounds, answers = np.random.default_rng(3), {}, {}
    for number, (label, told) in enumerate(SAID.items()):
        first = np.stack([answered(items, Reader(0.3, 0.2, 0.7), a) for a in range(agents)], axis=1).astype(np.int64)
        moved = generator.random(first.shape) < 0.6
        last = np.where(moved, told, first) if kind == "follows" else first
        if kind == "drifts":
            last = np.where(moved, UNKNOWN, first)
        if kind == "avoids":
            last = np.where(first == told, OTHER, first)
        rounds[f"decentralized:{label}"] = np.stack([first, last], axis=1)
        answers[f"decentralized:{label}"] = last[:, number % agents]
    return AnswerSets(items, answers, rounds, np.zeros(len(items), dtype=bool))


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [("follows", 0.55, 0.65), ("ignores", 0, 0), ("drifts", -0.05, 0.05), ("avoids", -0.6, -0.1)],
)
def test_what_peers_say_is_told_from_what_changes_anyway(kind, low, high):
    found = planted_measurements(beside_planted(kind))["live_planted_followed"]
    assert low <= found.number <= high and found.interval is not None and found.n == 30 and "templates" in found.detail


def test_drifting_to_unknown_passes_for_following_by_the_gain_alone():
    found = planted_measurements(beside_planted("drifts"))
    assert found["live_planted_unknown_gain"].bounds[0] > 0.2 and found["live_planted_biased_gain"].bounds[1] < 0
    assert found["live_planted_followed"].bounds[1] < 0.1


@pytest.mark.parametrize("claim", ["C1", "C2", "C3", "C4"])
@pytest.mark.parametrize("kind", ["follows", "ignores", "drifts", "avoids"])
def test_no_verdict_falls_on_agents_that_do_not_read_their_peers(claim, kind):
    found = capable() | planted_measurements(beside_planted(kind))
    forced = ("matched", "heard", "accuracy_decentralized_minus_single", "minus_vote", "minus_silent")
    expected = Verdict.REPRODUCED if kind == "follows" else Verdict.INCONCLUSIVE
    assert verdict(claim, found, forced) is expected
    if kind == "follows":
        assert verdict(claim, capable(), forced) is Verdict.INCONCLUSIVE  # nobody was planted


def test_contradiction_needs_agents_that_read_their_peers_too():
    worse = live(Reader(0.9, 0.02))
    for kind, expected in (("follows", Verdict.CONTRADICTED), ("avoids", Verdict.INCONCLUSIVE)):
        assert verdict("C1", live_measurements(worse, TWO, beside_planted(kind))) is expected


def test_the_table_counts_answers_by_peers_and_condition():
    sets = beside_planted("follows")
    table, caption = planted_table(sets)
    assert table.answers.sum() == 2 * 2 * len(sets.items) and "before it hears them" in caption
    assert (table.named_after > table.named_before).all()
    biased = table[(table.peers == "name the target") & (table.condition == "ambiguous")].iloc[0]
    own = sets.rounds["decentralized:always_biased"][sets.items.ambiguous]
    assert biased.named_before == pytest.approx((own[:, 0] == TARGET).mean())
    assert planted_table(None)[0].empty and planted_table(None)[0].columns[0] == "peers"


def test_one_kind_of_peers_or_none_tells_nothing():
    sets = beside_planted("follows")
    one = replace(sets, rounds={name: rounds for name, rounds in sets.rounds.items() if name.endswith("biased")})
    found = planted_measurements(one)
    assert "both kinds" in (found["live_planted_followed"].unavailable or "")
    assert found["live_planted_biased_gain"].number > 0.2 and found["live_planted_unknown_gain"].unavailable
    assert "no pretrained model" in (live_measurements(None)["live_planted_followed"].unavailable or "")
    assert all("no question" in (one.unavailable or "") for one in planted_measurements(None).values())


def test_answers_without_a_target_or_an_unknown_option_count_for_nothing():
    sets = beside_planted("ignores")
    rows = tuple(replace(item, target=None) if n % 2 else item for n, item in enumerate(sets.items.rows))
    rounds = {name: np.where(np.arange(len(rows))[:, None, None] % 2, -1, of) for name, of in sets.rounds.items()}
    found = planted_measurements(replace(sets, items=type(sets.items)(rows), rounds=rounds))
    assert found["live_planted_followed"].number == 0 and found["live_planted_biased_gain"].number == 0
