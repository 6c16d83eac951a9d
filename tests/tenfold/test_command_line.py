"""What holds for every command: help after every word, no heavy imports before they are needed, clean refusals."""

from __future__ import annotations

import os
import resource
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import typer

from tenfold.__main__ import app
from tenfold.command_line import InvalidOutput, application, listed, new_output, refuse_unused, run
from tests.conftest import ROOT

GROUP = typer.main.get_command(app)
PAPERS = GROUP.list_commands(None)
COMMANDS = [(paper, name) for paper in PAPERS for name in GROUP.get_command(None, paper).list_commands(None)]
HEAVY = ("numpy", "pandas", "scipy", "sklearn", "torch", "transformers", "PIL", "rich")


def module(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, env=os.environ | environment
    )


def test_every_paper_with_a_command_line_is_listed_with_one_line(tenfold):
    lines = tenfold("--help").out.splitlines()
    for paper in PAPERS:
        (line,) = [line for line in lines if line.split()[:1] == [paper]]
        assert line.endswith(".") and "..." not in line
    assert {"dp-cross-attention", "dp-john", "dp-ntk", "imagefolder", "ntk-attention"} <= set(PAPERS)


@pytest.mark.parametrize("words", [(paper,) for paper in PAPERS] + COMMANDS, ids=" ".join)
def test_help_works_after_every_word(tenfold, words):
    printed = tenfold(*words, "--help").out
    assert printed.startswith("Usage: ")
    assert max(map(len, printed.splitlines())) <= 80


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_command_shows_an_example_that_it_understands(words):
    paper, name = words
    command = GROUP.get_command(None, paper).get_command(None, name)
    start, typed = command.epilog.split("\b\n")
    example = shlex.split(typed.replace("\\\n", ""))
    assert example[:3] == ["tenfold", paper, name] and start == "Example:\n\n"
    command.make_context(name, example[3:])


def test_help_costs_less_than_half_a_second_and_loads_nothing_heavy():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = module("tenfold", "--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5
    code = f"import sys, tenfold.__main__ as t; t.main(['--help']); print([m for m in {HEAVY} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.splitlines()[-1] == "[]"


def test_a_paper_is_a_module_of_its_own_too():
    done = module("tenfold.dp_john", "solve", "--csv", "nowhere.csv")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "InvalidCSV: nowhere.csv cannot be read: No such file or directory\n"


def test_a_terminal_that_knows_ascii_alone_gets_help_too():
    done = module("tenfold", "dp-john", "solve", "--help", LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0 and "Example:" in done.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("dp-joan",), "No such command 'dp-joan'"),
        (("dp-john", "solv"), "No such command 'solv'"),
        (("dp-john", "solve"), "Missing option '--csv'"),
        (("dp-john", "solve", "--csv", "x", "--rounds", "two"), "Invalid value for '--rounds'"),
        (("dp-john", "solve", "--csv", "x", "--mode", "magic"), "Invalid value for '--mode'"),
        (("dp-john",), "solve"),
        ((), "dp-john"),
    ],
)
def test_wrong_usage_ends_with_2(tenfold, words, says):
    assert says in tenfold(*words, status=2).err


def test_hyphens_and_underscores_name_the_same_paper(tenfold):
    assert "solve" in tenfold("dp_john", "--help").out


def test_a_bug_keeps_its_traceback_and_an_error_of_the_system_does_not(capsys):
    made = application("Made up.")

    @made.command()
    def bug() -> None:
        raise ZeroDivisionError

    @made.command()
    def full() -> None:
        raise OSError(28, "No space left on device", "file")

    @made.command()
    def warn() -> None:
        warnings.warn("take care", stacklevel=1)

    with pytest.raises(ZeroDivisionError):
        run(made, ["bug"])
    assert run(made, ["full"]) == 1
    assert capsys.readouterr().err == "OSError: [Errno 28] No space left on device: 'file'\n"
    assert run(made, ["warn"]) == 0
    assert capsys.readouterr().err == "UserWarning: take care\n"


def test_an_output_appears_when_all_went_well_and_not_before(tmp_path):
    with new_output(tmp_path / "file") as path:
        path.write_text("new")
        assert not (tmp_path / "file").exists()
    with pytest.raises(ZeroDivisionError), new_output(tmp_path / "folder") as path:
        path.mkdir()
        (path / "half").write_text("half")
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_is_there_is_replaced_by_force_only(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mark").write_text("old")
    (tmp_path / "file").write_text("old")
    for name in ("folder", "file"):
        with pytest.raises(InvalidOutput, match="is there already"), new_output(tmp_path / name, mark="mark"):
            pass
    with (
        pytest.raises(ZeroDivisionError),
        new_output(tmp_path / "folder", force=True, mark="mark") as path,
    ):
        raise ZeroDivisionError
    assert (tmp_path / "folder" / "mark").read_text() == "old"
    with new_output(tmp_path / "folder", force=True, mark="mark") as path:
        path.mkdir()
        (path / "other").write_text("new")
    with new_output(tmp_path / "file", force=True) as path:
        path.write_text("new")
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["other"]
    assert (tmp_path / "file").read_text() == "new" and len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_is_no_output_is_never_replaced(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    for path in (tmp_path / "mine", Path(), Path(".."), Path("/")):
        for mark in (None, "mark"):
            with pytest.raises(InvalidOutput, match="no such command wrote"), new_output(path, force=True, mark=mark):
                pass
    with pytest.raises(InvalidOutput, match="there is no folder"), new_output(tmp_path / "none" / "file"):
        pass


def test_lists_of_names_may_quote_commas():
    assert listed('a, "b, c",d', "--columns") == ["a", "b, c", "d"]
    assert listed(None, "--columns") == []
    for wrong in ("", "a,,b", "a,a"):
        with pytest.raises(typer.BadParameter, match="--columns"):
            listed(wrong, "--columns")


def test_unused_options_are_named():
    refuse_unused({"row_norm_bound": 1.0, "ridge": None}, ["row_norm_bound"], "--mode moment")
    with pytest.raises(typer.BadParameter, match="--mode input has no use for --row-norm-bound"):
        refuse_unused({"row_norm_bound": 1.0, "ridge": None}, ["closeness"], "--mode input")
