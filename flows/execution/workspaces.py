"""The folder that a run works in: this checkout, or, of a deployed run, a clone of the worker's checkout at a revision.

A clone shares the checkout's DVC cache, remote and MLflow store, so what one run made no other makes again.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from flows.execution.dvc_cli import has_remote, programs
from flows.execution.held_parameters import in_use
from flows.graph.paper import Paper
from flows.graph.prefect_yaml import HOME
from steps.runtime import processes
from steps.runtime.outputs import replacing
from steps.step.params import read

FOLDER = Path(".tenfold") / "workspaces"
KEPT = 7 * 24 * 3600.0  # seconds that the clone of a run which failed is kept for its retry,
MOST = 8  # and how many such clones are, unless they are as young as
YOUNG = 3600.0  # seconds
REVISION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/+-]*")


NOTHING = subprocess.DEVNULL


class RevisionError(ValueError):
    """The revision cannot be checked out."""


class PushFailed(RuntimeError):
    """What a run made did not arrive at DVC's remote."""


@dataclass(frozen=True)
class Workspace:
    """The folder of one run, and the checkout whose cache it shares: the same, unless the run is a deployed one."""

    root: Path
    home: Path
    pushes: bool = False  # what is made, to DVC's remote

    @classmethod
    def current(cls, pushes: bool = False) -> Workspace:
        """Return the workspace of this process: its working directory, and the checkout that a worker has named."""
        root = Path.cwd()
        return cls(root, Path(os.environ.get(HOME, root)), pushes)

    @property
    def is_clone(self) -> bool:
        return self.root != self.home

    @property
    def environment(self) -> dict[str, str]:
        """What steps and tracking need to know besides: the MLflow store of the checkout."""
        if not self.is_clone or "MLFLOW_TRACKING_URI" in os.environ:
            return {}
        return {"MLFLOW_TRACKING_URI": f"sqlite:///{self.home / 'mlflow.db'}"}

    def require(self, revision: str) -> None:
        """Raise RevisionError if a worker could not make the clone that the run should be in, and named none."""
        if HOME in os.environ and not self.is_clone:
            prepare_workspace(self.home, revision, "refused")
            raise RevisionError(f"revision {revision!r} was not there when the run began; run it again")

    def push(self) -> None:
        """Push what a run made to DVC's remote, so that a worker that dies loses little.

        Without a remote, and if nobody asked for a revision, do nothing: pushing is for the owner to decide.
        Raises PushFailed.
        """
        if not self.pushes or not has_remote(self.root):
            return
        command = [sys.executable, "-m", "dvc", "--wait-for-lock", "push", "--run-cache"]
        done = subprocess.run(
            processes.command(command), cwd=self.root, env=programs(), capture_output=True, text=True, stdin=NOTHING
        )
        if done.returncode != 0:
            raise PushFailed(f"what this run made stays on this machine: {done.stderr.strip()}")

    def hand_over(self, papers: Sequence[Paper]) -> None:
        """Copy what a clone published, and its reports, into the checkout, unless they are of that one's own profile.

        Those come with ``dvc repro`` there, from the cache.
        """
        profile = read(self.root, [])["profile"]
        if not self.is_clone or profile == read(self.home, [])["profile"]:
            return
        for paper in papers:
            own = Path("results", profile, paper.slug)
            with replacing(self.home / own) as out:
                shutil.copytree(self.root / own, out, dirs_exist_ok=True)
        (self.home / "reports").mkdir(exist_ok=True)
        for report in (self.root / "reports").glob(f"{profile}.*"):
            shutil.copy2(report, self.home / "reports")

    def discard(self) -> None:
        """Remove the clone of a run that has ended well; a checkout of somebody's own is left alone."""
        if self.root.parent.parts[-2:] == FOLDER.parts:
            shutil.rmtree(self.root, ignore_errors=True)


def prepare_workspace(home: Path, revision: str | None, run: str) -> Path:
    """Return the folder for the run ``run``: its clone of ``home`` at ``revision``, or at what is checked out there.

    A revision is a commit, a tag or a branch of the remote ``origin``, which is fetched first, or else of ``home``.
    A retried run finds its clone again, with the checkpoints in it and everything else as it is committed.
    Raises RevisionError if there is no such revision, or git fails.
    """
    if revision and not REVISION.fullmatch(revision):
        raise RevisionError(f"revision {revision!r}: give a commit, a branch or a tag")
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    with FileLock(home / FOLDER / "lock"):
        _remove_old(home)
        commit = _resolve(home, revision) if revision else head(home)
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
    """Remove the clones that no run works in, if they are old, or many."""
    ages = {folder: time.time() - folder.stat().st_mtime for folder in (home / FOLDER).glob("*/")}
    for number, folder in enumerate(sorted(ages, key=ages.__getitem__)):
        if (ages[folder] > KEPT or (number >= MOST and ages[folder] > YOUNG)) and not in_use(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _git(folder: Path, *words: str) -> str:
    return _output(folder, "git", *words)


def _output(folder: Path, *command: str) -> str:
    silent = programs({"GIT_TERMINAL_PROMPT": "0"})  # no question that nobody would answer
    done = subprocess.run(command, cwd=folder, env=silent, capture_output=True, text=True)
    if done.returncode != 0:
        raise RevisionError(f"{' '.join(command)} failed in {folder}:\n{done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
