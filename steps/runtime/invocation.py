"""Which call of DVC ran a step: a word of the environment, left as a sign that it began and written to its record."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "TENFOLD_INVOCATION"


def current() -> str | None:
    """Return the word of whoever asked DVC for this stage; None where somebody ran ``dvc repro`` by hand."""
    return os.environ.get(VARIABLE)


def leave_sign(root: Path) -> None:
    """Leave a sign that a stage's command began, so that its failure is not taken for DVC's own."""
    if invocation := current():
        sign = _sign(root, invocation)
        sign.parent.mkdir(parents=True, exist_ok=True)
        sign.touch()


def take_sign(root: Path, invocation: str) -> bool:
    """Return whether the command of this invocation began, and remove its sign."""
    began = _sign(root, invocation).exists()
    _sign(root, invocation).unlink(missing_ok=True)
    return began


def _sign(root: Path, invocation: str) -> Path:
    return root / ".tenfold" / "started" / invocation
