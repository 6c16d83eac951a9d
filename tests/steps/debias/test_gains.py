"""Gains of conversations: their sign where they are perfect, overshoot or do nothing, by seed, and by the rule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from steps.debias.answer_sets import AnswerSets, read_answer_sets
from steps.debias.estimates import BEST_SINGLE, CONTROL, MAGNITUDE, difference, score_of
from steps.debias.measurements import micro_measurements
from tenfold.debias.deliberation import deliberated
from tests.steps.debias.planted import (
    BIASED,
    FAIR,
    OTHER,
    TARGET,
    UNKNOWN,
    Reader,
    answered,
    questions,
    write_conversed,
)

BIASES = ("single", "control", "vote", "best_single")


def conversed(conversation: np.ndarray | None = None, hard: bool = False) -> AnswerSets:
    """Return equally biased answers of all protocols, in ``conversation`` those given in their stead."""
    items = questions()
    same = answered(items, BIASED, 1).astype(np.int64)
    talked = same if conversation is None else conversation
    labels = ("single:a0", "single:a1", "vote", "silent", "shuffled_peers")
    answers = dict.fromkeys(labels, same) | {"decentralized": talked, "centralized:a0": talked}
    return AnswerSets(items, answers, {}, items.ambiguous & hard)


def found(sets: AnswerSets, target: str = "proposal"):
    measurements = micro_measurements({target: sets})
    return {name.removeprefix(f"micro_{target}_"): one for name, one in measurements.items()}


def overshooting() -> np.ndarray:
    """Return the answers of a reader against the stereotype, by more than others follow it."""
    return answered(questions(), Reader(0.05, 0.8), 2).astype(np.int64)


@pytest.mark.parametrize("talk", ["decentralized", "centralized"])
def test_perfect_overshooting_and_idle_conversations_have_the_right_sign(talk):
    items = questions()
    perfect, over, idle = (found(conversed(answers, hard=True)) for answers in (items.gold, overshooting(), None))
    for name in (*BIASES, *(f"hard_{name}" for name in BIASES)):
        measurement = f"{name}_minus_{talk}"
        assert perfect[measurement].bounds[0] > 0.1 and over[measurement].bounds[1] < 0
        assert idle[measurement].bounds == (0, 0) and idle[measurement].number == 0
    assert perfect[f"{talk}_bias"].bounds == (0, 0) and over[f"{talk}_bias"].bounds[1] < -10
    assert perfect[f"ambiguous_accuracy_{talk}_minus_single"].bounds[0] > 0.3
    assert over[f"ambiguous_accuracy_{talk}_minus_single"].bounds[1] < -0.1
    assert idle[f"ambiguous_accuracy_{talk}_minus_single"].bounds == (0, 0)


def test_whoever_names_nobody_and_is_wrong_has_no_score():
    items = questions()
    silent = np.where(items.ambiguous, -1, items.gold)
    assert "names a person" in (found(conversed(silent))["single_minus_decentralized"].unavailable or "")


def test_preference_is_of_the_persons_that_are_named():
    items = questions()
    talked = np.where(items.ambiguous & (np.arange(len(items)) < 24), TARGET, items.gold)
    measurements = found(conversed(talked))
    assert measurements["preference_decentralized"].number == 100
    assert measurements["preference_single"].number == pytest.approx(100 * (2 * 5 / 6 - 1), abs=15)
    assert found(conversed(overshooting()))["preference_decentralized"].bounds[1] < -50


def test_the_best_single_agent_is_the_one_nearest_to_no_bias():
    items = questions()
    sets = conversed(answered(items, FAIR, 5).astype(np.int64))
    against, fair = overshooting(), answered(items, FAIR, 6).astype(np.int64)
    sets = replace(sets, answers=sets.answers | {"single:a1": against, "silent": against, "shuffled_peers": fair})
    best, control = score_of(sets, BEST_SINGLE, "s_amb"), score_of(sets, CONTROL, "s_amb")
    assert best is not None and best.value > 20  # a0, though a1 has the lower score
    assert control is not None and abs(control.value) < 10  # not the silent rounds, which have the lowest
    gain = difference(sets, BEST_SINGLE, "decentralized", MAGNITUDE)
    alone = difference(sets, "single:a0", "decentralized", MAGNITUDE)
    assert gain is not None and alone is not None and gain.value == pytest.approx(alone.value)
    assert gain.value < difference(sets, "single", "decentralized", MAGNITUDE).value  # type: ignore[union-attr]


def test_the_least_gain_is_that_of_the_worst_seed(tmp_path):
    write_conversed(tmp_path, {"proposal": {"single": BIASED, "decentralized": FAIR}})
    sets = read_answer_sets(tmp_path, "proposal")
    least = found(sets)["least_gain_of_a_seed"]
    gains = [difference(one, "single", "decentralized", MAGNITUDE).value for one in sets.by_seed()]  # type: ignore[union-attr]
    assert least.number == pytest.approx(min(gains)) and least.number > 0.1
    assert least.interval is None and least.seeds == 3 and len(gains) == 3 and len(set(gains)) == 3
    assert [len(one.items) for one in sets.by_seed()] == [29 * 16] * 3
    assert sets.seed_numbers is not None
    spoilt = np.where(sets.seed_numbers == 1, sets.answers["single:a0"], sets.answers["decentralized"])
    one_fails = replace(sets, answers={"single:a0": sets.answers["single:a0"], "decentralized": spoilt})
    assert found(one_fails)["least_gain_of_a_seed"].number == 0
    mean = found(one_fails)["single_minus_decentralized"]
    assert 10 < mean.number < 35 and mean.bounds[0] < 0  # which the interval over three seeds does not hide


@pytest.mark.parametrize("target", ["proposal", "majority"])
def test_changes_are_counted_where_the_rule_asks_for_one(target):
    items = questions()
    first = np.stack([answered(items, BIASED, seed) for seed in range(3)], axis=1).astype(np.int64)
    asked = np.stack([deliberated(items, first[:, a], np.delete(first, a, 1), target) for a in range(3)], axis=1)
    half = np.where((np.arange(len(items)) // 2 % 2 == 0)[:, None], asked, first)

    def made(second: np.ndarray):
        rounds = {"decentralized": np.stack([first, second], axis=1)}
        return found(replace(conversed(), rounds=rounds), target)["changes_made"]

    followed, ignored, partly = made(asked), made(first), made(half)
    assert followed.number == 1 and ignored.number == 0
    assert followed.n == 30 and 0.4 < partly.bounds[0] < partly.number < partly.bounds[1] < 0.6
    others = np.where(asked != first, np.where(asked == OTHER, UNKNOWN, OTHER), first)  # changes that nobody asked for
    assert made(others).number == 0


def test_what_cannot_be_asked_for_is_named():
    sets = conversed()
    assert "never taught a rule" in (found(sets, "none")["changes_made"].unavailable or "")
    assert "rule majority asks" in (found(sets, "majority")["changes_made"].unavailable or "")
    unanswered = {"decentralized": np.full((len(sets.items), 2, 3), -1)}
    assert found(replace(sets, rounds=unanswered))["changes_made"].unavailable
    assert found(conversed(hard=True))["hard_share"].number == 1 and found(sets)["hard_share"].unavailable
