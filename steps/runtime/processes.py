"""A process that dies with its parent, so that a killed command leaves no orphan writing beside a rerun.

As a command: ``python steps/runtime/processes.py PARENT_PID COMMAND …`` becomes COMMAND on a leash.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1


def die_with_parent(expected_parent: int | None = None) -> None:
    """Ask the kernel to kill this process when its parent ends; Linux only, elsewhere do nothing.

    The parent may have died before the request was made: then this process has another parent by now,
    which is noticed by ``expected_parent``, or, for a stage's command, by what the parent's command is.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    parent = os.getppid()
    if expected_parent is not None:
        orphan = parent != expected_parent
    else:
        orphan = "DVC_STAGE" in os.environ and not _runs_stages(parent)
    if orphan:
        os.kill(os.getpid(), signal.SIGKILL)


def _runs_stages(process: int) -> bool:
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ")
    except OSError:
        return False
    return any(word in command for word in (b"dvc", b"-m steps", b"-m flows"))  # DVC, its shell, or a launcher


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
