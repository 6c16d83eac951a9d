"""What DVC takes for current and is not.

DVC sees files and parameters, not the environment: it cannot know that TENFOLD_MIRROR was set since. And it hashes
what a stage depends on, and what the stage made, after the stage's command: what changes after the step's own last look
is recorded as if it had been there from the start. The step's record says what was there, and what the step wrote.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
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
    return found | misrecorded(root, papers)


def misrecorded(root: Path, papers: Sequence[Paper]) -> dict[str, str]:
    """Return ``{stage: why}`` for stages of which dvc.lock says other than the output's own record.

    It may be of other inputs, code, parameters or words, or another output than the step wrote.
    """
    profile = read(root, [])["profile"]
    found = {}
    for node in {node.name: node for paper in papers for node in paper.stages()}.values():
        lock = locked(root / pipeline(node.paper).with_suffix(".lock")).get(node.own_name)
        if lock is not None and (why := _disagreement(root, node, profile, lock)) is not None:
            found[node.name] = why
    return found


def contradiction(lock: dict[str, Any], record: dict[str, Any], output: str | None) -> str | None:
    """Return what an entry of dvc.lock, or of the run cache, says otherwise than the record of its output.

    ``output`` is the output's digest by that entry, None if it has none; so has a record from before there was one.
    """
    params = {f"{file}: {key}": value for file, held in lock.get("params", {}).items() for key, value in held.items()}
    if record.get("digest") != digest(listed(lock["cmd"], hashes(lock.get("deps", [])), params)):
        return "its record and dvc.lock disagree about what it was made from"
    if None not in (output, written := record.get("output")) and output != written:
        return "its record and dvc.lock disagree about what it is: it was damaged before DVC looked at it"
    return None


def require_recorded(root: Path, papers: Sequence[Paper]) -> None:
    """Raise OtherRecord, naming the stages, where ``misrecorded`` finds any."""
    if wrong := misrecorded(root, papers):
        raise OtherRecord(
            f"{', '.join(wrong)}: record and dvc.lock disagree about the output or what it was made from, because "
            f"something changed before DVC looked at it; run: python -m flows refresh"
        )


def _stood_in(record: Path) -> bool:
    """Return whether a source's record says so; one that is absent or damaged says nothing, and DVC sees that."""
    try:
        return bool(json.loads(record.read_text(encoding="utf-8"))["stand_in"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _disagreement(root: Path, node: Node, profile: str, lock: dict[str, Any]) -> str | None:
    outs = hashes(lock["outs"])
    out, place = (path.replace("${profile}", profile) for path in (node.out, node.provenance))
    if outs.get(place) != content_digest(root / place):
        return None  # the lock is of another output, which DVC sees
    try:
        record = dict(json.loads((root / place).read_bytes()))
    except (ValueError, TypeError):
        return "its record cannot be read: it was damaged before DVC looked at it"
    if out not in outs:  # published, part by part, into git
        as_listed = all(content_digest(root / part) == value for part, value in outs.items())
        outs[out] = content_digest(root / out) if as_listed else None
    return contradiction(lock, record, outs[out])


def hashes(items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the digests that an entry of dvc.lock lists, by path."""
    return {item["path"]: item.get("md5") for item in items}
