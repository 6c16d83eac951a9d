"""An output is whole or absent, whatever happens while it is written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from steps.runtime.outputs import OutputError, replacing, write_atomically

ROOT = Path(__file__).parents[3]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An output that stands there from before."""
    folder = tmp_path / "artifacts" / "train"
    folder.mkdir(parents=True)
    (folder / "model").write_text("before")
    (folder / "stale").write_text("before")
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


BEFORE = {"train/model": "before", "train/stale": "before"}


def test_a_complete_output_replaces_the_old_one_whole(out: Path):
    with replacing(out) as fresh:
        assert not any(fresh.iterdir())
        (fresh / "model").write_text("after")
        assert contents(out)["model"] == "before"
    assert contents(out.parent) == {"train/model": "after"}


def test_the_first_output_makes_its_folder(tmp_path: Path):
    with replacing(tmp_path / "a" / "b" / "c") as fresh:
        (fresh / "x").write_text("x")
    assert contents(tmp_path) == {"a/b/c/x": "x"}


@pytest.mark.parametrize("error", [ValueError("wrong"), KeyboardInterrupt(), SystemExit(3)])
def test_an_error_leaves_what_was_there(out: Path, error):
    with pytest.raises(type(error)), replacing(out) as fresh:
        (fresh / "model").write_text("half")
        raise error
    assert contents(out.parent) == BEFORE


def write_array(folder: Path) -> None:
    np.save(folder / "model.npy", np.zeros(100_000))


def write_text(folder: Path) -> None:
    (folder / "model.npy").write_text("x" * 800_000)


def write_weights(folder: Path) -> None:
    save_file({"weight": np.zeros(100_000)}, folder / "model.npy")


@pytest.mark.parametrize("write", [write_array, write_text])
def test_a_full_disk_is_named_and_nothing_is_lost(out: Path, write):
    """/dev/full answers every write as a full disk does."""
    with (
        pytest.raises(OutputError, match=r"cannot write .*train: the disk is full: free some space") as caught,
        replacing(out) as fresh,
    ):
        (fresh / "model.npy").symlink_to("/dev/full")
        write(fresh)
    assert caught.value.errno == errno.ENOSPC
    assert contents(out.parent) == BEFORE


def test_a_text_file_on_a_full_disk(out: Path, monkeypatch):
    monkeypatch.setattr(Path, "write_text", lambda *_, **__: Path("/dev/full").write_bytes(b"x"))
    with pytest.raises(OutputError, match="the disk is full"):
        write_atomically(out / "model", "after")
    monkeypatch.undo()
    assert contents(out.parent) == BEFORE


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "not writable"),
    ],
)
@pytest.mark.parametrize("which", [1, 2])
def test_a_rename_that_fails_puts_the_old_output_back(out: Path, monkeypatch, number, advice, which):
    """The first rename sets the old output aside, the second puts the new one in place."""
    rename, calls = os.rename, []

    def failing(source, target, **more):
        calls.append(source)
        if len(calls) == which:
            raise OSError(number, os.strerror(number), str(source))
        return rename(source, target, **more)

    with pytest.raises(OutputError, match=advice), replacing(out) as fresh:
        (fresh / "model").write_text("after")
        monkeypatch.setattr(os, "rename", failing)
    monkeypatch.undo()
    assert contents(out.parent) == BEFORE


def test_an_atomic_write_whose_rename_fails(out: Path, monkeypatch):
    def failing(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OutputError, match="the disk is full"):
        write_atomically(out / "model", "after")
    assert contents(out.parent) == BEFORE


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(errno.EACCES, "no", "/elsewhere/data"),
        OSError(errno.EIO, "io"),
        OSError("9 requested and 3 written"),  # on a disk that is not full
    ],
)
def test_errors_about_something_else_keep_their_name(out: Path, error):
    with pytest.raises(type(error)) as caught, replacing(out):
        raise error
    assert caught.value is error


HOLDER = """
import sys, time
from pathlib import Path
from steps.runtime.outputs import replacing
with replacing(Path(sys.argv[1])) as fresh:
    (fresh / "model").write_text("half")
    print(fresh, flush=True)
    time.sleep(60)
"""


def test_the_living_are_left_alone_and_the_dead_removed(out: Path):
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(out)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        living = Path(holder.stdout.readline().strip())
        with replacing(out) as fresh:
            (fresh / "model").write_text("after")
            assert living.is_dir()
        assert contents(living) == {"model": "half"}
    finally:
        holder.kill()
        holder.wait()
    assert contents(out) == {"model": "after"}
    with replacing(out) as fresh:
        assert not living.exists()
        (fresh / "model").write_text("later")
    assert contents(out.parent) == {"train/model": "later"}


def test_what_a_kill_left_between_the_two_renames_is_removed(out: Path):
    for name in (".train.99999.unfinished", ".train.99999.unfinished.old", ".train.88888.unfinished"):
        (out.parent / name / "deep").mkdir(parents=True)
    (out.parent / ".train.provenance.json.77.unfinished").write_text("{")
    others = out.parent / ".train-left.99999.unfinished"
    others.mkdir()
    with replacing(out) as fresh:
        (fresh / "model").write_text("after")
    assert sorted(path.name for path in out.parent.iterdir()) == [others.name, "train"]


def can_mount(folder: Path) -> bool:
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True)
    if done.returncode == 0:
        subprocess.run(["umount", str(folder)], check=True)
    return done.returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path, out: Path):
    """The artifacts on a file system of their own, of 256 KiB; the folder itself where mounting is not allowed."""
    if not can_mount(out.parent):
        yield None
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(out.parent)], check=True)
    try:
        out.mkdir()
        (out / "model").write_text("before")
        (out / "stale").write_text("before")
        yield out.parent
    finally:
        subprocess.run(["umount", str(out.parent)], check=True)


@pytest.mark.parametrize("write", [write_array, write_text, write_weights])
def test_a_disk_that_is_really_full(out: Path, small_disk: Path | None, write, monkeypatch):
    if small_disk is None:
        monkeypatch.setitem(write.__globals__, "save_file", lambda *_: Path("/dev/full").write_bytes(b"x"))
    with pytest.raises(OutputError, match="the disk is full"), replacing(out) as fresh:
        if small_disk is None:
            (fresh / "model.npy").symlink_to("/dev/full")
        write(fresh)
    assert contents(out.parent) == BEFORE
    with replacing(out) as fresh:
        (fresh / "model").write_text("after")
    assert contents(out.parent) == {"train/model": "after"}


def test_a_read_only_file_system(out: Path, small_disk: Path | None, monkeypatch):
    if small_disk is None:

        def refuse(*_, **__):
            raise OSError(errno.EROFS, "Read-only file system")

        monkeypatch.setattr(Path, "mkdir", refuse)
    else:
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(OutputError, match="read-only: make it writable or move the checkout"), replacing(out):
        raise AssertionError("the block must not begin")
    assert contents(out.parent) == BEFORE
