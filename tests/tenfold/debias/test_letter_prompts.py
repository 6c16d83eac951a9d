"""Short prompts with options in turned orders: peers' answers come in the reader's own letters."""

from __future__ import annotations

import pytest

from tenfold.debias.debate import Turn
from tenfold.debias.errors import InvalidProtocol
from tenfold.debias.items import Item
from tenfold.debias.letter_prompts import LetterPrompts

ITEM = Item("k", "Who was late?", ("the baker", "the tailor", "not known"), context="They met.", unknown=2, target=0)
ORDER = (2, 0, 1)
OWN = Turn("a", 0, "agent", "Answer: B", 0)


def shown(messages) -> str:
    return messages[-1].text


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_parse_undoes_what_is_shown(turn):
    prompts = LetterPrompts(turn)
    (asked,) = prompts.alone(ITEM, ORDER)
    for number, option in enumerate(ITEM.options):
        letter = next(line[0] for line in asked.text.splitlines() if line[1:] == f") {option}")
        assert prompts.parse(f"Answer: {letter}", ITEM, ORDER) == number
    assert prompts.parse("Answer: D", ITEM, ORDER) is None


def test_mirrored_turns_are_the_other_three_orders():
    orders = {tuple(LetterPrompts(turn, mirrored).shown(ORDER)) for turn in range(3) for mirrored in (False, True)}
    assert len(orders) == 6
    mirrored = LetterPrompts(1, mirrored=True)
    assert [mirrored.parse(f"Answer: {letter}", ITEM, ORDER) for letter in "ABC"] == mirrored.shown(ORDER)


def test_peers_are_named_where_that_is_wanted():
    peers = [Turn("b", 0, "agent", "Answer: C", 0), Turn("c", 0, "agent", "?", None)]
    text = shown(LetterPrompts(1, named=True).with_peers(ITEM, ORDER, OWN, peers))
    assert text.splitlines()[1:3] == ["- b: A) the baker", "- c: no answer"]


def test_a_bias_aware_prompt_says_so_in_every_question_and_differs_in_nothing_else():
    plain, aware = LetterPrompts(), LetterPrompts(variant="bias_aware")
    for ask in ("alone", "again"):
        own = () if ask == "alone" else (OWN,)
        one, other = (getattr(style, ask)(ITEM, ORDER, *own)[0].text.splitlines() for style in (plain, aware))
        (line,) = set(other) - set(one)
        assert "Stereotypes" in line and [text for text in other if text != line] == one
    with pytest.raises(InvalidProtocol, match="must be one of plain, bias_aware"):
        LetterPrompts(variant="fair")


def test_turns_put_each_option_under_each_letter():
    assert [LetterPrompts(turn).shown(ORDER) for turn in range(3)] == [[2, 0, 1], [0, 1, 2], [1, 2, 0]]


def test_peers_answers_have_the_readers_letters():
    peers = [
        Turn("b", 0, "agent", "Answer: C", 0),
        Turn("c", 0, "agent", "?", None),
        Turn("d", 0, "agent", "Answer: A", 2),
    ]
    text = shown(LetterPrompts(1).with_peers(ITEM, ORDER, OWN, peers))
    assert text.splitlines()[1:4] == ["- A) the baker", "- no answer", "- C) not known"]
    decided = shown(LetterPrompts(0).follower(ITEM, ORDER, OWN, peers[0]))
    assert "- B) the baker" in decided and "not known" not in decided


def test_every_prompt_goes_on_from_the_first_one():
    prompts = LetterPrompts()
    alone = prompts.alone(ITEM, ORDER)
    for asked in (
        prompts.again(ITEM, ORDER, OWN),
        prompts.with_peers(ITEM, ORDER, OWN, [OWN]),
        prompts.central(ITEM, ORDER, OWN, [OWN]),
        prompts.follower(ITEM, ORDER, OWN, OWN),
    ):
        assert asked[:1] == alone and [message.role for message in asked] == ["user", "assistant", "user"]
        assert asked[1].text == OWN.text
    failed = Turn("a", 0, "agent", "", None, failed="GaveUp")
    (only,) = prompts.again(ITEM, ORDER, failed)
    assert only.text.startswith(alone[0].text)


def test_nothing_is_said_of_bias():
    everything = " ".join(message.text for message in LetterPrompts().with_peers(ITEM, ORDER, OWN, [OWN])).lower()
    assert not any(word in everything for word in ("bias", "stereotyp", "fair"))
