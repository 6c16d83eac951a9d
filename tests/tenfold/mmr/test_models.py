"""Models by their names: which kind a name means, what is fitted to what, and pages that are read once."""

from __future__ import annotations

import hashlib
import json
from importlib.util import find_spec

import pytest

from tenfold.data.made_up_files import made_up_files
from tenfold.data.registry import StandIn
from tenfold.mmr.errors import InvalidModel
from tenfold.mmr.item_sources import NamedItems
from tenfold.mmr.models import BLIND, READERS, USED, ModelOptions, kind_of, model_named, pages_of
from tenfold.mmr.prompts import queries_of
from tenfold.mmr.queries import Query
from tenfold.mmr.run import Run
from tenfold.ocr.page_files import read_pages
from tenfold.rendering.fonts import bundled_fonts
from tenfold.rendering.pages import draw_words
from tests.tenfold.language.conftest import save
from tests.tenfold.mmr import small_items


def test_what_a_name_means():
    assert [
        kind_of(name) for name in ("hub:a/b@c", "file:x", "ocr_rules", "gpt-4o", "qwen2.5-vl:7b", "hub", "file")
    ] == [
        *("hub", "file", "ocr_rules", "endpoint", "endpoint", "endpoint", "endpoint"),
    ]
    assert all(kind_of(name) == name for name in (*BLIND, *READERS)) and set(USED) > {*BLIND, *READERS}
    known = set(ModelOptions().given())
    assert all(set(used) <= known for used in USED.values())


def test_constants_are_fitted_to_the_items_that_are_given(items, tmp_path):
    other = small_items.write(tmp_path / "other", [small_items.item("font_size", 2)])
    model = model_named("constant_index", ModelOptions(), items, lambda: other)
    assert (model.kind, model.settings["numbers"]["font_size"]) == ("constant_index", "3")
    assert model_named("random", ModelOptions(seed=3), items, lambda: other).settings["seed"] == 3


def test_a_blind_model_is_fitted_with_an_encoder(items, tmp_path):
    files = made_up_files(StandIn(maker="sentence_encoder", seed=1, width=32))[1]
    (tmp_path / "encoder").mkdir()
    for name, content in files.items():
        (tmp_path / "encoder" / name).write_bytes(content)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    record = {"title": "tiny", "stand_in": True, "files": sums}
    (tmp_path / "encoder" / "source.json").write_text(json.dumps(record))
    options = ModelOptions(encoder=str(tmp_path / "encoder"), device="cpu")
    model = model_named("blind_text", options, items, lambda: items).make(tmp_path, lambda: queries_of(items))
    choices = [query for query in queries_of(items) if query.task == "font_size"]
    assert {one.answer for one in model.answer(choices)} <= {"1", "2", "3", "4"}


def test_a_language_model_reads_pages(items, tmp_path):
    save(tmp_path / "decoder", context=8192)
    options = ModelOptions(language_model=str(tmp_path / "decoder"), device="cpu")
    one = items.only([0, 4])
    model = model_named("ocr_language_model", options, one, lambda: items)
    found = model.make(tmp_path, lambda: queries_of(one)).answer(list(queries_of(one)))
    assert [prediction.key for prediction in found] == [item.key for item in one.rows]
    assert model.settings["language_model"] and (tmp_path / "ocr.jsonl").is_file()


def test_what_a_model_needs_is_said(items):
    with pytest.raises(InvalidModel, match="--base-url"):
        model_named("gpt", ModelOptions(), items, lambda: items)
    with pytest.raises(InvalidModel, match="--encoder"):
        model_named("blind_text", ModelOptions(), items, lambda: items)
    with pytest.raises(InvalidModel, match="--language-model"):
        model_named("ocr_language_model", ModelOptions(), items, lambda: items)
    with pytest.raises(ValueError, match="engine"):
        model_named("page_dump", ModelOptions(engine="crystal ball"), items, lambda: items)


def test_pages_are_read_once_and_found_again(items, tmp_path):
    one = items.only([0, 2, 4])
    first = pages_of(queries_of(one), "ppocr6", 1, tmp_path / "ocr.jsonl")
    assert len(first) == 1  # they are about one image
    row = json.loads((tmp_path / "ocr.jsonl").read_text())
    (tmp_path / "ocr.jsonl").write_text(json.dumps(row | {"engine": "kept"}) + "\n")
    (again,) = pages_of(queries_of(one), "ppocr6", 1, tmp_path / "ocr.jsonl").values()
    assert again.engine == "kept"
    out = tmp_path / "run"
    model = model_named("page_dump", ModelOptions(), one, lambda: items)
    _, predictions, _ = Run(model, NamedItems(one)).run(out)
    assert model.name == "page_dump (ppocr6)" and (out / "ocr.jsonl").is_file()
    assert all(prediction.why or prediction.answer for prediction in predictions)


@pytest.mark.skipif(find_spec("rapidocr") is None, reason="rapidocr is not installed")
def test_pages_that_were_just_read_are_those_of_a_run_that_goes_on(tmp_path):
    drawing = draw_words(["river", "north"], bundled_fonts()[0], text_size=18, size=(200, 140))
    query = Query("k", "font_size", "?", "?", image=drawing.image)
    first, again = (pages_of(iter([query]), "ppocr6", 3, tmp_path / "ocr.jsonl") for _ in range(2))
    assert first == again and len(first[query.image_digest].words) == 2
    exact = read_pages({query.image_digest: drawing.image}, "ppocr6", enlarge=3).pages
    assert exact != first  # boxes of enlarged images lie between the tenths of a pixel
