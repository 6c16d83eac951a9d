"""What DVC takes for current and is not.

DVC sees files and parameters, not the environment: it cannot know that TENFOLD_MIRROR was set since. And it hashes
what a stage depends on after the stage's command: what changes after the step's own last look is recorded as if it had
been there from the start. The step's record says what was there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from flows.graph.accepted import locked
from flows.graph.paper import Node, Paper
from steps.data import mirror_serves
from steps.runtime.stage import content_digest, digest, listed, pipeline
from steps.step.params import read


class OtherRecord(ValueError):
    """A dvc.lock says of an output what the output's own record does not."""


def outdated(root: Path, papers: Sequence[Paper]) -> dict[str, str]:
    """Return ``{stage: why}`` for stages that must run although DVC may find them up to date.

    Sources that stood in although the mirror now holds the real data, and what ``misrecorded`` finds.
    """
    profile = read(root, [])["profile"]
    sources = {node.name: node for paper in papers for node in paper.stages() if node.is_source}
    found = {}
    for name, node in sources.items():
        record = root / node.out.replace("${profile}", profile) / "source.json"
        if _stood_in(record) and mirror_serves(root, node.step):
            found[name] = "a stand-in was used, and the mirror now holds the real data"
    why = "its record and dvc.lock disagree about what it was made from"
    return found | dict.fromkeys(misrecorded(root, papers), why)


def misrecorded(root: Path, papers: Sequence[Paper]) -> list[str]:
    """Return the stages of which dvc.lock says other inputs, code, parameters or words than the output's own record."""
    profile, locks = read(root, [])["profile"], dict[str, Any]()
    found = []
    for node in {node.name: node for paper in papers for node in paper.stages()}.values():
        if node.paper not in locks:
            locks[node.paper] = locked(root / pipeline(node.paper).with_suffix(".lock"))
        if not _agree(root, node, profile, locks[node.paper].get(node.own_name)):
            found.append(node.name)
    return found


def require_recorded(root: Path, papers: Sequence[Paper]) -> None:
    """Raise OtherRecord, naming the stages, where ``misrecorded`` finds any."""
    if wrong := misrecorded(root, papers):
        raise OtherRecord(
            f"{', '.join(wrong)}: record and dvc.lock disagree about what the output was made from, because something "
            f"changed at that moment; run: python -m flows refresh"
        )


def _stood_in(record: Path) -> bool:
    """Return whether a source's record says so; one that is absent or damaged says nothing, and DVC sees that."""
    try:
        return bool(json.loads(record.read_text(encoding="utf-8"))["stand_in"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _agree(root: Path, node: Node, profile: str, locked: dict[str, Any] | None) -> bool:
    place = node.provenance.replace("${profile}", profile)
    if locked is None or dict(_hashes(locked["outs"])).get(place) != content_digest(root / place):
        return True  # the lock is of another output, which DVC sees
    params = {f"{file}: {key}": value for file, held in locked.get("params", {}).items() for key, value in held.items()}
    record = json.loads((root / place).read_bytes())
    return bool(record["digest"] == digest(listed(locked["cmd"], dict(_hashes(locked.get("deps", []))), params)))


def _hashes(items: list[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    yield from ((item["path"], item.get("md5")) for item in items)
