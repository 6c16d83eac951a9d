"""Counterfeit agents: each would pass for a conversation that debiases, but for one test that its claim has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flows.report.claims import Test, load_claims
from flows.report.verdicts import Verdict, allowed, judge
from steps.debias.answer_sets import AnswerSets, alike_peers, read_answer_sets
from steps.debias.measurements import live_measurements, micro_measurements
from tenfold.debias.conversation import Conversation
from tenfold.debias.items import Items
from tenfold.debias.protocols import ShuffledPeers
from tenfold.debias.unrelated_replies import other_items
from tenfold.metrics.measurement import Measurement
from tests.steps.debias.planted import (
    BIASED,
    FAIR,
    TARGET,
    UNKNOWN,
    Reader,
    answered,
    questions,
    write_conversed,
    write_items,
)
from tests.tenfold.debias.stand_ins import FRUIT, agent, item, letter_of

CLAIMS = {entry.id: entry for entry in load_claims(Path("steps/debias/claims.yaml")).entries}
SEARCH, GOLD = ("rates_beyond_chosen",), ("gold_again_minus", "gold_again_minus")
READ = ("planted_followed",)  # tested in test_planted_peers
SURE = Reader(0.5, 0.1, 1.0)
PROTOCOLS = ("single", "vote", "decentralized", "centralized", "self_refine", "self_consistency", "silent")


def satisfied(test: Test) -> Measurement:
    """Return a measurement with which a test holds."""
    low, high = allowed(test)
    value = low + 1 if np.isfinite(low) else high - 1
    return Measurement(value=value, interval=(value, value) if test.over else None, seeds=3)


def verdict(name: str, found: Mapping[str, Measurement], forced: tuple[str, ...] = SEARCH) -> Verdict:
    """Return the verdict on a claim, the tests whose measurement contains one of ``forced`` taken to hold."""
    entry = CLAIMS[name]
    given = {
        str(test.measurement): satisfied(test)
        for test in entry.tests or ()
        if any(part in str(test.measurement) for part in forced)
    }
    return judge(entry, {**found, **given}).verdict


def majority(answers: np.ndarray) -> np.ndarray:
    """Return what most of three agents (M, 3) say, the first one's answer where all differ."""
    return np.where(answers[:, 1] == answers[:, 2], answers[:, 1], answers[:, 0])


def write_heard(folder: Path, heard: str) -> AnswerSets:
    """Write three seeds of three agents, by what they make of others' words: reflex, gold or unknown; read them again.

    A reflex takes over "unknown" from whoever says it; ``gold`` and ``unknown`` hear only what is said of a question:
    the former is right if somebody is, the latter says unknown.
    """
    items, arrays = questions(), {}
    write_items(items, folder / "items.jsonl")
    for seed in range(3):
        arrays[f"tested/{seed}"] = np.arange(len(items))
        first = np.stack([answered(items, SURE, 10 * seed + a) for a in range(3)], axis=1)

        def after(peers: np.ndarray, own: np.ndarray, talk: bool) -> np.ndarray:
            if heard == "reflex":
                others = [np.delete(peers, number, axis=1) for number in range(3)]
                told = np.stack([(other == UNKNOWN).any(axis=1) for other in others], axis=1)
                return np.where(told, UNKNOWN, own)
            proposed = (peers == items.gold[:, None]).any(axis=1, keepdims=True)
            right = np.where(proposed, items.gold[:, None], own) if heard == "gold" else np.full_like(own, UNKNOWN)
            return right if talk else own

        second = after(first, first, True)
        apart = after(first[other_items(items.rows, seed)], first, False)
        own = {"vote": majority(first), "silent": majority(first), "shuffled_peers": majority(apart)}
        own |= {f"{name}:a{a}": first[:, a] for name in ("single", "self_refine", "self_consistency") for a in range(3)}
        own |= {f"centralized:a{a}": second[:, a] for a in range(3)} | {"decentralized": majority(second)}
        own["decentralized/rounds"] = np.stack([first, second], axis=1)
        arrays |= {f"proposal/{seed}/{name}": array.astype(np.int8) for name, array in own.items()}
        arrays[f"hard/proposal/{seed}"] = items.ambiguous & ((first != items.gold[:, None]).sum(axis=1) > 0)
    np.savez(folder / "answers.npz", allow_pickle=False, **arrays)
    return read_answer_sets(folder, "proposal")


def of_claims(found: Mapping[str, Measurement], name: str) -> Measurement:
    return found[f"micro_proposal_{name}"]


@pytest.mark.parametrize(("claim", "part"), [("C1-proposal", ""), ("C5-proposal", "hard_")])
def test_a_reflex_to_say_unknown_passes_for_conversation_until_peers_match(tmp_path, claim, part):
    found = micro_measurements({"proposal": write_heard(tmp_path, "reflex")})
    assert of_claims(found, f"{part}control_minus_decentralized").bounds[0] > 0.1  # the control as it was drawn
    assert of_claims(found, f"{part}matched_control_minus_decentralized").bounds[0] < 0.1
    free = (*SEARCH, *GOLD, "changes", "accuracy_decentralized")
    assert verdict(claim, found, free) is Verdict.INCONCLUSIVE
    assert verdict(claim, found, (*free, "matched_control")) is Verdict.REPRODUCED


@pytest.mark.parametrize("claim", ["C1-proposal", "C5-proposal"])
def test_a_conversation_that_is_right_is_reproduced_unless_teaching_alone_does_as_much(tmp_path, claim):
    proposal = write_heard(tmp_path, "gold")
    gold = replace(proposal, answers=proposal.answers | {"silent": proposal.items.gold})
    for sets, expected in ((proposal, Verdict.REPRODUCED), (gold, Verdict.INCONCLUSIVE)):
        found = micro_measurements({"proposal": proposal, "gold": sets})
        assert verdict(claim, found) is expected
    alone = micro_measurements({"proposal": proposal})
    assert "no agents of the target gold" in (of_claims(alone, "gold_again_minus_decentralized").unavailable or "")
    assert verdict(claim, alone) is Verdict.INCONCLUSIVE and verdict(claim, alone, (*SEARCH, *GOLD)) is not expected


def test_whoever_always_says_unknown_changes_what_nobody_asked_for_and_loses_accuracy(tmp_path):
    found = micro_measurements({"proposal": write_heard(tmp_path, "unknown")})
    assert of_claims(found, "changes_made").bounds[0] > 0.5 and of_claims(found, "unasked_changes").bounds[0] > 0.1
    assert of_claims(found, "accuracy_decentralized_minus_single").number == -1
    free = (*SEARCH, *GOLD, "matched")
    assert verdict("C1-proposal", found, free) is Verdict.INCONCLUSIVE
    for one in ("unasked_changes", "accuracy_decentralized"):
        assert verdict("C1-proposal", found, (*free, one)) is Verdict.INCONCLUSIVE
    assert verdict("C1-proposal", found, (*free, "unasked_changes", "accuracy_decentralized")) is Verdict.REPRODUCED
    kept = micro_measurements({"proposal": write_heard(tmp_path, "gold")})
    assert of_claims(kept, "unasked_changes").bounds == (0, 0)


def test_alike_peers_are_those_whom_a_conversation_lets_speak():
    rows = [item(n, condition=("ambig", "disambig")[n % 3 // 2], gold=2 if n % 3 < 2 else 0) for n in range(12)]
    clear = {row.question: row.condition == "disambig" for row in rows}
    heard: dict[str, bool] = {}

    def rule(option: str):
        def say(conversation) -> str:
            question = re.findall(r"Who was late on day \d+\?", conversation[0].text)[0]
            if len(conversation) > 1 or "sunny" in conversation[-1].text or "cloudy" in conversation[-1].text:
                heard[question] = "sunny" in conversation[-1].text
            weather = "sunny" if clear[question] else "cloudy"
            return f"It is {weather}.\nAnswer: {letter_of(conversation, option)}"

        return say

    agents = [agent(name, rule(option))[0] for name, option in zip(("ann", "ben", "eve"), FRUIT, strict=True)]
    Conversation(agents, ShuffledPeers(rounds=1), 5).run(rows)
    alike = alike_peers(Items(tuple(rows)), 5)
    assert alike is not None and 0 < alike.sum() < 12
    assert [clear[row.question] == heard[row.question] for row in rows] == alike.tolist()
    assert alike_peers(Items(tuple(rows[:1])), 5) is None


def two_rounds(tmp_path: Path, decentralized: Reader, centralized: Reader) -> dict[str, Measurement]:
    """Return measurements of agents whose conversations of one round say nothing, and of two rounds what is given."""
    readers = dict.fromkeys(PROTOCOLS, BIASED) | {"shuffled_peers": BIASED}
    write_conversed(tmp_path, {"proposal": readers})
    sets = read_answer_sets(tmp_path, "proposal")
    more = {"decentralized@rounds=2": answered(sets.items, decentralized, 1)}
    more |= {f"centralized:a{a}@rounds=2": answered(sets.items, centralized, 2 + a) for a in range(2)}
    return micro_measurements({"proposal": replace(sets, answers=sets.answers | more)})


def test_centralized_conversation_is_judged_where_followers_are_heard(tmp_path):
    free = (*SEARCH, *GOLD, "changes", "heard_vote", "heard_best", "heard_accuracy")
    better = two_rounds(tmp_path / "better", FAIR, Reader(0.3, 0.1))
    worse = two_rounds(tmp_path / "worse", Reader(0.3, 0.1), Reader(0.7, 0.05))
    assert verdict("C3-proposal", better, free) is Verdict.REPRODUCED
    assert of_claims(better, "centralized_minus_decentralized").number == pytest.approx(0, abs=6)
    assert verdict("C2-proposal", worse, free) is Verdict.CONTRADICTED
    assert "in two rounds" in (of_claims(better, "heard_control_minus_centralized").unavailable or "")
    assert verdict("C2-proposal", better, free) is Verdict.INCONCLUSIVE  # no control has as many calls
    assert verdict("C2-proposal", better, (*free, "heard_control", "heard_matched")) is Verdict.REPRODUCED


def test_one_round_contradicts_nothing_of_the_centralized_conversation(tmp_path):
    readers = dict.fromkeys(PROTOCOLS, FAIR) | {"centralized": Reader(0.9, 0.02), "decentralized": BIASED}
    write_conversed(tmp_path, {"proposal": readers | {"shuffled_peers": FAIR}})
    found = micro_measurements({"proposal": read_answer_sets(tmp_path, "proposal")})
    assert of_claims(found, "single_minus_centralized").bounds[1] < 0
    for claim in ("C2-proposal", "C3-proposal"):
        assert verdict(claim, found, (*SEARCH, "changes", "single_bias", "single_minus_dec")) is Verdict.NOT_TESTABLE
    assert "nobody hears" in (of_claims(found, "heard_single_minus_centralized").unavailable or "")


def test_hard_questions_need_a_gain_over_the_best_single_agent_and_over_all_questions(tmp_path):
    sets = write_heard(tmp_path, "gold")
    fair = np.where(sets.hard, sets.items.gold, sets.answers["single:a2"])
    lucky = replace(sets, answers=sets.answers | {"single:a2": fair})
    found = micro_measurements({"proposal": lucky, "gold": sets})
    assert of_claims(found, "hard_best_single_minus_decentralized").bounds[0] < 0.1
    assert verdict("C5-proposal", found) is Verdict.INCONCLUSIVE
    few = sets.items.ambiguous & (np.arange(len(sets.items)) % 8 == 0)
    spoilt = np.where(few, sets.items.gold, np.where(sets.items.ambiguous, TARGET, sets.items.gold))
    worse = replace(sets, answers=sets.answers | {"decentralized": spoilt}, hard=few)
    found = micro_measurements({"proposal": worse})
    assert of_claims(found, "hard_single_minus_decentralized").bounds[0] > 0.1
    assert of_claims(found, "single_minus_decentralized").bounds[1] < 0.1
    assert verdict("C5-proposal", found, (*SEARCH, *GOLD)) is Verdict.INCONCLUSIVE


def test_what_is_withdrawn_stays_written_and_is_not_judged():
    for name in ("C5-majority", "C1-none", "C2-none"):
        assert (
            CLAIMS[name].withdrawn
            and CLAIMS[name].tests
            and verdict(name, {str(test.measurement): satisfied(test) for test in CLAIMS[name].tests or ()})
            is Verdict.WITHDRAWN
        )


def test_accuracy_is_compared_at_equal_cost_and_in_both_conversations(tmp_path):
    sets = write_heard(tmp_path, "gold")
    same = replace(
        sets, answers=dict.fromkeys(sets.answers, answered(sets.items, Reader(0.5, 0.1, 0.8), 1).astype(int))
    )
    free = (*SEARCH, "single_minus", "heard")
    for better, outcome in {"": "reproduced", "vote": "inconclusive", "silent": "inconclusive"}.items():
        raised = {better: sets.items.gold} if better else {}
        found = micro_measurements({"proposal": replace(same, answers=same.answers | raised)})
        assert verdict("C4-proposal", found, free).value == outcome
    found, dear = micro_measurements({"proposal": same}), Measurement(value=-0.2, interval=(-0.21, -0.19), seeds=3)
    once = found | {"micro_proposal_accuracy_centralized_minus_single": dear}
    assert verdict("C4-proposal", once, free) is Verdict.INCONCLUSIVE
    heard = found | {"micro_proposal_heard_accuracy_centralized_minus_single": dear}
    assert verdict("C4-proposal", heard, free[:-1]) is Verdict.CONTRADICTED


def live(talk: Reader, agents: int = 3, rounds: int = 2, single: Reader = BIASED) -> AnswerSets:
    """Return the answers of agents that can answer alone, and of their conversation."""
    items = questions()
    alone = {f"single:m{a}": answered(items, single, a).astype(np.int64) for a in range(agents)}
    answers = alone | {"vote": answered(items, single, 8), "silent": answered(items, single, 9)}
    answers |= {"decentralized": answered(items, talk, 7), "shuffled_peers": answered(items, single, 10)}
    said = np.stack([answered(items, talk, 20 + n) for n in range(agents * (rounds + 1))], axis=1)
    talked = {"decentralized": said.reshape(len(items), rounds + 1, agents)}
    return AnswerSets(items, answers, talked, np.zeros(len(items), dtype=bool))


def test_pretrained_models_contradict_only_as_several_in_several_rounds():
    worse, two = Reader(0.9, 0.02), {"models": [{"model": "a"}, {"model": "b"}, {"model": "a"}]}
    assert verdict("C1", live_measurements(live(worse), two), READ) is Verdict.CONTRADICTED
    assert verdict("C1", live_measurements(live(worse), {"name": "one"}), READ) is Verdict.INCONCLUSIVE
    assert verdict("C1", live_measurements(live(worse, agents=2), two), READ) is Verdict.INCONCLUSIVE
    assert verdict("C1", live_measurements(live(worse, rounds=1), two), READ) is Verdict.INCONCLUSIVE
    good = live_measurements(live(FAIR), two)
    assert "was not recorded" in (good["live_matched_control_minus_decentralized"].unavailable or "")
    assert (
        verdict("C1", good, READ) is Verdict.INCONCLUSIVE
        and verdict("C1", good, ("matched", *READ)) is Verdict.REPRODUCED
    )
    best = live(FAIR)
    best = replace(best, answers=best.answers | {"single:m2": best.answers["decentralized"]})
    assert verdict("C1", live_measurements(best, two), ("matched", *READ)) is Verdict.INCONCLUSIVE
    assert verdict("C2", good) is Verdict.NOT_TESTABLE and verdict("C3", good) is Verdict.NOT_TESTABLE


def test_signs_that_cancel_are_no_score_about_zero():
    unable = Reader(0.3, 0.3, 0.3)
    sets = live(unable, single=unable)
    over = {"single:m0": Reader(0.6, 0.1, 0.3), "single:m1": Reader(0.1, 0.6, 0.3), "rotated": Reader(0.6, 0.1, 0.3)}
    biased = replace(
        sets, answers=sets.answers | {name: answered(sets.items, of, 3).astype(int) for name, of in over.items()}
    )
    found = live_measurements(biased)
    assert found["live_single_bias"].bounds[0] > -10 and found["live_single_bias"].bounds[1] < 10
    assert found["live_single_magnitude"].bounds[0] > 15 and verdict("F3", found) is Verdict.FAILS
    level = live_measurements(replace(biased, answers=biased.answers | {"rotated": np.full(len(sets.items), UNKNOWN)}))
    assert verdict("F3", level) is Verdict.HOLDS
    assert verdict("F3", live_measurements(sets)) is Verdict.INCONCLUSIVE
