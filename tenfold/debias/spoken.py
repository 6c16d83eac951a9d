"""Turns and debates in words, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from tenfold.debias.debate import Debate, Turn
from tenfold.debias.items import Item
from tenfold.text.choices import LETTERS


def question_words(item: Item, order: Sequence[int]) -> str:
    """Return a question with its options in the order and under the letters that the agents see."""
    options = [f"{LETTERS[place]}) {item.options[number]}" for place, number in enumerate(order)]
    return "\n".join([*filter(None, [item.context, item.question]), *options, ""])


def turn_words(item: Item, turn: Turn) -> str:
    """Return who said what in which round, and which option that was read as."""
    role = "" if turn.role == "agent" else f", {turn.role}"
    head = f"── {turn.agent}{role}, round {turn.round}"
    if turn.failed is not None:
        return f"{head}: the call failed ({turn.failed})\n"
    read = "no option" if turn.choice is None else item.options[turn.choice]
    cut = " (cut off)" if turn.cut else ""
    return f"{head}, read as: {read}{cut}\n{turn.text.strip()}\n"


def debate_words(debate: Debate) -> str:
    """Return what came of a debate."""
    final = "no answer" if debate.final is None else debate.item.options[debate.final]
    calls = "1 call" if len(debate.turns) == 1 else f"{len(debate.turns)} calls"
    return f"══ {debate.protocol} after {calls}: {final}"
