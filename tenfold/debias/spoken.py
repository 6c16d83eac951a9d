"""Turns and debates in words, for a terminal."""

from __future__ import annotations

from tenfold.debias.debate import Debate, Turn
from tenfold.debias.items import Item


def turn_words(item: Item, turn: Turn) -> str:
    """Return who said what in which round, and which option that was read as."""
    role = "" if turn.role == "agent" else f", {turn.role}"
    head = f"── {turn.agent}{role}, round {turn.round}"
    if turn.failed is not None:
        return f"{head}: the call failed ({turn.failed})\n"
    read = "no option" if turn.choice is None else item.options[turn.choice]
    return f"{head}, read as: {read}\n{turn.text.strip()}\n"


def debate_words(debate: Debate) -> str:
    """Return what came of a debate."""
    final = "no answer" if debate.final is None else debate.item.options[debate.final]
    return f"══ {debate.protocol} after {len(debate.turns)} calls: {final}"
