"""A stage as its dvc.yaml declares it: inputs, output, code, the digest of all that, and what DVC calls it.

A stage's name is ``paper-step``, with a variant ``paper-step-variant``; a source of data is ``data-source``.
Each paper's stages stand in a dvc.yaml of its own, the sources' in another: DVC's address for a stage is that
file and the name without the paper.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


class UnknownStage(ValueError):
    """No dvc.yaml has such a stage."""


@dataclass(frozen=True)
class Stage:
    """One stage for one profile; paths are below ``root``."""

    root: Path
    name: str
    command: str
    arguments: Mapping[str, Path | list[Path]]  # the inputs, by parameter of the step's function
    code: tuple[Path, ...]
    out: Path
    provenance: Path
    meta: Mapping[str, Any]  # what else flows/ declares: gpu, distributed, publishes

    @property
    def inputs(self) -> list[Path]:
        """Return every input in the order declared."""
        lists = [value if isinstance(value, list) else [value] for value in self.arguments.values()]
        return [path for paths in lists for path in paths]

    def aside(self, name: int | str) -> Path:
        """Return where process ``name`` of several writes what is thrown away: only process 0's output counts."""
        return self.root / ".tenfold" / "ranks" / f"{self.name}-{name}"

    def digest(self, seed: int, params: Mapping[str, Any]) -> str:
        """Return the SHA-256 of everything that the output depends on: seed, parameters, inputs, code."""

        def own(path: Any) -> str:
            return path.relative_to(self.root).as_posix()

        parts = {
            "stage": self.name,
            "out": self.out,
            "seed": seed,
            "params": params,
            "arguments": self.arguments,
            "files": {own(path): content_digest(path) for path in (*self.inputs, *self.code)},
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=own).encode()).hexdigest()


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


def declared(root: Path, name: str, profile: str) -> Stage:
    """Read the stage ``name`` of a paper from its dvc.yaml, with ``${profile}`` filled in.

    Raises UnknownStage with the stages that there are.
    """
    paper, _, own = name.partition("-")
    file = pipeline(paper)
    stages = YAML(typ="safe").load(root / file)["stages"] if (root / file).is_file() else {}
    if own not in stages:
        there_is = f"it has {', '.join(stages)}" if stages else "there is no such file"
        raise UnknownStage(
            f"{file} has no stage {own!r}; {there_is}. After a change to flows/, run: python -m flows generate"
        )

    def place(text: str) -> Path:
        return root / text.replace("${profile}", profile)

    spec, meta = stages[own], stages[own]["meta"]
    return Stage(
        root=root,
        name=name,
        command=spec["cmd"].removeprefix("exec "),
        arguments={
            key: [place(item) for item in value] if isinstance(value, list) else place(value)
            for key, value in meta["inputs"].items()
        },
        code=tuple(place(item) for item in spec["deps"] if item.endswith(".py")),
        out=place(meta["out"]),
        provenance=place(meta["provenance"]),
        meta=meta,
    )


def content_digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of a directory's names and contents."""
    digest = hashlib.sha256()
    files = sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]
    for file in files:
        if "__pycache__" in file.parts:
            continue
        digest.update(file.relative_to(path).as_posix().encode() + b"\0")
        with open(file, "rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
