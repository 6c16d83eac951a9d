"""The released annotations: read in order, checked, kept as they are; images from a folder in the hub's format."""

from __future__ import annotations

import base64
import io
import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tenfold.data.made_up_files import made_up_files
from tenfold.data.registry import StandIn
from tenfold.hub.errors import HubDataUnavailable, MissingColumn
from tenfold.mmr.annotations import ROWS, bring_images, load_hub, options_of, read_official
from tenfold.mmr.errors import InvalidItem, NoItems
from tenfold.mmr.images import load_image
from tenfold.mmr.items import read_items
from tenfold.mmr.tasks import CHOICE, TASKS
from tests.tenfold.hub.hub_folders import png, write_repository

QUESTION = "Which is larger?\nChoices:\n1. A\n2. B 2020\n3. C\n4. D"
ROW = {"img_id": "a", "url": "https://x.invalid/a.jpg", "Question": QUESTION, "Answer": "2", "task": "font_size"}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def annotations(folder: Path, *rows: dict) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "mmr_qa.json").write_text(json.dumps(rows), encoding="utf-8")
    return folder


def test_the_made_up_annotations_have_every_task_and_stable_keys(tmp_path):
    for name, content in made_up_files(StandIn(maker="reading_questions", rows=4, seed=1))[1].items():
        (tmp_path / name).write_bytes(content)
    items = read_official(tmp_path)
    assert Counter(item.task for item in items.rows) == {
        task: 12 if task.startswith("grounding") else 4 for task in TASKS
    }
    assert [item.key for item in items.rows] == [f"official/{number}" for number in range(len(items))]
    assert all(len(options_of(item.question)) == 4 for item in items.rows if item.task in CHOICE)


def test_a_row_is_kept_as_it_is_even_with_a_box_that_is_none(tmp_path):
    upside_down = '["The Great Dictator", [0.2, 0.899, 0.8, 0.84]]'
    beyond = '["Sharon", [0.46, 7.3, 4.8, 7.6]]'
    rows = [ROW] + [ROW | {"task": "grounding_t", "Answer": answer} for answer in (upside_down, beyond)]
    items = read_official(annotations(tmp_path, *rows))
    assert [item.answer for item in items.rows] == ["2", upside_down, beyond]
    assert items.rows[0].question == QUESTION and items.rows[0].url.endswith("a.jpg") and not items.rows[0].file


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"task": "reading"}, "no task is called 'reading'"),
        ({"Answer": 2}, "has the texts img_id"),
        ({"Answer": "5"}, "is 1, 2, 3 or 4, not '5'"),
        ({"Question": "1. A\n2. B\n3. C"}, "four lines numbered"),
        ({"Question": "1. A\n2. B\n3. C\n4. D\n1. E"}, "four lines numbered"),
        ({"img_id": ""}, "name of its image"),
    ],
)
def test_an_ill_formed_row_is_named_with_its_place(tmp_path, changes, words):
    with pytest.raises(InvalidItem, match=words):
        read_official(annotations(tmp_path, ROW, ROW | changes))


def test_no_annotations_are_named(tmp_path):
    with pytest.raises(NoItems, match="bring the source mmr_bench"):
        read_official(tmp_path)
    with pytest.raises(NoItems, match="holds none"):
        read_official(annotations(tmp_path))
    (tmp_path / "mmr_qa.json").write_bytes(b"[{")
    with pytest.raises(InvalidItem, match="no JSON"):
        read_official(tmp_path)


def hub(folder: Path, rows: list[dict], split: str = "test", features=None) -> str:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return str(write_repository(folder, {"default": {split: columns}}, features))


def jpeg(colour: int) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.open(io.BytesIO(png(colour))).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize("split", ["test", "train"])
def test_images_of_the_hub_are_matched_by_id_else_by_address_and_what_is_lacking_is_named(tmp_path, split):
    names = ("a", "b", "c", "d", "e")
    items = read_official(
        annotations(tmp_path, *(ROW | {"img_id": name, "url": f"u/{name}"} for name in (*names, "a")))
    )
    stored = [("a", "u/x", png(1)), ("other", "u/b", jpeg(2)), ("c", "u/c", b"broken"), ("a", "u/y", png(3))]
    rows = [{"img_id": name, "url": url, "image": base64.b64encode(content).decode()} for name, url, content in stored]
    rows.append({"img_id": "d", "url": "u/d", "image": "no base64!"})
    found, lacking = bring_images(items, load_hub(hub(tmp_path / "set", rows, split)), tmp_path / "out")
    assert [item.file for item in found.rows] == ["a.png", "b.jpg", "", "", "", "a.png"]
    assert (found.rows[0].width, found.rows[0].height) == (16, 12)
    assert (load_image(found.image_path(found.rows[0])) == load_image(png(1))).all()
    assert set(lacking) == {"c", "d", "e"} and "cannot be read as an image" in lacking["c"]
    assert lacking["e"] == "no row holds it"
    assert read_items(tmp_path / "out", name="official") == found


def test_the_hubs_own_form_of_images_is_read_too(tmp_path):
    import datasets

    rows = [{"img_id": "a", "image": {"bytes": png(2), "path": None}}]
    source = hub(tmp_path / "set", rows, features={"img_id": datasets.Value("string"), "image": datasets.Image()})
    found, lacking = bring_images(read_official(annotations(tmp_path, ROW)), load_hub(source), tmp_path / "out")
    assert not lacking and np.array_equal(load_image(found.image_path(found.rows[0])), load_image(png(2)))


def test_a_folder_of_json_lines_is_a_data_set_too(tmp_path):
    (tmp_path / "set").mkdir()
    row = {"img_id": "a", "url": "u", "image": f"data:image/png;base64,{base64.b64encode(png(2)).decode()}"}
    (tmp_path / "set" / "train.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    items = read_official(annotations(tmp_path, ROW))
    found, lacking = bring_images(items, load_hub(str(tmp_path / "set")), tmp_path / "out")
    assert not lacking and found.rows[0].file == "a.png"


def test_a_data_set_of_another_form_is_named(tmp_path):
    with pytest.raises(MissingColumn, match="without image"):
        load_hub(hub(tmp_path / "set", [{"img_id": "a"}]))
    with pytest.raises(HubDataUnavailable):
        load_hub(str(tmp_path / "nothing"))


def test_an_id_that_would_leave_the_folder_is_refused(tmp_path):
    row = ROW | {"img_id": "../../a"}
    source = hub(tmp_path / "set", [{"img_id": "../../a", "image": base64.b64encode(png(1)).decode()}])
    with pytest.raises(InvalidItem, match="cannot be a file's name"):
        bring_images(read_official(annotations(tmp_path, row)), load_hub(source), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif("TENFOLD_MIRROR" not in os.environ, reason="there is no mirror folder")
def test_the_release_has_2002_rows_and_its_runner_keeps_550_of_408_images():
    items = read_official(Path(os.environ["TENFOLD_MIRROR"]) / "mmr_bench")
    assert len(items) == 2002 and Counter(item.task for item in items.rows) == ROWS
    scored = items.first_of_each_task()
    assert len(scored) == 550 and scored.points == 600 and len(set(scored.images)) == 408
    tasks = Counter(name for name, _ in {(item.image, item.task) for item in scored.rows})
    assert sum(count > 1 for count in tasks.values()) == 95
    digits = [
        item
        for item in scored.rows
        if item.task in CHOICE and any(map(str.isdigit, "".join(options_of(item.question))))
    ]
    assert len(digits) == 22
