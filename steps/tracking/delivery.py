"""Carry spools into MLflow: ``python -m steps.tracking.delivery``.

metrics.json is the truth and MLflow the view. What cannot be delivered stays in the spool for the next time.
``--create`` makes the store and returns; ``--follow PARENT_PID`` carries every 5 s for as long as its parent lives;
``--find PAPER DIGEST …`` prints where MLflow shows runs. All that knows MLflow is a process of its own: whoever
starts it is not slowed down or failed by it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock

from steps.runtime.outputs import has_owner
from steps.tracking.relocation import database, follow
from steps.tracking.spool import DELIVERY, folder, spools, summaries

PAUSE = 5.0  # seconds between two rounds of following
PATIENCE = 60.0  # seconds that MLflow may take to say where runs are
QUIET = {
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


def address(root: Path) -> str:
    """Return where a checkout's runs go: what MLFLOW_TRACKING_URI names, else mlflow.db at its root."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root / 'mlflow.db'}"


def turn(root: Path) -> FileLock:
    """Return the lock to hold while writing to MLflow, where two writers would both miss something and both make it.

    It is a file beside an SQLite store, and for any other one file for all checkouts of this user on this machine.
    Writers on several machines need an MLflow server in front of a PostgreSQL store, and even so two that deliver the
    first run of a commit at the same moment may make two parents for it.
    """
    uri = address(root)
    file = database(uri)
    name = f"tenfold-tracking-{os.getuid()}-{hashlib.sha256(uri.encode()).hexdigest()[:16]}"
    return FileLock(f"{file}.lock" if file else Path(tempfile.gettempdir()) / f"{name}.lock")


def sync(root: Path) -> int:
    """Deliver every spool, in turn with other processes, and return how many could not be.

    Spools of steps that ended are removed once delivered; those of living steps are delivered up to now. A spool that
    MLflow refuses does not hold up the others; an outage does.
    """
    waiting, reason = [*spools(root), *summaries(root)], None
    left = len(waiting)
    try:
        with turn(root):
            waiting = [*spools(root), *summaries(root)]  # runs first, which make the parents
            left = len(waiting)
            if waiting:
                from steps.tracking.store import Store

                make(root)
                follow(address(root))
                store = Store(root, address(root))
            for spool in waiting:
                try:
                    if spool.suffix == ".json":
                        store.summarise(spool)
                        spool.unlink()
                    elif store.deliver(spool, living=has_owner(spool)):
                        _remove(spool)
                    left -= 1
                except Exception as error:
                    reason = error
                    store.check()  # where that fails, too, the rest need not be tried
            for killed in folder(root).glob("*/"):  # before it wrote anything
                if not has_owner(killed) and not (killed / "run.json").is_file():
                    _remove(killed)
    except Exception as error:
        reason = reason or error
    if reason is not None:
        told = f"{left} runs wait in .tenfold/tracking, MLflow did not take them: {redacted(str(reason))}"
        print(f"tracking: {told}", file=sys.stderr)
    return left


def create(root: Path) -> None:
    """Make the store if there is none, and let it follow a moved checkout.

    Several processes that meet none would each begin to make one and all fail.
    """
    from steps.tracking.store import Store

    with turn(root):
        make(root)
        follow(address(root))
        Store(root, address(root)).check()


def make(root: Path) -> None:
    """Make an SQLite store where there is none, whole or not at all; hold the turn for it.

    MLflow makes its tables in many steps. One that is stopped between them can neither be used nor gone on with.
    """
    from steps.tracking.store import Store

    file = database(address(root))
    if file is None or (file.is_file() and file.stat().st_size):
        return
    new = file.with_name(f"{file.name}.new")
    for left in (new, new.with_name(f"{new.name}-journal")):  # by one that was killed
        left.unlink(missing_ok=True)
    Store(root, f"sqlite:///{new}").check()
    new.replace(file)


def pages(root: Path, paper: str, digests: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return (experiment id, run id) of the newest finished run of each stage digest; empty if MLflow is away."""
    question = [*DELIVERY, "--find", paper, *digests]
    try:
        answer = subprocess.run(question, cwd=root, capture_output=True, timeout=PATIENCE, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    return {digest: tuple(found) for digest, found in json.loads(answer.stdout).items()}


def find(root: Path, paper: str, digests: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return what ``pages`` does, in this process; a store that does not exist is not made."""
    from steps.tracking.store import Store

    file = database(address(root))
    return Store(root, address(root)).find(paper, digests) if file is None or file.is_file() else {}


def redacted(text: str) -> str:
    """Return the first line of ``text`` with the user and password of every address blanked."""
    first = text.strip().split("\n")[0]
    return re.sub(r"://[^/\s]*@", "://***@", first)[:300]


def _remove(spool: Path) -> None:
    shutil.rmtree(spool)
    spool.with_name(f"{spool.name}.lock").unlink(missing_ok=True)


def main(words: list[str]) -> int:
    """Return 0 if everything was delivered, 1 if something waits or MLflow is away, 2 for wrong usage."""
    root = Path.cwd()
    match words:
        case []:
            return 1 if sync(root) else 0
        case ["--create"]:
            create(root)
        case ["--follow", parent] if parent.isdecimal():
            while os.getppid() == int(parent):
                sync(root)
                time.sleep(PAUSE)
        case ["--find", paper, *digests]:
            print(json.dumps(find(root, paper, digests)))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
    warnings.filterwarnings("ignore")
    for logger in ("alembic", "mlflow", "urllib3"):
        logging.getLogger(logger).setLevel("ERROR")
    try:
        sys.exit(main(sys.argv[1:]))
    except Exception as error:
        sys.exit(f"tracking: {redacted(str(error))}")
