"""The option that a stereotyping reader gives: from BBQ's metadata file, or by rule where there is none.

In negative questions it is the stereotyped person, in the other questions the other person: `target_loc` of the
metadata file is turned round already, and so is what the rule returns.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenfold.debias.errors import InvalidMetadata

COLUMNS = ("category", "example_id", "target_loc", "label_type")
ABSENT = {"", "NA"}  # how the files write that there is no target
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Target:
    """The number of the target option, None where the metadata has none, and whether people are named or described."""

    number: int | None
    named: bool


Targets = Mapping[tuple[str, str], Target]  # by category and example_id


def read_targets(path: Path) -> dict[tuple[str, str], Target]:
    """Return the targets in a CSV file, plain or gzip, whose quoted cells may hold line breaks.

    A question with several rows that name different targets has none.
    Raises InvalidMetadata, which names the line and what is wrong with it.
    """
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise InvalidMetadata(f"{path} has no column {missing[0]!r}; it has {', '.join(reader.fieldnames or ())}")
    found: dict[tuple[str, str], Target] = {}
    for row in reader:
        place, kind = row["target_loc"], row["label_type"]
        if place not in ABSENT | {"0", "1", "2"} or kind not in ("label", "name"):
            raise InvalidMetadata(
                f"{path}:{reader.line_num}: target_loc {place!r} must be 0, 1, 2 or empty, and label_type {kind!r} "
                "label or name"
            )
        key = (row["category"], row["example_id"])
        target = Target(None if place in ABSENT else int(place), kind == "name")
        same = key not in found or found[key] == target
        found[key] = target if same else Target(None, target.named)
    return found


def target_by_rule(row: Mapping[str, Any]) -> int | None:
    """Return the target of a row of BBQ by its own stereotyped groups; None unless they fit exactly one person.

    A group fits a person whose tag or text it equals, in any case; never by a part of a word, for "old" is in "nonOld".
    Names and the intersections of two categories carry other tags ("M-Black"), so that they have no target by rule.
    """
    groups = {_plain(group) for group in row["additional_metadata"]["stereotyped_groups"]}
    people = _people(row["answer_info"])
    fitting = [number for number, words in people.items() if words & groups]
    if len(fitting) != 1 or len(people) != 2:
        return None
    if row["question_polarity"] == "neg":
        return fitting[0]
    return next(number for number in people if number != fitting[0])


def _people(answer_info: Mapping[str, Iterable[str]]) -> dict[int, set[str]]:
    """Return the words for each option but the unknown one: its text and its tag."""
    words = [{_plain(word) for word in answer_info[f"ans{number}"]} for number in range(3)]
    return {number: found for number, found in enumerate(words) if _plain(answer_tag(answer_info, number)) != UNKNOWN}


def answer_tag(answer_info: Mapping[str, Iterable[str]], number: int) -> str:
    """Return the group tag of an option, the second of the two words that BBQ gives it."""
    _, tag = answer_info[f"ans{number}"]
    return tag


def _plain(word: str) -> str:
    return word.strip().casefold()
