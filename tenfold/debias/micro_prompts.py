"""How a small reader is asked: words and markers, options before the question, other replies after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from tenfold.chat.messages import Conversation, Message
from tenfold.debias.debate import Turn
from tenfold.debias.errors import InvalidItem
from tenfold.debias.items import Item
from tenfold.debias.seeded_order import Order
from tenfold.debias.words import words_of


@dataclass(frozen=True)
class MicroPrompts:
    """The prompts of readers that are trained here; ``order`` holds the numbers of the options as they are shown.

    A reply is the words of an option. Readers are not told who gave which reply.
    """

    def alone(self, item: Item, order: Order) -> list[Message]:
        """Ask the question."""
        return [Message("user", _question(item, order))]

    def again(self, item: Item, order: Order, own: Turn) -> list[Message]:
        """Ask the question again, with the reader's own reply."""
        return [Message("user", f"{_question(item, order)}\n[own] {_said(item, own)}")]

    def with_peers(self, item: Item, order: Order, own: Turn, peers: Sequence[Turn]) -> list[Message]:
        """Ask the question again, with the reader's own reply and the others'."""
        return [Message("user", f"{_question(item, order)}\n[own] {_said(item, own)}{_others(item, peers)}")]

    def central(self, item: Item, order: Order, own: Turn, peers: Sequence[Turn]) -> list[Message]:
        """Ask the centre to decide, with its own reply and the followers'."""
        replies = f"[own] {_said(item, own)}{_others(item, peers)}"
        return [Message("user", f"{_question(item, order)}\n{replies}\n[decide]")]

    def follower(self, item: Item, order: Order, own: Turn, decision: Turn) -> list[Message]:
        """Ask a follower again, with what the centre has decided and no other reply, its own included."""
        return [Message("user", f"{_question(item, order)}\n[centre] {_said(item, decision)}")]

    def parse(self, reply: str, item: Item, order: Order) -> int | None:
        """Return the number of the option whose words a reply is, None where it is not exactly one option's."""
        return parse_words(reply, item)


def parse_words(reply: str, item: Item) -> int | None:
    """Return the number of the option that has the same words as a reply, None if there is none.

    Raises InvalidItem if two options have the same words.
    """
    places = _places_by_words(tuple(item.options))
    if len(places) < len(item.options):
        raise InvalidItem(f"{item.key}: two options have the same words: {list(item.options)}")
    return places.get(tuple(words_of(reply)))


@lru_cache(maxsize=65536)
def _places_by_words(options: tuple[str, ...]) -> dict[tuple[str, ...], int]:
    return {tuple(words_of(option)): place for place, option in enumerate(options)}


def options_in(conversation: Conversation) -> list[str]:
    """Return the options as the last message of a conversation shows them; none if it shows none."""
    return shown_options(conversation[-1].text)


def shown_options(text: str) -> list[str]:
    """Return the options that a text shows in its first line; none if it shows none."""
    first = text.split("\n", 1)[0]
    if not first.startswith("[options] "):
        return []
    return [option.strip() for option in first.removeprefix("[options] ").split(" | ")]


def question_and_rest(text: str) -> tuple[str, str]:
    """Return a text's lines up to the question's, and what follows; all of it where no question stands in a line."""
    start = text.find("\n[question] ")
    end = text.find("\n", start + 1) if start >= 0 else -1
    return (text, "") if end < 0 else (text[:end], text[end:])


def _others(item: Item, peers: Sequence[Turn]) -> str:
    return "".join(f"\n[peer] {_said(item, peer)}" for peer in peers)


def _said(item: Item, turn: Turn) -> str:
    """Return the words of the option that a reply names; where it names none, the reply on one line."""
    return " ".join(turn.text.split()) if turn.choice is None else item.options[turn.choice]


def _question(item: Item, order: Order) -> str:
    context = f"\n[context] {item.context}" if item.context else ""
    return f"[options] {' | '.join(item.options[number] for number in order)}{context}\n[question] {item.question}"
