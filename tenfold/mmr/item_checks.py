"""What an item of one's own must hold, so that what a model replies to it has a score that means something.

Rows of the released annotations, whose keys are ``official/<number>``, stay as they were released, two odd boxes among
them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tenfold.mmr.errors import InvalidItem
from tenfold.mmr.option_lines import split_options
from tenfold.mmr.tasks import CHOICE, GROUNDING

if TYPE_CHECKING:
    from tenfold.mmr.items import Item

EXAMPLE = '{"key": …, "image": …, "task": …, "question": …, "answer": …}'
REQUIRED = ("key", "image", "task", "question", "answer")
RELEASED = re.compile(r"official/\d+")
ROUNDING = 1e-9  # by which a box in a padded image may pass an edge
BOX = "[x0, y0, x1, y1] in shares of the image's sides, with 0 ≤ x0 < x1 ≤ 1 and 0 ≤ y0 < y1 ≤ 1"
FORMS = {"grounding_o": BOX, "grounding_t": f'["text", box], the box being {BOX}'}
_NUMBERED = re.compile(r"^([1-4])\. (.*)$", re.MULTILINE)


def checked_fields(row: Any, known: Sequence[str]) -> dict[str, Any]:
    """Return a row of a file of items. Raises InvalidItem unless it is an object with an item's fields and no others.

    ``known`` are the names of all fields.
    """
    if not isinstance(row, dict):
        raise InvalidItem(f"each line is an object such as {EXAMPLE}, not {_short(row)}")
    lacking = [name for name in REQUIRED if name not in row]
    if lacking:
        raise InvalidItem(f"{row.get('key', 'the item')}: it lacks {', '.join(lacking)}; an item is such as {EXAMPLE}")
    strange = [name for name in row if name not in known]
    if strange:
        names = ", ".join(map(repr, strange))
        raise InvalidItem(f"{row['key']}: an item has no field {names}; there are {', '.join(known)}")
    return row


def check_item(item: Item) -> None:
    """Check an item's question and answers by its task; a row of the released annotations passes as it is.

    Raises InvalidItem for an answer without a character; a choice whose question does not end with its four options,
    ``1. …`` to ``4. …``, each on a line and other than the others, or whose answer is none of their numbers; and a box
    that is not [x0, y0, x1, y1] with 0 ≤ x0 < x1 ≤ 1 and 0 ≤ y0 < y1 ≤ 1.
    """
    if RELEASED.fullmatch(item.key):
        return
    if not item.answer.strip() or any(not one.strip() for one in item.also):
        raise InvalidItem(f"{item.key}: an answer is not empty: every reply would be right")
    if item.task in CHOICE:
        _check_choice(item)
    elif item.task in GROUNDING:
        for answer in (item.answer, *item.also):
            _check_grounding(item, answer)


def check_file(item: Item, files: dict[str, str]) -> None:
    """Check that an item names the file that earlier items name for its image, and keep it in ``files``, by image.

    Raises InvalidItem for another one.
    """
    known = files.setdefault(item.image, item.file) if item.file else ""
    if known and known != item.file:
        raise InvalidItem(
            f"{item.key}: the image {item.image!r} is {item.file!r} here and {known!r} in an item above; give another "
            f"image another name"
        )


def _check_choice(item: Item) -> None:
    _, options = split_options(item.question)
    numbered = _NUMBERED.findall(item.question.rstrip())
    if not options or [number for number, _ in numbered] != list("1234"):
        raise InvalidItem(
            f"{item.key}: a question of {item.task} ends with its options on four lines, '1. …' to '4. …', and has no "
            f"other line of this form: {_short(item.question)}"
        )
    if not all(options) or len(set(options)) < len(options):
        raise InvalidItem(f"{item.key}: an option is a text other than the other options, not one of {options}")
    if item.answer not in tuple("1234"):
        raise InvalidItem(
            f"{item.key}: the answer of {item.task} is '1', '2', '3' or '4', the option's number, not {item.answer!r}"
        )


def _check_grounding(item: Item, answer: str) -> None:
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        found = None
    if item.task == "grounding_t":
        text, found = found if isinstance(found, list) and len(found) == 2 else (None, None)
        if not isinstance(text, str) or not text.strip():
            found = None
    if not _is_box(found):
        raise InvalidItem(f"{item.key}: the answer of {item.task} is {FORMS[item.task]}, not {answer!r}")


def _is_box(found: Any) -> bool:
    if not isinstance(found, list) or len(found) != 4:
        return False
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in found):
        return False
    x0, y0, x1, y1 = found
    least, most = -ROUNDING, 1 + ROUNDING
    return least <= x0 < x1 <= most and least <= y0 < y1 <= most


def _short(value: Any) -> str:
    words = repr(value)
    return words if len(words) <= 200 else f"{words[:200]}…"
