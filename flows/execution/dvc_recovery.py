"""What a killed DVC leaves of its own files, found by reading them, and mended; nothing is lost."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError

from steps.runtime.outputs import remove_abandoned
from steps.runtime.processes import lives

RUNS = Path(".dvc/cache/runs")
RWLOCK = Path(".dvc/tmp/rwlock")
ASIDE = Path(".tenfold/aside")  # where files of DVC's go that it cannot read
LOCKS = ("dvc.lock", "data/dvc.lock", "steps/*/dvc.lock")


class MergeConflict(ValueError):
    """A dvc.lock holds both sides of a merge."""


def recover(root: Path) -> list[str]:
    """Mend DVC's own files and return what was done, a line each.

    What a dvc.lock held is restored from the run cache. DVC's list of running stages is moved aside only while no
    living DVC is on it: DVC itself asks just whether a process has the number, which one that was killed and not yet
    buried still has, and after a restart another program may.
    Raises MergeConflict for a dvc.lock with conflict markers.
    """
    done = [f"{path} could not be read by DVC and is now in {ASIDE}" for path in _move_broken_locks(root)]
    if _move_stale_rwlock(root):
        done.append(f"{RWLOCK} named no living DVC and is now in {ASIDE}")
    done += [f"{path} was left by a killed step and is removed" for path in remove_unfinished(root)]
    for folder in (root / RUNS).glob("*/*"):
        with suppress(OSError):  # it holds an entry, as it should
            folder.rmdir()  # DVC makes it just before the entry, and cannot read it without one
            done.append(f"{RUNS} had an entry without content, which is removed")
    return done


def remove_unfinished(root: Path) -> list[Path]:
    """Remove the unfinished outputs of killed steps, which a stage that is restored leaves, and return them."""
    folders = [
        folder for place in ("artifacts/*", "artifacts/*/*", "data/*", "results/*") for folder in root.glob(place)
    ]
    return [path.relative_to(root) for folder in folders if folder.is_dir() for path in remove_abandoned(folder / "*")]


def others_run(root: Path) -> bool:
    """Return whether a living DVC runs a stage in this checkout."""
    return any(lives(number, "dvc") for number in _holders(_read(root / RWLOCK) or {}))


def _move_broken_locks(root: Path) -> Iterator[Path]:
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA  # DVC's own word on what it can read
    from voluptuous import Invalid

    locks = {path: path.read_bytes() for pattern in LOCKS for path in sorted(root.glob(pattern))}
    for path, content in locks.items():
        if b"\n<<<<<<< " in b"\n" + content and b"\n>>>>>>> " in content:
            raise MergeConflict(
                f"{path.relative_to(root)} has merge conflict markers; take one side (git checkout --ours or --theirs "
                f"{path.relative_to(root)}), then run the same command again"
            )
    for path, content in locks.items():
        try:
            COMPILED_LOCKFILE_SCHEMA(YAML(typ="safe").load(content.decode("utf-8")))
        except (Invalid, YAMLError, UnicodeDecodeError):
            move_aside(root, path)
            yield path.relative_to(root)


def move_aside(root: Path, path: Path) -> None:
    """Move a file or folder of the checkout to where it is in nobody's way, and can be looked at."""
    place = root / ASIDE / f"{time.time_ns()}-{path.relative_to(root).as_posix().replace('/', '-')}"
    place.parent.mkdir(parents=True, exist_ok=True)
    path.rename(place)


def _move_stale_rwlock(root: Path) -> bool:
    """Move DVC's list of running stages aside, under DVC's own guard of it, unless a living DVC is on it."""
    from zc.lockfile import LockError, LockFile  # what DVC guards the list with

    path = root / RWLOCK
    if not path.is_file():
        return False
    try:
        guard = LockFile(str(path.with_name("rwlock.lock")))
    except LockError:
        return False  # a living DVC writes it at this moment
    try:
        held = _read(path)
        if held is not None:
            holders = _holders(held)
            if not holders or any(lives(number, "dvc") for number in holders):
                return False
        move_aside(root, path)
        return True
    finally:
        guard.close()


def _holders(held: dict[str, Any]) -> list[int]:
    """Return the numbers of the processes that write or read something."""
    items = [*held.get("write", {}).values(), *(item for many in held.get("read", {}).values() for item in many)]
    return [item["pid"] for item in items]


def _read(path: Path) -> dict[str, Any] | None:
    """Return the list of running stages, by path; None if it is cut off, or no such list."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        _holders(content)
    except (OSError, ValueError, AttributeError, KeyError, TypeError):  # UnicodeDecodeError is a ValueError
        return None
    return dict(content)
