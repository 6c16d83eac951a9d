"""BBQ's questions as they are published, in the official layout or as a mirror has them (Parrish et al. 2022).

A folder holds <category>.jsonl, plain or gzip, itself or in data/, published/ or redrawn/; beside them
additional_metadata.csv or target_locations.csv.gz may say which option is the target.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tenfold.debias.errors import InvalidItem, NoQuestions
from tenfold.debias.items import Item, Items
from tenfold.debias.targets import UNKNOWN, Target, Targets, answer_tag, read_targets, target_by_rule

FOLDERS = ("", "data", "published", "redrawn")
METADATA = (
    "target_locations.csv.gz",
    "additional_metadata.csv",
    "supplemental/additional_metadata.csv",
    "analysis_scripts/additional_metadata.csv",
)
NAMED_FROM = 26  # question_index from which these categories have proper names
WITH_NAMES = ("Gender_identity", "Race_ethnicity")
NAMES = " (names)"
REDRAWN = {  # categories drawn anew by the authors' generator, by the SHA-256 of their rows
    "Gender_identity": "69133623c11f4340b5323536b3193a2fadd5b51d6fd74aed2a5aefd41b825778",
    "Race_ethnicity": "63df08388769758de748254e72a20c8b7ac722710429958555f1050015185512",
    "Race_x_SES": "88b7573a0f45139583199f2f8e76b1cc89ae7d5ce3182e680f71e0ec207e4b2c",
    "Race_x_gender": "04e8004b3387c003fab8d911898c3b3e965ae7ffd31909d2f041772fc4948172",
    "SES": "0c70e2f9ee2f960663f6c254036cce53be3fcc6cd983223ff39308c2557a6b07",
}


def read_bbq(folder: Path) -> Items:
    """Return the questions in a folder, in the order of categories and rows; ``key`` is category/example_id.

    Questions about proper names are a group of their own, "<category> (names)", as in the authors' script. Without a
    metadata file the target comes from the question's own stereotyped groups (`target_by_rule`); a question without a
    target keeps ``target`` None, and no bias score counts it.
    Raises NoQuestions if there is no such file, or a file has no row; InvalidItem for a row that is none of BBQ's, has
    not exactly one unknown option, or whose right answer does not fit its condition; InvalidMetadata.
    """
    targets = _targets(folder)
    rows: dict[str, Item] = {}
    for path in question_files(folder):
        before = len(rows)
        for number, row in _rows(path):
            try:
                item = _item(row, targets)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise InvalidItem(f"{path}:{number}: {_fault(error)}") from None
            if item.key in rows:
                raise InvalidItem(f"{path}:{number}: {item.key} is there twice; read one draw of a category at a time")
            rows[item.key] = item
        if len(rows) == before:
            raise NoQuestions(f"{path} holds no question; bring it again, or take it away")
    return Items(tuple(rows.values()))


def question_files(folder: Path) -> list[Path]:
    """Return the files of questions in a folder, by category. Raises NoQuestions if there is none."""
    found = [
        path
        for place in FOLDERS
        for pattern in ("*.jsonl", "*.jsonl.gz")
        for path in (folder / place).glob(pattern)
        if not path.name.startswith("preds_")
    ]
    if not found:
        raise NoQuestions(f"{folder} holds no <category>.jsonl or .jsonl.gz, nor do {', '.join(FOLDERS[1:])} in it")
    return sorted(found, key=lambda path: (path.name, path))


def redrawn_groups(folder: Path) -> tuple[str, ...]:
    """Return the categories in a folder that are not as published but drawn anew, known by the digest of their rows."""
    found = []
    for path in question_files(folder):
        category = path.name.removesuffix(".gz").removesuffix(".jsonl")
        if category in REDRAWN and hashlib.sha256(unpacked(path)).hexdigest() == REDRAWN[category]:
            found.append(category)
    return tuple(found)


def unpacked(path: Path) -> bytes:
    """Return what a file holds, plain or gzip. Raises InvalidItem if it is broken."""
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, OSError, ValueError) as error:
        raise InvalidItem(f"{path} cannot be read ({error}); bring it again") from None


def _targets(folder: Path) -> Targets | None:
    for name in METADATA:
        if (folder / name).is_file():
            return read_targets(folder / name)
    return None


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(unpacked(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InvalidItem(f"{path}:{number}: {error}") from None
        if not isinstance(row, dict):
            raise InvalidItem(f"{path}:{number}: a line is an object with BBQ's fields")
        yield number, row


def _item(row: dict[str, Any], targets: Targets | None) -> Item:
    _check_types(row)
    category, example = row["category"], str(row["example_id"])
    target = _by_rule(row) if targets is None else targets.get((category, example), Target(None, False))
    if row["question_polarity"] not in ("neg", "nonneg") or row["context_condition"] not in ("ambig", "disambig"):
        raise ValueError(f"polarity {row['question_polarity']!r} or condition {row['context_condition']!r} is unknown")
    unknown = _unknown(row)
    item = Item(
        key=f"{category}/{example}",
        question=row["question"],
        options=(row["ans0"], row["ans1"], row["ans2"]),
        context=row["context"],
        gold=row["label"],
        group=category + NAMES * target.named,
        template=f"{category}/{row['question_index']}",
        polarity=row["question_polarity"],
        condition=row["context_condition"],
        unknown=unknown,
        target=target.number,
    )
    if (item.condition == "ambig") != (item.gold == unknown):
        right = "unknown" if item.gold == unknown else "a person"
        raise ValueError(f"label = {item.gold} says {right}, which is not right in a context that is {item.condition}")
    return item


def _check_types(row: dict[str, Any]) -> None:
    """Raise ValueError for names that are no names and a label that is no number; what ``Item`` takes it checks."""
    for name in ("category", "example_id", "question_index"):
        if isinstance(row[name], bool) or not isinstance(row[name], str | int):
            raise ValueError(f"{name} = {row[name]!r} must be a text or a whole number")
    if type(row["label"]) is not int:
        raise ValueError(f"label = {row['label']!r} must be the number of an option")


def _by_rule(row: dict[str, Any]) -> Target:
    named = row["category"] in WITH_NAMES and int(row["question_index"]) >= NAMED_FROM
    return Target(target_by_rule(row), named)


def _unknown(row: dict[str, Any]) -> int:
    """Return the option that the tag, not the wording, says is the unknown one."""
    found = [place for place in range(3) if answer_tag(row["answer_info"], place).strip().casefold() == UNKNOWN]
    if len(found) != 1:
        raise ValueError(f"{len(found)} options are tagged {UNKNOWN!r}; exactly one must be")
    return found[0]


def _fault(error: Exception) -> str:
    return f"the field {error} is missing" if isinstance(error, KeyError) else str(error)
