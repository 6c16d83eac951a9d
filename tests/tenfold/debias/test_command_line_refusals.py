"""What ``tenfold debias`` refuses, and what it says of a run that came to nothing or to less than it seems."""

from __future__ import annotations

import json
import re
import shutil
import socket
from pathlib import Path

import pytest

from tenfold.chat import Transcript
from tests.tenfold.debias.test_command_line import ASK, MODELS, THREE, answers, lines, run
from tests.tenfold.debias.test_command_line import questions as questions
from tests.tenfold.language.conftest import save

NOWHERE = "http://127.0.0.1:9/v1"


def plain(text: str) -> str:
    """Return what typer draws in a box as one line."""
    return re.sub(r"\s*│?\n│?\s*", " ", text)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--base-url", "localhost:8000/v1"), "begin with http:// or https://"),
        (("--base-url", "http://a/v1,http://b/v1"), "give --base-url once per model"),
        (("--base-url", NOWHERE, "--options", "Ann,Ben"), "with semicolons between"),
        (("--base-url", NOWHERE, "--options", "Ann;ann"), "all different"),
        (("--base-url", NOWHERE, "--key-variable", "NOPE"), "--key-variable NOPE: no such environment variable"),
        (("--base-url", NOWHERE, "--protocol", "shuffled_peers"), "shuffled_peers"),
        (("--base-url", NOWHERE, "--tie", "unknown"), "unknown"),
        (("--base-url", NOWHERE, "--equal-calls", 6), "decentralized has no use for --equal-calls"),
        (
            ("--base-url", NOWHERE, "--protocol", "self_refine", "--equal-calls", 6, "--rounds", 2),
            "give one of the two",
        ),
    ],
)
def test_wrong_usage_is_said(tenfold, monkeypatch, words, says):
    monkeypatch.delenv("NOPE", raising=False)
    assert says in plain(tenfold(*ASK, "--models", "a,b", *words, status=2).err)


@pytest.mark.parametrize("model", ["models/nope", "./nope", "a/b/c", "nope/"])
def test_a_folder_that_is_not_there_is_said_and_nobody_is_asked_for_it(tenfold, monkeypatch, model):
    def asked(*_words: object, **_more: object) -> None:
        raise AssertionError("the hub is asked for a folder")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", asked)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", asked)
    found = tenfold(*ASK, "--backend", "local", "--device", "cpu", "--models", model, "--protocol", "single", status=1)
    assert found.err.splitlines()[-1] == f"InvalidAgents: there is no folder {model}"


def test_a_model_twice_is_refused_before_it_is_loaded_and_a_copy_after(tenfold, questions, tmp_path):
    model, copy = save(tmp_path / "one", context=2048), tmp_path / "two"
    shutil.copytree(model, copy)
    local = ("debias", "run", "--backend", "local", "--device", "cpu", "--items", questions, "--out", tmp_path / "o")
    for again in (model, f"{model}/", tmp_path / "two" / ".." / "one"):
        found = tenfold(*local, "--models", f"{model},{again}", status=1)
        assert "would say the same twice: give a temperature above 0" in found.err and "loading" not in found.err
    found = tenfold(*local, "--models", f"{model},{copy}", status=1)
    assert f"{model} and {copy} are one model, which would say the same twice" in found.err
    assert f"loading {copy}" in found.err and not (tmp_path / "o").exists()
    more = ("--temperature", 0.5, "--rounds", 1, "--max-tokens", 2, "--limit-per-group", 1)
    tenfold(*local, "--models", f"{model},{copy}", *more)


def test_gguf_weights_are_refused_with_what_to_do(tenfold, tmp_path):
    (tmp_path / "packed").mkdir()
    file = tmp_path / "packed" / "small.gguf"
    file.write_bytes(b"GGUF")
    local = (*ASK, "--backend", "local", "--device", "cpu", "--protocol", "single", "--models")
    for model in (file.parent, file):
        found = tenfold(*local, model, status=1)
        assert (
            "small.gguf is GGUF" in found.err and f"convert_gguf(Path({str(file)!r}), Path('converted'))" in found.err
        )


def test_a_model_that_the_hub_cannot_be_asked_for_is_asked_for_once(tenfold, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    local = (*ASK, "--backend", "local", "--device", "cpu", "--protocol", "single")
    found = tenfold(*local, "--models", "somebody/a-model-of-theirs", status=1)
    assert "there is no folder somebody/a-model-of-theirs, and the hub cannot be asked" in found.err


def test_where_nobody_listens_it_ends_and_leaves_nothing(tenfold, questions, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        command = ("debias", "run", "--base-url", address, "--items", questions, "--out", tmp_path / "o", *THREE)
        found = tenfold(*command, status=1)
        assert f"nobody answers at {address} " in found.err and "is the server running?" in found.err
        assert "accuracy" not in found.out and "is kept" not in found.err and not (tmp_path / "o").exists()
        found = tenfold(*ASK, "--models", "a,b", "--base-url", address, status=1)
        assert "is the server running" in found.err


def test_a_run_that_is_refused_leaves_no_folder_and_binds_nobody(tenfold, serve, questions, tmp_path):
    book, out = serve(answers), tmp_path / "o"
    command = run(book, questions, out, "--models", "red,blue", "--protocol", "vote")
    found = tenfold(*command, "--tie", "unknown", status=1)
    assert "needs to know the unknown option" in found.err and not out.exists() and not book.requests
    told = [line | {"unknown": "C"} for line in lines(questions)]
    questions.write_text("".join(json.dumps(line) + "\n" for line in told))
    tenfold(*command, "--tie", "unknown")
    assert (out / "scores.json").is_file()


def test_what_was_answered_is_said_to_be_kept_only_where_it_is(tenfold, serve, questions, tmp_path):
    book, out = serve(answers), tmp_path / "o"
    command = run(book, questions, out, "--models", "red", "--protocol", "single")
    assert "is kept" in tenfold(*command, "--max-calls", 3, status=1).err
    refused = tenfold(*command, "--resume", "--prompt-variant", "bias_aware", status=1).err
    assert "another run (prompts.variant was 'plain' and is 'bias_aware')" in refused
    with Transcript(out / "transcript.jsonl"):
        busy = tenfold(*command, "--resume", status=1).err
    assert "another process is adding" in busy and "is kept" not in busy
    (out / "transcript.jsonl").write_text("{}\n")
    damaged = tenfold(*command, "--resume", status=1).err
    assert "mend the line" in damaged and "is kept" not in damaged


def test_a_run_without_any_reply_is_no_result(tenfold, serve, questions, tmp_path):
    book = serve(lambda call: call.send(400, {"error": {"message": "no"}}) if refuse else answers(call))
    refuse, command = True, run(book, questions, tmp_path / "o", "--models", "red,blue", "--protocol", "vote")
    found = tenfold(*command, status=1)
    assert "NoReply: all 20 calls failed" in found.err and "accuracy" not in found.out
    assert not (tmp_path / "o" / "scores.json").exists()
    refuse = False
    assert "accuracy" in tenfold(*command, "--resume").out


def test_a_model_all_of_whose_calls_failed_has_no_accuracy(tenfold, serve, questions, tmp_path):
    def act(call) -> None:
        call.send(400, {"error": {"message": "no"}}) if call.asked["model"] == "blue" else answers(call)

    book, out = serve(act), tmp_path / "o"
    printed = tenfold(*run(book, questions, out, *THREE, "--protocol", "vote", "--tie", "first")).out
    assert "blue, first answers: 10 questions, all calls failed" in printed
    first = json.loads((out / "scores.json").read_text())["vote"]["first_answers"]
    assert first["blue"]["accuracy"] is None and first["green"]["accuracy"] == 1


def test_replies_that_are_cut_are_counted_and_shown(tenfold, serve, questions, tmp_path):
    def act(call) -> None:
        call.say("Let me see, the baker", "length") if "day 3?" in call.words or short else answers(call)

    short, book, out = False, serve(act), tmp_path / "o"
    command = ("--models", "red", "--protocol", "single", "--max-tokens", 5)
    printed = tenfold(*run(book, questions, out, *command)).out
    assert "1 reply was cut at 5 tokens; raise --max-tokens" in printed
    page = (out / "page.html").read_text()
    assert "1 reply was cut at 5 tokens" in page and "cut off at its longest length" in page
    short = True
    asked = tenfold(*ASK, "--base-url", book.address, *command)
    assert "read as: no option (cut off)" in asked.out
    assert "1 reply was cut at 5 tokens, and 1 of them name no option; raise --max-tokens" in asked.err


def test_ask_shows_options_as_the_agents_see_them_and_the_page_too(tenfold, serve, questions, tmp_path):
    book, out = serve(answers), tmp_path / "o"
    printed = tenfold(*ASK, "--base-url", book.address, "--models", "red", "--protocol", "single", "--seed", 3).out
    sent = book.requests[0]["messages"][0]["content"]
    shown = re.findall(r"^[A-C]\) .+$", sent, flags=re.MULTILINE)
    assert len(shown) == 3 and re.findall(r"^[A-C]\) .+$", printed, flags=re.MULTILINE) == shown
    tenfold(*run(book, questions, out, "--models", "red", "--protocol", "single"))
    page = (out / "page.html").read_text()
    for asked in book.requests[1:]:
        for option in re.findall(r"^[A-C]\) .+$", asked["messages"][0]["content"], flags=re.MULTILINE):
            assert option in page


def test_equal_calls_are_those_of_a_conversation(tenfold, serve, questions, tmp_path):
    book = serve(answers)
    for protocol in ("self_refine", "self_consistency"):
        command = ("--models", "red", "--protocol", protocol, "--equal-calls", 6, "--limit-per-group", 1)
        tenfold(*run(book, questions, tmp_path / protocol, *command))
        (found,) = json.loads((tmp_path / protocol / "scores.json").read_text()).values()
        assert found["calls"] == found["questions"] * 6 == 12


def test_accuracy_says_of_how_many_questions_it_is(tenfold, serve, tmp_path):
    path = tmp_path / "own.jsonl"
    rows = [{"question": f"Who on day {day}?", "options": list(MODELS.values())} for day in range(3)]
    path.write_text("".join(json.dumps(row | ({"answer": 0} if day else {})) + "\n" for day, row in enumerate(rows)))
    book = serve(answers)
    printed = tenfold(*run(book, path, tmp_path / "o", "--models", "red", "--protocol", "single")).out
    assert "3 questions, accuracy 1.000 of the 2 questions with an answer" in printed


def test_predictions_of_a_run_are_scored_with_its_own_questions_or_the_same_ones(tenfold, serve, questions, tmp_path):
    book, out = serve(answers), tmp_path / "o"
    tenfold(*run(book, questions, out, "--models", "green", "--protocol", "single", "--limit-per-group", 2))
    predictions = out / "predictions.jsonl"
    alone = tenfold("debias", "score", predictions)
    assert alone.out.splitlines()[-1].split() == ["all", "4", "1.000", "1.000", "4"]
    assert tenfold("debias", "score", predictions, "--items", questions).out == alone.out
    annotated = [line | {"target": 0} for line in lines(questions)]
    questions.write_text("".join(json.dumps(line) + "\n" for line in annotated))
    assert "no condition" in tenfold("debias", "score", predictions, "--items", questions).err
    moved = [line | {"question": f"{line['question']} Or before?"} for line in annotated]
    questions.write_text("".join(json.dumps(line) + "\n" for line in moved))
    assert "the run was asked" in tenfold("debias", "score", predictions, "--items", questions, status=1).err
    (out / "debates.jsonl").unlink()
    assert "of other questions" in tenfold("debias", "score", predictions, "--items", questions, status=1).err


def test_help_names_defaults(tenfold):
    shown = plain(tenfold("debias", "run", "--help").out)
    for words in ("Default: 2, under self_refine 1", "Default: 6", "Default: random", "predictions.<centre>.jsonl"):
        assert words in shown
    assert "shuffled_peers" not in tenfold("debias", "ask", "--help").out


def test_each_centre_has_a_file_by_its_name(tenfold, serve, questions, tmp_path):
    book, out = serve(answers), tmp_path / "o"
    printed = tenfold(*run(book, questions, out, *THREE, "--protocol", "centralized", "--rounds", 1)).out
    names = {path.name for path in Path(out).glob("predictions*")}
    assert names == {f"predictions.{model}.jsonl" for model in MODELS} and "→ predictions.blue.jsonl" in printed
