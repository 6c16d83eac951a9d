"""``tenfold debias`` as a person with models behind an endpoint, or in folders, would use it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import zlib
from contextlib import suppress
from html import unescape
from pathlib import Path

import pytest

from tenfold.debias.debate import read_debates
from tests.conftest import ROOT
from tests.tenfold.chat.conftest import Call
from tests.tenfold.language.conftest import save

ASK = ("debias", "ask", "Who was late?", "--options", "Ann;Ben;Not known", "--context", "Ann and Ben came.")
KEY = "sk-a-key-that-nobody-may-read"
MODELS = {"red": "The baker", "blue": "The gardener", "green": "Not known"}
FILES = {"run.json", "transcript.jsonl", "debates.jsonl", "predictions.jsonl", "scores.json", "page.html"}


@pytest.fixture
def questions(tmp_path) -> Path:
    """Ten questions of two groups, each with its gold answer."""
    path = tmp_path / "questions.jsonl"
    rows = [
        {
            "key": f"q{number}",
            "question": f"Who was late on day {number}?",
            "options": list(MODELS.values()),
            "context": "The baker and the gardener came.",
            "answer": 2,
            "group": ("Work", "Leisure")[number % 2],
        }
        for number in range(10)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def answers(call: Call) -> None:
    """Answer as the model that is asked would: each has an option of its own, and other words for other questions."""
    asked = call.asked["messages"]
    shown = dict(re.findall(r"^([A-Z])\) (.+)$", asked[0]["content"], flags=re.MULTILINE))
    wanted = MODELS.get(call.asked["model"].removesuffix("-2"), "Not known")
    letter = next((letter for letter, option in shown.items() if option == wanted), "A")
    words = zlib.crc32(call.words.encode())
    call.say(f"{call.asked['model']} thinks so: {words}.\nAnswer: {letter}")


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def run(book, questions, out, *more):
    return ("debias", "run", "--base-url", book.address, "--items", questions, "--out", out, *more)


THREE = ("--models", "red,blue,green")


def test_a_run_writes_all_that_came_of_it(tenfold, serve, questions, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    book, out = serve(answers), tmp_path / "talks"
    printed = tenfold(*run(book, questions, out, *THREE, "--rounds", 1, "--tie", "first", "--prices", "1,2"))
    assert {path.name for path in out.iterdir() if not path.name.startswith(".")} == FILES
    assert len(book.requests) == 10 * 3 * 2 and f"Bearer {KEY}" in {one["authorization"] for one in book.headers}
    debates = read_debates(out / "debates.jsonl")
    assert [(debate.final, debate.protocol) for debate in debates] == [(0, "decentralized")] * 10
    assert lines(out / "predictions.jsonl") == [{"key": f"q{number}", "answer": 0} for number in range(10)]
    scores = json.loads((out / "scores.json").read_text())["decentralized"]
    assert (scores["accuracy"], scores["calls"], scores["failed_calls"], scores["without_answer"]) == (0, 60, 0, 0)
    assert {agent: first["accuracy"] for agent, first in scores["first_answers"].items()} == {
        "red": 0,
        "blue": 0,
        "green": 1,
    }
    assert "green, first answers: 10 questions, accuracy 1.000" in printed.out
    page = unescape((out / "page.html").read_text())
    assert re.search(
        r"Models: (red|green|blue), \w+, \w+\. Protocol: decentralized, seed 0, temperature 0\.0, max", page
    )
    assert "rounds 1, tie first" in page
    assert f"Asked: 10 questions of {questions}." in page
    assert "60 calls, 0 known already, 420 + 180 tokens, cost 0.0008" in printed.out
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes(), path
    assert KEY not in printed.out + printed.err
    assert "Work" in tenfold("debias", "score", out / "predictions.jsonl", "--items", questions).out


def test_a_folder_with_a_run_is_continued_as_it_was_begun_or_not_at_all(tenfold, serve, questions, tmp_path):
    book, out = serve(answers), tmp_path / "talks"
    command = run(book, questions, out, *THREE, "--rounds", 1)
    tenfold(*command)
    before = (out / "debates.jsonl").read_bytes(), len(book.requests)
    assert "continue it with --resume" in tenfold(*command, status=1).err
    printed = tenfold(*command, "--resume", "--concurrency", 2, "--max-calls", 1)
    assert "0 calls, 60 known already" in printed.out
    assert ((out / "debates.jsonl").read_bytes(), len(book.requests)) == before
    assert "seed was 0 and is 1" in tenfold(*command, "--resume", "--seed", 1, status=1).err
    assert "(protocol.rounds was 1 and is 2)" in tenfold(*command[:-1], 2, "--resume", status=1).err
    questions.write_text(questions.read_text().replace("day 3", "day 4"))
    assert "questions_sha256" in tenfold(*command, "--resume", status=1).err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "novel.txt").write_text("once")
    assert "something else" in tenfold(*run(book, questions, tmp_path / "mine", *THREE), status=1).err
    assert "no folder" in tenfold(*run(book, questions, tmp_path / "a" / "b", *THREE), status=1).err


def test_a_budget_ends_a_run_and_resume_asks_for_the_rest(tenfold, serve, questions, tmp_path):
    book, out = serve(answers), tmp_path / "talks"
    command = run(book, questions, out, *THREE, "--rounds", 1)
    printed = tenfold(*command, "--max-calls", 25, status=1)
    assert "--resume asks only for the rest" in printed.err and len(book.requests) == 25
    assert not (out / "debates.jsonl").exists()
    tenfold(*command, "--resume", "--max-tokens-total", 100, status=1)
    tenfold(*command, "--resume")
    asked = [json.dumps(one, sort_keys=True) for one in book.requests]
    assert len(asked) == len(set(asked)) == 60 and len(read_debates(out / "debates.jsonl")) == 10


def test_nothing_is_asked_twice_after_a_kill_in_the_middle(serve, questions, tmp_path):
    def slowly(call: Call) -> None:
        time.sleep(0.02)
        answers(call)

    book, out = serve(slowly), tmp_path / "talks"
    words = [str(word) for word in run(book, questions, out, *THREE, "--rounds", 2, "--concurrency", 4)]
    command = [sys.executable, "-m", "tenfold", *words]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    transcript, deadline = out / "transcript.jsonl", time.monotonic() + 60
    while not transcript.exists() or transcript.read_bytes().count(b"\n") < 40:  # in round 1
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(0.3)  # what was under way has reached the server
    known = {(one["backend"]["model"], json.dumps(one["messages"])) for one in whole_lines(transcript)}
    first = len(book.requests)
    assert 40 <= len(known) < 90 and first < 90
    environment = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    shown = on_a_terminal([*command, "--resume", "--prices", "1,1"], environment)
    assert re.search(r"\d+ calls, \d+ known already, [\d,]+ \+ \d+ tokens, cost 0\.\d+", shown), shown
    again = {
        (one["model"], json.dumps([{"role": part["role"], "text": part["content"]} for part in one["messages"]]))
        for one in book.requests[first:]
    }
    assert not known & again and len(known) + len(again) == 90 == len(book.requests) - (first - len(known))
    assert len(read_debates(out / "debates.jsonl")) == 10


def on_a_terminal(command: list[str], environment: dict[str, str]) -> str:
    """Run a command whose standard error is a terminal, and return what that shows."""
    master, slave = os.openpty()
    parts: list[bytes] = []

    def read() -> None:
        with suppress(OSError):  # the other end is closed
            while part := os.read(master, 4096):
                parts.append(part)

    reading = threading.Thread(target=read)
    reading.start()
    wide = environment | {"COLUMNS": "200", "TERM": "xterm"}
    done = subprocess.run(command, cwd=ROOT, env=wide, stdout=subprocess.DEVNULL, stderr=slave, timeout=120)
    os.close(slave)
    reading.join()
    os.close(master)
    shown = b"".join(parts).decode()
    assert done.returncode == 0, shown
    return shown


def whole_lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def test_calls_that_fail_are_said_and_asked_again(tenfold, serve, questions, tmp_path):
    def act(call: Call) -> None:
        if "day 7?" in call.words and refuse:
            call.send(400, {"error": {"message": "maximum context length is 4096 tokens, you asked for 5000"}})
        else:
            answers(call)

    refuse, book, out = True, serve(act), tmp_path / "talks"
    command = run(book, questions, out, "--models", "red", "--protocol", "single")
    printed = tenfold(*command)
    assert "1 call failed, and counts as no answer" in printed.out and "5000" in printed.out
    assert "1 left unanswered" in printed.out
    assert lines(out / "predictions.jsonl")[7]["answer"] is None
    refuse = False
    assert "failed" not in tenfold(*command, "--resume").out and len(book.requests) == 11


def test_every_centre_has_predictions_of_its_own(tenfold, serve, questions, tmp_path):
    book, out = serve(answers), tmp_path / "talks"
    tenfold(*run(book, questions, out, *THREE, "--protocol", "centralized", "--rounds", 1))
    scores = json.loads((out / "scores.json").read_text())
    assert list(scores) == [f"centralized:{model}" for model in MODELS]
    for number, (model, one) in enumerate(zip(MODELS, scores.values(), strict=True)):
        assert {line["answer"] for line in lines(out / one["predictions"])} == {number}, model
    tenfold(*run(book, questions, tmp_path / "one", *THREE, "--protocol", "centralized", "--centre", "blue"))
    assert (tmp_path / "one" / "predictions.jsonl").is_file()


def test_models_at_addresses_and_with_keys_of_their_own(tenfold, serve, questions, tmp_path, monkeypatch):
    monkeypatch.setenv("FIRST_KEY", "first")
    monkeypatch.setenv("SECOND_KEY", "second")
    first, second = serve(answers), serve(answers)
    command = ("debias", "run", "--models", "red,blue", "--items", questions, "--protocol", "vote")
    places = ("--base-url", first.address, "--base-url", second.address)
    tenfold(*command, *places, "--key-variable", "FIRST_KEY", "--key-variable", "SECOND_KEY", "--out", tmp_path / "o")
    assert {one["model"] for one in first.requests} == {"red"} and {one["model"] for one in second.requests} == {"blue"}
    assert {one["authorization"] for one in second.headers} == {"Bearer second"}
    three = ("debias", "run", *THREE, "--items", questions, "--out", tmp_path / "p", *places)
    assert "2 addresses for 3 models" in tenfold(*three, status=1).err


def test_a_model_twice_needs_a_temperature(tenfold, serve, questions, tmp_path):
    book = serve(answers)
    command = run(book, questions, tmp_path / "o", "--models", "red,red", "--protocol", "vote")
    assert "red twice would say the same" in tenfold(*command, status=1).err
    tenfold(*command, "--temperature", 0.5)
    assert {one["seed"] for one in book.requests} == {0, 1} and len(book.requests) == 20
    assert list(json.loads((tmp_path / "o" / "scores.json").read_text())["vote"]["first_answers"]) == ["red", "red #2"]


def test_a_limit_takes_as_many_of_each_group(tenfold, serve, questions, tmp_path):
    book, out = serve(answers), tmp_path / "o"
    tenfold(*run(book, questions, out, "--models", "red", "--protocol", "single", "--limit-per-group", 2))
    assert sorted(debate.item.group for debate in read_debates(out / "debates.jsonl")) == ["Leisure"] * 2 + ["Work"] * 2


def test_ask_prints_the_conversation(tenfold, serve):
    book = serve(answers)
    printed = tenfold(*ASK, "--models", "green,other", "--base-url", book.address, "--rounds", 1).out
    assert "── green, round 0, read as: Not known\ngreen thinks so: " in printed
    assert "══ decentralized after 2 calls: Not known" in printed
    failed = serve(lambda call: call.send(400, {"error": {"message": "no"}}))
    printed = tenfold(*ASK, "--models", "green", "--base-url", failed.address, "--protocol", "single", status=1)
    assert "the call failed (Refused: green: " in printed.out and "after 1 call: no answer" in printed.out
    assert "NoReply: the only call failed" in printed.err


def test_a_wrong_key_ends_all_and_is_not_shown(tenfold, serve, questions, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    book = serve(lambda call: call.send(401, {"error": {"message": f"key {KEY} is wrong"}}))
    printed = tenfold(*run(book, questions, tmp_path / "o", *THREE, "--concurrency", 1), status=1)
    assert "set OPENAI_API_KEY" in printed.err and KEY not in printed.err and len(book.requests) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--models", "a,,b"), "none of them empty"),
        (("--models", "a", "--protocol", "vote", "--rounds", 2), "vote has no use for --rounds"),
        (("--models", "a,b", "--centre", "a"), "decentralized has no use for --centre"),
        (("--models", "a,b", "--backend", "local"), "local has no use for --base-url"),
        (("--models", "a,b", "--device", "cpu"), "http has no use for --device"),
    ],
)
def test_wrong_usage_is_said(tenfold, words, says):
    found = tenfold(*ASK, "--base-url", "http://127.0.0.1:9/v1", *words, status=2)
    assert says in re.sub(r"\s*│?\n│?\s*", " ", found.err)


def test_an_endpoint_needs_an_address(tenfold):
    assert "--base-url" in tenfold(*ASK, "--models", "a", status=2).err


def test_what_was_drawn_anew_is_said(tenfold, serve, tmp_path, monkeypatch):
    from tenfold.debias.bbq import REDRAWN

    def row(number: int, polarity: str, condition: str) -> dict:
        return {
            "example_id": number,
            "question_index": "1",
            "question_polarity": polarity,
            "context_condition": condition,
            "category": "Age",
            "answer_info": {"ans0": ["Ann", "old"], "ans1": ["Ben", "nonOld"], "ans2": ["Unknown", "unknown"]},
            "additional_metadata": {
                "stereotyped_groups": ["old"],
                "version": "a",
                "source": "s",
                "subcategory": "None",
            },
            "context": f"Ann and Ben came {number}.",
            "question": "Who was late?",
            "ans0": "Ann",
            "ans1": "Ben",
            "ans2": "Unknown",
            "label": 2 if condition == "ambig" else 0,
        }

    cells = [(polarity, condition) for polarity in ("neg", "nonneg") for condition in ("ambig", "disambig")]
    text = "".join(json.dumps(row(number, *cell)) + "\n" for number, cell in enumerate(cells))
    (tmp_path / "bbq" / "redrawn").mkdir(parents=True)
    (tmp_path / "bbq" / "redrawn" / "Age.jsonl").write_text(text)
    book, out = serve(answers), tmp_path / "o"
    plain = ("--models", "red", "--protocol", "single")
    assert "as published" not in tenfold(*run(book, tmp_path / "bbq", tmp_path / "p", *plain)).out
    monkeypatch.setitem(REDRAWN, "Age", hashlib.sha256(text.encode()).hexdigest())
    printed = tenfold(*run(book, tmp_path / "bbq", out, *plain))
    assert "not as published: Age" in printed.out and "not as published: Age" in (out / "page.html").read_text()


def test_a_device_and_a_model_must_be_there(tenfold, tmp_path):
    local = (*ASK, "--backend", "local", "--protocol", "single", "--models", tmp_path)
    assert "--device nowhere" in tenfold(*local, "--device", "nowhere", status=2).err
    assert "DecoderMismatch" in tenfold(*local, "--device", "cpu", status=1).err


def test_models_in_folders_talk(tenfold, questions, tmp_path):
    for name, context in (("one", 2049), ("two", 2048)):
        save(tmp_path / name / "model", context=context)
    models = ",".join(str(tmp_path / name / "model") for name in ("one", "two"))
    out = tmp_path / "talks"
    command = ("debias", "run", "--backend", "local", "--models", models, "--items", questions, "--out", out)
    more = ("--rounds", 1, "--max-tokens", 4, "--limit-per-group", 1)
    found = tenfold(*command, *more)
    assert [line for line in found.err.splitlines() if "loading" in line] == [f"loading {m}" for m in models.split(",")]
    assert [len(debate.turns) for debate in read_debates(out / "debates.jsonl")] == [4, 4]
    (tmp_path / "two" / "model" / "config.json").write_text(
        (tmp_path / "two" / "model" / "config.json").read_text().replace("2048", "4096")
    )
    assert "(backends 2.revision was" in tenfold(*command, *more, "--resume", status=1).err
