"""Run one stage: sandbox, output in one rename, provenance beside it, a record for tracking.

What can change a number is ``steps.step.call``, a dependency of every stage. Here the root, the stage's words and
places are handed to it, and nothing comes back but what records say.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, Protocol

from steps.runtime import launch, provenance
from steps.runtime.inputs import require_as_written
from steps.runtime.landlock import Outside, confine, temporary_folder
from steps.runtime.outputs import replacing, unfinished
from steps.runtime.sandbox import Sandbox, enforced
from steps.runtime.stage import Stage, declared, digest
from steps.runtime.unchanged import Seen

OURS = ("steps/runtime", "steps/tracking", ".tenfold/checkpoints", ".tenfold/ranks")


class Record(Protocol):
    """What tracking keeps of an execution: what the step logs, and at the end what the output shows."""

    def log(self, metrics: Mapping[str, float], update: int | None) -> None: ...

    def resumed(self, update: int, history: list[dict[str, float]]) -> None: ...

    def keep(self, out: Path) -> None: ...


Recorder = Callable[[Path, Mapping[str, Any]], AbstractContextManager[Record, bool | None]]  # from root and facts


def execute(root: Path, words: Sequence[str], recorder: Recorder | None, outside: Outside) -> Stage:
    """Run the stage of a paper's dvc.yaml that ``words`` name: paper, step and perhaps variant; return it.

    Its output and provenance are put in place, by the thread ``outside``. It runs in several processes where that is
    asked for (``launch.wanted``); of those only the first writes.
    Raises DamagedInput before anything runs; ChangedWhileRunning, with the older output as it was, if code, inputs or
    parameters change meanwhile, even if they change back.
    """
    stage = declared(root, words)
    seen = Seen.now(stage)  # before the step's code is imported
    require_as_written(stage, seen.parts)
    count = launch.wanted(stage)
    if count > 1:
        launch.launch(stage, stage.words, count)
    else:
        with outside.within(temporary_folder(root)):
            _execute_here(seen, recorder, outside)
    return stage


def _execute_here(seen: Seen, recorder: Recorder | None, outside: Outside) -> None:
    """Run a stage in this process, which may be one of several."""
    from steps.step.call import prepare
    from steps.step.distributed import World

    stage, world, started, own = seen.stage, World.current(), time.time(), digest(seen.parts)
    root = stage.root
    _drop_older_bytecode(stage)
    call = prepare(root, stage.words, lambda: enforced(_sandbox(stage, [])))
    seen.require_called()
    checkpoints = root / ".tenfold" / "checkpoints" / f"{stage.name}-{own[:16]}"
    if not world.is_main:
        with outside.within(unfinished(stage.aside(world.rank))) as out:
            meeting = [] if world.folder is None else [world.folder]
            call.make(out, checkpoints, None, lambda: _held(stage, [out, *meeting]))
        return
    _remove_older(checkpoints, stage.name)
    head, dirty = provenance.commit(root)
    facts = call.facts | {
        "stage": stage.name,
        "digest": own,
        "commit": head,
        "dirty": dirty,
        "sources": [source.model_dump() for source in provenance.sources_of(stage)],
        "started": started,
        "processes": world.size,
    }
    recording = nullcontext() if recorder is None else recorder(root, facts)
    with recording as record, outside.within(replacing(stage.out)) as out:
        try:
            call.make(out, checkpoints, record, lambda: _held(stage, [out, root / ".tenfold"]))
        finally:
            if record is not None:
                record.keep(out)
        outside.call(seen.require_unchanged)
        more = (head, dirty), started, out, world.size
        outside.call(lambda: provenance.record(stage, facts["profile"], own, *more).write(stage.provenance))
    shutil.rmtree(checkpoints, ignore_errors=True)


def _drop_older_bytecode(stage: Stage) -> None:
    """Remove bytecode that is older than its source: Python itself compares seconds and sizes only."""
    for path in stage.dependencies:
        compiled = Path(cache_from_source(str(path))) if path.suffix == ".py" else path
        if compiled != path and compiled.is_file() and compiled.stat().st_mtime_ns <= path.stat().st_ctime_ns:
            compiled.unlink(missing_ok=True)


@contextmanager
def _held(stage: Stage, writable: list[Path]) -> Iterator[None]:
    """Hold the step to its declaration: the kernel does so for good, the hook, which says why, for the block."""
    sandbox = _sandbox(stage, writable)
    confine(sandbox)
    with enforced(sandbox):
        yield


def _sandbox(stage: Stage, writable: list[Path]) -> Sandbox:
    readable = [*stage.dependencies, *(stage.root / path for path in OURS)]
    if stage.name.startswith("data-"):
        readable.append(stage.root / "data" / "sources.yaml")  # its own entry is a parameter of the stage
    return Sandbox(stage.root, stage.name, readable, writable)


def _remove_older(checkpoints: Path, stage: str) -> None:
    """Drop checkpoints of the same stage with another digest: their inputs, code or parameters are gone."""
    for path in checkpoints.parent.glob(f"{stage}-{'[0-9a-f]' * 16}"):
        if path != checkpoints:
            shutil.rmtree(path, ignore_errors=True)
