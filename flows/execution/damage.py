"""Outputs, and files of DVC's cache, that are not what DVC takes them for.

DVC does not read what it has just written: a file that it brings from its cache enters its table of digests, and one
that it puts there becomes read-only and is trusted, whatever happened to the file meanwhile. What is damaged at such a
moment is found here by reading it, and moved aside; DVC then restores it from what is whole, or runs its stage.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError

from flows.execution.digests import Digests
from flows.execution.dvc_recovery import ASIDE, RUNS, move_aside, others_run
from flows.execution.stale_data import contradiction, hashes
from flows.graph.accepted import locked
from flows.graph.paper import Node, Paper
from steps.runtime.provenance import SUFFIX
from steps.runtime.stage import ABSENT, content_digest, pipeline
from steps.step.params import read

OBJECTS = Path(".dvc/cache/files/md5")
DIGEST = re.compile(r"[0-9a-f]{32}(\.dir)?")
ENTRY = re.compile(r"[0-9a-f]{64}")


def damaged(root: Path, papers: Sequence[Paper]) -> dict[str, Path]:
    """Return of each stage with a damaged output, or a damaged record of it, what is damaged, relative to ``root``.

    Damaged is one of the two if dvc.lock lists the other as it stands. If it lists neither, it is of another run, which
    DVC sees, and so it sees what is absent. While a living DVC runs a stage nothing can be told, and nothing is.
    """
    profile, digests = read(root, [])["profile"], Digests(root)
    found = {}
    for node in {node.name: node for paper in papers for node in paper.stages()}.values():
        lock = locked(root / pipeline(node.paper).with_suffix(".lock")).get(node.own_name)
        if lock is not None and (path := _damaged(root, node, profile, lock, digests)) is not None:
            found[node.name] = path
    digests.keep()
    return {} if others_run(root) else found


def _damaged(root: Path, node: Node, profile: str, lock: dict[str, Any], digests: Digests) -> Path | None:
    listed = hashes(lock["outs"])
    places = [place.replace("${profile}", profile) for place in (node.out, node.provenance)]
    if not listed.keys() >= set(places):
        return None  # published into git, or of another profile
    now = {place: content_digest(root / place, digests.md5) for place in places}
    differ = [place for place in places if now[place] != listed[place]]
    return Path(differ[0]) if len(differ) == 1 and now[differ[0]] != ABSENT else None


def set_aside(root: Path, papers: Sequence[Paper]) -> dict[str, str]:
    """Move damaged outputs out of DVC's way, and say so by stage; DVC sees that they are gone."""
    found = damaged(root, papers)
    for path in found.values():
        move_aside(root, root / path)
    return {name: f"{path} is not what dvc.lock lists, and is now in {ASIDE}" for name, path in found.items()}


def clean_cache(root: Path) -> Iterator[str]:
    """Move aside what is damaged in DVC's cache, and what its run cache pairs wrongly; yield what was done, by kind."""
    if bad := list(_broken_objects(root)):
        yield f"{len(bad)} files of DVC's cache were damaged and are now in {ASIDE}: {', '.join(map(str, bad[:3]))}"
    if bad := list(_wrong_entries(root)):
        yield f"{len(bad)} entries of DVC's run cache held another output than the step wrote and are now in {ASIDE}"


def _broken_objects(root: Path) -> Iterator[Path]:
    digests = Digests(root)
    for path in sorted((root / OBJECTS).glob("??/*")):
        name = path.parent.name + path.name
        if DIGEST.fullmatch(name) and path.is_file() and digests.md5(path) != name[:32]:
            move_aside(root, path)
            yield path.relative_to(root)
    digests.keep()


def _wrong_entries(root: Path) -> Iterator[Path]:
    """Move aside entries whose record, which is in the cache, says otherwise; an older record says too little."""
    for path in sorted((root / RUNS).glob("??/*/*")):
        if ENTRY.fullmatch(path.name) and (entry := _entry(path)) and _pairs_wrongly(root, entry):
            move_aside(root, path)
            if not any(path.parent.iterdir()):
                path.parent.rmdir()  # DVC cannot read one without an entry
            yield path.relative_to(root)


def _entry(path: Path) -> dict[str, Any]:
    try:
        return dict(YAML(typ="safe").load(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, YAMLError, TypeError):
        return {}  # DVC removes one that it cannot read


def _pairs_wrongly(root: Path, entry: dict[str, Any]) -> bool:
    outs = hashes(entry.get("outs", []))
    for place, value in outs.items():
        record = root / OBJECTS / str(value)[:2] / str(value)[2:]
        if place.endswith(SUFFIX) and record.is_file():
            try:
                held = json.loads(record.read_bytes())
            except ValueError:
                return True
            output = outs.get(place.removesuffix(SUFFIX))
            return bool(held.get("output")) and contradiction(entry, held, output) is not None
    return False
