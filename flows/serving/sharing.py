"""Push everything that this checkout made to DVC's remote: ``python -m flows push``.

``dvc push --run-cache`` leaves out the objects of outputs that stand in git (published metrics, figures and
tables), and without them ``dvc repro --pull`` elsewhere cannot restore the step that published them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self

from flows.execution.dvc_cli import LEASH, programs

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc_data.hashfile.hash_info import HashInfo

EVERY = 60.0  # seconds at least between two pushes while a flow runs
TRIES, PAUSE = 20, 3.0  # how often, and after how many seconds, a push that finds DVC locked is tried again


class NoRemote(ValueError):
    """DVC has no default remote."""


class PushFailed(RuntimeError):
    """Some of what was to be pushed did not arrive."""


def push(root: Path) -> int:
    """Push outputs, run cache and published results, and return how many files were new to the remote.

    Raises NoRemote if there is none to push to, PushFailed if files did not arrive.
    """
    from dvc.config import NoRemoteError
    from dvc.exceptions import UploadError
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        if not repo.config["core"].get("remote"):
            raise NoRemote("DVC has no default remote; give it one: dvc remote add --default store /a/folder")
        try:
            count = _patiently(repo)
            result = repo.cloud.push(set(_published(repo)))
        except NoRemoteError as error:
            raise NoRemote(str(error)) from None
        except (UploadError, OSError) as error:
            raise PushFailed(f"{error}; mend that and run the same command again") from None
        if result.failed:
            raise PushFailed(f"{len(result.failed)} files did not arrive; run the same command again")
        return count + len(result.transferred)


def _patiently(repo: Repo) -> int:
    """Push as ``dvc push --run-cache``, after whoever holds DVC's lock."""
    from dvc.lock import LockError

    for _ in range(TRIES):
        try:
            return repo.push(run_cache=True)
        except LockError:
            time.sleep(PAUSE)
    return repo.push(run_cache=True)


class Pusher:
    """Pushes what a clone's flow made, while it runs and at its end, so that a worker that dies loses little.

    In a checkout of somebody's own it does nothing: there pushing is for its owner to decide.
    """

    def __init__(self, root: Path, home: Path) -> None:
        self.root, self.wanted = root, root != home
        self._news, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._now_and_then, daemon=True)

    def __enter__(self) -> Self:
        if self.wanted:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if not self.wanted:
            return
        self._ended.set()
        self._thread.join()
        if self._news.is_set():
            done = self._push()
            if done.returncode != 0 and kind is None:
                raise PushFailed(f"what this run made stays on this machine: {done.stderr.strip()}")

    def note(self) -> None:
        """Say that a stage ran."""
        self._news.set()

    def _now_and_then(self) -> None:
        while not self._ended.wait(EVERY):
            if self._news.is_set():
                self._news.clear()
                if self._push().returncode != 0:
                    self._news.set()

    def _push(self) -> subprocess.CompletedProcess[str]:
        """Push in a process that dies with this one; the thread that starts it waits beside it."""
        leash = [sys.executable, "-S", str(LEASH), str(os.getpid())]
        command = [*leash, sys.executable, "-m", "flows", "push", "--if-remote"]
        return subprocess.run(
            command, cwd=self.root, env=programs(), stdin=subprocess.DEVNULL, capture_output=True, text=True
        )


def _published(repo: Repo) -> Iterator[HashInfo]:
    """Yield the digests of outputs outside DVC's cache that its run cache keeps a copy of."""
    for stage in repo.index.stages:
        for out in stage.outs:
            if out.use_cache or not (out.is_metric or out.is_plot):
                continue
            kept = out.get_obj()  # None where a run is not in the cache
            if kept is not None:
                yield kept.hash_info
                yield from (digest for _, _, digest in kept) if out.is_dir_checksum else ()
