"""``tenfold commit-tuning inspect`` says and draws anyone's log, and refuses what it cannot read in one line."""

from __future__ import annotations

import csv
import json
import math
import re

import pytest

from tenfold.commit_tuning.inspection import read_log, summary


def row(update: int, **more: object) -> dict[str, object]:
    due = update % 4 == 0
    log = 2.0 - update / 20
    return {
        "update": update,
        "loss": 3.0 / update,
        "log_kappa": log if due else None,
        "ema": log,
        "K_X": None,
        "K_S": None,
        "lr_X": 1e-3 * math.exp(-log / 2),
        "lr_S": 1e-3 * math.exp(log / 2),
        "factor_X": math.exp(-log / 2),
        "factor_S": math.exp(log / 2),
        "g_X": 2.0,
        "g_S": 0.5 / update,
        "undefined": False if due else None,
    } | more


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    rows = [row(update) for update in range(1, 21)] + [row(24, log_kappa=None, undefined=True)]
    (folder / "trace.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    return folder


def test_a_run_is_said_and_drawn(tenfold, run, tmp_path):
    printed = tenfold("commit-tuning", "inspect", run, "--out", tmp_path / "balance.svg").out
    assert "updates 1 to 24, 21 of them logged" in printed
    assert f"κ: 6 estimates, 1 undefined; {math.exp(1.8):.3g} at first, {math.exp(1.0):.3g} at last" in printed
    assert "last 5 estimates: mean |log κ| 1.4, mean log κ +1.4: the LLM moves the answers more" in printed
    assert f"LLM's rate: {1e-3 * math.exp(-0.975):.3g} at first, {1e-3 * math.exp(-0.4):.3g} at last" in printed
    assert "encoder's gradient norm: 0.5 at first, 0.0417 of it at last" in printed
    assert "loss: 3 at first, 0.125 at last" in printed
    drawn = (tmp_path / "balance.svg").read_text()
    for words in ("log κ", "learning rate as used", "gradient norm over its first value", "undefined"):
        assert words in drawn
    tenfold("commit-tuning", "inspect", run, "--out", tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text() == drawn
    tenfold("commit-tuning", "inspect", run, "--out", tmp_path / "balance.png")
    assert (tmp_path / "balance.png").read_bytes().startswith(b"\x89PNG")


def test_a_log_under_other_names_with_other_records_between(tenfold, tmp_path):
    path = tmp_path / "log.jsonl"
    records = [
        {"step": 1, "rates/vision": 1e-4, "grad/vision": 0.0},
        {"eval_loss": 2.0},
        {"step": 2, "rates/vision": 1e-5, "grad/vision": 0.0},
    ]
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    options = [word for pair in ("update=step", "lr_S=rates/vision", "g_S=grad/vision") for word in ("--column", pair)]
    printed = tenfold("commit-tuning", "inspect", path, *options, "--out", tmp_path / "log.svg").out
    assert "updates 1 to 2, 2 of them logged\nκ: not estimated\nencoder's rate: 0.0001 at first" in printed
    assert "encoder's gradient norm: 0 at first" in printed
    assert "not logged" in (tmp_path / "log.svg").read_text()


def test_csv_and_a_trainers_state_are_read(tmp_path):
    rows = [row(update) for update in range(1, 9)]
    with (tmp_path / "log.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    history = [{"step": one["update"], **one} for one in rows]
    (tmp_path / "trainer_state.json").write_text(json.dumps({"log_history": history}))
    assert read_log(tmp_path / "log.csv") == read_log(tmp_path / "trainer_state.json", {"update": "step"}) == rows


def test_csv_with_semicolons_and_kappa_from_its_parts(tmp_path):
    (tmp_path / "log.csv").write_text("Schritt;K_X;K_S;rate\n1;;;1e-3\n2; 0.02;0.01;1e-3\n3;0;0.01;1e-3\n", "utf-8-sig")
    rows = read_log(tmp_path / "log.csv", {"update": "Schritt", "lr_X": "rate"})
    assert [row["update"] for row in rows] == [1, 2, 3] and rows[0]["lr_X"] == 1e-3
    assert [row["log_kappa"] for row in rows] == [None, pytest.approx(math.log(2)), None]


def test_what_all_estimates_undefined_means_and_huge_ones():
    plain = [row(update, log_kappa=None, undefined=True) for update in (4, 8)]
    assert "2 estimates, all undefined" in summary(plain)[1]
    assert "exp(900) at first" in summary([row(4, log_kappa=900.0), row(8, log_kappa=0.1)])[1]
    many = [row(4), row(8, log_kappa=None, undefined=True)]
    assert any(line.startswith("many are undefined") for line in summary(many))
    assert "balanced within a factor of 2" in summary([row(4, log_kappa=-0.5)])[2]
    assert "the encoder moves the answers more" in summary([row(4, log_kappa=-0.8)])[2]


@pytest.mark.parametrize(
    ("name", "text", "words", "says"),
    [
        ("trace.jsonl", None, (), "InvalidTrace: .* cannot be read: No such file"),
        ("trace.jsonl", "{}\n[]\n", (), "line 2: no JSON object"),
        ("trace.jsonl", '{"update": 1}\n', (), "has nothing to draw"),
        ("trace.jsonl", '{"update": 1, "lr_X": "fast"}\n', (), "row 1: lr_X is 'fast', which is no number"),
        ("trace.jsonl", '{"update": 1, "lr_X": 1}\n', ("--column", "lr_S=rate"), "has no column rate to read lr_S"),
        ("trace.jsonl", '{"update": 1, "lr_X": 1}\n', ("--column", "kappa=k"), "there is no column kappa"),
        ("state.json", "{}", (), "no trainer_state.json"),
        ("log.jsonl", '{"step": 1, "lr_X": 1}\n', (), "no column update, .* it has step, lr_X: .*--column update=…"),
        ("log.csv", "update,lr_X\n1,2\n2,3,4\n", (), "line 3 has 3 cells, not 2"),
    ],
)
def test_what_cannot_be_read_is_refused(tenfold, tmp_path, name, text, words, says):
    if text is not None:
        (tmp_path / name).write_text(text)
    said = tenfold("commit-tuning", "inspect", tmp_path / name, *words, status=1).err
    assert re.search(says, said), said


def test_a_folder_without_a_log_or_with_two_is_refused(tenfold, tmp_path):
    assert "no .jsonl or .csv file" in tenfold("commit-tuning", "inspect", tmp_path, status=1).err
    for name in ("a.jsonl", "b.csv"):
        (tmp_path / name).write_text("")
    assert "several: a.jsonl, b.csv" in tenfold("commit-tuning", "inspect", tmp_path, status=1).err


def test_wrong_usage(tenfold, run, tmp_path):
    assert "ends in .svg or .png" in tenfold("commit-tuning", "inspect", run, "--out", "x.pdf", status=2).err
    assert "OURS=THEIRS" in tenfold("commit-tuning", "inspect", run, "--column", "lr_S", status=2).err
    (tmp_path / "there.svg").write_text("")
    assert "is there already" in tenfold("commit-tuning", "inspect", run, "--out", tmp_path / "there.svg", status=1).err
