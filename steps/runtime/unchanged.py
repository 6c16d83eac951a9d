"""Whether what a stage depends on is, at the end of its step, what it was at the beginning, and was so in between.

Contents alone cannot tell: code that changes and changes back may have been imported meanwhile. So what the file system
says of each file's last writing is compared, too: of code and inputs until the end, because a step may import and read
to its end; of files of parameters until the step has them, because they also hold those of others.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from steps.runtime.stage import Stage, declared, names

Writings = Mapping[str, tuple[int, int, int]]  # inode, bytes and time of the last writing in ns, by file below the root


class ChangedWhileRunning(RuntimeError):
    """What the stage depends on is not what it was when the step began."""


@dataclass(frozen=True)
class Seen:
    """A stage's first look at what it depends on."""

    stage: Stage
    code_and_inputs: Writings
    parameters: Writings
    parts: Mapping[str, str]

    @classmethod
    def now(cls, stage: Stage) -> Seen:
        """Look at ``stage``: first at when files were written, then at what is in them."""
        return cls(stage, _dependencies(stage), _parameters(stage), stage.parts())

    def require_called(self) -> None:
        """Raise ChangedWhileRunning if code, inputs or a file of parameters was written; for when the step has them."""
        self._refuse(_differ(self.code_and_inputs, _dependencies(self.stage)))
        self._refuse(_differ(self.parameters, _parameters(self.stage)))

    def require_unchanged(self) -> None:
        """Raise ChangedWhileRunning naming each part that is not what it was, or each file written meanwhile."""
        self._refuse(_differ(self.parts, declared(self.stage.root, names(self.stage.words)).parts()))
        self._refuse(_differ(self.code_and_inputs, _dependencies(self.stage)))

    def _refuse(self, changed: list[str]) -> None:
        if changed:
            raise ChangedWhileRunning(
                f"stage {self.stage.name}: {', '.join(changed)} changed while the step ran; nothing was kept, "
                f"run it again"
            )


def _differ(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    return [name for name in dict.fromkeys((*before, *after)) if before.get(name) != after.get(name)]


def _dependencies(stage: Stage) -> Writings:
    return _written(stage.root, (file for path in stage.dependencies for file in _files(path)))


def _parameters(stage: Stage) -> Writings:
    return _written(stage.root, (stage.root / file for file in stage.params))


def _files(path: Path) -> Iterable[Path]:
    inside = (file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return sorted(inside) if path.is_dir() else [path]


def _written(root: Path, files: Iterable[Path]) -> dict[str, tuple[int, int, int]]:
    found = {}
    for file in files:
        try:
            said = os.stat(file)
        except FileNotFoundError:
            continue
        found[file.relative_to(root).as_posix()] = (said.st_ino, said.st_size, said.st_mtime_ns)
    return found
