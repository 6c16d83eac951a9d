"""Rounds: bias after each, and what first answers became."""

from __future__ import annotations

import numpy as np
import pytest

from steps.debias.answer_sets import AnswerSets, read_answer_sets
from steps.debias.rounds import by_round, flips, kinds
from tenfold.debias.scores import score
from tests.steps.debias.planted import BIASED, FAIR, OTHER, TARGET, UNKNOWN, questions, write_conversed


def test_bias_falls_from_round_to_round_where_it_was_planted(tmp_path):
    write_conversed(tmp_path, {"none": {"single": BIASED, "decentralized": FAIR, "silent": BIASED}}, seeds=1)
    sets = read_answer_sets(tmp_path, "none")
    table = by_round(sets).set_index(["protocol", "round"])
    assert table.loc[("decentralized", 1), "bias"] < 12 < 20 < table.loc[("decentralized", 0), "bias"]
    assert table.loc[("silent", 1), "bias"] > 20
    answers = sets.rounds["silent"][:, 1]
    by_hand = np.mean([score(sets.items, answers[:, agent]).s_amb for agent in range(2)])
    assert table.loc[("silent", 1), "bias"] == pytest.approx(100 * by_hand)


def test_flips_are_counted_by_kind_and_condition():
    items = questions(templates=1, contexts=2).only([0, 1, 2])  # ambiguous, disambiguated, ambiguous
    first = np.array([[TARGET, UNKNOWN], [OTHER, -1], [TARGET, OTHER]])
    last = np.array([[UNKNOWN, UNKNOWN], [OTHER, OTHER], [UNKNOWN, TARGET]])
    alone = {"single:a0": first[:, None, :1], "vote": first[:, None]}
    rounds = alone | {
        "decentralized": np.stack([first, last], axis=1),
        "decentralized@tie=first": np.stack([last, last], axis=1),
    }
    table = flips(AnswerSets(items, {}, rounds, np.zeros(3, dtype=bool)))
    found = {tuple(row[1:4]): row[4] for row in table.itertuples(index=False) if row[4]}
    assert set(table.protocol) == {"decentralized"}
    assert found == {
        ("ambiguous", "target", "unknown"): 2,
        ("ambiguous", "unknown", "unknown"): 1,
        ("ambiguous", "other", "target"): 1,
        ("disambiguated", "other", "other"): 1,
        ("disambiguated", "none", "other"): 1,
    }
    assert kinds(items, np.array([TARGET, OTHER, -1])).tolist() == [0, 1, 3]


def test_what_is_zero_but_for_rounding_is_printed_as_zero():
    items = questions(templates=1, contexts=6)
    agents = [np.full(len(items), person) for person in (TARGET, OTHER)] * 3
    sets = AnswerSets(
        items, {}, {"decentralized": np.stack(agents, axis=-1)[:, None]}, np.zeros(len(items), dtype=bool)
    )
    assert by_round(sets).bias.tolist() == [0.0] and not np.signbit(by_round(sets).bias).any()
    tilted = [answers.copy() for answers in agents[:3]]
    tilted[1][:4], tilted[2][:8] = TARGET, OTHER
    odd = AnswerSets(items, {}, {"decentralized": np.stack(tilted, axis=-1)[:, None]}, np.zeros(len(items), dtype=bool))
    assert by_round(odd).bias.tolist() == [round(float(by_round(odd).bias[0]), 9)]


def test_an_agent_that_never_spoke_does_not_count():
    items = questions(templates=1, contexts=2)
    alone = np.stack([np.full(len(items), TARGET), np.full(len(items), -1)], axis=-1)[:, None]
    sets = AnswerSets(items, {}, {"self_refine:a0": alone}, np.zeros(len(items), dtype=bool))
    assert flips(sets).answers.sum() == len(items)
    assert by_round(sets).bias.tolist() == [100.0]
