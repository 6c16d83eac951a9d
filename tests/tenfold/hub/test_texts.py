"""SuperGLUE's tasks and plain text of the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.data.text_tasks import TextItems, encode
from tenfold.hub.errors import (
    EmptySplit,
    LabelOutOfRange,
    UnknownTask,
)
from tenfold.hub.texts import SUPERGLUE, superglue_split, text_tokens
from tests.tenfold.hub import hub_folders


@pytest.mark.parametrize("task", sorted(SUPERGLUE))
def test_every_task_is_read_and_encoded(task: str, tmp_path: Path, decoder: tuple[Any, Any]) -> None:
    columns, _ = SUPERGLUE[task]
    table = hub_folders.sentences(6, *columns)
    if task == "copa":
        table["question"] = ["cause", "effect"] * 3
    hidden = table | {"label": [-1] * 6}
    folder = hub_folders.write_repository(tmp_path / "super_glue", {task: {"train": table, "test": hidden}})
    split, items, classes = superglue_split(str(folder), task, "train", "main")
    assert len(split) == 6 and classes == 2 and items.choices == (2 if task == "copa" else 1)
    for row, texts in enumerate(items.texts):
        shown = " ".join(part for pair in texts for part in pair if part)
        rest = [name for name in columns if (task, name) != ("copa", "question")]
        assert all(table[name][row].rstrip(".") in shown for name in rest)
    ids, mask = encode(items, decoder[1], 16, separator="\n")
    assert ids.shape == mask.shape == (6, items.choices, 16) and (np.diff(mask, axis=-1) <= 0).all()
    with pytest.raises(LabelOutOfRange, match="Take a split whose labels are public"):
        superglue_split(str(folder), task, "test", "main")


def test_what_is_too_long_is_cut_in_the_longer_text(decoder: tuple[Any, Any]) -> None:
    items = TextItems(((("a" * 50, "bcd"),), (("a", "b"),)), np.array([0, 1]))
    ids, mask = encode(items, decoder[1], 10, separator="\n")
    assert decoder[1].decode(ids[0, 0]) == "aaaaaa\nbcd" and mask.sum(axis=-1).ravel().tolist() == [10, 3]


def test_unknown_tasks_are_refused_before_anything_is_loaded() -> None:
    with pytest.raises(UnknownTask, match="no task 'record' that is known; known are boolq"):
        superglue_split("aps/super_glue", "record", "train", "main")


def test_texts_are_encoded_as_far_as_is_wanted(tmp_path: Path, decoder: tuple[Any, Any]) -> None:
    folder = str(hub_folders.text(tmp_path / "wikitext"))
    split, tokens = text_tokens(folder, "train", decoder[1], wanted=20)
    assert len(tokens) == 20 and split.origin.configuration == "wikitext-103-raw-v1"
    assert decoder[1].decode(tokens) == "".join(split.column("text"))[:20]
    _, every = text_tokens(folder, "train", decoder[1], wanted=10**6)
    assert len(every) == len("".join(split.column("text")))
    empty = hub_folders.write_repository(tmp_path / "empty", {"wikitext-103-raw-v1": {"train": {"text": ["", ""]}}})
    with pytest.raises(EmptySplit, match="holds no text"):
        text_tokens(str(empty), "train", decoder[1], wanted=5)
