"""A person's own multiple-choice questions, from JSON lines or a CSV file with named columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tenfold.data.csv_files import CSVFile
from tenfold.debias.errors import InvalidItem, NoQuestions
from tenfold.debias.items import NONE, Item, Items
from tenfold.text.choices import LETTERS, parse_choice
from tenfold.text.normalise import normalised

TEXTS = ("key", "context", "group", "template")
CHOICES = ("answer", "unknown", "target")  # each a letter, a number from 0, or the text of an option
LISTED = ("polarity", "condition")
KNOWN = {"question", "options", *TEXTS, *CHOICES, *LISTED}
WRITTEN = {"gold": "answer"}  # what ``write_items`` calls it


def read_own_items(path: Path) -> Items:
    """Return the questions in a file of JSON lines, or in a CSV file whose name ends in .csv or .tsv.

    A question has ``question`` and its options: a list ``options``, or A, B, C, … one by one; it may have ``answer``,
    ``unknown`` and ``target`` (a letter, a number from 0, or an option's text), ``context``, ``group``, ``key``,
    ``template``, ``polarity`` (neg, nonneg) and ``condition`` (ambig, disambig). Lines that ``write_items`` wrote are
    read as well. An empty cell of a CSV file says that there is none.
    Raises InvalidItem by line and column, NoQuestions, and what ``open_csv`` raises.
    """
    named = _csv_rows(path) if path.suffix.lower() in (".csv", ".tsv") else _json_rows(path)
    rows: dict[str, Item] = {}
    for line, row in named.items():
        item = _item(path, line, row)
        if item.key in rows:
            raise InvalidItem(f"{path}:{line}, column 'key': {item.key!r} is there twice")
        rows[item.key] = item
    if not rows:
        raise NoQuestions(f"{path} holds no question")
    return Items(tuple(rows.values()))


def option_number(said: object, options: tuple[str, ...]) -> int | None:
    """Return the option that a letter, a number from 0, or an option's text names; None where it names none.

    A text may be a whole reply, such as "The answer is B.".
    """
    if isinstance(said, bool) or said is None:
        return None
    if isinstance(said, int):
        return said if 0 <= said < len(options) else None
    text = str(said).strip()
    if text in options:
        return options.index(text)
    if text.isdecimal():
        return int(text) if int(text) < len(options) else None
    return parse_choice(text, options)


def _json_rows(path: Path) -> dict[int, Mapping[str, Any]]:
    found: dict[int, Mapping[str, Any]] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise InvalidItem(f"{path} is not UTF-8 ({error.reason}, byte {error.start}); save it as UTF-8") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InvalidItem(f"{path}:{number}: not JSON: {error}") from None
        if not isinstance(row, dict):
            raise InvalidItem(f"{path}:{number}: a line is an object with the fields question and options")
        found[number] = row
    return found


def _csv_rows(path: Path) -> dict[int, Mapping[str, Any]]:
    from tenfold.data.csv_dialect import records
    from tenfold.data.csv_files import open_csv

    file: CSVFile = open_csv(path, header=True)
    found: dict[int, Mapping[str, Any]] = {}
    for line, cells in records(path, file.separator):
        if line == 1 or not cells:
            continue
        if len(cells) != len(file.names):
            raise InvalidItem(f"{path}:{line}: {len(cells)} cells, not {len(file.names)}")
        found[line] = {name: cell for name, cell in zip(file.names, cells, strict=True) if cell.strip()}
    return found


def _item(path: Path, line: int, row: Mapping[str, Any]) -> Item:
    row = {WRITTEN.get(name, name): value for name, value in row.items() if value is not None}
    letters = [name for name in row if len(name) == 1 and name in LETTERS]
    strange = [name for name in row if name not in KNOWN and name not in letters]
    if strange:
        raise InvalidItem(
            f"{path}:{line}, column {strange[0]!r}: unknown; it takes {', '.join(sorted(KNOWN))}, A, B, …"
        )
    options = _options(path, line, row, letters)
    texts = {name: str(row[name]) for name in (*TEXTS, *LISTED) if row.get(name) not in (None, "")}
    for name, allowed in (("polarity", ("neg", "nonneg")), ("condition", ("ambig", "disambig"))):
        if texts.get(name, allowed[0]) not in allowed:
            raise InvalidItem(f"{path}:{line}, column {name!r}: {texts[name]!r} is none of {', '.join(allowed)}")
    if not str(row.get("question") or "").strip():
        raise InvalidItem(f"{path}:{line}, column 'question': it is empty or missing")
    key = texts.pop("key", f"{path.stem}:{line}")
    numbers = {name: _number(path, line, name, row, options) for name in CHOICES}
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


def _options(path: Path, line: int, row: Mapping[str, Any], letters: list[str]) -> tuple[str, ...]:
    if "options" in row and letters:
        raise InvalidItem(f"{path}:{line}, column {letters[0]!r}: options are listed already; give one of the two")
    if letters and sorted(letters) != list(LETTERS[: len(letters)]):
        raise InvalidItem(f"{path}:{line}, column {max(letters)!r}: the options before it are missing or empty")
    listed = [row[letter] for letter in sorted(letters)] if letters else row.get("options")
    if not isinstance(listed, list) or not all(isinstance(option, str) and option.strip() for option in listed):
        raise InvalidItem(f"{path}:{line}, column 'options': give a list of texts, or columns A, B, C, …")
    if not 2 <= len(listed) <= len(LETTERS) or len({normalised(option) for option in listed}) < len(listed):
        raise InvalidItem(f"{path}:{line}, column 'options': give two or more, all different in words: {listed}")
    return tuple(listed)


def _number(path: Path, line: int, name: str, row: Mapping[str, Any], options: tuple[str, ...]) -> int | None:
    said = row.get(name)
    if said is None or said == "" or said == NONE:
        return None
    number = option_number(said, options)
    if number is None:
        raise InvalidItem(
            f"{path}:{line}, column {name!r}: {said!r} is none of {list(options)}, nor a letter or number of one"
        )
    return number
