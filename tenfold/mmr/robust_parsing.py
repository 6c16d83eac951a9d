r"""What a careful reader takes from a reply, however it is dressed; None where it does not say one thing.

Reasoning between ``<think>`` marks, code fences, Markdown and LaTeX's ``\boxed`` are taken off; the last final answer
counts where a reply states one. Nothing is guessed: a reply that names two options names none.

choice         "Final answer: 4", "Answer: **B**", "(2)", "2. below the title", the text of one option, the only number
text           'The title is "Dune"', "Answer: Dune", {"text": "Dune"}, a quoted text, else the whole reply
box            the first four numbers in a row, in lists, pairs or JSON with keys such as bbox_2d or x_min
text and box   JSON of both, or the text before the box, whatever brackets it holds
"""

from __future__ import annotations

import ast
import json
import re
import unicodedata
from typing import Any

from tenfold.mmr.coordinates import Box
from tenfold.mmr.tasks import CHOICE, RECOGNITION, Task
from tenfold.text.choices import parse_choice
from tenfold.text.errors import InvalidOptions
from tenfold.text.normalise import normalised

LETTERS = "ABCD"
OPTIONS = 4
QUOTES = ('"', "“", "”")
LONGEST_LITERAL = 10_000  # characters of a reply that is tried as a Python literal
_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[\w-]*\n?")
_WRAPPED = re.compile(r"\\(?:boxed|text|textbf|mathbf|mathrm)\s*\{([^{}]{0,200})\}")
_OPTION = re.compile(r"^[ \t]*([1-9])[ \t]*[.):][ \t]*(\S.*?)[ \t]*$", re.MULTILINE)

_IS = r"(?:is|was|would be|must be|should be)"
_OPEN = r"[\s:=\-–—>*_\"'`«(\[{<$#]{0,12}"
_CLOSE = r"[\s*_\"'`»)\]}>$]{0,12}"
_LABEL = rf"(?<![\w.])(?:([1-9])(?![\w%])(?![.,]\d)|([A-Da-d])(?![\w'’])(?={_CLOSE}(?:[.,;:!]|$)))"
_NAMED = rf"(?:(?:option|choice|number|no\.)[\s*_]{{0,12}}{_OPEN})?"
_AFTER = rf"[\s*_\"']{{0,12}}(?:{_IS}\b)?{_OPEN}{_NAMED}{_LABEL}"
_FINAL = re.compile(rf"\bfinal[\s*_]{{1,12}}(?:answer|choice|option){_AFTER}", re.IGNORECASE)
_STATED = re.compile(
    rf"\b(?:answer|(?:correct|right|best)[\s*_]{{1,12}}(?:choice|option|one|index)"
    rf"|I(?:['’]d|['’]ll| would| will)? (?:choose|chose|pick|select|go with)){_AFTER}",
    re.IGNORECASE,
)
_RIGHT = re.compile(rf"{_NAMED}{_LABEL}{_CLOSE}{_IS} (?:the )?(?:correct|right|best|answer)\b", re.IGNORECASE)
_ANOTHER = re.compile(rf"{_CLOSE}(?:[,/&]|\band\b|\bor\b){_OPEN}{_NAMED}{_LABEL}{_CLOSE}(?:[.,;:!]|$)", re.IGNORECASE)
_ALONE = re.compile(rf"[\W_]*{_NAMED}{_LABEL}[\W_]*", re.IGNORECASE)
_LEADING = re.compile(rf"^[\W_]*{_NAMED}{_LABEL}[*_)\]]{{0,4}}[ \t]*[.):,\-–—][*_]{{0,2}}(?:\s|$)", re.MULTILINE)
_NEGATED = re.compile(r"\bnot[\s*_]{1,12}(?:option\s{1,12})?[1-9]\b", re.IGNORECASE)
_NUMBERED = re.compile(r"(?<![\w.,])([1-9])(?![\w%]|[.,]\d)")

_N = r"(?<![\d.])([-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d++)?)"
_COMMA = r"\s{0,8}[,;\s]\s{0,8}"
_BETWEEN = rf"(?:{_COMMA}|\s{{0,8}}[\])]\s{{0,8}},?\s{{0,8}}[\[(]\s{{0,8}})"
_FOUR = re.compile(rf"(?<![\w.]){_N}{_COMMA}{_N}{_BETWEEN}{_N}{_COMMA}{_N}(?![\w%]|\.\d|\s{{0,8}},\s{{0,8}}[-+.\d])")
_MORE = re.compile(r"\d[\])]?\s{0,8},\s{0,8}\Z")  # a number before the first: a longer list
_SIDES = {
    "x0": r"x_?min|x_?1|x_?0|left",
    "y0": r"y_?min|y_?1|y_?0|top",
    "x1": r"x_?max|x_?2|right",
    "y1": r"y_?max|y_?2|bottom",
}
_SIDE = {
    side: re.compile(rf"(?<![A-Za-z_])(?:{names})[\"'\s]{{0,8}}[:=]\s{{0,8}}{_N}", re.IGNORECASE)
    for side, names in _SIDES.items()
}
TEXT_KEYS = ("text", "text_content", "content", "title", "subtitle", "author", "label", "answer", "name")
BOX_KEYS = ("bbox_2d", "bbox", "box_2d", "box", "bounding_box", "coordinates", "position", "location")
_FINALLY = re.compile(rf"\bfinal[\s*_]{{1,12}}answer\b[\s*_\"']{{0,12}}(?:{_IS}\b)?[\s*_]{{0,12}}[:=]?", re.IGNORECASE)
_HEAD = re.compile(
    r"(?:the\s+)?(?:answer|text|title|subtitle|author|label)(?:\s+(?:in|on|at|of)\b[^:\n\"]{0,60}?)?"
    r"[*_]{0,3}\s*(?::|\bis\b:?|\breads\b:?)[*_]{0,3}\s*",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"(?:\"([^\"]+)\"|“([^”]+)”|\*\*([^*]+)\*\*)")
_SAYING = re.compile(r"\b(?:is|reads|says|states|displayed|written|titled|called)\b", re.IGNORECASE)
_BOX_WORDS = re.compile(
    r"[\s,;:.\-–—*_({\[]*(?:(?:the\s+)?(?:bounding\s*box|bbox(?:_2d)?|box|position|coordinates|location)"
    r"[\s*_\"']{0,8}(?:(?:is|are|at)\b)?[\s:=*_]*)?[\s,;:\-–—*_({\[]*\Z",
    re.IGNORECASE,
)


def robust(task: Task, reply: str, question: str = "") -> Any:
    """Return what a reply to a task says: an option's number, a text, a box, or a text with a box; None if nothing."""
    if task in CHOICE:
        return robust_choice(reply, question)
    if task in RECOGNITION:
        return robust_text(reply)
    return robust_box(reply) if task == "grounding_o" else robust_text_and_box(reply)


def options_of(question: str) -> dict[str, str]:
    """Return the numbered options of a question, number to text."""
    return {number: text for number, text in _OPTION.findall(question)}


def robust_choice(reply: str, question: str = "") -> str | None:
    """Return the number of the option that a reply chooses, "1" to "4", or None.

    In this order: the last stated final answer; the last stated answer; a number or letter alone; an option's own text;
    a number or letter that begins one line; the only option whose text is mentioned; the only number of an option.
    A stated answer beside another ("1 or 2"), or that no option has, chooses nothing.
    """
    options = options_of(question)
    known = set(options) or {str(number + 1) for number in range(OPTIONS)}
    plain = unicodedata.normalize("NFKC", _WRAPPED.sub(r"\1", _bare(reply)))
    for pattern in (_FINAL, _STATED, _RIGHT):
        if found := list(pattern.finditer(plain)):
            return None if _ANOTHER.match(plain, found[-1].end()) else _number(found[-1], known)
    if alone := _ALONE.fullmatch(plain):
        return _number(alone, known)
    same = [number for number, text in options.items() if normalised(text) and normalised(text) == normalised(plain)]
    if len(same) == 1:
        return same[0]
    leading = {_number(one, known) for one in _LEADING.finditer(plain)}
    if len(leading) == 1 and None not in leading:
        return leading.pop()
    if (mentioned := _mentioned(plain, options)) is not None:
        return mentioned
    numbers = {one for one in _NUMBERED.findall(_NEGATED.sub(" ", plain)) if one in known}
    return numbers.pop() if len(numbers) == 1 else None


def robust_text(reply: str) -> str:
    """Return the text that a reply gives, without what leads to it."""
    plain = _bare(reply).strip()
    found = _literal(plain)
    if isinstance(found, dict) and (text := _member(found, TEXT_KEYS, str)) is not None:
        return text.strip()
    if final := list(_FINALLY.finditer(plain)):
        plain = plain[final[-1].end() :].strip()
    return _without_lead(plain)


def robust_box(reply: str) -> Box | None:
    """Return the first box of a reply, after its final answer where it states one; None without four numbers."""
    found = _box_in(_after_final(_bare(reply)))
    return None if found is None else found[0]


def robust_text_and_box(reply: str) -> tuple[str, Box] | None:
    """Return the text and the box of a reply; None without a box. The text may be empty."""
    plain = _after_final(_bare(reply))
    if (pair := _pair(_literal(plain.strip()))) is not None:
        return pair
    found = _box_in(plain)
    if found is None:
        return None
    box, start, end = found
    before = _BOX_WORDS.sub("", plain[:start].lstrip("[({ \n"))
    return _without_lead(before.strip() or plain[end:].strip(" \n])},;:")), box


def _bare(reply: str) -> str:
    return _FENCE.sub("", _THOUGHT.sub("", reply))


def _after_final(plain: str) -> str:
    final = list(_FINALLY.finditer(plain))
    return plain[final[-1].end() :] if final else plain


def _number(match: re.Match[str], known: set[str]) -> str | None:
    """Return the option's number that a label is, 1 for the letter A, None if there is no such option."""
    number = match[1] or str(LETTERS.index(match[2].upper()) + 1)
    return number if number in known else None


def _mentioned(plain: str, options: dict[str, str]) -> str | None:
    """Return the only option whose text stands in a reply."""
    try:
        found = parse_choice(plain, list(options.values()))
    except InvalidOptions:
        return None
    return None if found is None else list(options)[found]


def _literal(text: str) -> Any:
    """Return what a reply is as JSON or as a Python literal, None if neither."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if len(text) > LONGEST_LITERAL or text[:1] not in "[({":
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _member(found: dict[Any, Any], keys: tuple[str, ...], kind: type) -> Any:
    return next((found[key] for key in keys if isinstance(found.get(key), kind)), None)


def _pair(found: Any) -> tuple[str, Box] | None:
    """Return the text and box of a list of both, or of an object with keys for both."""
    if isinstance(found, list | tuple) and len(found) == 1:
        found = found[0]
    if isinstance(found, dict):
        found = (_member(found, TEXT_KEYS, str), _member(found, BOX_KEYS, list))
    if not isinstance(found, list | tuple) or len(found) != 2:
        return None
    text, values = found if isinstance(found[0], str) else found[::-1]
    if not isinstance(text, str) or not isinstance(values, list | tuple) or len(values) != 4:
        return None
    try:
        x0, y0, x1, y1 = (float(value) for value in values)
    except (TypeError, ValueError, OverflowError):
        return None
    return text.strip(), (x0, y0, x1, y1)


def _box_in(plain: str) -> tuple[Box, int, int] | None:
    """Return the first box of a text with where it begins and ends, its brackets in it."""
    for match in _FOUR.finditer(plain):
        if not _MORE.search(plain, max(0, match.start() - 24), match.start()):
            x0, y0, x1, y1 = (float(value) for value in match.groups())
            return (x0, y0, x1, y1), match.start(), match.end()
    sides = {side: pattern.search(plain) for side, pattern in _SIDE.items()}
    found = [match for match in sides.values() if match]
    if len(found) < len(sides):
        return None
    x0, y0, x1, y1 = (float(match[1]) for match in found)
    return (x0, y0, x1, y1), min(match.start() for match in found), max(match.end() for match in found)


def _without_lead(text: str) -> str:
    """Return a text without a phrase that leads to it, Markdown's marks and quotes around it."""
    text = text.strip().removesuffix(",").strip()
    if head := _HEAD.match(text):
        text = text[head.end() :].strip() or text
    quoted = list(_QUOTED.finditer(text))
    if len(quoted) == 1:
        whole = quoted[0].span() == (0, len(text.rstrip(".")))
        if whole or _SAYING.search(text[: quoted[0].start()]):
            return next(part for part in quoted[0].groups() if part).strip()
    text = text.strip("*_` \n")
    begins, ends = text.startswith(QUOTES), text[1:].endswith(QUOTES)
    if (begins and ends) or sum(text.count(mark) for mark in QUOTES) % 2:  # a pair, or one that was left open
        text = text[begins : len(text) - ends]
    return text.strip()
