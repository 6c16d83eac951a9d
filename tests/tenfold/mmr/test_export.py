"""Exported items: loaded as the other harnesses load them, and an oracle's replies have every point."""

from __future__ import annotations

import base64
import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tenfold.mmr.baselines import true_reply
from tenfold.mmr.errors import InvalidItem, MissingImage, NoItems
from tenfold.mmr.export import default_prompt, export_lmms_eval, export_vlmevalkit
from tenfold.mmr.items import Item, ItemSet, read_items, write_items

CHOICE = 'Question: Which text "is larger"?\n\nChoices:\n1. "A, b"\n2. 1st\tof 3\n3. Ünï\n4. both\n'
ROWS = (
    Item("r/1", "one", "font_size", CHOICE, "2", file="one.png", width=30, height=20),
    Item(
        "r/2",
        "one",
        "spatial_tt",
        "Where?\n1. Up\n2. Down\n3. Left\n4. Right",
        "4",
        file="one.png",
        width=30,
        height=20,
    ),
    Item("r/3", "two", "recognition_label", "What is the title?", '"Ärger" 3', ("Ärger 3",), file="two.png"),
    Item("r/4", "two", "grounding_o", "where is the cup?", "[0.1, 0.2, 0.5, 0.9]", file="two.png"),
    Item("r/5", "two", "grounding_t", "What and where?", '["OPEN", [0.1, 0.2, 0.5, 0.3]]', file="two.png"),
)


@pytest.fixture
def items(tmp_path: Path) -> ItemSet:
    folder = tmp_path / "items"
    (folder / "images").mkdir(parents=True)
    generator = np.random.default_rng(0)
    for name in ("one.png", "two.png"):
        Image.fromarray(generator.integers(0, 256, (20, 30, 4), dtype=np.uint8)).save(folder / "images" / name)
    write_items(ROWS, folder)
    return read_items(folder, name="small")


def loaded_yaml(path: Path) -> dict[str, Any]:
    """Read a task as lmms-eval does: ``!function module.name`` is a function of the module beside the file."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    def function(loader, node):
        module_name, name = loader.construct_scalar(node).split(".")
        spec = importlib.util.spec_from_file_location(module_name, path.parent / f"{module_name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return getattr(module, name)

    Loader.add_constructor("!function", function)
    return yaml.load(path.read_text(encoding="utf-8"), Loader)


def load_documents(task: dict[str, Any], cache: Path) -> Any:
    import datasets

    loaded = datasets.load_dataset(path=task["dataset_path"], name=None, cache_dir=str(cache), **task["dataset_kwargs"])
    return loaded[task["test_split"]]


def test_the_exported_task_asks_shows_and_scores_by_itself(items, tmp_path):
    path = export_lmms_eval(items, tmp_path / "task")
    assert path.name == "mmr_small.yaml"
    task = loaded_yaml(path)
    documents = list(load_documents(task, tmp_path / "cache"))
    assert [document["key"] for document in documents] == [item.key for item in ROWS]
    totals: dict[str, list[float]] = {}
    for item, document in zip(items.rows, documents, strict=True):
        assert task["doc_to_text"](document, {}) == task["doc_to_text"](document) == default_prompt(item)
        (shown,) = task["doc_to_visual"](document)
        assert shown.mode == "RGB" and shown.size == (30, 20)
        for name, points in task["process_results"](document, [true_reply(item)]).items():
            totals.setdefault(name, []).append(points)
        assert task["process_results"](document, [""])["official_points"] == 0
        assert document[task["doc_to_target"]] == item.answer
    metrics = {metric["metric"]: metric["aggregation"] for metric in task["metric_list"]}
    assert set(totals) == set(metrics)
    sums = {name: metrics[name](values) for name, values in totals.items()}
    assert sums["official_points"] == sums["mended_points"] == items.points == 6
    assert sums["font_size"] == sums["grounding_t_box"] == sums["grounding_t_text"] == 1


def test_the_exported_scorer_tells_the_official_from_the_mended_one(items, tmp_path):
    task = loaded_yaml(export_lmms_eval(items, tmp_path / "task", name="other_name"))
    document = load_documents(task, tmp_path / "cache")[2]
    everything = "OPEN MONDAY TO FRIDAY Ärger 3 CLOSED ON SUNDAYS AND IN THE WINTER MONTHS"
    found = task["process_results"](document, [everything])
    assert task["task"] == "other_name"  # the released text score rewards a reply with all there is to read
    assert (found["official_points"], found["mended_points"], found["recognition_label"]) == (1, 0, 1)


def test_the_exported_module_runs_in_a_process_of_its_own(items, tmp_path):
    export_lmms_eval(items, tmp_path / "task")
    code = (
        "import json, mmr_task; rows = [json.loads(line) for line in open('items.jsonl', encoding='utf-8')]; "
        "print(mmr_task.points(mmr_task.process_results(row, [row['answer']])['official_points'] for row in rows[:4]))"
    )
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "task", env={"PYTHONPATH": root}, capture_output=True, text=True
    )
    assert done.stdout.strip() == "4.0", done.stderr
    read_me = (tmp_path / "task" / "README.md").read_text(encoding="utf-8")
    assert "5 items, 6 points" in read_me and "--tasks mmr_small" in read_me


def test_given_prompts_are_written_and_each_item_needs_one(items, tmp_path):
    prompts = {item.key: f"Read! {item.question}" for item in items.rows}
    task = loaded_yaml(export_lmms_eval(items, tmp_path / "task", prompts=prompts))
    assert load_documents(task, tmp_path / "cache")[2]["prompt"] == "Read! What is the title?"
    with pytest.raises(InvalidItem, match="no prompt for 1 items, the first is 'r/3'"):
        export_lmms_eval(items, tmp_path / "other", prompts=prompts | {"r/3": ""})
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("task", ["font_size", "recognition_pos", "grounding_o", "grounding_t"])
def test_the_default_prompt_says_what_form_the_answer_has(task):
    prompt = default_prompt(Item("k", "a", task, "The question", "x"))
    assert prompt.startswith("The question\n") and ("0 to 1" in prompt) == task.startswith("grounding")


def test_what_cannot_be_exported_is_named_and_nothing_is_written(items, tmp_path):
    out = tmp_path / "task"
    lacking = ItemSet("small", (*ROWS, replace(ROWS[0], key="r/6", file="")), items.folder)
    for export in (export_lmms_eval, export_vlmevalkit):
        with pytest.raises(MissingImage, match="'r/6'"):
            export(lacking, out)
        with pytest.raises(NoItems, match="no items to export"):
            export(ItemSet("small", ()), out)
        with pytest.raises(InvalidItem, match="small letters"):
            export(items, out, name="A b")
    assert not out.exists()
    with pytest.raises(InvalidItem, match="holds files already"):
        export_lmms_eval(items, items.folder)


def test_tables_hold_letters_options_and_images_that_are_shared_by_index(items, tmp_path):
    choice, text = export_vlmevalkit(items, tmp_path / "tables")
    table = pd.read_csv(choice, sep="\t")
    assert choice.name == "mmr_small_choice.tsv" and table["index"].tolist() == [0, 1]
    assert table[["question", "A", "B", "C", "D", "answer"]].iloc[0].tolist() == [
        'Which text "is larger"?', '"A, b"', "1st\tof 3", "Ünï", "both", "B",
    ]  # fmt: skip
    assert table.answer.tolist() == ["B", "D"] and table.question[1] == "Where?"
    assert str(table.image[1]) == "0" and len(table.image[0]) > 64
    assert base64.b64decode(table.image[0]) == (items.folder / "images" / "one.png").read_bytes()
    words = pd.read_csv(text, sep="\t")
    assert words[["question", "answer", "category"]].to_numpy().tolist() == [
        ["What is the title?", '"Ärger" 3', "recognition_label"]
    ]


def test_an_option_that_would_read_as_empty_and_a_set_of_boxes_alone_are_refused(items, tmp_path):
    empty = replace(ROWS[1], question="Where?\n1. Up\n2. None\n3. Left\n4. Right")
    with pytest.raises(InvalidItem, match=r"r/2: B 'None' reads as an empty cell"):
        export_vlmevalkit(ItemSet("small", (empty,), items.folder), tmp_path / "tables")
    with pytest.raises(NoItems, match="boxes have no place"):
        export_vlmevalkit(ItemSet("small", (ROWS[3],), items.folder), tmp_path / "tables")
    assert not (tmp_path / "tables").exists()


def test_documents_are_plain_json_of_one_type_a_column(items, tmp_path):
    export_lmms_eval(items, tmp_path / "task")
    rows = [json.loads(line) for line in (tmp_path / "task" / "items.jsonl").read_text(encoding="utf-8").splitlines()]
    assert json.loads(rows[2]["also"]) == ["Ärger 3"] and all(isinstance(row["also"], str) for row in rows)


def test_a_task_names_the_place_where_it_will_stand(tenfold, items, tmp_path):
    out = tmp_path / "task"
    tenfold("mmr", "items", "--items", items.folder, "--export", "lmms-eval", "--out", out)
    (written,) = out.glob("*.yaml")
    assert str(out / "items.jsonl") in written.read_text(encoding="utf-8")
