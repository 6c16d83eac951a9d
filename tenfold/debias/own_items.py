"""A person's own multiple-choice questions, from JSON lines or a CSV file with named columns."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from itertools import chain, count
from pathlib import Path
from typing import Any

from tenfold.debias.errors import InvalidAnswers, InvalidItem, NoQuestions
from tenfold.debias.items import NONE, Item, Items
from tenfold.debias.own_tables import TABLES, read_rows
from tenfold.text.choices import LETTERS, parse_choice
from tenfold.text.normalise import APOSTROPHES, normalised

TEXTS = ("key", "context", "group", "template")
CHOICES = ("answer", "unknown", "target")  # each a letter, a number from 0, or the text of an option
LISTED = ("polarity", "condition")
KNOWN = {"question", "options", *TEXTS, *CHOICES, *LISTED}
WRITTEN = {"gold": "answer"}  # what ``write_items`` calls it
ALL = "all"  # what results over all groups are shown by
RESERVED = (ALL, "–")  # the second one stands for no group
_WHOLE = re.compile(r"(-?\d+)(?:\.0+)?")  # "2", and "2.0", as a table of floats has it
_LETTER = re.compile(r"\(?([A-Za-z])[.):]?")


def read_own_items(path: Path) -> Items:
    """Return the questions in a file of JSON lines, or in a CSV file whose name ends in .csv or .tsv.

    A question has ``question`` and its options: a list ``options``, or A, B, C, … one by one; it may have ``answer``,
    ``unknown`` and ``target`` (a letter, a number from 0, or an option's text), ``context``, ``group``, ``key``,
    ``template``, ``polarity`` (neg, nonneg) and ``condition`` (ambig, disambig). Lines that ``write_items`` wrote are
    read as well. An empty cell of a CSV file says that there is none; its column ``options`` holds a JSON list.
    Without ``key`` a question's own words make its key, so that others beside it change nothing. The right answer in
    an ambiguous context is the unknown option, whether it is given or not.
    Raises InvalidItem by line and column, also for a right answer that does not fit its condition, and for a condition
    and a target without the unknown option; NoQuestions, and what ``open_csv`` raises.
    """
    rows: dict[str, Item] = {}
    for line, row in read_rows(path, ("question",), InvalidItem).items():
        item = _item(path, line, row, rows)
        if item.key in rows:
            raise InvalidItem(f"{path}:{line}, column 'key': {item.key!r} is there twice")
        rows[item.key] = item
    if not rows:
        raise NoQuestions(f"{path} holds no question")
    return Items(tuple(rows.values()))


def content_key(question: str, context: str, options: tuple[str, ...]) -> str:
    """Return a short digest of what is asked, which is a question's key where none is given."""
    words = json.dumps([question, context, options], ensure_ascii=False)
    return f"q-{hashlib.sha256(words.encode()).hexdigest()[:12]}"


def lacking_condition(items: Items) -> str | None:
    """Return in a line that questions with a target or an unknown option have no condition; None where all have."""
    bare = sum(item.condition is None and (item.target is not None or item.unknown is not None) for item in items.rows)
    if not bare:
        return None
    return (
        f"{bare} of {len(items)} questions name a target or an unknown option and no condition: no bias score counts "
        "them; give them a column 'condition' (ambig, disambig)"
    )


def option_number(said: object, options: tuple[str, ...], *, reply: bool = True) -> int | None:
    """Return the option that a letter, a number from 0, or an option's text names; None where it names none.

    A text may be a whole ``reply``, such as "The answer is B."; else a letter, a number or an option's text is all of
    it: "not Ann" is not Ann. The number −1 says that there is none. 2.0 is read as 2.
    Raises InvalidAnswers for another number of no option, and for a letter or number that stands for one option and
    is the text of another: "1" where the options are 1, 2 and 3.
    """
    if isinstance(said, bool) or said is None:
        return None
    text = str(said).strip()
    whole = _WHOLE.fullmatch(text)
    digits = whole[1] if whole else text
    if digits == str(NONE) and text not in options:
        return None
    if isinstance(said, int) and not 0 <= said < len(options):
        raise InvalidAnswers(no_number(said, options))
    if digits.isdecimal():
        number = _place(digits, len(options))
    else:
        number = parse_choice(text, options) if reply else _lettered(text, len(options))
    worded = _worded(text, number, options) if reply else _exact(text, options)
    if worded is None and whole:
        worded = _exact(digits, options)
    if None not in (number, worded) and number != worded:
        raise InvalidAnswers(
            f"{text!r} may stand for {options[number or 0]!r} or for {options[worded or 0]!r}; reword "
            "the options, so that none is the letter or number of another"
        )
    return number if worded is None else worded


def no_number(said: object, options: tuple[str, ...]) -> str:
    """Return in a line that a number is that of no option, and how an option with such a text is named."""
    text = str(said).strip()[:20]
    quoted = f'; the option {text!r} is named by its text, in quotes: "{text}"' if text in options else ""
    return f"{text} is the number of none of {len(options)} options: they count from 0, −1 is none{quoted}"


def _place(digits: str, count: int) -> int | None:
    return int(digits) if len(digits) < 10 and int(digits) < count else None


def _lettered(text: str, count: int) -> int | None:
    letter = _LETTER.fullmatch(text)
    number = LETTERS.index(letter[1].upper()) if letter else count
    return number if number < count else None


def _exact(text: str, options: tuple[str, ...]) -> int | None:
    """Return the option whose text a cell is, but for case, width, apostrophes and white space."""
    wanted = [_plain(option) for option in options]
    return wanted.index(_plain(text)) if _plain(text) in wanted else None


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).translate(APOSTROPHES).casefold().split())


def _worded(text: str, number: int | None, options: tuple[str, ...]) -> int | None:
    """Return the option whose text a reply is, or whose text is the letter that the reply gives for another."""
    wanted, said = [normalised(option) for option in options], normalised(text)
    if said in wanted:
        return wanted.index(said)
    if number is None or wanted[number] in said or LETTERS[number].lower() not in wanted:
        return None
    return wanted.index(LETTERS[number].lower())


def _item(path: Path, line: int, row: Mapping[str, Any], before: Mapping[str, Item]) -> Item:
    written = set(WRITTEN) <= set(row)
    if any(row.get(name) is not None and row.get(WRITTEN[name]) is not None for name in WRITTEN):
        raise InvalidItem(f"{path}:{line}, column 'gold': there is an 'answer' as well; give one of the two")
    row = {WRITTEN.get(name, name): value for name, value in row.items() if value is not None}
    letters = [name for name in row if len(name) == 1 and name in LETTERS]
    strange = [name for name in row if name not in KNOWN and name not in letters]
    if strange:
        raise InvalidItem(
            f"{path}:{line}, column {strange[0]!r}: unknown; it takes {', '.join(sorted(KNOWN))}, A, B, …"
        )
    options = _options(path, line, row, letters)
    for name in ("question", *TEXTS, *LISTED):
        _check_text(path, line, name, row.get(name, ""))
    texts = {name: str(row[name]) for name in (*TEXTS, *LISTED) if row.get(name) not in (None, "")}
    for name, allowed in (("polarity", ("neg", "nonneg")), ("condition", ("ambig", "disambig"))):
        if texts.get(name, allowed[0]) not in allowed:
            raise InvalidItem(f"{path}:{line}, column {name!r}: {texts[name]!r} is none of {', '.join(allowed)}")
    if texts.get("group", "").strip() in RESERVED:
        raise InvalidItem(f"{path}:{line}, column 'group': {reserved_group(texts['group'])}")
    if not str(row.get("question") or "").strip():
        raise InvalidItem(f"{path}:{line}, column 'question': it is empty or missing")
    key = texts.pop("key", None) or _own_key(str(row["question"]), texts.get("context", ""), options, before)
    numbers = {name: _number(path, line, name, row.get(name), options, counted=written) for name in CHOICES}
    if texts.get("condition") == "ambig" and numbers["answer"] is None:
        numbers["answer"] = numbers["unknown"]
    if (wrong := _misfit(texts.get("condition"), options, **numbers)) is not None:
        raise InvalidItem(f"{path}:{line}, column {wrong[0]!r}: {wrong[1]}")
    try:
        return Item(
            key=key,
            question=str(row["question"]),
            options=options,
            gold=numbers["answer"],
            unknown=numbers["unknown"],
            target=numbers["target"],
            **{"template": key} | texts,  # type: ignore[arg-type]
        )
    except InvalidItem as error:
        raise InvalidItem(f"{path}:{line}, column 'options': {error}") from None


def reserved_group(group: str) -> str:
    """Return in a line why a group cannot have a name of `RESERVED`."""
    meant = "all questions" if group.strip() == ALL else "questions without a group"
    return f"{group!r} is what results of {meant} are shown by; give the group another name"


def _misfit(
    condition: str | None, options: tuple[str, ...], *, answer: int | None, unknown: int | None, target: int | None
) -> tuple[str, str] | None:
    """Return the column in which a question contradicts itself or lacks what its bias score needs, and why."""
    if condition is not None and target is not None and unknown is None:
        return "unknown", (
            "a bias score counts the answers that name a person, and must know which option says that it is not "
            "known; name it, or leave out 'target'"
        )
    if None in (condition, answer, unknown) or (condition == "ambig") == (answer == unknown):
        return None
    said = "says unknown" if answer == unknown else "names a person"
    return "answer", f"{options[answer or 0]!r} {said}, which is not right in a context that is {condition}"


def _own_key(question: str, context: str, options: tuple[str, ...], before: Mapping[str, Item]) -> str:
    """Return a key from the content; the same question again has a number behind it."""
    key = content_key(question, context, options)
    again = (f"{key}#{number}" for number in count(2))
    return next(found for found in chain([key], again) if found not in before)


def _options(path: Path, line: int, row: Mapping[str, Any], letters: list[str]) -> tuple[str, ...]:
    if "options" in row and letters:
        raise InvalidItem(f"{path}:{line}, column {letters[0]!r}: options are listed already; give one of the two")
    if letters and sorted(letters) != list(LETTERS[: len(letters)]):
        raise InvalidItem(f"{path}:{line}, column {max(letters)!r}: the options before it are missing or empty")
    listed = [row[letter] for letter in sorted(letters)] if letters else row.get("options")
    if isinstance(listed, str) and path.suffix.lower() in TABLES:
        listed = _listed(listed)
    if not isinstance(listed, list) or not all(isinstance(option, str) and option.strip() for option in listed):
        raise InvalidItem(
            f"{path}:{line}, column 'options': give a list of texts such as {json.dumps(['Ann', 'Ben'])}, or columns "
            "A, B, C, … with a text each"
        )
    words = {normalised(option) for option in listed}
    if "" in words:
        raise InvalidItem(f"{path}:{line}, column 'options': each needs a letter or a digit: {listed}")
    if not 2 <= len(listed) <= len(LETTERS) or len(words) < len(listed):
        raise InvalidItem(f"{path}:{line}, column 'options': give two or more, all different in words: {listed}")
    return tuple(listed)


def _listed(cell: str) -> object:
    """Return what a cell of a CSV file lists, if it is JSON."""
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return None


def _check_text(path: Path, line: int, name: str, value: object) -> None:
    """Raise InvalidItem unless a value is a text, or a number where a name is wanted."""
    allowed = str if name in ("question", "context", *LISTED) else (str, int)
    if not isinstance(value, allowed) or isinstance(value, bool):
        raise InvalidItem(f"{path}:{line}, column {name!r}: {value!r} must be a text")


def _number(path: Path, line: int, name: str, said: object, options: tuple[str, ...], *, counted: bool) -> int | None:
    """Return the option that a cell names; ``counted`` if a number is a place for sure, as ``write_items`` has it."""
    if said is None or said == "" or (type(said) is int and said == NONE):
        return None
    if counted and type(said) is int and 0 <= said < len(options):
        return said
    try:
        number = option_number(said, options, reply=False)
    except InvalidAnswers as error:
        raise InvalidItem(f"{path}:{line}, column {name!r}: {error}") from None
    if number is None and str(said).strip() == str(NONE):
        return None
    if number is None:
        raise InvalidItem(
            f"{path}:{line}, column {name!r}: {said!r} is none of {list(options)}, nor a letter or number of one"
        )
    return number
