"""The folder that a served run works in: a worker's own checkout, or a clone of it at a given revision.

A clone shares the checkout's DVC cache, remote and MLflow store, so what one run made no other makes again.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from flows.execution.dvc_cli import programs

HOME = "TENFOLD_HOME"  # the environment variable that names a worker's own checkout
FOLDER = Path(".tenfold") / "checkouts"
KEPT = 7 * 24 * 3600.0  # seconds that the clone of a run which failed is kept for its retry
REVISION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/+-]*")


class RevisionError(ValueError):
    """The revision cannot be checked out."""


def checkout(home: Path, revision: str | None, run: str) -> Path:
    """Return the folder for the run ``run``: ``home`` itself, or its clone at ``revision``.

    A commit, a tag or a branch of the remote ``origin``, which is fetched first, or else of ``home``.
    A retried run finds its clone again, with the checkpoints in it.
    Raises RevisionError if there is no such revision, or git fails.
    """
    if not revision:
        return home
    if not REVISION.fullmatch(revision):
        raise RevisionError(f"revision {revision!r}: give a commit, a branch or a tag")
    with _one_at_a_time(home):
        _remove_old(home)
        commit = _resolve(home, revision)
        folder = home / FOLDER / run
        if not (folder / ".git" / "cloned").is_file():
            _clone(home, folder)
        _git(folder, "checkout", "--quiet", "--detach", "--force", commit)
        os.utime(folder)
    return folder


def head(folder: Path) -> str:
    """Return the commit that is checked out."""
    return _git(folder, "rev-parse", "HEAD").strip()


def discard(folder: Path) -> None:
    """Remove the clone of a run that has ended well; a checkout of somebody's own is left alone."""
    if folder.parent.parts[-2:] == FOLDER.parts:
        shutil.rmtree(folder, ignore_errors=True)


def _resolve(home: Path, revision: str) -> str:
    if _git(home, "remote").split():
        _git(home, "fetch", "--quiet", "--tags", "--force", "origin")
    for name in (f"origin/{revision}", revision):
        with suppress(RevisionError):
            return _git(home, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").strip()
    raise RevisionError(f"revision {revision!r}: neither origin nor {home} has such a commit, branch or tag")


def _clone(home: Path, folder: Path) -> None:
    """Clone without copying git's objects, with the checkout's DVC cache and remotes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _git(home, "clone", "--quiet", "--shared", "--no-checkout", str(home), str(folder))
    local = home / ".dvc" / "config.local"
    (folder / ".dvc").mkdir()
    own = local.read_text(encoding="utf-8") if local.is_file() else ""
    (folder / ".dvc" / "config.local").write_text(own, encoding="utf-8")
    cache = _output(home, "python", "-m", "dvc", "cache", "dir").strip()
    _output(folder, "python", "-m", "dvc", "config", "--local", "cache.dir", cache)
    (folder / ".git" / "cloned").touch()  # until here it would be taken as half-made


def _remove_old(home: Path) -> None:
    for folder in (home / FOLDER).glob("*/"):
        if time.time() - folder.stat().st_mtime > KEPT:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _one_at_a_time(home: Path) -> Iterator[None]:
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    with open(home / FOLDER / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _git(folder: Path, *words: str) -> str:
    return _output(folder, "git", *words)


def _output(folder: Path, *command: str) -> str:
    silent = programs({"GIT_TERMINAL_PROMPT": "0"})  # no question that nobody would answer
    done = subprocess.run(command, cwd=folder, env=silent, capture_output=True, text=True)
    if done.returncode != 0:
        raise RevisionError(f"{' '.join(command)} failed in {folder}:\n{done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
