"""A run in a folder: what a model is shown, what is kept after a kill, what is asked again, and what is refused."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from tenfold.chat.transcript import Transcript
from tenfold.command_line import InvalidOutput
from tenfold.imaging.errors import InvalidImages
from tenfold.mmr.cached_model import CachedModel, query_key
from tenfold.mmr.endpoint_model import endpoint_model
from tenfold.mmr.errors import InvalidModel, NoReply
from tenfold.mmr.item_sources import NamedItems
from tenfold.mmr.items import Item, ItemSet
from tenfold.mmr.predictions import Prediction, prediction_of, read_predictions
from tenfold.mmr.prompts import queries_of
from tenfold.mmr.queries import Query
from tenfold.mmr.run import Run, prepared
from tenfold.mmr.run_folder import items_of_run, settings_of
from tenfold.mmr.run_results import write_results
from tenfold.mmr.scores import score
from tenfold.mmr.showing import Showing
from tests.conftest import ROOT
from tests.tenfold.chat.conftest import Call
from tests.tenfold.mmr import small_items


class Knowing:
    """A model that knows the answers, and remembers what it was asked."""

    name = "knowing"

    def __init__(self, items: ItemSet, version: int = 1, lost: tuple[str, ...] = ()) -> None:
        self.replies = {one.key: small_items.reply_of(one) for one in items.rows}
        self.version, self.lost = version, lost
        self.asked: list[Query] = []

    def identity(self) -> dict[str, object]:
        return {"kind": "knowing", "version": self.version}

    def answer(self, queries):
        self.asked += queries
        return [
            prediction_of(one.key, None if one.key in self.lost else self.replies[one.key], why=f"rule {one.task}")
            for one in queries
        ]


def test_a_run_leaves_replies_and_all_that_comes_of_them(items, tmp_path):
    model, out = Knowing(items), tmp_path / "run"
    scored, predictions, lines = Run(prepared(model), NamedItems(items)).run(out)
    assert (
        score(scored, predictions).total == items.points and read_predictions(out / "predictions.jsonl") == predictions
    )
    table = write_results(out, scored, predictions)
    assert lines == [f"{len(items)} items asked, 0 known already"] and any(line.startswith("total") for line in table)
    found = json.loads((out / "scores.json").read_text())
    assert found["scores"]["official"]["total"] == found["scores"]["mended"]["total"] == items.points
    assert found["scores"]["official"]["interval"] == [items.points, items.points]
    assert {"page.html", "leaderboard.md", "leaderboard.html", "run.json", "items.jsonl"} <= set(os.listdir(out))
    assert items_of_run(out).rows == items.rows and items_of_run(out).folder == items.folder.resolve()
    assert "numpy" in json.loads((out / "run.json").read_text())["versions"]


def test_a_model_sees_nothing_but_the_query(tmp_path):
    """Trap 11: a spy finds neither an answer nor anything else of the page in what it is given."""
    rows = [
        replace(
            one, url="http://secret", band="secret-band", layout="secret-layout", also=("secret-also",), answer=answer
        )
        for one, answer in [
            (small_items.item("recognition_label"), "secret-answer"),
            (small_items.item("font_size"), "4"),
        ]
    ]
    items = small_items.write(tmp_path / "items", rows)
    (items.folder / "pages.jsonl").write_text('{"page": "secret-page"}\n')
    seen: list[str] = []

    class Spy(Knowing):
        def answer(self, queries):
            for one in queries:
                reached = {name.name: getattr(one, name.name) for name in dataclasses.fields(one)}
                assert set(reached) <= {"key", "task", "question", "prompt", "system", "image", "width", "height"}
                seen.append(repr(reached) + repr(vars(one) if hasattr(one, "__dict__") else ""))
            return super().answer(queries)

    Run(prepared(Spy(items)), NamedItems(items)).run(tmp_path / "run")
    assert len(seen) == 2 and not any("secret" in one for one in seen)


def test_an_answer_is_asked_for_once_and_comes_back_as_it_was(items, tmp_path):
    out, lost = tmp_path / "run", items.rows[3].key
    run = Run(prepared(Knowing(items, lost=(lost,))), NamedItems(items))
    _, first, lines = run.run(out)
    assert lines[1].startswith(f"1 of {len(items)} failed")
    again = Knowing(items)
    _, second, _ = Run(prepared(again), NamedItems(items)).run(out, resume=True)
    assert [one.key for one in again.asked] == [lost]
    assert [one for one in second if one.key != lost] == [one for one in first if one.key != lost]
    assert second[3].answer is not None and second[0].why == "rule recognition_label"


def test_each_thing_that_an_answer_depends_on_makes_another_key(items):
    """Trap 10."""
    (query,) = queries_of(items.only([0]))
    image = query.image.copy()
    image[-1, -1, -1] ^= 1
    identity = {"kind": "hub", "model": "m", "revision": "r", "sampling": {"temperature": 0}, "adapter": 1}
    others = [replace(query, image=image), replace(query, prompt="other"), replace(query, system="other")]
    others += [replace(query, key="other"), replace(query, task="font_size"), replace(query, question="other")]
    keys = {query_key(identity, one) for one in [query, *others]}
    keys |= {query_key(identity | {name: "other"}, query) for name in identity}
    assert len(keys) == 1 + len(others) + len(identity)
    assert query_key(identity, replace(query, image=query.image.copy())) in keys


def test_failed_and_empty_answers_are_not_kept(tmp_path):
    class Odd(Knowing):
        def answer(self, queries):
            ways = {"empty": "", "cut": "half of", "failed": None, "right": "1"}
            return [
                prediction_of(one.key, ways[one.key], finish_reason="length" if one.key == "cut" else "stop")
                for one in queries
            ]

    queries = [Query(key, "font_size", "?", "?") for key in ("empty", "cut", "failed", "right")]
    with Transcript(tmp_path / "t.jsonl") as transcript:
        model = CachedModel(Odd(ItemSet("none", ())), transcript)
        first = model.answer(queries)
        assert [one.status for one in first] == ["empty", "cut", "failed", "answered"] and len(transcript) == 2
        assert model.answer(queries) == first and (model.known, model.asked) == (2, 6)


SCRIPT = """
import sys, time
from pathlib import Path
from tenfold.mmr.items import read_items
from tenfold.mmr.item_sources import NamedItems
from tenfold.mmr.endpoint_model import endpoint_model
from tenfold.mmr.run import Run, prepared
items, out, address, resume = sys.argv[1:]
model = endpoint_model(address, "m", concurrency=4)
found = Run(prepared(model, "endpoint"), NamedItems(read_items(Path(items)))).run(Path(out), resume=resume == "resume")
print(len(found[1]))
"""


def test_nothing_is_asked_twice_after_a_kill(serve, tmp_path):
    def slowly(call: Call) -> None:
        time.sleep(0.03)
        call.say("2")

    book, out = serve(slowly), tmp_path / "run"
    rows = [small_items.item("font_size", number, f"image-{number % 5}") for number in range(60)]
    items = small_items.write(tmp_path / "items", rows)
    command = [sys.executable, "-c", SCRIPT, str(items.folder), str(out), book.address]
    process = subprocess.Popen([*command, "begin"], cwd=ROOT, stderr=subprocess.DEVNULL)
    transcript, deadline = out / "transcript.jsonl", time.monotonic() + 60
    while not transcript.exists() or transcript.read_bytes().count(b"\n") < 20:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(0.3)  # what was under way has reached the server
    kept, first = transcript.read_bytes().count(b"\n"), len(book.requests)
    assert 20 <= kept < 60 and not (out / "predictions.jsonl").exists()
    done = subprocess.run([*command, "resume"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "60" and len(book.requests) - first == 60 - kept
    predictions = read_predictions(out / "predictions.jsonl")
    assert len({one.key for one in predictions}) == 60 and all(one.answer == "2" for one in predictions)


def test_replies_out_of_form_are_asked_for_again_in_a_file_of_their_own(serve, tmp_path):
    """Symptom 5."""

    def act(call: Call) -> None:
        asked = call.asked["messages"]
        text = asked[0]["content"][-1]["text"]
        call.say("3" if len(asked) == 3 or "font_size 0" in text else "The third, I think.")

    book, out = serve(act), tmp_path / "run"
    items = small_items.write(tmp_path / "items", [small_items.item("font_size", number) for number in range(4)])
    run = Run(prepared(endpoint_model(book.address, "m"), "endpoint"), NamedItems(items), ask_again=True)
    scored, predictions, lines = run.run(out)
    assert len(book.requests) == 7 and "3 of 4 replies were out of form" in lines[-1]
    assert [one.answer for one in predictions] == ["3"] + ["The third, I think."] * 3
    assert [one.answer for one in read_predictions(out / "predictions.asked_again.jsonl")] == ["3"] * 4
    write_results(out, scored, predictions)
    scores = json.loads((out / "scores.json").read_text())["scores"]
    assert [scores[name]["total"] for name in ("official", "asked again, official")] == [0, 1]
    assert [scores[name]["format_failures"] for name in ("official", "asked again, official")] == [3, 0]
    with pytest.raises(InvalidModel, match="cannot be asked again"):
        Run(prepared(Knowing(items)), NamedItems(items), ask_again=True).run(tmp_path / "other")


def test_padded_images_are_kept_beside_the_boxes_that_are_of_them(items, tmp_path):
    shown = Showing(letterbox=True)
    model = Knowing(shown.items(items))
    scored, predictions, _ = Run(prepared(model), NamedItems(items), shown).run(tmp_path / "run")
    assert score(scored, predictions).total == items.points
    from tenfold.mmr.images import load_image

    kept = items_of_run(tmp_path / "run")
    one = next(item for item in kept.rows if item.task == "grounding_o")
    (query,) = queries_of(
        ItemSet("one", tuple(item for item in items.rows if item.key == one.key), items.folder), letterbox=True
    )
    np.testing.assert_array_equal(load_image(kept.image_path(one)), query.image)
    assert json.loads(one.answer)[1] > json.loads(small_items.ANSWERS["grounding_o"])[1]


def test_a_run_goes_on_only_as_it_was_begun(items, tmp_path):
    out = tmp_path / "run"
    Run(prepared(Knowing(items)), NamedItems(items)).run(out)
    before = (out / "run.json").read_bytes()
    with pytest.raises(InvalidOutput, match="--resume"):
        Run(prepared(Knowing(items)), NamedItems(items)).run(out)
    for other, says in [
        (Run(prepared(Knowing(items, version=2)), NamedItems(items)), "model.identity.version was 1 and is 2"),
        (Run(prepared(Knowing(items)), NamedItems(items), Showing(side=32)), "showing.side was None and is 32"),
        (Run(prepared(Knowing(items)), NamedItems(items), style="explicit"), "style was 'official'"),
        (Run(prepared(Knowing(items)), NamedItems(items.only([0, 1]))), "items.count was"),
    ]:
        with pytest.raises(InvalidOutput, match=says):
            other.run(out, resume=True)
    assert (out / "run.json").read_bytes() == before and settings_of(out)["style"] == "official"


def test_nothing_is_written_where_something_else_is(items, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "novel.txt").write_text("once")
    run = Run(prepared(Knowing(items)), NamedItems(items))
    with pytest.raises(InvalidOutput, match="something else"):
        run.run(mine)
    with pytest.raises(InvalidOutput, match="is no folder"):
        run.run(mine / "novel.txt" / "b")
    with pytest.raises(InvalidOutput, match="holds no run"):
        settings_of(mine)
    assert os.listdir(mine) == ["novel.txt"]


def test_a_run_without_any_reply_is_no_result(items, tmp_path):
    everything = tuple(one.key for one in items.rows)
    with pytest.raises(NoReply, match=f"all {len(items)} queries failed"):
        Run(prepared(Knowing(items, lost=everything)), NamedItems(items)).run(tmp_path / "run")
    assert not (tmp_path / "run" / "predictions.jsonl").exists()


def test_an_item_that_cannot_be_shown_so_is_refused_before_anything_is_written(tmp_path):
    odd = Item("odd", "image-0", "font_size", "no options", "1", file="image-0.png", width=60, height=40)
    folder = small_items.write(tmp_path / "items", [small_items.item("font_size")]).folder
    items = ItemSet("odd", (odd,), folder)  # no file of items holds it: reading refuses it
    with pytest.raises(ValueError, match="odd"):
        Run(prepared(Knowing(items)), NamedItems(items), Showing(rotation=1)).run(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_same_file_scored_twice_gives_the_same(items):
    """Symptom 6."""
    predictions = [Prediction(one.key, small_items.reply_of(one)) for one in items.rows]
    assert score(items, predictions).total == score(items, predictions).total == items.points


def test_broken_images_are_all_named_before_anything_is_asked(items, tmp_path):
    broken = sorted({one.file for one in items.rows})
    assert len(broken) == 2
    for name in broken:
        (items.folder / "images" / name).write_bytes(b"xx")
    model = Knowing(items)
    with pytest.raises(InvalidImages, match=rf"2 of 2 images(.|\n)*{broken[0]}(.|\n)*{broken[1]}"):
        Run(prepared(model), NamedItems(items)).run(tmp_path / "run")
    assert not model.asked and not (tmp_path / "run").exists()
    blind = Run(prepared(model), NamedItems(items), Showing(images=False))
    scored, predictions, _ = blind.run(tmp_path / "run")
    write_results(tmp_path / "run", scored, predictions)
    page = (tmp_path / "run" / "page.html").read_text(encoding="utf-8")
    assert "cannot be read as an image" in page and "Their images are not here" in page
    assert (tmp_path / "run" / "leaderboard.md").is_file()


def test_images_of_items_in_one_folder_are_all_padded(items, tmp_path):
    Run(prepared(Knowing(items)), NamedItems(items), Showing(letterbox=True)).run(tmp_path / "run")
    kept = items_of_run(tmp_path / "run")
    assert all(kept.image_path(one).is_file() for one in kept.rows)
