"""A stage as its dvc.yaml declares it: dependencies, output, the digest of all that, and what DVC calls it.

A stage's name is ``paper-step``, with a variant ``paper-step-variant``; a source of data is ``data-source``.
Each paper's stages stand in a dvc.yaml of its own, the sources' in another: DVC's address for a stage is that
file and the name without the paper.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

LEADING = "exec python -m steps "  # the shell becomes the step: it would stay between DVC and a step that dies with it
ABSENT = "absent"


class UnknownStage(ValueError):
    """No dvc.yaml has such a stage."""


class OtherWords(ValueError):
    """A command names other inputs or flags than the stage's declaration."""


@dataclass(frozen=True)
class Stage:
    """One stage for one profile; paths are below ``root``."""

    root: Path
    name: str
    command: str
    dependencies: tuple[Path, ...]  # inputs first, then code
    params: Mapping[str, tuple[str, ...]]  # the keys that the stage depends on, by file
    out: Path
    provenance: Path
    meta: Mapping[str, Any]  # what else flows/ declares: publishes, timed

    @property
    def inputs(self) -> list[Path]:
        """Return every folder that the stage reads, in the order declared."""
        return [path for path in self.dependencies if path.suffix != ".py"]

    @property
    def words(self) -> list[str]:
        """Return the arguments of the declared command."""
        return shlex.split(self.command)[3:]

    def has(self, flag: str) -> bool:
        """Return whether the stage is declared with ``flag``."""
        return f"--{flag}" in self.words

    def aside(self, name: int | str) -> Path:
        """Return where process ``name`` of several writes what is thrown away: only process 0's output counts."""
        return self.root / ".tenfold" / "ranks" / f"{self.name}-{name}"

    def parts(self) -> dict[str, str]:
        """Return what the output depends on as it stands now, as DVC records it: command, files, parameters."""
        files = {path.relative_to(self.root).as_posix(): content_digest(path) for path in self.dependencies}
        values: dict[str, Any] = {}
        for file, keys in self.params.items():
            path = self.root / file
            held = YAML(typ="safe").load(path) if path.is_file() else {}
            values |= {f"{file}: {key}": _value(held, key) for key in keys}
        return listed(self.command, files, values)


def listed(command: str, files: Mapping[str, str], params: Mapping[str, Any]) -> dict[str, str]:
    """Return the parts of a digest."""
    values = {name: json.dumps(value, sort_keys=True, default=str) for name, value in params.items()}
    return {"command": command.removeprefix("exec "), **files, **values}


def digest(parts: Mapping[str, str]) -> str:
    """Return the SHA-256 of everything that an output depends on."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def names(words: Sequence[str]) -> list[str]:
    """Return the words that make a stage's name: paper, step and perhaps variant."""
    return [word for word in words if "=" not in word and not word.startswith("--")]


def pipeline(paper: str) -> Path:
    """Return the dvc.yaml that holds a paper's stages, relative to the root; those of ``data`` are the sources."""
    return Path("data/dvc.yaml") if paper == "data" else Path("steps") / paper / "dvc.yaml"


def address(name: str) -> str:
    """Return what DVC calls the stage ``name``; one that belongs to no paper stands in the root's dvc.yaml."""
    paper, _, own = name.partition("-")
    return f"{pipeline(paper)}:{own}" if own else name


def name_at(address: str) -> str:
    """Return the name of the stage that DVC calls ``address``."""
    file, _, own = address.rpartition(":")
    paper = Path(file).parent.name
    return f"{paper}-{own}" if paper else own


def declared(root: Path, words: Sequence[str]) -> Stage:
    """Read the stage that ``words`` name from its paper's dvc.yaml, with ``${profile}`` filled in.

    Raises UnknownStage with the stages that there are, OtherWords for inputs or flags that are not those declared.
    """
    name = "-".join(names(words))
    paper, _, own = name.partition("-")
    file, profile = pipeline(paper), YAML(typ="safe").load(root / "params.yaml").get("profile")
    stages = YAML(typ="safe").load(root / file)["stages"] if (root / file).is_file() else {}
    if own not in stages:
        there_is = f"it has {', '.join(stages)}" if stages else "there is no such file"
        raise UnknownStage(
            f"{file} has no stage {own!r}; {there_is}. After a change to flows/, run: python -m flows generate"
        )

    def place(text: str) -> Path:
        return root / text.replace("${profile}", str(profile))

    spec = stages[own]
    stage = Stage(
        root=root,
        name=name,
        command=spec["cmd"].removeprefix("exec "),
        dependencies=tuple(place(item) for item in spec["deps"]),
        params=dict(_keys(spec.get("params", []))),
        out=place(spec["meta"]["out"]),
        provenance=place(spec["meta"]["provenance"]),
        meta=spec["meta"],
    )
    if list(words) not in (stage.words, names(words)):
        raise OtherWords(f"{file} declares {own} as: {stage.command}; run: python -m flows generate")
    return stage


def _keys(params: list[Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "params.yaml", tuple(item for item in params if isinstance(item, str))
    for item in params:
        if isinstance(item, dict):
            yield from ((file, tuple(keys)) for file, keys in item.items())


def _value(held: Any, key: str) -> Any:
    for part in key.split("."):
        held = held.get(part, ABSENT) if isinstance(held, dict) else ABSENT
    return held


_known: dict[tuple[str, int, int, int, int], str] = {}  # what was hashed, and what the file system said of it then


def content_digest(path: Path, of_file: Callable[[Path], str] | None = None) -> str:
    """Return DVC's digest of a file, or of a directory's names and contents; ``absent`` where there is neither.

    ``of_file`` returns a file's MD5; it reads the file, but once in this process, unless another is given.
    """
    md5 = of_file or _md5
    if path.is_dir():
        files = (item for item in path.rglob("*") if item.is_file() and "__pycache__" not in item.parts)
        entries = [{"md5": md5(item), "relpath": item.relative_to(path).as_posix()} for item in files]
        text = json.dumps(sorted(entries, key=lambda entry: entry["relpath"]), sort_keys=True)
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() + ".dir"
    return md5(path) if path.is_file() else ABSENT


def _md5(path: Path) -> str:
    with open(path, "rb") as stream:
        now = path.stat()
        key = (str(path), now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
        if key not in _known:
            _known[key] = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        return _known[key]
