"""Run one stage: parameters, sandbox, output in one rename, provenance beside it, tracking on the side."""

from __future__ import annotations

import inspect
import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

from steps.runtime import launch, provenance
from steps.runtime.outputs import replacing, unfinished, write_atomically
from steps.runtime.sandbox import Sandbox, enforced
from steps.runtime.stage import Stage, declared
from steps.step import params as parameters
from steps.step.distributed import World
from steps.step.run import Run
from steps.tracking.spool import Spool, carry


class UnknownStep(ValueError):
    """There is no such step."""


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
    values = parameters.block(settings, *keys)
    return Step(function, parameters.typed(kind, values, ".".join(keys)))


def execute(root: Path, paper: str, step: str, variant: str | None = None) -> None:
    """Run one stage of a paper's dvc.yaml and put its output and provenance in place.

    In several processes where that is asked for (``launch.wanted``); of those only the first writes.
    """
    settings = parameters.read(root, [paper] if paper != "data" else [])
    words = [word for word in (paper, step, variant) if word is not None]
    stage = declared(root, "-".join(words), settings["profile"])
    count, world = launch.wanted(stage), World.current()
    try:
        if count > 1:
            launch.launch(stage, words, count)
        else:
            _alone(stage, settings, (paper, step, variant), world)
    except Exception:
        _carry(root, world)
        raise
    if stage.publishes:
        _carry(root, world)


def _carry(root: Path, world: World) -> None:
    """Carry what waits into MLflow, unless this is a process that another one will outlive."""
    if world.is_main and world.folder is None:
        carry(root)


def _alone(stage: Stage, settings: Mapping[str, Any], words: tuple[str, str, str | None], world: World) -> None:
    """Run a stage in this process, which may be one of several."""
    root, (paper, step, variant) = stage.root, words
    profile, seed = settings["profile"], settings["seed"]
    with enforced(_sandbox(stage, [])):  # the step's own imports are held to the declared code, too
        found = find(settings, paper, step)
    digest = stage.digest(seed, found.resolved)
    checkpoints = root / ".tenfold" / "checkpoints" / f"{stage.name}-{digest[:16]}"
    facts = {"paper": paper, "step": step, "variant": variant, "profile": profile, "seed": seed}
    if not world.is_main:
        with unfinished(stage.aside(world.rank)) as out:
            _call(found, stage, Run(**facts, out=out, checkpoints=checkpoints, world=world), [out])
        return
    _remove_older(checkpoints, stage.name)
    head, dirty = provenance.commit(root)
    facts |= {
        "stage": stage.name,
        "digest": digest,
        "commit": head,
        "dirty": dirty,
        "params": found.resolved,
        "sources": provenance.sources_behind(stage),
        "started": time.time(),
        "processes": world.size,
    }
    _recorded(root, stage, found, facts, checkpoints, world)
    shutil.rmtree(checkpoints, ignore_errors=True)


def _recorded(root: Path, stage: Stage, found: Step, facts: dict[str, Any], checkpoints: Path, world: World) -> None:
    """Run the step's function with a record for tracking, then put its output and provenance in place."""
    paper, step, profile, digest = facts["paper"], facts["step"], facts["profile"], facts["digest"]
    started, clock = facts["started"], time.monotonic()
    with Spool(root, facts) as spool, replacing(root / stage.out) as out:
        run = Run(
            paper,
            step,
            out=out,
            variant=facts["variant"],
            profile=profile,
            seed=facts["seed"],
            checkpoints=checkpoints,
            sink=spool,
            world=world,
        )
        _call(found, stage, run, [run.out, root / ".tenfold"])
        if (out / "metrics.json").is_file():
            spool.log(json.loads((out / "metrics.json").read_text(encoding="utf-8")), None)
        for kind in ("figures", "tables"):
            for path in sorted((out / kind).glob("*")):
                spool.artifact(path, kind)
        sources = provenance.sources_behind(stage)
        if (out / "source.json").is_file():
            sources = [json.loads((out / "source.json").read_text(encoding="utf-8"))]
        spool.sources = sources
        record = provenance.record(
            stage,
            profile=profile,
            digest=digest,
            device=_device(stage),
            started=started,
            seconds=time.monotonic() - clock,
            sources=sources,
            processes=world.size,
        )
        write_atomically(root / stage.provenance, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def _sandbox(stage: Stage, writable: list[Path]) -> Sandbox:
    ours = map(Path, ("steps/step", "steps/runtime", "steps/tracking", ".tenfold/checkpoints", ".tenfold/ranks"))
    readable = [stage.root / path for path in (*stage.inputs, *stage.code, *ours)]
    if stage.name.startswith("data-"):
        readable.append(stage.root / "data" / "sources.yaml")  # its own entry is a parameter of the stage
    return Sandbox(stage.root, stage.name, readable, writable)


def _call(found: Step, stage: Stage, run: Run, writable: list[Path]) -> None:
    inputs = [stage.root / path for path in stage.inputs]
    offered = {"out": run.out, "params": found.params, "run": run}
    takes = inspect.signature(found.function).parameters
    keywords = {name: value for name, value in offered.items() if name in takes}
    if run.paper == "data":
        inputs, keywords["name"] = [], run.step
    with enforced(_sandbox(stage, writable)), run.world.together():
        found.function(*inputs, **keywords)


def _device(stage: Stage) -> str:
    if not stage.meta.get("gpu"):
        return "cpu"
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def _remove_older(checkpoints: Path, stage: str) -> None:
    """Drop checkpoints of the same stage with another digest: their inputs, code or parameters are gone."""
    for path in checkpoints.parent.glob(f"{stage}-{'[0-9a-f]' * 16}"):
        if path != checkpoints:
            shutil.rmtree(path, ignore_errors=True)
