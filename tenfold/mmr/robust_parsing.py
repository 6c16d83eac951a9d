"""What a reader would take from a reply."""

from __future__ import annotations

from typing import Any

from tenfold.mmr import parsing
from tenfold.mmr.tasks import Task


def robust(task: Task, reply: str, question: str = "") -> Any:
    """Return what a reply says."""
    return parsing.official(task, reply)
