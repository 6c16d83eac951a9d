"""Steps whose parameters need no second check: their own run accepted them, as dvc.lock records.

A step checks its parameters before anything else, so that one that ended well, with the code and parameters that are
there now, would accept them again. To see that takes no import of the step, with all that it imports in turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError

from flows.graph.paper import Node, Paper
from steps.runtime.stage import content_digest, pipeline
from steps.step.params import FILE, file_of

ABSENT = object()
_read: dict[tuple[Path, int, int, int], dict[str, Any]] = {}  # what was read, and what the file system said of it then


def accepted(root: Path, paper: Paper, settings: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return paper and step of those stages that dvc.lock records with the code and the ``settings`` of now."""
    found = set[tuple[str, str]]()
    for node in paper.stages():
        lock = locked(root / pipeline(node.paper).with_suffix(".lock")).get(node.own_name)
        if (node.paper, node.step) not in found and lock and _same(root, node, lock, settings):
            found.add((node.paper, node.step))
    return found


def locked(lock: Path) -> dict[str, Any]:
    """Return what a dvc.lock says of each stage; nothing where DVC cannot read it, which DVC itself tells."""
    try:
        now = lock.stat()
        key = (lock, now.st_ino, now.st_size, now.st_mtime_ns)
        if key not in _read:
            _read[key] = dict(YAML(typ="safe").load(lock.read_text(encoding="utf-8"))["stages"])
        return _read[key]
    except (OSError, ValueError, YAMLError, KeyError, TypeError):
        return {}


def _same(root: Path, node: Node, lock: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Return whether code and parameters are those that a stage's lock records, and no block of its own is new."""
    params, own = lock.get("params", {}), {} if node.is_source else settings.get(node.paper) or {}
    sources = {str(FILE): settings} | ({} if node.is_source else {str(file_of(node.paper)): own})
    if own.get(node.step) is not None and node.step not in params.get(str(file_of(node.paper)), {}):
        return False
    for file, held in sources.items():  # what else DVC compares holds no parameters
        if any(_value(held, key) != value for key, value in params.get(file, {}).items()):
            return False
    code = [item for item in lock.get("deps", ()) if item["path"].endswith(".py")]
    return bool(code) and all(content_digest(root / item["path"]) == item.get("md5") for item in code)


def _value(held: Any, key: str) -> Any:
    for part in key.split("."):
        held = held.get(part, ABSENT) if isinstance(held, Mapping) else ABSENT
    return held
