"""The command that scores predictions, as its user types it."""

import json

import pytest

from tenfold import command_line as cli
from tenfold.debias.debate import Debate, write_debates
from tenfold.debias.errors import InvalidItem
from tenfold.debias.intervals import estimate_groups, estimate_score
from tenfold.debias.items import Items, write_items
from tenfold.debias.own_items import read_own_items
from tenfold.debias.predictions import read_predictions
from tenfold.debias.score_command import EXAMPLE, score_command
from tests.tenfold.debias.questions import always_stereotype, always_unknown, balanced, garbage, question

APP = cli.application("Scores.")
APP.command("score", epilog=EXAMPLE)(score_command)


@pytest.fixture
def scored(tmp_path, capsys):
    """Return a function that writes predictions by a reader's rule, scores them, and returns what was printed."""
    items = balanced(templates=5)
    write_items(items, tmp_path / "items.jsonl")

    def call(reader, *options, status=0):
        lines = [
            {"key": item.key, "answer": int(answer) if answer >= 0 else "no idea"}
            for item, answer in zip(items.rows, reader(items), strict=True)
        ]
        (tmp_path / "predictions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        words = ["score", tmp_path / "predictions.jsonl", "--items", tmp_path / "items.jsonl", *options]
        assert cli.run(APP, [str(word) for word in words]) == status
        return capsys.readouterr()

    return call


def test_the_table_has_each_group_and_all_of_them(scored):
    table = scored(always_stereotype).out.splitlines()
    assert [line.split()[0] for line in table] == ["group", "G", "H", "all"]
    assert " ".join(table[0].split()) == ("group rows parsed accuracy of n s_AMB 95 % n s_DIS 95 % n acc AMB acc DIS")
    assert " ".join(table[3].split()) == (
        "all 200 1.000 0.250 200 100.0 [100.0, 100.0] 100 100.0 [100.0, 100.0] 100 0.000 0.500"
    )


@pytest.mark.parametrize("reader", [always_unknown, garbage])
def test_what_is_undefined_is_said(scored, reader):
    table = scored(reader).out
    assert table.count("undefined") == 6  # two scores of two groups and of all
    assert ("1.000" in table) == (reader is always_unknown)


def test_variants_and_files(scored, tmp_path):
    found = scored(always_stereotype, "--variants", "--out", tmp_path / "scores.json")
    assert {"BBQ's", "HELM", "EuroEval", "lighteval"} <= {line.split()[0] for line in found.out.splitlines() if line}
    content = json.loads((tmp_path / "scores.json").read_text())
    assert content["all"]["s_amb"] == 1 and content["G"]["s_amb_interval"] == [1, 1]
    again = scored(always_stereotype, "--out", tmp_path / "scores.json", status=1)
    assert "is there already" in again.err


def test_a_page_of_the_predictions(scored, tmp_path):
    pytest.importorskip("tenfold.debias.transcript_page")
    scored(always_stereotype, "--html", tmp_path / "page.html")
    assert "The baker" in (tmp_path / "page.html").read_text()


def test_a_missing_file_is_one_named_line(tmp_path, capsys):
    (tmp_path / "p.jsonl").write_text("{}\n")
    assert cli.run(APP, ["score", str(tmp_path / "p.jsonl"), "--items", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err.startswith("NoQuestions: ")


def typed(capsys, *words, status=0):
    assert cli.run(APP, ["score", *map(str, words)]) == status
    return capsys.readouterr()


def test_own_questions_have_an_accuracy_in_table_and_json(tmp_path, capsys):
    (tmp_path / "own.csv").write_text(
        "key,question,A,B,answer,group\nq1,Who?,Ada,Bea,A,x\nq2,Who else?,Ada,Bea,B,x\nq3,And now?,Ada,Bea,,y\n"
    )
    (tmp_path / "p.csv").write_text("key,answer\nq1,A\nq2,A\nq3,no idea\n")
    found = typed(capsys, tmp_path / "p.csv", "--items", tmp_path / "own.csv", "--out", tmp_path / "s.json")
    assert [line.split() for line in found.out.splitlines()[:4]] == [
        ["group", "rows", "parsed", "accuracy", "of", "n"],
        ["x", "2", "1.000", "0.500", "2"],
        ["y", "1", "0.000", "–", "0"],
        ["all", "3", "0.667", "0.500", "2"],
    ]
    content = json.loads((tmp_path / "s.json").read_text())
    assert (content["all"]["accuracy"], content["all"]["graded"], content["y"]["accuracy"]) == (0.5, 2, None)
    assert content["all"]["s_amb"] is None  # undefined, and not 0


def test_predictions_alone_name_what_is_missing(tmp_path, capsys):
    (tmp_path / "p.jsonl").write_text('{"key": "a", "answer": "A"}\n')
    assert "--items" in typed(capsys, tmp_path / "p.jsonl", status=2).err


def test_a_target_without_a_condition_is_said_on_standard_error(tmp_path, capsys):
    (tmp_path / "own.csv").write_text("key,question,A,B,target\nq1,Who?,Ada,Bea,A\n")
    (tmp_path / "p.csv").write_text("key,answer\nq1,A\n")
    assert "no condition" in typed(capsys, tmp_path / "p.csv", "--items", tmp_path / "own.csv").err


@pytest.mark.parametrize("option", ["--out", "--html"])
@pytest.mark.parametrize("name", ["p.csv", "own.csv", "link.csv", "./../{}/p.csv"])
def test_an_input_is_never_overwritten_even_by_force(tmp_path, capsys, option, name):
    (tmp_path / "own.csv").write_text("key,question,A,B,answer\nq1,Who?,Ada,Bea,A\n")
    (tmp_path / "p.csv").write_text("key,answer\nq1,A\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "p.csv")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    place = tmp_path / name.format(tmp_path.name)
    found = typed(capsys, tmp_path / "p.csv", "--items", tmp_path / "own.csv", option, place, "--force", status=1)
    assert found.err.startswith(f"InvalidOutput: {option} ") and "would overwrite the " in found.err
    assert "accuracy" not in found.out and {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_two_outputs_at_one_place_are_refused(scored, tmp_path):
    found = scored(always_stereotype, "--out", tmp_path / "x", "--html", tmp_path / "x", status=1)
    assert "--html" in found.err and "would overwrite what --out writes" in found.err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(("old", "new"), [("--html", "--out"), ("--out", "--html")])
def test_a_place_that_is_taken_is_refused_before_anything_is_written(scored, tmp_path, old, new):
    (tmp_path / "old").write_text("mine")
    found = scored(always_stereotype, new, tmp_path / "new", old, tmp_path / "old", status=1)
    assert f"is there already; give another {old}, " in found.err and not found.out
    assert not (tmp_path / "new").exists() and (tmp_path / "old").read_text() == "mine"
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".unfinished")]
    scored(always_stereotype, new, tmp_path / "new", old, tmp_path / "old", "--force")
    assert (tmp_path / "new").stat().st_size > 100 and (tmp_path / "old").read_text() != "mine"


@pytest.mark.parametrize("name", ["all", " all ", "–"])
def test_a_group_that_is_called_as_the_rows_of_others_is_refused(tmp_path, capsys, name):
    write_items(Items((question(0, group="G"), question(1, group=name))), tmp_path / "items.jsonl")
    with pytest.raises(InvalidItem, match=r"items\.jsonl:2, column 'group': .* is what results of "):
        read_own_items(tmp_path / "items.jsonl")
    (tmp_path / "run.json").write_text("{}")
    debates = [Debate(one, "vote", (), 0) for one in (question(0, group="G"), question(1, group=name))]
    write_debates(debates, tmp_path / "debates.jsonl")
    keys = [debate.item.key for debate in debates]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps({"key": key, "answer": 0}) + "\n" for key in keys))
    found = typed(capsys, tmp_path / "p.jsonl", status=1)
    assert "InvalidItem: " in found.err and "give the group another name" in found.err and not found.out


def test_intervals_of_groups_drop_what_the_scores_drop(tmp_path, capsys):
    """A question is in doubt whose answer names nothing: with it, a group's accuracy and so its s_AMB are others."""
    items = balanced(templates=5)
    write_items(items, tmp_path / "items.jsonl")
    rows = []
    for number, item in enumerate(items.rows):
        answer = (item.unknown, item.target, "no idea")[number % 3] if item.condition == "ambig" else item.target
        rows.append(json.dumps({"key": item.key, "answer": answer}) + "\n")
    (tmp_path / "p.jsonl").write_text("".join(rows))
    out = tmp_path / "s.json"
    command = (tmp_path / "p.jsonl", "--items", tmp_path / "items.jsonl", "--out", out, "--force")
    _, answers = read_predictions(tmp_path / "p.jsonl", items)
    for options, unparsed in ((("--drop-unparsed",), "dropped"), ((), "wrong")):
        typed(capsys, *command, *options)
        found = json.loads(out.read_text())
        wanted = estimate_groups(items, answers, "s_amb", seed=0, unparsed=unparsed)
        pooled = estimate_score(items, answers, "s_amb", seed=0, unparsed=unparsed)
        for group, estimate in (*wanted.items(), ("all", pooled)):
            assert found[group]["s_amb_interval"] == list(estimate.interval), (group, unparsed)
            low, high = found[group]["s_amb_interval"]
            assert low <= found[group]["s_amb"] <= high, (group, unparsed)
    other = estimate_groups(items, answers, "s_amb", seed=0, unparsed="dropped")["G"]
    assert other.interval != wanted["G"].interval


def test_fewer_than_five_templates_give_a_score_without_an_interval(tmp_path, capsys):
    items = balanced(templates=4)
    write_items(items, tmp_path / "items.jsonl")
    lines = [json.dumps({"key": item.key, "answer": item.target}) + "\n" for item in items.rows]
    (tmp_path / "p.jsonl").write_text("".join(lines))
    found = typed(capsys, tmp_path / "p.jsonl", "--items", tmp_path / "items.jsonl", "--out", tmp_path / "s.json")
    assert " ".join(found.out.splitlines()[1].split()) == "G 80 1.000 0.250 80 100.0 – 40 100.0 – 40 0.000 0.500"
    content = json.loads((tmp_path / "s.json").read_text())
    assert content["G"]["s_amb_interval"] is None and content["all"]["s_amb_interval"] == [1, 1]  # eight templates
