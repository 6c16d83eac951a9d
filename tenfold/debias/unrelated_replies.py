"""Replies about one question put before an agent that answers another one: peers whose words carry no content.

The letters and texts of the other question's options become those of the agent's own, by one pairing for all replies:
an unknown option is paired with the unknown one, so that peers which abstain still do, and the target with the target,
so that peers which follow a stereotype still do; what is left, or has no known target, is paired as drawn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from tenfold.debias.debate import Turn
from tenfold.debias.errors import InvalidProtocol
from tenfold.debias.items import Item
from tenfold.debias.prompts import answer_line
from tenfold.debias.seeded_order import Order, drawn_number, shuffled
from tenfold.text.choices import LETTERS

Parse = Callable[[str, Item, Order], int | None]


def other_items(items: Sequence[Item], seed: int) -> list[int]:
    """Return for each question the place of another one with as many options, of another template where there is one.

    Raises InvalidProtocol if a question has no other one beside it.
    """
    alike: dict[int, list[int]] = {}
    for place, item in enumerate(items):
        alike.setdefault(len(item.options), []).append(place)
    return [_other(place, items, alike[len(items[place].options)], seed) for place in range(len(items))]


def _other(place: int, items: Sequence[Item], alike: Sequence[int], seed: int) -> int:
    own = items[place]
    if len(alike) < 2:
        raise InvalidProtocol(
            f"{own.key}: peers from another question need another one with {len(own.options)} options; give more items"
        )
    start = drawn_number("other item", seed, own.key) % len(alike)
    others = (alike[number % len(alike)] for number in range(start, start + len(alike)))
    found: int | None = None
    for other in others:
        if items[other].template != own.template:
            return other
        if found is None and other != place:
            found = other
    assert found is not None, "there are two or more"
    return found


def option_pairs(item: Item, other: Item, seed: int) -> tuple[int, ...]:
    """Return, for each option of the other question, the option of ``item`` that takes its place."""
    mine, theirs = list(range(len(item.options))), list(range(len(other.options)))
    pairs: dict[int, int] = {}
    for own, another in ((item.unknown, other.unknown), (item.target, other.target)):
        if own in mine and another in theirs:  # None, where it is not known, is in neither
            pairs[another] = own
            mine.remove(own)
            theirs.remove(another)
    pairs.update(zip(theirs, shuffled(mine, "pairs", seed, item.key), strict=True))
    return tuple(pairs[number] for number in range(len(other.options)))


def moved(
    turn: Turn, other: Item, other_order: Order, item: Item, order: Order, pairs: Sequence[int], parse: Parse
) -> Turn:
    """Return a reply about the question ``other`` in the letters and texts of ``item``, with the paired choice.

    A reply whose words would then say something else than its choice becomes its answer line alone.
    """
    choice = None if turn.choice is None else pairs[turn.choice]
    texts = {option.casefold(): item.options[pairs[number]] for number, option in enumerate(other.options)}
    letters = {LETTERS[place]: LETTERS[order.index(pairs[number])] for place, number in enumerate(other_order)}
    longest_first = sorted(other.options, key=len, reverse=True)
    named = "|".join(re.escape(option) for option in longest_first)
    pattern = re.compile(
        rf"(?<!\w)(?P<text>{named})(?!\w)"
        rf"|(?P<before>\b(?:answer|option|choice)(?:\s+is)?[\s:=*_(\[]*)(?P<stated>{_letters(letters)})(?![\w'’])"
        rf"|(?P<open>\(|^[\s*_]*)(?P<lettered>{_letters(letters)})(?P<close>[*_]*[).:]|[\s*_]*$)",
        re.IGNORECASE | re.MULTILINE,
    )

    def put(match: re.Match[str]) -> str:
        if match["text"] is not None:
            return texts[match["text"].casefold()]
        if match["stated"] is not None:
            return match["before"] + letters[match["stated"].upper()]
        return match["open"] + letters[match["lettered"].upper()] + match["close"]

    text = pattern.sub(put, turn.text)
    if parse(text, item, order) != choice:
        text = answer_line(order, choice)
    return replace(turn, text=text, choice=choice)


def _letters(letters: dict[str, str]) -> str:
    return "[" + "".join(letters) + "]"
