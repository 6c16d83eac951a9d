r"""What a careful reader takes from a reply, however it is dressed; None where it does not say one thing.

Reasoning between ``<think>`` marks, code fences, Markdown and LaTeX's ``\boxed`` are taken off; the last final answer
counts where a reply states one. Nothing is guessed: a reply that names two options names none.

choice         "Final answer: 4", "Answer: **B**", "(2)", "2. below the title", the text of one option, the only number
text           'The title is "Dune"', "Answer: Dune", {"text": "Dune"}, a quoted text, else the whole reply
box            the first four numbers in brackets, as sides such as x_min, or in a row
text and box   JSON of both, a quoted text and a box, or the text before the last box, whatever brackets it holds
"""

from __future__ import annotations

import ast
import json
import re
import unicodedata
from typing import Any

from tenfold.mmr.boxes_in_replies import BOX_NAME, FOUR, box_in, enclosed, inside_brackets, text_before
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
_LEADING = re.compile(rf"^[\W_]{{0,40}}{_NAMED}{_LABEL}[*_)\]]{{0,4}}[ \t]*[.):,\-–—][*_]{{0,2}}(?:\s|$)", re.MULTILINE)
_ENDING = re.compile(r"\b(?:is|at|be|in|number)[\s*_]{1,12}[(\[*_]{0,4}([1-9])[\W_]*\Z", re.IGNORECASE)
_NEGATED = re.compile(r"\bnot[\s*_]{1,12}(?:option\s{1,12})?[1-9]\b", re.IGNORECASE)
_NUMBERED = re.compile(r"(?<![\w.,])([1-9])(?![\w%]|[.,]\d)")

TEXT_KEYS = ("text", "text_content", "content", "title", "subtitle", "author", "label", "answer", "name")
BOX_KEYS = ("bbox_2d", "bbox", "box_2d", "box", "bounding_box", "coordinates", "position", "location")
_FINALLY = re.compile(rf"\bfinal[\s*_]{{1,12}}answer\b[\s*_\"']{{0,12}}(?:{_IS}\b)?[\s*_]{{0,12}}[:=]?", re.IGNORECASE)
_HEAD = re.compile(
    r"[\s*_\-]*(?:the\s+)?(?:answer|text|title|subtitle|author|label)(?:\s+(?:in|on|at|of)\b[^:\n\"]{0,60}?)?"
    r"[*_]{0,3}\s*(?::|\bis\b:?|\breads\b:?)[*_]{0,3}\s*",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"(?:\"([^\"]+)\"|“([^”]+)”|(?<!\*)\*\*(?=\S)([^*]+)(?<=\S)\*\*(?!\*))")
_LEADS = re.compile(
    r"\b(?:is|reads|says|states|displayed|written|titled|called)\b"
    r"|^[\s*_]*the\s+(?:answer|text|title|subtitle|author|label|words?|phrase)\s*$"
    rf"|\b{BOX_NAME}\s+(?:of|for)(?:\s+the\s+(?:text|words?|title|phrase))?\s*$",
    re.IGNORECASE,
)
_EMPHASIS = re.compile(r"(\*{1,3}|_{1,3}|`{1,3})(?=[^\s*_`])(.*\S)\1", re.DOTALL)
_LONE_MARK = re.compile(r"\A\*\*(?=\S)|(?<=\S)\*\*\Z")
_BOXED = rf"[\[({{]{{1,3}}\s{{0,8}}{FOUR}\s{{0,8}}[\])}}]{{1,3}}"
_PROMPTED = re.compile(
    rf"\s*(?:\"(?P<a>.*)\"|“(?P<b>.*)”|'(?P<c>.*)'|‘(?P<d>.*)’)\s{{0,8}}[,;:]?\s{{0,8}}{_BOXED}[\s.,;]*", re.DOTALL
)
_PAIRED = re.compile(rf"[\"”'’*]\s{{0,8}}[,;:]?\s{{0,8}}{_BOXED}")
_LAST_QUOTED = re.compile(r"(?:\"([^\"]+)\"|“([^”]+)”|\*\*([^*]+)\*\*)[\s,;:]*\Z")


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


def option_numbers(question: str) -> set[str]:
    """Return the numbers of the options of a question, "1" to "4" where it has no numbered lines."""
    return set(options_of(question)) or {str(number + 1) for number in range(OPTIONS)}


def robust_choice(reply: str, question: str = "") -> str | None:
    """Return the number of the option that a reply chooses, "1" to "4", or None.

    In this order: the last stated final answer; the last stated answer; a number or letter alone; an option's own text;
    a number or letter that begins one line; a number that ends the reply after "is" or "at"; the only option whose text
    is mentioned; the only number of an option.
    A stated answer beside another ("1 or 2"), or that no option has, chooses nothing.
    """
    options = options_of(question)
    known = option_numbers(question)
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
    if (ending := _ending(plain, options, known)) is not None:
        return ending
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
    if isinstance(found, str):
        return _without_lead(found)
    if final := list(_FINALLY.finditer(plain)):
        plain = plain[final[-1].end() :].strip()
    return _without_lead(plain)


def robust_box(reply: str) -> Box | None:
    """Return the first box of a reply, after its final answer where it states one; None without four numbers."""
    found = box_in(_after_final(_bare(reply)))
    return None if found is None else found.box


def robust_text_and_box(reply: str) -> tuple[str, Box] | None:
    """Return the text and the box of a reply, the last box if there are several; None without a box.

    The text may be empty.
    """
    plain = _after_final(_bare(reply))
    for part in (plain.strip(), enclosed(plain)):
        if (pair := _pair(_literal(part))) is not None:
            return pair
    if (pair := _as_prompted(plain)) is not None:
        return pair
    found = box_in(plain, last=True)
    if found is None:
        return None
    before, after = plain[: found.start], plain[found.end :]
    if _PAIRED.search(before) and (quoted := _LAST_QUOTED.search(before)):  # pairs of texts and boxes: the last one
        return _only(quoted), found.box
    text = _led_quotation(before) or text_before(before)
    return _without_lead(text or inside_brackets(after.strip().lstrip(",;: ").strip())), found.box


def _as_prompted(plain: str) -> tuple[str, Box] | None:
    """Return text and box of a reply that is a quoted text and a box, as the prompt asks for; None if it is not."""
    match = _PROMPTED.fullmatch(plain)
    if match is None:
        return None
    text, values = next(one for one in match.group(*"abcd") if one is not None), match.groups()[-4:]
    if _PAIRED.search(text):
        return None
    if '\\"' in text and isinstance(read := _literal(f'"{text}"'), str):
        text = read
    x0, y0, x1, y1 = (float(value) for value in values)
    return text.strip(), (x0, y0, x1, y1)


def _bare(reply: str) -> str:
    return _FENCE.sub("", _THOUGHT.sub("", reply))


def _after_final(plain: str) -> str:
    final = list(_FINALLY.finditer(plain))
    return plain[final[-1].end() :] if final else plain


def _number(match: re.Match[str], known: set[str]) -> str | None:
    """Return the option's number that a label is, 1 for the letter A, None if there is no such option."""
    number = match[1] or str(LETTERS.index(match[2].upper()) + 1)
    return number if number in known else None


def _ending(plain: str, options: dict[str, str], known: set[str]) -> str | None:
    """Return the number of an option that ends a reply, unless it is part of an option's own text."""
    found = _ENDING.search(plain)
    if found is None or found[1] not in known or _NEGATED.search(plain, max(0, found.start() - 4)):
        return None
    whole = normalised(plain)
    return None if any(found[1] in text and whole.endswith(normalised(text)) for text in options.values()) else found[1]


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


def _only(quoted: re.Match[str]) -> str:
    return next(part for part in quoted.groups() if part).strip()


def _led_quotation(text: str) -> str:
    """Return the only quoted part of a text after words that lead to it, "" if there is none."""
    quoted = list(_QUOTED.finditer(text))
    return _only(quoted[0]) if len(quoted) == 1 and _LEADS.search(text[: quoted[0].start()]) else ""


def _without_lead(text: str) -> str:
    """Return a text without a phrase that leads to it, Markdown's marks and quotes around it."""
    text = text.strip().removesuffix(",").strip()
    if led := _led_quotation(text):
        return led
    if head := _HEAD.match(text):
        text = text[head.end() :].strip() or text
    quoted = list(_QUOTED.finditer(text))
    if len(quoted) == 1 and quoted[0].span() == (0, len(text.rstrip("."))):
        return _only(quoted[0])
    if emphasis := _EMPHASIS.fullmatch(text):
        text = emphasis[2]
    if text.count("**") % 2:  # its partner went with the lead
        text = _LONE_MARK.sub("", text)
    begins, ends = text.startswith(QUOTES), text[1:].endswith(QUOTES)
    if (begins and ends) or sum(text.count(mark) for mark in QUOTES) % 2:  # a pair, or one that was left open
        text = text[begins : len(text) - ends]
    return text.strip()
