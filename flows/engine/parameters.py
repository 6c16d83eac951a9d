"""params.yaml as the command line sees it: check it, override a value, hold it still while flows run."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError

from flows.engine.graph import Node, Paper, slugs
from steps.runtime.execute import find
from steps.runtime.outputs import write_atomically
from steps.runtime.params import FILE, PROFILES, ParameterError, block, parse, read

GENERAL = {"profile", "seed", "data"}


def check(root: Path, papers: Sequence[Paper], settings: Mapping[str, Any] | None = None) -> None:
    """Build every step's parameters from ``settings``, or else from params.yaml as it stands.

    Raises ParameterError for the first block, key or value that is wrong or that no step takes.
    """
    settings = read(root) if settings is None else settings
    known = GENERAL | set(slugs(root))
    for key in settings:
        if key not in known:
            raise ParameterError(f"{FILE}: {key} is neither a paper nor one of {', '.join(sorted(GENERAL))}")
    for paper in papers:
        own = block(settings, paper.slug)
        steps = sorted({node.step for node in paper.nodes})
        for key in own:
            if key not in steps:
                raise ParameterError(
                    f"{FILE}: {paper.slug}.{key}: {paper.slug} has no step {key}; it has {', '.join(steps)}"
                )
        for words in dict.fromkeys(_module(node) for node in paper.stages()):
            found = find(settings, *words)
            if found.params is None and own.get(words[1]) is not None and words[0] == paper.slug:
                raise ParameterError(f"{FILE}: {'.'.join(words)}: this step takes no parameters")


def override(root: Path, papers: Sequence[Paper], profile: str | None, assignments: Sequence[str]) -> list[str]:
    """Write a profile and ``key=value`` assignments into params.yaml and say what changed.

    A key that holds a switch is set for the profile in force only. Comments and order are kept.
    Raises ParameterError, with params.yaml as it was, for an unknown profile or key or a value that ``check``
    refuses.
    """
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    read(root)
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
        changed += _assign(document, key.strip(), text)
    if changed:
        written = StringIO()
        yaml.dump(document, written)
        check(root, papers, parse(written.getvalue()))
        write_atomically(root / FILE, written.getvalue())
    return changed


@contextmanager
def held_still(
    root: Path, change: Callable[[], None] | None = None, *, wait: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Change params.yaml, then hold it still while the block runs; flows share it.

    A ``change`` while another flow runs in the same checkout waits for that one after it has told ``wait``, or,
    without ``wait``, raises ParameterError.
    """
    folder = root / ".tenfold"
    folder.mkdir(exist_ok=True)
    with open(folder / "params.lock", "w") as turn, open(folder / "flows.lock", "w") as running:
        if change is not None:
            fcntl.flock(turn, fcntl.LOCK_EX)  # one change at a time, until it is held still
            try:
                fcntl.flock(running, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if wait is None:
                    raise ParameterError(
                        "another flow is running in this checkout, and --profile or --set would change "
                        "params.yaml under it; wait for it, or use a second checkout"
                    ) from None
                wait("waits for another flow in this checkout, because it would change params.yaml under it")
                fcntl.flock(running, fcntl.LOCK_EX)
            change()
        fcntl.flock(running, fcntl.LOCK_SH)
        fcntl.flock(turn, fcntl.LOCK_UN)
        yield


def _module(node: Node) -> tuple[str, str]:
    return node.paper, node.step


def _assign(document: Any, key: str, text: str) -> list[str]:
    try:
        value = YAML(typ="safe").load(text)
    except YAMLError as error:
        raise ParameterError(f"--set {key}={text}: not a YAML value: {error}") from None
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
