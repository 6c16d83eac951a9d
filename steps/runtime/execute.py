"""Run one stage: parameters, sandbox, output in one rename, provenance beside it, a record for tracking."""

from __future__ import annotations

import inspect
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, get_type_hints

from steps.runtime import launch, provenance
from steps.runtime.outputs import replacing, unfinished
from steps.runtime.sandbox import Sandbox, enforced
from steps.runtime.stage import Stage, declared
from steps.step import params as parameters
from steps.step.distributed import World
from steps.step.run import Run, Sink

OURS = ("steps/step", "steps/runtime", "steps/tracking", ".tenfold/checkpoints", ".tenfold/ranks")


class UnknownStep(ValueError):
    """There is no such step."""


class Record(Sink, Protocol):
    """What tracking keeps of an execution: what the step logs, and at the end what the output shows."""

    def keep(self, out: Path) -> None: ...


Recorder = Callable[[Path, Mapping[str, Any]], AbstractContextManager[Record, bool | None]]  # from root and facts


@dataclass(frozen=True)
class Step:
    """A step's function and its parameters, checked."""

    function: Callable[..., None]
    params: Any  # the step's Params, or None

    @property
    def resolved(self) -> dict[str, Any]:
        return {} if self.params is None else self.params.model_dump()


def find(settings: Mapping[str, Any], paper: str, step: str) -> Step:
    """Import a step and build its parameters from ``settings``, as `params.read` gives them.

    Raises UnknownStep or ParameterError, before anything runs.
    """
    name = "steps.data" if paper == "data" else f"steps.{paper}.{step}"
    attribute = "bring" if paper == "data" else step
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise
        raise UnknownStep(f"no step {step!r} of paper {paper!r}: there is no module {name}") from None
    function = getattr(module, attribute, None)
    if function is None:
        raise UnknownStep(f"{name} has no function {attribute}; a step's function carries its module's name")
    kind = get_type_hints(function).get("params")
    if kind is None:
        return Step(function, None)
    keys = ("data",) if paper == "data" else (paper, step)
    return Step(function, parameters.typed(kind, parameters.block(settings, *keys), ".".join(keys)))


def execute(root: Path, words: Sequence[str], recorder: Recorder) -> Stage:
    """Run the stage of a paper's dvc.yaml that ``words`` name: paper, step and perhaps variant; return it.

    Its output and provenance are put in place. It runs in several processes where that is asked for
    (``launch.wanted``); of those only the first writes.
    """
    settings = parameters.read(root, [] if words[0] == "data" else [words[0]])
    stage = declared(root, "-".join(words), settings["profile"])
    count = launch.wanted(stage)
    if count > 1:
        launch.launch(stage, words, count)
    else:
        _execute_here(stage, settings, words, recorder)
    return stage


def _execute_here(stage: Stage, settings: Mapping[str, Any], words: Sequence[str], recorder: Recorder) -> None:
    """Run a stage in this process, which may be one of several."""
    root, world, started = stage.root, World.current(), time.time()
    paper, step, variant = words[0], words[1], words[2] if len(words) > 2 else None
    profile, seed = settings["profile"], settings["seed"]
    with enforced(_sandbox(stage, [])):  # the step's own imports are held to the declared code, too
        found = find(settings, paper, step)
    digest = stage.digest(seed, found.resolved)
    checkpoints = root / ".tenfold" / "checkpoints" / f"{stage.name}-{digest[:16]}"
    who = {"paper": paper, "step": step, "variant": variant, "profile": profile, "seed": seed}
    run = partial(Run, **who, checkpoints=checkpoints, world=world)
    if not world.is_main:
        with unfinished(stage.aside(world.rank)) as out:
            _call(found, stage, run(out=out), [out])
        return
    _remove_older(checkpoints, stage.name)
    head, dirty = provenance.commit(root)
    facts = who | {
        "stage": stage.name,
        "digest": digest,
        "commit": head,
        "dirty": dirty,
        "params": found.resolved,
        "sources": [source.model_dump() for source in provenance.sources_of(stage)],
        "started": started,
        "processes": world.size,
    }
    with recorder(root, facts) as record, replacing(stage.out) as out:
        try:
            _call(found, stage, run(out=out, sink=record), [out, root / ".tenfold"])
        finally:
            record.keep(out)
        made = provenance.record(stage, profile, digest, (head, dirty), started, out, world.size)
        made.write(stage.provenance)
    shutil.rmtree(checkpoints, ignore_errors=True)


def _sandbox(stage: Stage, writable: list[Path]) -> Sandbox:
    readable = [*stage.inputs, *stage.code, *(stage.root / path for path in OURS)]
    if stage.name.startswith("data-"):
        readable.append(stage.root / "data" / "sources.yaml")  # its own entry is a parameter of the stage
    return Sandbox(stage.root, stage.name, readable, writable)


def _call(found: Step, stage: Stage, run: Run, writable: list[Path]) -> None:
    """Call the step with its inputs, a source with its name, and with whatever it takes of out, params and run."""
    offered = {"out": run.out, "params": found.params, "run": run}
    takes = inspect.signature(found.function).parameters
    more = {name: value for name, value in offered.items() if name in takes}
    if run.paper == "data":
        more["name"] = run.step
    with enforced(_sandbox(stage, writable)), run.world.together():
        found.function(**stage.arguments, **more)


def _remove_older(checkpoints: Path, stage: str) -> None:
    """Drop checkpoints of the same stage with another digest: their inputs, code or parameters are gone."""
    for path in checkpoints.parent.glob(f"{stage}-{'[0-9a-f]' * 16}"):
        if path != checkpoints:
            shutil.rmtree(path, ignore_errors=True)
