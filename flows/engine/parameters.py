"""params.yaml as the command line sees it: check every block, override a value, hold it still while flows run."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from flows.engine.graph import Node, Paper
from steps.runtime.execute import find
from steps.runtime.outputs import write_atomically
from steps.runtime.params import FILE, PROFILES, ParameterError, read

GENERAL = {"profile", "seed", "data"}


def check(root: Path, papers: Sequence[Paper]) -> None:
    """Build every step's parameters.

    Raises ParameterError for the first block, key or value that is wrong or that no step takes.
    """
    params = read(root)
    known = GENERAL | {paper.slug for paper in papers}
    for key in params:
        if key not in known:
            raise ParameterError(f"{FILE}: {key} is neither a paper nor one of {', '.join(sorted(GENERAL))}")
    for paper in papers:
        steps = {node.step for node in paper.nodes}
        for key in params.get(paper.slug) or {}:
            if key not in steps:
                raise ParameterError(
                    f"{FILE}: {paper.slug}.{key}: {paper.slug} has no step {key}; it has {', '.join(sorted(steps))}"
                )
        for words in dict.fromkeys(_module(node) for node in paper.stages()):
            found = find(root, *words)
            if found.params is None and (params.get(words[0]) or {}).get(words[1]):
                raise ParameterError(f"{FILE}: {'.'.join(words)}: this step takes no parameters")


def override(root: Path, profile: str | None, assignments: Sequence[str]) -> list[str]:
    """Write a profile and ``key=value`` assignments into params.yaml and say what changed.

    A key that holds a switch is set for the profile in force only. Comments and order are kept.
    Raises ParameterError for an unknown profile or key, or a value that does not parse.
    """
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    document = yaml.load((root / FILE).read_text(encoding="utf-8"))
    changed = []
    if profile is not None and document["profile"] != profile:
        if profile not in PROFILES:
            raise ParameterError(f"--profile {profile}: must be one of {', '.join(PROFILES)}")
        changed.append(f"profile: {document['profile']} → {profile}")
        document["profile"] = profile
    for assignment in assignments:
        key, sign, text = assignment.partition("=")
        if not sign:
            raise ParameterError(f"--set {assignment}: write key=value, for example --set seed=1")
        changed += _assign(document, key.strip(), YAML(typ="safe").load(text))
    if changed:
        text_out = StringIO()
        yaml.dump(document, text_out)
        write_atomically(root / FILE, text_out.getvalue())
    return changed


@contextmanager
def held_still(root: Path, *, changes: bool) -> Iterator[None]:
    """Let flows share params.yaml while they run, and let it change only while none does.

    Raises ParameterError if ``changes`` is wanted while another flow runs in the same checkout.
    """
    path = root / ".tenfold" / "params.lock"
    path.parent.mkdir(exist_ok=True)
    lock = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        if changes:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ParameterError(
                    "another flow is running in this checkout, and --profile or --set would change params.yaml "
                    "under it; wait for it, or use a second checkout"
                ) from None
        else:
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield
    finally:
        os.close(lock)




def _module(node: Node) -> tuple[str, str]:
    return node.paper, node.step


def _assign(document: Any, key: str, value: Any) -> list[str]:
    *parents, last = key.split(".")
    place = document
    for parent in parents:
        place = place.get(parent) if hasattr(place, "get") else None
    if not hasattr(place, "get") or last not in place:
        raise ParameterError(f"--set {key}: {FILE} has no such key")
    if hasattr(place[last], "keys") and set(place[last]) <= set(PROFILES):
        place, last = place[last], document["profile"]
    before = place.get(last)
    place[last] = value
    return [] if before == value else [f"{key}: {before} → {value}"]
