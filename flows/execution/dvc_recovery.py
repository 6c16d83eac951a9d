"""What a DVC that was killed left of its own files, and mending it; nothing is lost."""

from __future__ import annotations

import fcntl
import json
import re
from contextlib import suppress
from pathlib import Path

from steps.runtime.outputs import write_atomically

BUSY = ("is busy", "Unable to acquire lock", "Unable to acquire rwlock")
RUNS = ".dvc/cache/runs"
CUT_OFF = {
    ".dvc/tmp/rwlock": re.compile(r"ERROR: .*Unable to read RWLock-file"),
    RUNS: re.compile(r"ERROR: .*join\(\) argument must be .* not 'NoneType'"),
}
LOCK = re.compile(r"(?:ERROR: )?'(?:\./)?((?:data/|steps/\w+/)?dvc\.lock)' (?:is invalid|validation failed)")
BLOCKER = re.compile(r"^\s*\(PID (\d+)\):")


def mend(root: Path, lines: list[str]) -> str | None:
    """Mend what DVC complains of in ``lines``, and say so; None if it is nothing that a killed DVC left."""
    return _remove_cut_off(root, lines) or _release(root, lines)


def _last_error(lines: list[str]) -> str:
    """Return DVC's own error, which comes last, not what a step printed before."""
    return next((line for line in reversed(lines) if line.startswith("ERROR: ")), "")


def busy(lines: list[str]) -> bool:
    """Tell whether DVC gave up because another one holds a lock, or runs a stage."""
    error = _last_error(lines)
    return "failed to run:" not in error and any(words in error for words in BUSY)


def _remove_cut_off(root: Path, lines: list[str]) -> str | None:
    """Remove a file of DVC's own that was cut off when a DVC was killed, and say so; None if there is none.

    Nothing is lost: what a dvc.lock held is restored from the run cache.
    """
    if "failed to run:" in _last_error(lines):
        return None
    locks = [found.group(1) for found in map(LOCK.match, lines) if found]
    others = [path for path, pattern in CUT_OFF.items() if any(map(pattern.match, lines))]
    if not others and not locks:
        return None
    path = [*others, *locks][0]
    if path == RUNS:
        remove_empty_entries(root)
    else:
        (root / path).unlink(missing_ok=True)
    return f"{path} was cut off when a DVC was killed; what was half-written is removed"


def remove_empty_entries(root: Path) -> None:
    """Remove what DVC makes just before it writes an entry of its run cache, and cannot read without one."""
    for folder in (root / RUNS).glob("*/*"):
        with suppress(OSError):  # it is not empty
            folder.rmdir()


def _release(root: Path, lines: list[str]) -> str | None:
    """Take processes that ended off DVC's list of running stages, and say so; None if a living DVC blocks.

    DVC asks only whether a process has the number: one that was killed and not yet buried still has it, and
    after a restart another program may.
    """
    blockers = {int(match.group(1)) for match in map(BLOCKER.match, lines) if match}
    if not busy(lines) or not blockers or any(map(_is_dvc, blockers)):
        return None
    folder = root / ".dvc" / "tmp"
    with open(folder / "rwlock.lock", "a") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # DVC's own guard of the list
        held = json.loads((folder / "rwlock").read_text(encoding="utf-8"))
        held["write"] = {path: item for path, item in held["write"].items() if item["pid"] not in blockers}
        readers = {
            path: [item for item in items if item["pid"] not in blockers] for path, items in held["read"].items()
        }
        held["read"] = {path: items for path, items in readers.items() if items}
        write_atomically(folder / "rwlock", json.dumps(held))
    return "a DVC that was killed still held its stage; it was taken off DVC's list of running stages"


def _is_dvc(number: int) -> bool:
    """Tell whether a living process is a DVC."""
    import psutil

    try:
        process = psutil.Process(number)
        return process.status() != psutil.STATUS_ZOMBIE and "dvc" in " ".join(process.cmdline())
    except psutil.Error:
        return False
