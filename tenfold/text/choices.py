"""Which of several lettered options a reply chooses; None where it does not say, which is never taken for an answer."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

from tenfold.text.errors import InvalidOptions
from tenfold.text.normalise import normalised

LETTERS = string.ascii_uppercase
# "Answer: B", "the correct answer is (b)", "Final answer – **B**": a letter by itself after the word answer
_STATED = re.compile(
    r"\b(?:answer|choice|option)(?:\s+(?:is|would be|must be))?\s*[:=\-–—]?\s*(?:option\s+)?"
    r"[\[({<*_`\"'\s]*\b([A-Za-z])\b(?!['’\w])(?=[\])}>*_`\"'\s.,;:!]*(?:$|[\n.,;:!)\]]|\*\*))",
    re.IGNORECASE,
)
_LONE = re.compile(r"[\W_]*([A-Za-z])[\W_]*")
_LETTERED = re.compile(r"\s*[(\[*_]*([A-Za-z])[)\]*_]*\s*[.):\]\-–—]\s*(.+)", re.DOTALL)


def parse_choice(reply: str, options: Sequence[str]) -> int | None:
    """Return the number, from 0, of the option that a reply chooses, or None.

    In this order: the last letter that is stated as the answer ("Answer: B"), where a letter that no option has is no
    answer; a reply that is only a letter, or an option under its letter; a reply that holds the text of exactly one
    option. "A man was …" chooses nothing.
    Raises InvalidOptions for fewer than two options, more than letters, and two with the same text.
    """
    wanted = [normalised(option) for option in options]
    if not 2 <= len(options) <= len(LETTERS) or len(set(wanted)) < len(wanted) or not all(wanted):
        raise InvalidOptions(f"options must be 2 to {len(LETTERS)} texts, none empty and none twice: {list(options)}")
    stated = _STATED.findall(reply)
    if stated:
        return _number(stated[-1], len(wanted))
    if lone := _LONE.fullmatch(reply):
        return _number(lone[1], len(wanted))
    if lettered := _LETTERED.fullmatch(reply):
        number = _number(lettered[1], len(wanted))
        if number is not None and normalised(lettered[2]) == wanted[number]:
            return number
    return _only_mentioned(normalised(reply), wanted)


def _number(letter: str, count: int) -> int | None:
    number = LETTERS.index(letter.upper())
    return number if number < count else None


def _only_mentioned(reply: str, options: Sequence[str]) -> int | None:
    """Return the option whose text alone stands in the reply; an option inside a longer one is not mentioned there."""
    mentioned = set()
    for number in sorted(range(len(options)), key=lambda one: -len(options[one])):
        reply, count = re.subn(rf"(?<!\w){re.escape(options[number])}(?!\w)", " ", reply)
        if count:
            mentioned.add(number)
    return mentioned.pop() if len(mentioned) == 1 else None
