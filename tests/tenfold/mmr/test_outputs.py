"""No command deletes or overwrites what a person has, whatever it is called."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tenfold.command_line import InvalidOutput
from tenfold.mmr.outputs import WRITTEN, check_no_input, new_folder
from tests.tenfold.mmr import small_items


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def write(out: Path, text: str = "text", **more) -> None:
    with new_folder(out, **more) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "file").write_text(text)


def replies(path: Path, items) -> Path:
    rows = [{"key": one.key, "reply": small_items.reply_of(one)} for one in items.rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_folder_that_is_as_it_was_written_is_replaced(tmp_path):
    out = tmp_path / "out"
    write(out)
    with pytest.raises(InvalidOutput, match="--force"):
        write(out)
    write(out, "other", force=True)
    assert (out / "sub" / "file").read_text() == "other" and (out / WRITTEN).is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def add(out: Path) -> None:
    (out / "sub" / "notes.txt").write_text("mine")


def change(out: Path) -> None:
    (out / "sub" / "file").write_text("mine")


def unlist(out: Path) -> None:
    (out / WRITTEN).unlink()


def garble(out: Path) -> None:
    (out / WRITTEN).write_text("[1")


@pytest.mark.parametrize(
    ("touch", "says"),
    [
        (add, "notes.txt was not written by this command"),
        (change, "file was changed since"),
        (unlist, "no such command wrote"),
        (garble, "cannot be read"),
    ],
)
def test_a_folder_that_holds_something_of_a_persons_is_not(tmp_path, touch, says):
    out = tmp_path / "out"
    write(out)
    touch(out)
    before = contents(out)
    with pytest.raises(InvalidOutput, match=says):
        write(out, force=True)
    assert contents(out) == before


def test_what_is_added_while_it_is_written_is_kept_too(tmp_path):
    out = tmp_path / "out"
    write(out)
    with pytest.raises(InvalidOutput, match=r"notes\.txt"), new_folder(out, force=True):
        add(out)
    assert (out / "sub" / "notes.txt").read_text() == "mine" and (out / "sub" / "file").read_text() == "text"


def test_an_input_is_no_output_by_whatever_path(tmp_path):
    out = tmp_path / "out"
    write(out)
    (tmp_path / "link").symlink_to(out)
    for given in (out, tmp_path / "link", out / "sub"):
        with pytest.raises(InvalidOutput, match="is, or holds, what is read"):
            write(out, force=True, inputs=[given])
    with pytest.raises(InvalidOutput, match="is, or holds"):
        write(tmp_path / "link", force=True, inputs=[out])
    write(out / "below", inputs=[out])
    with pytest.raises(InvalidOutput, match=r"--html .* is what is read"):
        check_no_input("--html", tmp_path / "link" / "sub" / "file", [out / "sub" / "file"])


def test_own_items_survive_force(tenfold, items, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(items.folder, copy)
    before = contents(copy)
    for source in (copy, items.folder, "rendered"):
        command = ("mmr", "items", "--items", source, "--limit", 1, "--out", copy, "--force")
        assert "give another --out" in tenfold(*command, status=1).err
    assert contents(copy) == before


@pytest.mark.parametrize("form", ["folder", "lmms-eval", "vlmevalkit"])
def test_each_form_of_items_is_replaced_by_force(tenfold, items, tmp_path, form):
    command = ("mmr", "items", "--items", items.folder, "--export", form, "--out", tmp_path / "out")
    tenfold(*command)
    before = contents(tmp_path / "out")
    assert "replace it with --force" in tenfold(*command, status=1).err
    tenfold(*command, "--force")
    assert contents(tmp_path / "out") == before
    (tmp_path / "out" / "notes.txt").write_text("mine")
    assert "notes.txt was not written" in tenfold(*command, "--force", status=1).err


def test_scores_are_not_written_over_what_they_are_made_of(tenfold, items, tmp_path):
    path = replies(tmp_path / "mine.jsonl", items)
    command = ("mmr", "score", path, "--items", items.folder, "--force")
    image = items.folder / "images" / items.rows[0].file
    before = contents(tmp_path)
    for given in ("--out", "--html"):
        for target in (path, items.folder / "items.jsonl", image):
            assert "is what is read from" in tenfold(*command, given, target, status=1).err
    both = ("--out", tmp_path / "both", "--html", tmp_path / "both")
    assert "--html" in tenfold(*command, *both, status=1).err
    assert contents(tmp_path) == before
    tenfold(*command, "--out", tmp_path / "scores.json")
    tenfold(*command, "--out", tmp_path / "scores.json")


def test_runs_are_not_replaced_by_leaderboards_or_scores(tenfold, items, tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for out in (one, other):
        tenfold("mmr", "run", "--model", "random", "--items", items.folder, "--out", out)
    before = contents(tmp_path)
    for out in (one, other):
        assert "give another --out" in tenfold("mmr", "leaderboard", one, "--out", out, "--force", status=1).err
    for name in ("run.json", "transcript.jsonl", "predictions.jsonl", "items.jsonl"):
        assert "is what is read" in tenfold("mmr", "score", one, "--out", one / name, "--force", status=1).err
    assert contents(tmp_path) == before
    for _ in range(2):
        tenfold("mmr", "leaderboard", one, "--out", tmp_path / "board", "--force")
