"""The commands answer about people's own images and files, say what they used, and refuse in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from tenfold.llava_read.asking import Asking
from tenfold.llava_read.model_folders import trained_model
from tenfold.llava_read.processor import LlavaReadProcessor
from tenfold.llava_read.reader import Reader
from tenfold.ocr import reading
from tenfold.ocr.page import Page, Word
from tests.tenfold.llava_read.small_models import drawn_model, small_config, stirred

WORDS = ["Grand", "Total", "9.50"]
READ_BY = {"ppocr6": "PP-OCRv6 small", "ppocr4": "PP-OCRv4 mobile"}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """A model, an image with three words, odd images, and questions about them."""
    root = tmp_path_factory.mktemp("files")
    asking = Asking(reply_tokens=6, budget=64, policy="head_tail")
    Reader(stirred(drawn_model()), LlavaReadProcessor.for_config(small_config()), asking).save(root / "model")
    page = Image.new("RGB", (260, 200), "white")
    for row, word in enumerate(WORDS):
        ImageDraw.Draw(page).text((20, 20 + 55 * row), word, "black", ImageFont.load_default(28))
    page.save(root / "till.png")
    page.convert("L").save(root / "grey.png")
    page.convert("RGBA").save(root / "alpha.png")
    turned = page.transpose(Image.Transpose.ROTATE_90)
    turned.save(root / "turned.jpg", exif=_exif(6), quality=95)
    (root / "none.png").write_bytes(b"no image")
    rows = [
        {"id": "t", "image": "till.png", "question": "Total?", "answers": ["9.50", "950"], "kind": "receipt"},
        {"id": "g", "image": "grey.png", "question": "Which word is first?", "answers": ["Grand"]},
    ]
    (root / "till.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def model_of(files: Path) -> tuple[str, str]:
    return "--model", str(files / "model")


def test_ask_prints_the_answer_and_the_words_and_draws_them(tenfold, files, tmp_path):
    words = ("llava-read", "ask", "--image", files / "till.png", "--question", "Total?", *model_of(files))
    printed = tenfold(*words, "--overlay", tmp_path / "out.png")
    assert printed.out.startswith(("answer: ", "no answer (cut): "))
    assert "OCR words in the prompt (ppocr6): Grand Total 9.50\n3 used, 0 cut by the budget\n" in printed.out
    drawn, plain = (np.asarray(Image.open(path).convert("RGB")) for path in (tmp_path / "out.png", files / "till.png"))
    assert drawn.shape == plain.shape and (drawn != plain).any(axis=2).sum() > 100
    refused = tenfold(*words, "--overlay", tmp_path / "out.png", status=1).err
    assert "is there already; give another --overlay" in refused
    assert "model:" not in refused  # nothing is loaded before
    tenfold(*words, "--overlay", tmp_path / "out.png", "--force")


def test_the_budget_says_what_it_cuts(tenfold, files):
    words = ("llava-read", "ask", "--image", files / "till.png", "--question", "Total?", *model_of(files))
    assert "1 used, 2 cut by the budget" in tenfold(*words, "--budget", 9).out


def test_one_switch_asks_by_sight_alone_by_ocr_alone_or_by_both(tenfold, files):
    words = ("llava-read", "ask", "--image", files / "till.png", "--question", "Total?", *model_of(files))
    assert "OCR words in the prompt (none): none" in tenfold(*words, "--ocr", "none").out
    assert "(ppocr6)" in tenfold(*words, "--no-image").out
    assert "a guess" in tenfold(*words, "--no-image", "--ocr", "none").err


@pytest.mark.parametrize("name", ["grey.png", "alpha.png", "turned.jpg"])
def test_images_are_read_as_they_are_seen(tenfold, files, name):
    words = ("llava-read", "ask", "--image", files / name, "--question", "Total?", *model_of(files))
    assert "(ppocr6): Grand Total 9.50\n" in tenfold(*words).out


def test_read_prints_the_layout(tenfold, files):
    printed = tenfold("llava-read", "read", "--image", files / "till.png", "--layout", "words")
    assert printed.out == "Grand Total 9.50\n" and printed.err.startswith("3 words, read by PP-OCRv6")
    assert tenfold("llava-read", "read", "--image", files / "till.png", "--layout", "plain").out == printed.out
    spaced = tenfold("llava-read", "read", "--image", files / "till.png").out
    assert [line.split() for line in spaced.splitlines()] == [[word] for word in WORDS]


def test_files_of_questions_are_answered_scored_and_learned(tenfold, files, tmp_path):
    questions = ("--questions", files / "till.jsonl")
    tenfold("llava-read", "run", *questions, *model_of(files), "--out", tmp_path / "a.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == ["t", "g"] and {row["ocr_source"] for row in rows} == {"ppocr6"}
    assert all(row["words_used"] == 3 and len(row["prompt_sha256"]) == 64 for row in rows)
    tenfold("llava-read", "run", *questions, *model_of(files), "--ocr", "none", "--out", tmp_path / "b.jsonl")
    blind = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text().splitlines()]
    assert {row["ocr_source"] for row in blind} == {"none"}
    assert not {row["prompt_sha256"] for row in blind} & {row["prompt_sha256"] for row in rows}
    (tmp_path / "right.jsonl").write_text('{"id": "g", "reply": "grand"}\n{"id": "t", "reply": "none"}\n')
    scored = tenfold("llava-read", "score", tmp_path / "right.jsonl", *questions).out.splitlines()
    assert [line[:14] for line in scored] == ["text: 1.000 of", "receipt: 0.000"]
    taught = ("--updates", 2, "--learning-rate", 0.001, "--out", tmp_path / "taught")
    printed = tenfold("llava-read", "finetune", *questions, *model_of(files), *taught)
    assert "update 2 of 2: loss" in printed.err
    assert Reader.load(tmp_path / "taught").asking == Asking(
        reply_tokens=6, budget=64, policy="head_tail", engine="ppocr6"
    )


def test_a_taught_model_can_say_what_it_was_taught(tenfold, files, tmp_path):
    row = {"image": str(files / "till.png"), "question": "Who?", "answers": ["Grand Total & Sons"]}
    (tmp_path / "q.jsonl").write_text(json.dumps(row) + "\n")
    words = ("llava-read", "finetune", "--questions", tmp_path / "q.jsonl", *model_of(files), "--ocr", "none")
    printed = tenfold(*words, "--updates", 1, "--out", tmp_path / "taught")
    assert "replies may be 19 tokens long, not 6" in printed.err
    assert Reader.load(tmp_path / "taught").asking.reply_tokens == 19
    (tmp_path / "q.jsonl").write_text(json.dumps(row | {"id": "sum", "answers": ["\u5408\u8a08"]}) + "\n")
    refused = tenfold(*words, "--updates", 1, "--out", tmp_path / "other", status=1)
    assert "'sum'" in refused.err and "cannot write" in refused.err and not (tmp_path / "other").exists()


def test_answers_of_two_ocr_sources_have_no_common_score(tenfold, files, tmp_path):
    mixed = [{"id": "t", "reply": "a", "ocr_source": "none"}, {"id": "g", "reply": "a", "ocr_source": "ppocr6"}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in mixed))
    words = ("llava-read", "score", tmp_path / "a.jsonl", "--questions", files / "till.jsonl")
    assert "2 OCR sources" in tenfold(*words, status=1).err


def test_without_a_model_it_says_how_to_come_by_one(tenfold, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ("llava-read", "ask", "--image", files / "till.png", "--question", "Total?")
    said = tenfold(*words, status=1).err.splitlines()[-1]
    assert "dvc repro steps/llava_read/dvc.yaml" in said and "OWNER/NAME@COMMIT" in said
    assert "python -m flows run llava_read --profile smoke" in said and said.count("minutes") == 2
    for profile in ("smoke", "default"):
        place = tmp_path / "artifacts" / profile / "llava_read" / "tune-full" / "models" / "full-0"
        place.parent.mkdir(parents=True)
        place.symlink_to(files / "model", target_is_directory=True)
        assert trained_model(Path()).resolve() == (files / "model").resolve()
        assert profile in tenfold(*words).err


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("[]", "till.jsonl:1: a question: an object"),
        ("{", "till.jsonl:1: a question: no JSON"),
        ('{"image": "till.png"}', "question = None must be a text"),
        ('{"image": "gone.png", "question": "?"}', "there is no image"),
        (json.dumps({"image": "g" * 5000, "question": "?"}), "there is no image"),
        ('{"image": "till.png", "question": "?", "answer": "a"}', "there is no field answer"),
        ('{"image": "till.png", "question": "?", "answers": "a"}', "must be a list of texts"),
        ('{"image": "till.png", "question": "?", "kind": "odd"}', "must be one of"),
        ('{"image": "till.png", "question": "a\\ud800"}', "till.jsonl:1: a question: half of a pair"),
        ('{"image": "till.png", "question": "?", "id": "\\udfff"}', "till.jsonl:1: a question: half of a pair"),
        ("", "holds no question"),
    ],
)
def test_a_wrong_row_is_named_by_its_line(tenfold, files, tmp_path, row, words):
    (tmp_path / "till.jsonl").write_text(row + "\n")
    (tmp_path / "till.png").write_bytes((files / "till.png").read_bytes())
    asked = ("llava-read", "run", "--questions", tmp_path / "till.jsonl", "--out", tmp_path / "out")
    assert words in tenfold(*asked, *model_of(files), status=1).err
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_is_refused_in_one_line(tenfold, files, tmp_path):
    ask = ("llava-read", "ask", "--question", "Total?", *model_of(files), "--image")
    assert "cannot be read as an image" in tenfold(*ask, files / "none.png", status=1).err
    assert "cannot be read as an image" in tenfold(*ask, tmp_path / "gone.png", status=1).err
    seen = (*ask, files / "till.png")
    assert "no use for --layout and --budget" in tenfold(*seen, "--ocr", "none", "--budget", 3, status=2).err
    assert "no use for --overlay" in tenfold(*seen, "--ocr", "none", "--overlay", "x.png", status=2).err
    assert "Invalid value for '--ocr'" in tenfold(*seen, "--ocr", "magic", status=2).err
    assert (
        "reads nothing" in tenfold("llava-read", "read", "--image", files / "till.png", "--ocr", "none", status=2).err
    )
    wrong = ("llava-read", "ask", "--image", files / "till.png", "--question", "?", "--model", tmp_path)
    assert "holds no model" in tenfold(*wrong, status=1).err
    unscored = tmp_path / "open.jsonl"
    unscored.write_text(json.dumps({"image": str(files / "till.png"), "question": "?"}) + "\n")
    teach = ("llava-read", "finetune", "--questions", unscored, "--updates", 1, "--out", tmp_path / "m")
    assert "has no answers" in tenfold(*teach, *model_of(files), status=1).err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no answer"),
        (b"\n\n", "holds no answer"),
        (b'{"id": "g", "reply": "\xff"}', "is not in UTF-8"),
        (b'{"id": "g", "reply": "a", "status": "done"}', "a.jsonl:1: status = 'done' is one of answered"),
        (b'{"id": "g", "reply": "a", "ocr_source": null}', "a.jsonl:1: ocr_source = None names"),
        (b'{"id": "g", "reply": "a", "ocr_source": ""}', "a.jsonl:1: ocr_source = '' names"),
        (b'{"id": "g", "reply": "a"}', "score answers with the very questions that were asked"),
    ],
)
def test_a_file_that_holds_no_answers_is_refused_in_one_line(tenfold, files, tmp_path, content, words):
    (tmp_path / "a.jsonl").write_bytes(content)
    said = tenfold("llava-read", "score", tmp_path / "a.jsonl", "--questions", files / "till.jsonl", status=1).err
    assert words in said and len(said.splitlines()) == 1


def test_where_nothing_can_be_written_nothing_is_answered(tenfold, files):
    words = ("llava-read", "run", "--questions", files / "till.jsonl", *model_of(files), "--out", "/proc/answers.jsonl")
    said = tenfold(*words, status=1).err
    assert "/proc/answers.jsonl cannot be written" in said and "answered" not in said


def test_a_broken_image_is_found_before_anything_is_answered(tenfold, files, tmp_path):
    (tmp_path / "whole.png").write_bytes((files / "till.png").read_bytes())
    (tmp_path / "half.png").write_bytes((files / "till.png").read_bytes()[:200])
    rows = [{"image": name, "question": "?"} for name in ("whole.png", "half.png")]
    (tmp_path / "two.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ("llava-read", "run", "--questions", tmp_path / "two.jsonl", *model_of(files), "--out", tmp_path / "out")
    said = tenfold(*words, "--ocr", "none", status=1).err
    assert "half.png cannot be read as an image" in said and "answered" not in said
    assert not list(tmp_path.glob("*out*")) and not list(tmp_path.glob(".*out*"))


def test_answers_that_are_longer_than_the_longest_reply_can_be_given_once_they_are_taught(tenfold, files, tmp_path):
    row = {"image": str(files / "till.png"), "question": "Who?", "answers": ["the grocer"]}
    (tmp_path / "long.jsonl").write_text(json.dumps(row) + "\n")
    words = ("llava-read", "finetune", "--questions", tmp_path / "long.jsonl", *model_of(files), "--updates", 1)
    assert "replies may be 11 tokens long, not 6" in tenfold(*words, "--out", tmp_path / "taught").err
    assert Reader.load(tmp_path / "taught").asking.reply_tokens == 11


def test_a_taught_model_is_asked_with_the_engine_that_it_was_taught_with(tenfold, files, tmp_path, monkeypatch):
    called = []

    def read(images, engine, enlarge):
        called.append((engine, enlarge))
        more = "" if enlarge == 1 else f", enlarged {enlarge} times"
        return [Page(9, 9, (Word("word", (0, 0, 9, 9)),), f"{READ_BY[engine]}{more}") for _ in images]

    monkeypatch.setattr(reading, "read", read)
    questions, taught = ("--questions", files / "till.jsonl"), tmp_path / "taught"
    words = ("llava-read", "finetune", *questions, *model_of(files), "--ocr", "ppocr4", "--enlarge", 2, "--updates", 1)
    tenfold(*words, "--out", taught)
    assert (Reader.load(taught).asking.engine, Reader.load(taught).asking.enlarge) == ("ppocr4", 2)
    called.clear()
    ask = ("llava-read", "ask", "--image", files / "till.png", "--question", "Total?", "--model", taught)
    same = tenfold(*ask)
    assert "(ppocr4 enlarged 2 times): word" in same.out and "was taught with" not in same.err
    ran = tenfold("llava-read", "run", *questions, "--model", taught, "--out", tmp_path / "a.jsonl")
    assert "was taught with" not in ran.err and '"ppocr4 enlarged 2 times"' in (tmp_path / "a.jsonl").read_text()
    other = tenfold(*ask, "--ocr", "pp", "--enlarge", 1)
    assert "taught with what ppocr4 on images enlarged 2 times reads; here ppocr6 reads" in other.err
    assert called == [("ppocr4", 2)] * 3 + [("ppocr6", 1)]
    assert "(none)" in tenfold(*ask, "--ocr", "none").out and len(called) == 4


def test_progress_is_told_after_the_first_image_and_then_by_time(tenfold, files, tmp_path, monkeypatch):
    from tenfold.llava_read import own_commands

    page = Page(9, 9, (Word("word", (0, 0, 9, 9)),), READ_BY["ppocr6"])
    monkeypatch.setattr(reading, "read", lambda images, engine, enlarge: [page for _ in images])
    clock = iter([0.0, 0.0, *(value for value in (1.0, 6.0, 6.0, 7.0))])
    monkeypatch.setattr(own_commands, "monotonic", lambda: next(clock, 8.0))
    rows = []
    for number in range(5):
        Image.new("RGB", (9, 9)).save(tmp_path / f"{number}.png")
        rows.append({"image": f"{number}.png", "question": "?"})
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ("llava-read", "run", "--questions", tmp_path / "q.jsonl", *model_of(files), "--out", tmp_path / "a.jsonl")
    told = [line for line in tenfold(*words).err.splitlines() if line.startswith("read ")]
    assert told == [f"read {done} of 5 images by ppocr6" for done in (1, 3, 5)]
