"""What varies from run to run and so stands beside an output, never inside it."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from steps.runtime.stage import Stage

PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "accelerate",
    "transformers",
    "diffusers",
    "cvxpy",
    "dvc",
    "prefect",
)


def commit(root: Path) -> tuple[str | None, bool]:
    """Return the checkout's commit and whether tracked code or parameters differ from it.

    Files made by running (results, reports, each dvc.lock, the README's table) do not make it dirty.
    """
    made = [f":(exclude,glob){path}" for path in ("results/**", "reports/**", "**/dvc.lock", "README.md")]
    head = _git(root, "rev-parse", "HEAD")
    if head is None:
        return None, True
    return head, bool(_git(root, "status", "--porcelain", "--", ".", *made))


def record(
    stage: Stage,
    *,
    profile: str,
    digest: str,
    device: str,
    started: float,
    seconds: float,
    sources: list[Any],
    processes: int = 1,
) -> dict[str, Any]:
    """Return the provenance of one executed stage; seconds are wall clock, memory is the peak in bytes."""
    head, dirty = commit(stage.root)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "stage": stage.name,
        "profile": profile,
        "digest": digest,
        "commit": head,
        "dirty": dirty,
        "command": stage.command,
        "started": datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "peak_memory_bytes": peak,
        "device": device,
        "processes": processes,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "machine": platform.machine(),
        "versions": {"python": platform.python_version(), **_versions()},
        "sources": sources,
    }


def sources_behind(stage: Stage) -> list[dict[str, Any]]:
    """Collect, through the inputs' own provenance, which data a stage's numbers rest on."""
    found: dict[str, dict[str, Any]] = {}
    for path in stage.inputs:
        folder = stage.root / path
        if (folder / "source.json").is_file():
            items = [json.loads((folder / "source.json").read_text(encoding="utf-8"))]
        else:
            beside = folder.with_name(folder.name + ".provenance.json")
            items = json.loads(beside.read_text(encoding="utf-8"))["sources"] if beside.is_file() else []
        found.update({item["name"]: item for item in items})
    return [found[name] for name in sorted(found)]


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _git(root: Path, *words: str) -> str | None:
    try:
        return subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
