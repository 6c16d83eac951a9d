"""What every benchmark says of where it ran, and how it measures memory."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def machine(*packages: str) -> dict[str, Any]:
    """Return processor, cores, Python, the load at this moment, and the versions of ``packages``."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "processor": models[0].split(":")[1].strip() if models else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "load at start": round(os.getloadavg()[0], 2),
        **{name: _version(name) for name in packages},
    }


def checkout() -> dict[str, Any]:
    """Return the checkout's commit, None outside of git, and whether tracked files differ from it."""
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return {"commit": _git("rev-parse", "--verify", "--quiet", "HEAD") or None, "dirty": bool(changed)}


def peak_bytes() -> int:
    """Return the largest memory that this process ever held."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True, cwd=ROOT).stdout.strip()
