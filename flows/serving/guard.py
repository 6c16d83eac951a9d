"""A command whose whole process group ends with it, and with whoever started it, however that ended.

``python flows/serving/guard.py PARENT_PID COMMAND …``: servers start processes of their own, which would outlive
a server that is killed.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from types import FrameType
from typing import NoReturn

PR_SET_PDEATHSIG = 1
GRACE = 10.0  # seconds that the group has to end by itself


def main(parent: int, command: list[str]) -> int:
    """Run the command in this process's group, which must be its own, and end with its status and the group."""
    signal.signal(signal.SIGTERM, _end)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        return 1
    status = subprocess.run(command).returncode
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    _wait_and_kill(status)


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    _wait_and_kill(128 + signal.SIGTERM)


def _wait_and_kill(status: int) -> NoReturn:
    """Wait until this process is alone in its group; after the grace kill the group, this process with it."""
    until = time.monotonic() + GRACE
    while time.monotonic() < until:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        if not _others():
            os._exit(status)
        time.sleep(0.05)
    os.killpg(0, signal.SIGKILL)
    raise AssertionError("unreachable")


def _others() -> bool:
    """Whether another living process is in this group."""
    own = os.getpgrp()
    for name in filter(str.isdecimal, os.listdir("/proc")) if sys.platform == "linux" else ():
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as stat:
                state, _, group = stat.read().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(group) == own and int(name) != os.getpid() and state not in "ZX":
            return True
    return False


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
