"""Parameters as the command line sees them: check them, override a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError

from flows.graph.accepted import accepted
from flows.graph.paper import Paper, slugs
from steps.runtime.outputs import write_atomically
from steps.step.call import find
from steps.step.params import FILE, PROFILES, ParameterError, block, file_of, mapping, parse, place, read

UNSEEN = {"size", "nfiles"}  # DVC's run cache leaves out keys of these names, which it has for files, at any depth


def check(root: Path, papers: Sequence[Paper], settings: Mapping[str, Any] | None = None) -> None:
    """Build every step's parameters from ``settings``, or else from the files as they stand.

    Those that a run of the step has accepted, by the code that is there now, are not built again.
    Raises ParameterError for the first block, key or value that is wrong or that no step takes.
    """
    settings = read(root) if settings is None else settings
    for key in settings:
        if file_of(key) != FILE and key not in slugs(root):
            raise ParameterError(f"{file_of(key)}: there is no paper {key}; there are {', '.join(slugs(root))}")
    for paper in papers:
        own = block(settings, paper.slug)
        steps = sorted({node.step for node in paper.nodes})
        for key in own:
            if key not in steps:
                raise ParameterError(
                    f"{place(f'{paper.slug}.{key}')}: {paper.slug} has no step {key}; it has {', '.join(steps)}"
                )
        if unseen := UNSEEN & set(_keys(own)):
            raise ParameterError(
                f"{file_of(paper.slug)}: {', '.join(sorted(unseen))}: DVC would restore the output of another value; "
                f"name it otherwise"
            )
        known = accepted(root, paper, settings)
        for words in dict.fromkeys((node.paper, node.step) for node in paper.stages() if not node.is_publish):
            if words in known:
                continue
            found = find(settings, *words)
            if found.params is None and own.get(words[1]) is not None and words[0] == paper.slug:
                raise ParameterError(f"{place('.'.join(words))}: this step takes no parameters")


def _keys(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value
    for item in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _keys(item)


def override(root: Path, papers: Sequence[Paper], profile: str | None, assignments: Sequence[str]) -> list[str]:
    """Write a profile and ``key=value`` assignments into the files that hold them and say what changed.

    A key that holds a switch is set for the profile in force only. Comments and order are kept.
    Raises ParameterError, with the files as they were, for an unknown profile or key or a value that ``check``
    refuses.
    """
    settings = read(root)
    documents = {FILE: _document(root / FILE)}
    changed: dict[str, Path] = {}
    before = documents[FILE]["profile"]
    if profile is not None and profile != before:
        if profile not in PROFILES:
            raise ParameterError(f"--profile {profile}: must be one of {', '.join(PROFILES)}")
        documents[FILE]["profile"] = profile
        changed[f"{FILE}: profile: {before} → {profile}"] = FILE
    for assignment in assignments:
        key, sign, text = (part.strip() for part in assignment.partition("="))
        if not sign:
            raise ParameterError(f"--set {assignment}: write key=value, for example --set seed=1")
        file = file_of(key)
        if not (root / file).is_file():
            raise ParameterError(f"--set {key}: there is no {file}; a paper's key is paper.step.parameter")
        if file not in documents:
            documents[file] = _document(root / file)
        changed |= dict.fromkeys(_assign(documents[file], documents[FILE]["profile"], key, text), file)
    texts = {file: _text(documents[file]) for file in dict.fromkeys(changed.values())}
    if texts:
        for file, text in texts.items():
            settings |= parse(text) if file == FILE else {file.parent.name: mapping(text, file)}
        check(root, papers, settings)
        for file, text in texts.items():
            write_atomically(root / file, text)
    return list(changed)


def _assign(document: Any, profile: str, key: str, text: str) -> list[str]:
    try:
        value = YAML(typ="safe").load(text)
    except YAMLError as error:
        raise ParameterError(f"--set {key}={text}: not a YAML value: {error}") from None
    *parents, last = key.split(".")
    found = document
    for parent in parents if file_of(key) == FILE else parents[1:]:
        found = found.get(parent) if hasattr(found, "get") else None
    if not hasattr(found, "get") or last not in found:
        raise ParameterError(f"--set {key}: {file_of(key)} has no such key")
    if hasattr(found[last], "keys") and set(found[last]) <= set(PROFILES):
        found, last = found[last], profile
    before = found.get(last)
    found[last] = value
    return [] if before == value else [f"{place(key)}: {before} → {value}"]


def _yaml() -> YAML:
    """Return a reader and writer that keeps comments, quotes, order and long lines."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    return yaml


def _document(path: Path) -> Any:
    return _yaml().load(path.read_text(encoding="utf-8"))


def _text(document: Any) -> str:
    text = StringIO()
    _yaml().dump(document, text)
    return text.getvalue()
