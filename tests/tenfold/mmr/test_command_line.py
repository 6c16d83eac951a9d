"""``tenfold mmr`` as a person with a model, or with replies, would use it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tenfold.mmr.items import read_items
from tenfold.viewing.errors import PageTooLarge
from tests.tenfold.chat.conftest import Call
from tests.tenfold.mmr import small_items

KEY = "sk-a-key-that-nobody-may-read"
FILES = {
    *("run.json", "items.jsonl", "transcript.jsonl", "predictions.jsonl", "scores.json", "page.html"),
    *("leaderboard.md", "leaderboard.html"),
}


@pytest.fixture
def folder(items) -> Path:
    """The folder of the small items."""
    return items.folder


def says_two(call: Call) -> None:
    call.say("2")


def plain(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def predictions(path: Path, items, right: bool = True) -> Path:
    rows = [{"key": one.key, "reply": small_items.reply_of(one) if right else "none of these"} for one in items.rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_run_writes_all_that_came_of_it(tenfold, serve, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    book, out = serve(says_two), tmp_path / "run"
    command = ("mmr", "run", "--model", "m", "--base-url", book.address, "--items", folder, "--out", out)
    printed = tenfold(*command, "--prices", "1,2")
    assert plain(out) == FILES and len(book.requests) == 22
    assert "22 calls, 0 known already, 154 + 66 tokens, cost 0.0003" in printed.out
    assert [line.split()[:3] for line in printed.out.splitlines() if line.startswith("font_size")] == [
        ["font_size", "1", "1"]
    ]
    again = tenfold(*command, "--resume", "--concurrency", 2, "--max-calls", 1)
    assert "0 calls, 22 known already" in again.out and len(book.requests) == 22
    assert "continue it with --resume" in tenfold(*command, status=1).err
    assert (
        "style was 'official' and is 'explicit'" in tenfold(*command, "--resume", "--style", "explicit", status=1).err
    )
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes(), path
    assert "m: items" in (out / "page.html").read_text(encoding="utf-8")


def test_a_budget_ends_a_run_and_resume_asks_for_the_rest(tenfold, serve, folder, tmp_path):
    book, out = serve(says_two), tmp_path / "run"
    command = ("mmr", "run", "--model", "m", "--base-url", book.address, "--items", folder, "--out", out)
    printed = tenfold(*command, "--max-calls", 10, status=1)
    assert "--resume asks only for the rest" in printed.err and len(book.requests) == 10
    assert not (out / "predictions.jsonl").exists()
    assert "is not finished" in tenfold("mmr", "leaderboard", out, "--out", tmp_path / "board", status=1).err
    tenfold(*command, "--resume")
    assert len(book.requests) == 22


def test_a_wrong_key_ends_all_and_is_not_shown(tenfold, serve, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY)
    book = serve(lambda call: call.send(401, {"error": {"message": f"{KEY} is wrong"}}))
    command = ("mmr", "run", "--model", "m", "--base-url", book.address, "--items", folder, "--out", tmp_path / "run")
    printed = tenfold(*command, "--key-variable", "MY_KEY", "--concurrency", 1, status=1)
    assert "set MY_KEY" in printed.err and KEY not in printed.err and len(book.requests) == 1
    assert "is kept" not in printed.err and not (tmp_path / "run").exists()


def test_items_are_drawn_on_the_spot_and_are_the_same_again(tenfold, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for out in (first, second):
        printed = tenfold("mmr", "run", "--model", "oracle", "--items", "rendered", "--limit", 11, "--out", out)
        assert "12" in next(line for line in printed.out.splitlines() if line.startswith("total"))
    assert (
        plain(first) == FILES | {"images"}
        and (first / "items.jsonl").read_bytes() == (second / "items.jsonl").read_bytes()
    )
    assert {one.task for one in read_items(first).rows} == {one.task for one in small_items.of_all_tasks()}
    random = tmp_path / "random"
    tenfold("mmr", "run", "--model", "random", "--items", "rendered", "--limit", 11, "--out", random)
    compared = tenfold("mmr", "compare", random, first)
    total = next(line for line in compared.out.splitlines() if line.startswith("total")).split()
    assert float(total[2]) == 12 and float(total[1]) < 12 and "p (Holm)" in compared.out
    board = tmp_path / "board"
    printed = tenfold("mmr", "leaderboard", first, random, "--out", board).out
    assert plain(board) == {"leaderboard.md", "leaderboard.html"} and printed.count("| Oracle |") == 2
    refused = tenfold("mmr", "leaderboard", first, "--out", tmp_path / "b", "--published", status=1).err
    assert "published rows cannot stand beside this run: its items are not the 50 official" in refused
    assert not (tmp_path / "b").exists()


def test_predictions_of_ones_own_are_scored_both_ways(tenfold, items, tmp_path):
    path, scores, page = predictions(tmp_path / "mine.jsonl", items), tmp_path / "scores.json", tmp_path / "page.html"
    printed = tenfold("mmr", "score", path, "--items", items.folder, "--out", scores, "--html", page)
    header, *rows = [line.split() for line in printed.out.splitlines()]
    assert header == ["official", "mended", "of"] and ["total", "24", "24", "24"] in rows
    found = json.loads(scores.read_text())
    assert found["official"]["columns"]["grounding_t box"] == 2 and found["official"]["format_failures"] == 0
    assert "image-0" in page.read_text(encoding="utf-8")
    lost = tenfold("mmr", "score", predictions(tmp_path / "lost.jsonl", items, right=False), "--items", items.folder)
    assert "replies out of form" in lost.out
    few = tmp_path / "few.jsonl"
    few.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    assert "21 of 22 items have no prediction" in tenfold("mmr", "score", few, "--items", items.folder).err
    assert "is there already" in tenfold("mmr", "score", path, "--items", items.folder, "--out", scores, status=1).err
    both = ("--out", tmp_path / "new.json", "--html", page)
    refused = tenfold("mmr", "score", path, "--items", items.folder, *both, status=1)
    assert "is there already; give another --html" in refused.err and not refused.out
    assert not (tmp_path / "new.json").exists()


def test_replies_of_a_file_are_a_run(tenfold, items, tmp_path):
    path, out = predictions(tmp_path / "mine.jsonl", items), tmp_path / "run"
    tenfold("mmr", "run", "--model", f"file:{path}", "--items", items.folder, "--out", out)
    printed = tenfold("mmr", "score", out)
    assert "items: those of the run" in printed.err and "total" in printed.out
    same = tenfold("mmr", "compare", out, path, "--items", items.folder).out
    assert next(line for line in same.splitlines() if line.startswith("total")).split()[3] == "+0"


def test_items_go_into_a_folder_of_their_own(tenfold, items, tmp_path):
    out = tmp_path / "copy"
    printed = tenfold("mmr", "items", "--items", items.folder, "--out", out, "--limit", 11)
    assert "11 items of 1 images" in printed.out and len(read_items(out)) == 11
    assert read_items(out).image_path(read_items(out).rows[0]).is_file()
    assert "is there already" in tenfold("mmr", "items", "--items", items.folder, "--out", out, status=1).err


@pytest.mark.parametrize(("form", "wanted"), [("lmms-eval", "*.yaml"), ("vlmevalkit", "*.tsv")])
def test_items_go_into_the_forms_of_other_harnesses(tenfold, items, tmp_path, form, wanted):
    out = tmp_path / "task"
    tenfold("mmr", "items", "--items", items.folder, "--export", form, "--out", out)
    assert list(out.rglob(wanted))


RUN = ("mmr", "run", "--out", "nowhere")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((*RUN, "--items", "rendered", "--limit", "1", "--model", "gpt"), "needs --base-url"),
        ((*RUN, "--items", "official", "--model", "oracle"), "--items official needs --data"),
        ((*RUN, "--items", "receipts", "--model", "oracle"), "--items receipts needs --data"),
        ((*RUN, "--items", "no/where", "--model", "oracle"), "there is no folder no/where"),
        ((*RUN, "--items", "FOLDER", "--data", "x", "--model", "oracle"), "--data says where"),
        ((*RUN, "--items", "FOLDER", "--model", "file:nowhere.jsonl"), "there is no file nowhere.jsonl"),
        ((*RUN, "--items", "FOLDER", "--model", "hub:a/b"), "a/b: give a revision"),
        ((*RUN, "--items", "FOLDER", "--model", "constant_index"), "name some with --fit"),
        ((*RUN, "--items", "FOLDER", "--model", "m", "--base-url", "ftp://x"), "base_url"),
        (
            (*RUN, "--items", "FOLDER", "--model", "m", "--base-url", "http://a/v1", "--key-variable", "NO_KEY"),
            "NO_KEY",
        ),
        ((*RUN, "--items", "FOLDER", "--model", "oracle", "--no-images", "--side", "336"), "without images"),
        ((*RUN, "--items", "FOLDER", "--model", "oracle", "--convention", "feet"), "no convention is called 'feet'"),
        (("mmr", "score", "nowhere.jsonl", "--items", "FOLDER"), "there is no file nowhere.jsonl"),
        (("mmr", "items", "--items", "official", "--out", "o", "--data", "no"), "there is no folder no"),
        (("mmr", "leaderboard", "FOLDER", "--out", "o"), "holds no run"),
    ],
)
def test_what_cannot_be_is_refused_by_name_with_nothing_written(tenfold, folder, tmp_path, monkeypatch, words, says):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TENFOLD_MIRROR", raising=False)
    before = plain(tmp_path)
    assert says in tenfold(*(folder if word == "FOLDER" else word for word in words), status=1).err
    assert plain(tmp_path) == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--model", "oracle", "--base-url", "http://a/v1"), "oracle has no use for --base-url"),
        (("--model", "oracle", "--max-calls", "3"), "oracle has no use for --max-calls"),
        (("--model", "random", "--ask-again"), "random has no use for --ask-again"),
        (("--model", "ocr_rules", "--no-images"), "leaves it nothing"),
        (("--model", "m", "--base-url", "http://a/v1", "--prices", "1"), "give IN,OUT"),
        (("--model", "m", "--base-url", "http://a/v1", "--style", "polite"), "--style"),
    ],
)
def test_wrong_usage_is_said(tenfold, folder, words, says):
    found = tenfold("mmr", "run", "--items", folder, "--out", "nowhere", *words, status=2).err
    assert says in " ".join(found.replace("│", " ").split())


def test_official_images_come_from_a_data_set_of_the_hubs_form(tenfold, items, tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    asked = [small_items.item("font_size", 0), small_items.item("localize_o", 1)]
    rows = [
        {"img_id": one.image, "url": "", "Question": one.question, "Answer": one.answer, "task": one.task}
        for one in asked
    ]
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "mmr_qa.json").write_text(json.dumps(rows))
    image = base64.b64encode((items.folder / "images" / asked[0].file).read_bytes()).decode()
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "train.jsonl").write_text(json.dumps({"img_id": asked[0].image, "image": image}) + "\n")
    command = ("mmr", "items", "--items", "official", "--data", tmp_path / "source", "--out", tmp_path / "out")
    printed = tenfold(*command, "--hub-images", tmp_path / "hub")
    assert "no image image-1: no row holds it" in printed.err and "2 items of 2 images" in printed.out
    found = read_items(tmp_path / "out")
    assert [bool(one.file) for one in found.rows] == [True, False] and found.rows[0].width == small_items.WIDTH
    out = ("--data", tmp_path / "out", "--limit", 1, "--out", tmp_path / "run")
    assert "1 items asked" in tenfold("mmr", "run", "--items", "official", "--model", "random", *out).out


def test_official_items_come_from_a_folder(tenfold, tmp_path, monkeypatch):
    rows = [
        {"img_id": "a", "url": "http://a", "Question": one.question, "Answer": one.answer, "task": one.task}
        for one in small_items.of_all_tasks(3)
    ]
    source = tmp_path / "mmr_bench"
    source.mkdir()
    (source / "mmr_qa.json").write_text(json.dumps(rows))
    monkeypatch.setenv("TENFOLD_MIRROR", str(tmp_path))
    command = ("mmr", "run", "--items", "official", "--per-task", 2, "--out", tmp_path / "blind", "--model")
    refused = tenfold(*command, "page_dump", status=1).err
    assert "22 of 22 items of official have no image here" in refused and "--no-images" in refused
    assert "oracle is asked without" in tenfold(*command, "oracle").out
    fitted = ("--model", "constant_index", "--no-images", "--out", tmp_path / "constant")
    tenfold("mmr", "run", "--items", "official", "--per-task", 2, *fitted)
    board = tenfold("mmr", "leaderboard", tmp_path / "blind", tmp_path / "constant", "--out", tmp_path / "board").out
    assert "without images" in board and "ConstantIndex" in board


@pytest.mark.parametrize("climbs", [False, True])
@pytest.mark.parametrize(
    "command",
    [
        ("run", "--model", "random", "--letterbox"),
        ("items",),
        ("items", "--export", "lmms-eval"),
        ("items", "--export", "vlmevalkit"),
    ],
)
def test_images_elsewhere_are_neither_taken_nor_written_over(tenfold, items, tmp_path, command, climbs):
    mine = tmp_path / "mine.png"
    mine.write_bytes((items.folder / "images" / items.rows[0].file).read_bytes())
    before = mine.read_bytes()
    rows = [json.loads(line) for line in (items.folder / "items.jsonl").read_text(encoding="utf-8").splitlines()]
    rows[1]["file"] = "../../mine.png" if climbs else str(mine)
    (items.folder / "items.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    said = tenfold("mmr", *command, "--items", items.folder, "--out", tmp_path / "out", status=1).err
    assert "items.jsonl:2: recognition_label/1: file = " in " ".join(said.split())
    assert mine.read_bytes() == before and plain(tmp_path) == {"items", "mine.png"}


def test_replies_to_one_drawn_set_are_not_scored_as_replies_to_another(tenfold, tmp_path):
    drawn = ("--items", "rendered", "--limit", 11)
    out, replies = tmp_path / "run", tmp_path / "replies.jsonl"
    tenfold("mmr", "run", "--model", "oracle", *drawn, "--seed", 1, "--out", out)
    kept = out / "predictions.jsonl"
    replies.write_bytes(kept.read_bytes())  # with no run beside it
    for path, says in ((out, "are of a run over other items"), (kept, "other items"), (replies, "has the key")):
        refused = tenfold("mmr", "score", path, "--items", "rendered", "--per-task", 1, status=1).err
        assert says in " ".join(refused.split())
    scored = tenfold("mmr", "score", kept, "--items", "rendered", "--per-task", 1, "--seed", 1)
    assert ["total", "12", "12", "12"] in [line.split() for line in scored.out.splitlines()]
    lost = tenfold("mmr", "run", "--model", f"file:{kept}", *drawn, "--out", tmp_path / "other", status=1).err
    assert "no item of rendered has the key" in " ".join(lost.split())


def test_a_model_is_not_fitted_to_the_items_that_it_is_asked(tenfold, tmp_path, monkeypatch):
    rows = [
        {"img_id": "a", "url": "http://a", "Question": one.question, "Answer": one.answer, "task": one.task}
        for one in small_items.of_all_tasks(3)
    ]
    (tmp_path / "mmr_bench").mkdir()
    (tmp_path / "mmr_bench" / "mmr_qa.json").write_text(json.dumps(rows))
    monkeypatch.setenv("TENFOLD_MIRROR", str(tmp_path))
    for number, fit in enumerate(((), ("--fit", "official"))):
        out = tmp_path / str(number)
        asked = ("--items", "official", "--per-task", 2, "--no-images", "--out", out)
        tenfold("mmr", "run", "--model", "constant_index", *asked, *fit)
        model = json.loads((out / "run.json").read_text())["settings"]["model"]
        assert model["identity"]["numbers"]["font_size"] == "3"  # of the third ones, which are not asked


def test_scores_are_printed_before_a_page_is_written(tenfold, items, tmp_path, monkeypatch):
    def fails(*_: object, **__: object) -> None:
        raise PageTooLarge("one item is too large")

    monkeypatch.setattr("tenfold.mmr.item_page.write_item_page", fails)
    out = tmp_path / "run"
    printed = tenfold("mmr", "run", "--model", "oracle", "--items", items.folder, "--out", out, status=1)
    assert "total" in printed.out and {"scores.json", "leaderboard.html"} <= plain(out)
