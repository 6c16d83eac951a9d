"""What agents are taught to make of replies, and the prompts in which they read them."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold.debias.debate import Turn
from tenfold.debias.deliberation import InvalidProposals, Target, deliberated, deliberation_examples
from tenfold.debias.errors import InvalidItem
from tenfold.debias.items import Item, Items
from tenfold.debias.micro import micro_items
from tenfold.debias.micro_prompts import MicroPrompts, options_in, parse_words
from tenfold.debias.words import words_of
from tests.tenfold.debias.micro_cases import made_up_items

ITEM = Item("k", "Who left?", ("The man", "Unknown", "The old man"), "Both met.", gold=1, unknown=1, target=0)
FOUR = Items(tuple(Item(str(n), "Who?", ("a", "b", "c"), gold=gold) for n, gold in enumerate((0, 0, 1, 2))))
OWN = np.array([1, 0, 2, 0])
OTHERS = np.array([[0, 2], [1, 1], [2, 0], [1, 1]])


@pytest.mark.parametrize(
    ("target", "expected"),
    [("proposal", [0, 0, 2, 0]), ("majority", [1, 1, 2, 1]), ("gold", [0, 0, 1, 2])],
)
def test_the_targets_by_hand(target: Target, expected: list[int]) -> None:
    # own 1 0 2 0, others 02 11 20 11, gold 0 0 1 2
    assert deliberated(FOUR, OWN, OTHERS, target).tolist() == expected


def test_asked_again_alone_an_agent_is_taught_to_stay() -> None:
    for target in ("proposal", "majority"):
        assert deliberated(FOUR, OWN, OTHERS[:, :0], target).tolist() == OWN.tolist()


def test_replies_that_name_nothing_or_do_not_fit_are_errors() -> None:
    with pytest.raises(InvalidProposals, match="names no option"):
        deliberated(FOUR, np.array([1, -1, 2, 0]), OTHERS, "gold")
    with pytest.raises(InvalidProposals, match="4 questions"):
        deliberated(FOUR, OWN[:3], OTHERS, "gold")


def turn(text: str, choice: int | None = None) -> Turn:
    return Turn("somebody", 0, "agent", text, choice)


def test_round_0_is_the_question_with_the_options_before_it() -> None:
    prompts, order = MicroPrompts(), (2, 0, 1)
    (message,) = prompts.alone(ITEM, order)
    assert message.text == "[options] The old man | The man | Unknown\n[context] Both met.\n[question] Who left?"
    assert options_in([message]) == ["The old man", "The man", "Unknown"]
    assert prompts.again(ITEM, order, turn("Unknown", 1))[0].text == f"{message.text}\n[own] Unknown"


def test_peers_stand_after_the_question_without_names_and_a_follower_reads_the_decision_alone() -> None:
    prompts, order = MicroPrompts(), (0, 1, 2)
    peers = [turn("The man", 0), turn("something\nelse")]
    asked = prompts.alone(ITEM, order)[0].text
    with_peers = prompts.with_peers(ITEM, order, turn("Unknown", 1), peers)[0].text
    assert with_peers == f"{asked}\n[own] Unknown\n[peer] The man\n[peer] something else"
    assert prompts.central(ITEM, order, turn("Unknown", 1), peers)[0].text == f"{with_peers}\n[decide]"
    assert prompts.follower(ITEM, order, turn("Unknown", 1), turn("The man", 0))[0].text == f"{asked}\n[centre] The man"
    assert "somebody" not in with_peers


@pytest.mark.parametrize(
    ("reply", "choice"),
    [("the man", 0), ("The old man.", 2), ("unknown", 1), ("man", None), ("the man unknown", None), ("", None)],
)
def test_a_reply_is_exactly_the_words_of_an_option(reply: str, choice: int | None) -> None:
    assert MicroPrompts().parse(reply, ITEM, (0, 1, 2)) == choice


def test_options_with_the_same_words_cannot_be_told_apart() -> None:
    with pytest.raises(InvalidItem, match="same words"):
        parse_words("a", Item("k", "Who?", ("A man", "a man!", "b")))


def test_examples_teach_all_forms_from_generated_answers() -> None:
    items = micro_items(made_up_items(), contexts=1, seed=0)
    generator = np.random.default_rng(0)
    answers = generator.integers(0, 3, (len(items), 3))
    examples = deliberation_examples(items, answers, 0, "proposal", generator, 400)
    forms = [
        tuple(word for word in words_of(example.asked) if word in ("[own]", "[peer]", "[centre]", "[decide]"))
        for example in examples
    ]
    assert [forms.count(form) for form in sorted(set(forms))] == [100] * 4
    assert set(forms) == {
        ("[own]", "[peer]", "[peer]"),
        ("[own]", "[peer]", "[peer]", "[decide]"),
        ("[centre]",),
        ("[own]",),
    }
    asked_again = [example for example, form in zip(examples, forms, strict=True) if form == ("[own]",)]
    assert all(example.asked.endswith(f"[own] {example.answer}") for example in asked_again)
    majority = deliberation_examples(items, answers, 0, "majority", generator, 400)
    followers = [example for example in majority if "[centre]" in example.asked]
    assert all(example.asked.endswith(f"[centre] {example.answer}") for example in followers)
