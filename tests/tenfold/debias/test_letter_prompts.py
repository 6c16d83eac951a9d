"""Short prompts with options in turned orders: peers' answers come in the reader's own letters."""

from __future__ import annotations

import pytest

from tenfold.debias.debate import Turn
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
