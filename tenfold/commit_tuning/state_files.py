"""The state of coordinated tuning as files: numbers in JSON, tensors in safetensors; both exact, no pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tenfold.commit_tuning.errors import StateMismatch

NUMBERS = "commit_tuning.json"
TENSORS = "commit_tuning.safetensors"


def save_state(state: Mapping[str, Any], folder: Path) -> None:
    """Write a tuning's ``state_dict()`` into a folder; each file takes its place in one rename, the JSON last."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"previous.{name}": one.detach().cpu().contiguous() for name, one in state["previous"].items()}
    numbers = {name: value for name, value in state.items() if name != "previous"}
    if state["estimator"] is not None:
        tensors["probe"] = state["estimator"]["probe"]
        numbers["estimator"] = {name: one for name, one in state["estimator"].items() if name != "probe"}
    save_file(tensors, folder / f"{TENSORS}.unfinished")
    os.replace(folder / f"{TENSORS}.unfinished", folder / TENSORS)
    (folder / f"{NUMBERS}.unfinished").write_text(json.dumps(numbers, indent=1, allow_nan=False), encoding="utf-8")
    os.replace(folder / f"{NUMBERS}.unfinished", folder / NUMBERS)


def read_state(folder: Path) -> dict[str, Any]:
    """Return what ``save_state`` wrote. Raises StateMismatch if the folder holds no such state."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = json.loads((folder / NUMBERS).read_text(encoding="utf-8"))
        tensors = load_file(folder / TENSORS)
        if state["estimator"] is not None:
            state["estimator"]["probe"] = tensors.pop("probe")
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise StateMismatch(f"{folder} holds no state of coordinated tuning ({NUMBERS}, {TENSORS}): {error}") from None
    state["previous"] = {name.removeprefix("previous."): one for name, one in tensors.items()}
    return state
