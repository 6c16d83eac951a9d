"""Files that a step adds to as it goes and finds again after a kill, such as replies that were paid for."""

from __future__ import annotations

from pathlib import Path

from steps.step.run import Run


def kept_folder(run: Run) -> Path:
    """Return the folder of a step's checkpoints, which goes when the step has succeeded or is another one.

    Like checkpoints, what is in it belongs to the same parameters, inputs and code. A run without checkpoints gets its
    output folder, from which the step itself must take away what it leaves there.
    """
    folder = run._checkpoints or run.out
    folder.mkdir(parents=True, exist_ok=True)
    return folder
