"""The folder that a run works in: this checkout, or a worker's clone of its own checkout at a given revision.

A clone shares the checkout's DVC cache, remote and MLflow store, so what one run made no other makes again.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from flows.execution.dvc_cli import has_remote, programs
from flows.graph.prefect_yaml import HOME
from steps.runtime import processes

FOLDER = Path(".tenfold") / "workspaces"
KEPT = 7 * 24 * 3600.0  # seconds that the clone of a run which failed is kept for its retry
REVISION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/+-]*")


NOTHING = subprocess.DEVNULL


class RevisionError(ValueError):
    """The revision cannot be checked out."""


class PushFailed(RuntimeError):
    """What a run made did not arrive at DVC's remote."""


@dataclass(frozen=True)
class Workspace:
    """The folder of one run, and the checkout whose cache it shares: the same, unless the run asked for a revision."""

    root: Path
    home: Path

    @classmethod
    def current(cls) -> Workspace:
        """Return the workspace of this process: its working directory, and the checkout that a worker has named."""
        root = Path.cwd()
        return cls(root, Path(os.environ.get(HOME, root)))

    @property
    def is_clone(self) -> bool:
        return self.root != self.home

    @property
    def environment(self) -> dict[str, str]:
        """What steps and tracking need to know besides: the MLflow store of the checkout."""
        if not self.is_clone or "MLFLOW_TRACKING_URI" in os.environ:
            return {}
        return {"MLFLOW_TRACKING_URI": f"sqlite:///{self.home / 'mlflow.db'}"}

    def push(self) -> None:
        """Push what a clone made to DVC's remote, so that a worker that dies loses little.

        In a checkout of somebody's own, and without a remote, do nothing: pushing is for the owner to decide.
        Raises PushFailed.
        """
        if not self.is_clone or not has_remote(self.root):
            return
        command = [sys.executable, "-m", "dvc", "--wait-for-lock", "push", "--run-cache"]
        done = subprocess.run(
            processes.command(command), cwd=self.root, env=programs(), capture_output=True, text=True, stdin=NOTHING
        )
        if done.returncode != 0:
            raise PushFailed(f"what this run made stays on this machine: {done.stderr.strip()}")

    def discard(self) -> None:
        """Remove the clone of a run that has ended well; a checkout of somebody's own is left alone."""
        if self.root.parent.parts[-2:] == FOLDER.parts:
            shutil.rmtree(self.root, ignore_errors=True)


def prepare_workspace(home: Path, revision: str | None, run: str) -> Path:
    """Return the folder for the run ``run``: ``home`` itself, or its clone at ``revision``.

    A commit, a tag or a branch of the remote ``origin``, which is fetched first, or else of ``home``.
    A retried run finds its clone again, with the checkpoints in it.
    Raises RevisionError if there is no such revision, or git fails.
    """
    if not revision:
        return home
    if not REVISION.fullmatch(revision):
        raise RevisionError(f"revision {revision!r}: give a commit, a branch or a tag")
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    with FileLock(home / FOLDER / "lock"):
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


def _git(folder: Path, *words: str) -> str:
    return _output(folder, "git", *words)


def _output(folder: Path, *command: str) -> str:
    silent = programs({"GIT_TERMINAL_PROMPT": "0"})  # no question that nobody would answer
    done = subprocess.run(command, cwd=folder, env=silent, capture_output=True, text=True)
    if done.returncode != 0:
        raise RevisionError(f"{' '.join(command)} failed in {folder}:\n{done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
