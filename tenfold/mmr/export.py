"""Items written for two other harnesses: a task folder for lmms-eval, and tables for VLMEvalKit.

lmms-eval (EvolvingLMMs-Lab/lmms-eval at 75571cf) reads a YAML file whose ``!function`` names a module beside it, and
loads the data by ``datasets.load_dataset``. VLMEvalKit (open-compass/VLMEvalKit at e8e78f0) reads ``<name>.tsv`` below
the folder that LMUData names: index, image in base64 or the index of the row that has it, question, options, answer.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tenfold.mmr.annotations import options_of
from tenfold.mmr.errors import InvalidItem, NoItems
from tenfold.mmr.export_texts import METRIC, MODULE, READ_ME, TASK
from tenfold.mmr.images import load_image
from tenfold.mmr.items import IMAGES, ITEMS, Item, ItemSet
from tenfold.mmr.tasks import CHOICE, COLUMNS, RECOGNITION

LETTERS = "ABCD"
NAME = re.compile(r"[a-z0-9_]+")
SHORTEST_IMAGE = 64  # characters: VLMEvalKit takes a shorter cell for the index of another row
FORMS = {
    "choice": "Answer with the number of the right option alone: 1, 2, 3 or 4.",
    "recognition": "Answer with the text alone.",
    "grounding_o": "Answer with the bounding box alone, as [x_min, y_min, x_max, y_max], each a share of the image's "
    "width or height from 0 to 1.",
    "grounding_t": "Answer with the text and then its bounding box, as text [x_min, y_min, x_max, y_max], each a share "
    "of the image's width or height from 0 to 1.",
}


def default_prompt(item: Item) -> str:
    """Return the item's question with the form of the answer, coordinates from 0 to 1: a prompt of our own."""
    form = "choice" if item.task in CHOICE else "recognition" if item.task in RECOGNITION else item.task
    return f"{item.question.strip()}\n{FORMS[form]}"


def export_lmms_eval(
    items: ItemSet,
    folder: Path,
    *,
    name: str = "",
    prompts: Mapping[str, str] | None = None,
    place: Path | None = None,
) -> Path:
    """Write a task folder that ``lmms_eval --include_path`` takes, and return the path of its YAML file.

    ``prompts`` maps keys to user messages, ``default_prompt`` by default; ``name`` is the task's, mmr_<name of the
    items> by default. The folder, which must be new or empty, gets <name>.yaml, mmr_task.py, items.jsonl, images/ and
    README.md. ``place`` is where the folder will stand, if it is moved once written: the YAML file names that place.
    Scoring needs this library where lmms-eval runs.
    Raises NoItems if there are none, MissingImage for an item without an image, InvalidItem for another name, a folder
    with files, or a prompt that is missing; nothing is written then.
    """
    task = _task_name(items, name)
    told = {item.key: default_prompt(item) for item in items.rows} if prompts is None else prompts
    lacking = [item.key for item in items.rows if not told.get(item.key)]
    if lacking:
        raise InvalidItem(f"no prompt for {len(lacking)} items, the first is {lacking[0]!r}")
    images = {item.file: items.image_path(item) for item in items.rows}
    _new_folder(folder)
    for file, path in images.items():
        (folder / IMAGES / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / IMAGES / file).write_bytes(path.read_bytes())
    rows = (_document(item, told[item.key]) for item in items.rows)
    (folder / ITEMS).write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8")
    (folder / "mmr_task.py").write_text(MODULE, encoding="utf-8")
    present = {item.task for item in items.rows}
    columns = ["official_points", "mended_points", *(one for one in COLUMNS if one.partition(" ")[0] in present)]
    metrics = "".join(METRIC.format(metric=column.replace(" ", "_")) for column in columns)
    written = TASK.format(task=task, data=json.dumps(str(((place or folder) / ITEMS).resolve())), metrics=metrics)
    (folder / f"{task}.yaml").write_text(written, encoding="utf-8")
    told_of = {"task": task, "items": len(items), "most": items.points, "choices": _count(items, CHOICE)}
    (folder / "README.md").write_text(READ_ME.format(**told_of), encoding="utf-8")
    return folder / f"{task}.yaml"


def export_vlmevalkit(items: ItemSet, folder: Path, *, name: str = "") -> list[Path]:
    """Write <name>_choice.tsv (multiple choice, A to D) and <name>_text.tsv (recognition), and return their paths.

    Boxes have no counterpart in these tables and are left out; a kind without items has no file. ``folder`` is made if
    need be. Raises NoItems if neither kind has any, MissingImage for an item without an image, InvalidItem for an
    option that the reader of the table would take for an empty cell ("None", "NA" …); nothing is written then.
    """
    task = _task_name(items, name)
    tables = {
        "choice": _table(items, [item for item in items.rows if item.task in CHOICE], ("A", "B", "C", "D")),
        "text": _table(items, [item for item in items.rows if item.task in RECOGNITION], ()),
    }
    if not any(tables.values()):
        raise NoItems(f"{items.name} has neither choices nor texts, and boxes have no place in VLMEvalKit's tables")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for kind, rows in tables.items():
        if rows:
            path = folder / f"{task}_{kind}.tsv"
            path.write_text(_tab_separated(rows), encoding="utf-8")
            written.append(path)
    return written


def _document(item: Item, prompt: str) -> dict[str, Any]:
    """Return an item as JSON with columns of one type each: lists as JSON text, since all of them may be empty."""
    row = asdict(item)
    return row | {"also": json.dumps(row["also"], ensure_ascii=False), "prompt": prompt}


def _table(items: ItemSet, chosen: list[Item], options: tuple[str, ...]) -> list[dict[str, str]]:
    first: dict[str, str] = {}
    rows = []
    for number, item in enumerate(chosen):
        image = first.get(item.file) or _base64(items, item)
        first.setdefault(item.file, str(number))
        row = {"index": str(number), "image": image, "question": item.question.strip(), "answer": item.answer}
        if options:
            texts = options_of(item.question)
            asked = item.question[: re.search(r"^\s*1\s*[.)]", item.question, re.MULTILINE).start()]  # type: ignore[union-attr]
            row["question"] = re.sub(r"\s*Choices:\s*$", "", asked).removeprefix("Question:").strip()
            row |= dict(zip(options, texts, strict=True)) | {"answer": LETTERS[int(item.answer) - 1]}
        rows.append(row | {"category": item.task, "key": item.key})
    _check_cells(rows)
    return rows


def _check_cells(rows: list[dict[str, str]]) -> None:
    """Raise InvalidItem for a cell that pandas, as VLMEvalKit calls it, reads as missing."""
    import pandas as pd

    if not rows:
        return
    read = pd.read_csv(io.StringIO(_tab_separated(rows)), sep="\t")
    for column in read.columns[read.isna().any()]:
        place = int(read[column].isna().to_numpy().nonzero()[0][0])
        raise InvalidItem(
            f"{rows[place]['key']}: {column} {rows[place][column]!r} reads as an empty cell; leave it out"
        )


def _tab_separated(rows: list[dict[str, str]]) -> str:
    buffer = io.StringIO()
    table = csv.DictWriter(buffer, list(rows[0]), delimiter="\t", quoting=csv.QUOTE_ALL, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return buffer.getvalue()


def _base64(items: ItemSet, item: Item) -> str:
    path = items.image_path(item)
    load_image(path)  # an image that cannot be read is named here, not in the other harness
    encoded = base64.b64encode(path.read_bytes()).decode()
    assert len(encoded) > SHORTEST_IMAGE, "no image file is as short"
    return encoded


def _task_name(items: ItemSet, name: str) -> str:
    if not len(items):
        raise NoItems(f"{items.name} has no items to export")
    task = name or f"mmr_{items.name}"
    if not NAME.fullmatch(task):
        raise InvalidItem(f"a task's name has small letters, digits and _, not {task!r}; give another name")
    return task


def _new_folder(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidItem(f"{folder} holds files already; export into a new folder")
    folder.mkdir(parents=True, exist_ok=True)


def _count(items: ItemSet, tasks: Iterable[str]) -> int:
    kept = set(tasks)
    return sum(item.task in kept for item in items.rows)
