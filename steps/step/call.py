"""From the words of a stage's command to the call of its step: all that decides a number besides the step itself.

The words are PAPER STEP [VARIANT], then ``--gpu`` and ``--distributed`` where they are declared, then the inputs as
PARAMETER=INPUT[,INPUT…]. An INPUT is another step of the paper (``train-left``), a source (``data/wine``) or another
paper's step (``dp_john/solve``). They stand in the command because DVC reruns a stage whose command is another one; two
inputs that change places would otherwise be taken for the same.
"""

from __future__ import annotations

import inspect
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from steps.step import params as parameters
from steps.step.environment import require_pinned
from steps.step.run import Alone, Run, Sink

if TYPE_CHECKING:
    from steps.step.distributed import World

PUBLISH = "publish"
Held = Callable[[], AbstractContextManager[None]]  # within it, nothing undeclared can be touched


class UnknownStep(ValueError):
    """There is no such step."""


class WrongWords(ValueError):
    """A command's words do not fit the step."""


@dataclass(frozen=True)
class Step:
    """A step's function and its parameters, checked."""

    function: Callable[..., None]
    params: Any  # the step's Params, or None


@dataclass(frozen=True)
class Words:
    """The words of a stage's command, told apart."""

    paper: str
    step: str
    variant: str | None
    flags: frozenset[str]
    inputs: Mapping[str, list[str]]  # by parameter of the step's function

    @classmethod
    def parse(cls, words: Sequence[str]) -> Words:
        names = [word for word in words if "=" not in word and not word.startswith("--")]
        if not 2 <= len(names) <= 3:
            raise WrongWords(f"{' '.join(words)}: give a paper, a step and perhaps a variant")
        pairs = [word.partition("=")[::2] for word in words if "=" in word]
        inputs = {name: [item for item in value.split(",") if item] for name, value in pairs}
        flags = frozenset(word for word in words if word.startswith("--"))
        return cls(names[0], names[1], names[2] if names[2:] else None, flags, inputs)


@dataclass(frozen=True)
class Call:
    """One call of a step, ready to be made."""

    words: Words
    step: Step
    arguments: Mapping[str, Path | list[Path]]
    profile: str
    seed: int

    @property
    def facts(self) -> dict[str, Any]:
        """What a record of the call says; a copy, from which nothing comes back."""
        params = {} if self.step.params is None else self.step.params.model_dump()
        who = {"paper": self.words.paper, "step": self.words.step, "variant": self.words.variant}
        return who | {"profile": self.profile, "seed": self.seed, "params": params}

    def make(self, out: Path, checkpoints: Path, sink: Sink | None, held: Held) -> None:
        """Call the step, ``held`` to what it may touch, with its inputs and whatever it takes of out, params, run."""
        paper, step, variant, takes = self.words.paper, self.words.step, self.words.variant, self.step.function
        world: Any = several() if "--distributed" in self.words.flags else Alone()
        who: dict[str, Any] = {"variant": variant, "profile": self.profile, "seed": self.seed}
        run = Run(paper, step, out=out, **who, checkpoints=checkpoints, sink=sink, world=world)
        offered = {"out": out, "params": self.step.params, "run": run, "name": step}
        more = {name: value for name, value in offered.items() if name in inspect.signature(takes).parameters}
        with held(), world.together():
            self.step.function(**self.arguments, **more)


def prepare(root: Path, words: Sequence[str], held: Held) -> Call:
    """Import the step that ``words`` name, ``held`` to its code, check its parameters, and find its inputs.

    Raises UnknownStep, WrongWords, ParameterError or UnpinnedEnvironment, before anything runs.
    """
    require_pinned()
    asked = Words.parse(words)
    if "--distributed" not in asked.flags and os.environ.get("WORLD_SIZE", "1") != "1":
        raise WrongWords(f"{' '.join(words)}: the step is not declared distributed; run it in one process")
    own = asked.step != PUBLISH and asked.paper != "data"
    settings = parameters.read(root, [asked.paper] if own else [])
    with held():
        found = find(settings, asked.paper, asked.step)
    kinds, arguments = get_type_hints(found.function), {}
    for name, items in asked.inputs.items():
        paths = [_place(root, settings["profile"], asked.paper, item) for item in items]
        if name not in kinds or (kinds[name] is Path and len(paths) != 1):
            raise WrongWords(f"{' '.join(words)}: {name} is no input of the step, or not one folder")
        arguments[name] = paths[0] if kinds[name] is Path else paths
    return Call(asked, found, arguments, settings["profile"], settings["seed"])


def find(settings: Mapping[str, Any], paper: str, step: str) -> Step:
    """Import a step and build its parameters from ``settings``, as `params.read` gives them.

    Raises UnknownStep or ParameterError, before anything runs.
    """
    if step == PUBLISH and paper != "data":
        return Step(publish, None)
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


def publish(published: Path, *, out: Path) -> None:
    """Copy what a paper's last step wrote, which DVC caches, to results/, which stands in git."""
    shutil.copytree(published, out, dirs_exist_ok=True)


def several() -> World:
    """Return the processes that share a step."""
    from steps.step.distributed import World

    return World.current()


def _place(root: Path, profile: str, paper: str, item: str) -> Path:
    other, _, name = item.rpartition("/")
    return root / (f"data/{profile}" if other == "data" else f"artifacts/{profile}/{other or paper}") / name
