"""Items about real scanned receipts (SROIE), made from the annotated lines: seven columns, 350 points at most.

**Deviation:** none of this is in MMR; its format, tasks and scoring are. Transcripts are mostly upper case whatever the
print shows, which the official scorer's lower-casing forgives.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np

from tenfold.data.receipts import Receipt, read_receipts
from tenfold.mmr.errors import NoItems
from tenfold.mmr.items import IMAGES, Item, ItemSet, write_items
from tenfold.mmr.receipt_lines import PLACES, RELATIONS, Lines
from tenfold.mmr.tasks import PER_TASK, Task

Part = Literal["test", "fit"]
ReceiptTask = Literal["recognition_label", "recognition_pos", "font_size", "localize_t", "spatial_tt", "grounding_t"]
TASKS_OF_RECEIPTS: tuple[ReceiptTask, ...] = get_args(ReceiptTask)
FITTED_SHARE = 3  # every third receipt serves to fit baselines only
TRIES = 40  # draws per receipt before the next one is taken
LABELS = {"company": "company name", "date": "date", "total": "total amount"}
SIZES = {True: "largest", False: "smallest"}


class Asked(NamedTuple):
    """A question with its answer: a text, or the number of the right one of four ``options``.

    ``kind`` is what must come equally often among the items of a task.
    """

    question: str
    answer: str
    options: tuple[str, ...] = ()
    right: int = 0
    kind: int = 0


Ask = Callable[[Lines, int, np.random.Generator], Asked | None]


def receipt_items(folder: Path, *, per_task: int = PER_TASK, seed: int = 0, part: Part = "test") -> list[Item]:
    """Return items about the receipts of ``folder``, at most ``per_task`` of each of the six tasks that receipts have.

    The part "fit" is of every third receipt, for fitting baselines; "test" of the others. A task has one item per
    receipt; tasks begin with the same receipts, so that few images serve all. Among the four numbers of the right
    option, and the kinds of question, none is more than one item ahead of another, where the receipts allow it.
    Raises NoItems if no receipt has an item, and what ``read_receipts`` raises.
    """
    return items_about(_part(read_receipts(folder), part), per_task=per_task, seed=seed)


def write_receipt_items(
    folder: Path, out: Path, *, per_task: int = PER_TASK, seed: int = 0, part: Part = "test"
) -> ItemSet:
    """Write items.jsonl and images/ into ``out``, which is made if need be, and return the items.

    Raises what ``receipt_items`` raises, with nothing written.
    """
    receipts = _part(read_receipts(folder), part)
    items = items_about(receipts, per_task=per_task, seed=seed)
    (out / IMAGES).mkdir(parents=True, exist_ok=True)
    used = {item.image for item in items}
    for receipt in receipts:
        if receipt.name in used:
            (out / IMAGES / f"{receipt.name}.jpg").write_bytes(receipt.encoded)
    write_items(items, out)
    return ItemSet("receipts", tuple(items), out)


def items_about(receipts: Sequence[Receipt], *, per_task: int = PER_TASK, seed: int = 0) -> list[Item]:
    """Return items about given receipts; see ``receipt_items``. Raises NoItems if there are none."""
    order = np.random.default_rng([seed, len(receipts)]).permutation(len(receipts))
    sheets = [Lines(receipts[place]) for place in order]
    items = [
        item
        for number, task in enumerate(TASKS_OF_RECEIPTS)
        for item in _task_items(task, number, sheets, per_task, seed)
    ]
    if not items:
        raise NoItems(f"no item can be made of {len(receipts)} receipts; bring the source sroie again")
    return items


def _part(receipts: Sequence[Receipt], part: Part) -> list[Receipt]:
    if part not in get_args(Part):
        raise NoItems(f"receipts have no part {part!r}; there are {', '.join(get_args(Part))}")
    fitted = (place % FITTED_SHARE == FITTED_SHARE - 1 for place in range(len(receipts)))
    return [receipt for receipt, fits in zip(receipts, fitted, strict=True) if fits == (part == "fit")]


def _task_items(task: ReceiptTask, number: int, sheets: Sequence[Lines], per_task: int, seed: int) -> list[Item]:
    generator = np.random.default_rng([seed, number])
    ask, kinds = ASKS[task]
    found: dict[str, tuple[Receipt, Asked]] = {}
    counts = [0] * kinds
    for ahead in (0, per_task):  # first with all kinds even, then with whatever the other receipts allow
        for sheet in sheets:
            if len(found) >= per_task or sheet.receipt.name in found:
                continue
            allowed = [kind for kind in range(kinds) if counts[kind] <= min(counts) + ahead]
            tried = (ask(sheet, kind, generator) for kind in sorted(allowed, key=lambda kind: counts[kind]))
            asked = next(filter(None, tried), None)
            if asked is not None:
                counts[asked.kind] += 1
                found[sheet.receipt.name] = (sheet.receipt, asked)
    places = generator.permutation(np.arange(len(found)) % 4)  # of the right option: even up to one
    return [
        _item(task, receipt, asked, int(place), generator)
        for (receipt, asked), place in zip(found.values(), places, strict=True)
    ]


def _item(task: Task, receipt: Receipt, asked: Asked, place: int, generator: np.random.Generator) -> Item:
    question, answer = asked.question, asked.answer
    if asked.options:
        others = [text for number, text in enumerate(asked.options) if number != asked.right]
        shown = [others[number] for number in generator.permutation(len(others))]
        shown.insert(place, asked.options[asked.right])
        lines = "\n".join(f"{number}. {text}" for number, text in enumerate(shown, 1))
        question, answer = f"{question}\nChoices:\n{lines}", str(place + 1)
    return Item(
        f"receipts/{task}/{receipt.name}",
        receipt.name,
        task,
        question,
        answer,
        file=f"{receipt.name}.jpg",
        width=receipt.width,
        height=receipt.height,
        layout="receipt",
    )


def _label(sheet: Lines, kind: int, generator: np.random.Generator) -> Asked | None:
    field = list(LABELS)[kind]
    if not sheet.shows(field) or '"' in sheet.receipt.fields[field]:
        return None
    return Asked(f"What is the {LABELS[field]} on the receipt?", sheet.receipt.fields[field].strip(), kind=kind)


def _pair(sheet: Lines, kind: int, generator: np.random.Generator) -> tuple[str, int] | None:
    """Return a question for the text below (kind 0) or above (kind 1) another, and the line that answers it."""
    for (place,) in islice(sheet.options(1, generator), TRIES):
        below = sheet.next_below(place)
        if below is not None:
            word, known, asked = ("below", place, below) if kind == 0 else ("above", below, place)
            return f'What text is printed directly {word} "{sheet.texts[known]}" on the receipt?', asked
    return None


def _position(sheet: Lines, kind: int, generator: np.random.Generator) -> Asked | None:
    found = _pair(sheet, kind, generator)
    return None if found is None else Asked(found[0], sheet.texts[found[1]], kind=kind)


def _size(sheet: Lines, kind: int, generator: np.random.Generator) -> Asked | None:
    largest = kind == 0
    for chosen in islice(sheet.options(4, generator), TRIES):
        right = sheet.sized_apart(chosen, largest=largest)
        if right is not None:
            options = tuple(f'"{sheet.texts[place]}"' for place in chosen)
            return Asked(f"Which text is printed in the {SIZES[largest]} letters?", "", options, right, kind)
    return None


def _place(sheet: Lines, kind: int, generator: np.random.Generator) -> Asked | None:
    for (place,) in islice(sheet.options(1, generator), TRIES):
        if sheet.quarter(place) == kind:
            return Asked(f'Where on the receipt is the text "{sheet.texts[place]}"?', "", PLACES, kind, kind)
    return None


def _relation(sheet: Lines, kind: int, generator: np.random.Generator) -> Asked | None:
    for place, other in islice(sheet.options(2, generator), 10 * TRIES):
        if sheet.relation(place, other) == kind:
            question = f'Where is the text "{sheet.texts[place]}" as seen from the text "{sheet.texts[other]}"?'
            return Asked(question, "", RELATIONS, kind, kind)
    return None


def _grounding(sheet: Lines, kind: int, generator: np.random.Generator) -> Asked | None:
    if kind < len(LABELS):
        field = list(LABELS)[kind]
        line, question = sheet.field_line(field), f"What is the {LABELS[field]} on the receipt?"
    else:
        question, line = _pair(sheet, kind - len(LABELS), generator) or ("", None)
    if line is None:
        return None
    shares = sheet.boxes[line] / ([sheet.receipt.width, sheet.receipt.height] * 2)
    answer = json.dumps([sheet.texts[line], [round(float(value), 4) for value in shares]], ensure_ascii=False)
    return Asked(f"{question} Where is it in the image?", answer, kind=kind)


ASKS: dict[ReceiptTask, tuple[Ask, int]] = {  # with how many kinds of question each has
    "recognition_label": (_label, len(LABELS)),
    "recognition_pos": (_position, 2),
    "font_size": (_size, 2),
    "localize_t": (_place, len(PLACES)),
    "spatial_tt": (_relation, len(RELATIONS)),
    "grounding_t": (_grounding, len(LABELS) + 2),
}
