"""Which of several lettered options a reply chooses; None where it does not say, which is never taken for an answer."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Sequence

from tenfold.text.errors import InvalidOptions
from tenfold.text.normalise import APOSTROPHES, normalised

LETTERS = string.ascii_uppercase
_IS = r"(?:is|would be|must be|should be)"
_OPEN = r"[\[({<*_\"'«$\s]{0,12}"
_CLOSE = r"[\])}>*_\"'»$\s]*"
_ALONE = rf"([A-Za-z])\b(?!'?\w)(?={_CLOSE}(?:[.,;:!]+{_CLOSE})?(?:$|[\n.,;:!)\]]|\*\*)"
# "Answer: B", "the correct answer is (b)", "Final answer – **B**", "I choose option B": a letter by itself
_STATED = re.compile(
    rf"\b(?:answer|I(?:'d|'ll| would| will)? (?:choose|chose|pick|select) (?:option|choice)"
    rf"|final\s+(?:option|choice)|(?:option|choice)(?=[\s*_]{{1,12}}{_IS}\b))"
    rf"(?:[\s*_]{{1,12}}{_IS}\b)?[\s*_]{{0,12}}[:=\-–—]?{_OPEN}(?:option\s{{1,12}}{_OPEN})?\b{_ALONE})",
    re.IGNORECASE,
)
# ", C", "or (C)", "/C": what makes the letter before it one of a list
_ANOTHER = re.compile(
    rf"{_CLOSE}(?:[,;/&+]|\b(?:and|or)\b)\s{{0,12}}(?:(?:and|or)\b)?{_OPEN}(?:option\s{{1,12}}{_OPEN})?"
    rf"\b{_ALONE}|{_CLOSE}(?:[/&+]|\b(?:and|or)\b))",
    re.IGNORECASE,
)
_LONE = re.compile(r"[\W_]*(?:(?i:option|choice|boxed)\b[\W_]*)?([A-Za-z])[\W_]*")
_LETTERED = re.compile(r"\s*(?:(?i:option)\s+)?[(\[*_]*([A-Za-z])[)\]*_]*\s*[.):\]\-–—]\s*(.+)", re.DOTALL)
_BOX = re.compile(r"\\(?:boxed|text|textbf|mathbf|mathrm)\s*(?=\{)")


def parse_choice(reply: str, options: Sequence[str]) -> int | None:
    r"""Return the number, from 0, of the option that a reply chooses, or None.

    In this order: the last letter that is stated as the answer ("Answer: B", "Answer: \boxed{B}"), where a letter that
    no option has is no answer, nor is one of a list of letters ("Answer: A, B"); a reply that is only a letter, or an
    option under its letter; a reply that holds the text of exactly one option. "A man was …" chooses nothing, nor does
    "Option A: …", which may begin a list of them.
    Raises InvalidOptions for fewer than two options, more than letters, and two with the same text.
    """
    wanted = [normalised(option) for option in options]
    if not 2 <= len(options) <= len(LETTERS) or len(set(wanted)) < len(wanted) or not all(wanted):
        raise InvalidOptions(f"options must be 2 to {len(LETTERS)} texts, none empty and none twice: {list(options)}")
    plain = _BOX.sub("", unicodedata.normalize("NFKC", reply).translate(APOSTROPHES))
    if stated := list(_STATED.finditer(plain)):
        return None if _ANOTHER.match(plain, stated[-1].end(1)) else _number(stated[-1][1], len(wanted))
    if lone := _LONE.fullmatch(plain):
        return _number(lone[1], len(wanted))
    if lettered := _LETTERED.fullmatch(plain):
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
