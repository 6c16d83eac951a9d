"""Predictions that somebody else made."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tenfold.mmr.errors import InvalidPredictions
from tenfold.mmr.file_model import FileModel
from tenfold.mmr.item_sources import NamedItems
from tenfold.mmr.items import ItemSet
from tenfold.mmr.models import ModelOptions, model_named
from tenfold.mmr.queries import Query
from tenfold.mmr.run import Run


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_replies_of_a_file_in_the_order_of_the_queries(tmp_path):
    rows = [{"key": "b", "reply": "Ünï"}, {"key": "a", "reply": "1"}, {"key": "n", "reply": None}]
    rows.append({"key": "api", "reply": "Failed to obtain answer via API."})
    model = FileModel(write(tmp_path / "mine.jsonl", rows))
    found = model.answer([Query(key, "font_size", "?", "?") for key in ("a", "b", "n", "api", "z")])
    assert [(one.reply, one.status) for one in found] == [
        ("1", "answered"),
        ("Ünï", "answered"),
        *[(None, "failed")] * 3,
    ]
    assert model.name == "mine" and found[3].why.startswith("Failed to obtain") and found[4].why == "not in the file"


def test_another_file_is_another_model(tmp_path):
    one = FileModel(write(tmp_path / "one.jsonl", [{"key": "a", "reply": "1"}]))
    other = FileModel(write(tmp_path / "other.jsonl", [{"key": "a", "reply": "2"}]), "named")
    assert one.identity() != other.identity() and other.name == "named"


def test_a_key_twice_is_refused(tmp_path):
    path = write(tmp_path / "twice.jsonl", [{"key": "a", "reply": "1"}, {"key": "a", "reply": "2"}])
    with pytest.raises(InvalidPredictions, match="'a' is answered twice"):
        FileModel(path)


def test_a_key_that_no_item_has_is_refused_before_a_run(tenfold, items, tmp_path):
    rows = [{"key": one.key, "reply": "1"} for one in items.rows]
    path = write(tmp_path / "mine.jsonl", rows)
    FileModel(path).check(items)
    write(path, [*rows, {"key": "nobody", "reply": "1"}])
    with pytest.raises(InvalidPredictions, match="no item of items has the key 'nobody'"):
        FileModel(path).check(items)
    command = ("mmr", "run", "--model", f"file:{path}", "--items", items.folder, "--out", tmp_path / "run")
    assert "'nobody'" in tenfold(*command, status=1).err and not (tmp_path / "run").exists()


def test_replies_of_a_run_are_not_taken_for_replies_to_changed_items(items, tmp_path):
    run = Run(model_named("oracle", ModelOptions(), items, lambda: items), NamedItems(items))
    run.run(tmp_path / "run")
    model = FileModel(tmp_path / "run" / "predictions.jsonl")
    model.check(items)
    with pytest.raises(InvalidPredictions, match="one of 20 such keys of 22"):
        model.check(items.only([3, 5]))
    changed = ItemSet(items.name, (replace(items.rows[0], question="another?"), *items.rows[1:]))
    with pytest.raises(InvalidPredictions, match="asked otherwise under 1 keys, such as 'recognition_label/0'"):
        model.check(changed)
    with pytest.raises(InvalidPredictions, match="asked otherwise"):
        model_named(f"file:{model.path}", ModelOptions(), changed, lambda: items)
