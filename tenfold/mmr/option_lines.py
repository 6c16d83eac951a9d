"""The numbered options of a choice question, which stand in the question's own text."""

from __future__ import annotations

import re

_OPTION = re.compile(r"[ \t]*([1-4])[.)][ \t]*(.*?)[ \t]*")
_HEADING = re.compile(r"[ \t]*choices:?[ \t]*", re.IGNORECASE)


def split_options(question: str) -> tuple[str, tuple[str, ...]]:
    """Return a question's text before its options, and the four options; the whole question and none if there are none.

    Options are the four lines that begin with "1." to "4.", in this order, with nothing but white space after them.
    """
    lines = question.rstrip().split("\n")
    found = [_OPTION.fullmatch(line) for line in lines[-4:]]
    if [match and match[1] for match in found] != list("1234"):
        return question, ()
    before = lines[:-4]
    while before and (not before[-1].strip() or _HEADING.fullmatch(before[-1])):
        before.pop()
    return "\n".join(before), tuple(match[2] for match in found if match)
