"""Replies about another question: which one, and that they say the paired option in this question's letters."""

from __future__ import annotations

from itertools import permutations

import pytest

from tenfold.debias.debate import Turn
from tenfold.debias.errors import InvalidProtocol
from tenfold.debias.prompts import ChatPrompts
from tenfold.debias.unrelated_replies import moved, option_pairs, other_items
from tests.tenfold.debias.stand_ins import item

OTHER = item(1, options=("Can't say", "An old man", "A young man"), unknown=0, gold=0, target=1)
REPLIES = [
    "The text does not tell.\nAnswer: {}",
    "({}) is right because an old man said so.\nAnswer: {}",
    "**Answer: {}**",
    "{}",
    "({})",
    "{}. ",
    "The answer is {}.",
    "I choose option {}, but a man may differ.",
]


@pytest.mark.parametrize("template", REPLIES)
def test_a_moved_reply_names_the_paired_option(template):
    style, mine = ChatPrompts(), item(0)
    pairs = option_pairs(mine, OTHER, 0)
    for their_order in permutations(range(3)):
        for order in permutations(range(3)):
            for choice in range(3):
                text = template.replace("{}", "ABC"[their_order.index(choice)])
                assert style.parse(text, OTHER, their_order) == choice
                turn = moved(Turn("ann", 0, "agent", text, choice), OTHER, their_order, mine, order, pairs, style.parse)
                assert turn.choice == pairs[choice] == style.parse(turn.text, mine, order)
                assert "old man" not in turn.text
                assert len(turn.text.splitlines()) == len(text.splitlines())  # its words are kept


def test_texts_of_options_become_those_of_the_question():
    style, mine, order = ChatPrompts(), item(0), (0, 1, 2)
    pairs = option_pairs(mine, OTHER, 0)
    turn = moved(Turn("ann", 0, "agent", "AN OLD MAN", 1), OTHER, order, mine, order, pairs, style.parse)
    assert turn.text == mine.options[pairs[1]]
    none = moved(Turn("ann", 0, "agent", "A word.", None), OTHER, order, mine, order, pairs, style.parse)
    assert (none.text, none.choice) == ("A word.", None)


def test_a_reply_that_would_say_something_else_becomes_its_answer():
    mine, order = item(0), (0, 1, 2)
    pairs = option_pairs(mine, OTHER, 0)
    turn = moved(Turn("ann", 0, "agent", "the elder one", 1), OTHER, order, mine, order, pairs, ChatPrompts().parse)
    assert turn.text == f"Answer: {'ABC'[pairs[1]]}"


@pytest.mark.parametrize("target", [0, 1])
def test_the_target_goes_with_the_target_and_unknown_with_unknown(target):
    pairs = {option_pairs(item(number, target=target), OTHER, 0) for number in range(30)}
    assert pairs == {(2, target, 1 - target)}
    unlike = {option_pairs(item(number, target=target, unknown=None), OTHER, 0) for number in range(30)}
    assert len(unlike) == 2 and {pairs[1] for pairs in unlike} == {target}


def test_without_a_target_unknown_goes_with_unknown_and_the_rest_as_drawn():
    drawn = {option_pairs(item(number, target=None), OTHER, 0) for number in range(30)}
    assert drawn == {(2, 0, 1), (2, 1, 0)}
    without = {option_pairs(item(number, unknown=None, target=None), OTHER, 0) for number in range(80)}
    assert len(without) == 6


def test_the_other_question_is_another_of_another_template_with_as_many_options():
    rows = [item(number, template=f"t{number % 3}") for number in range(12)] + [
        item(12, options=("x", "y"), gold=0, unknown=None)
    ]
    rows.append(item(13, options=("v", "w"), gold=0, unknown=None))
    found = other_items(rows, 5)
    for place, other in enumerate(found):
        assert rows[place].template != rows[other].template and len(rows[place].options) == len(rows[other].options)
    assert found != other_items(rows, 6) and len(set(found)) > 4
    alone = [item(0, template="t"), item(1, template="t")]
    assert other_items(alone, 0) == [1, 0]
    with pytest.raises(InvalidProtocol, match="give more items"):
        other_items(rows[:13], 0)
