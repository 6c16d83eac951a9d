"""The one declaration of a paper: its steps, in order, as data flow.

``trace`` runs the function that declares a paper once; inside it ``source``, ``step``, ``plot`` and ``model`` add to
the paper's graph.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

NAME = re.compile(r"[a-z][a-z0-9_]*")
PUBLISH = "publish"  # the stage that copies what a paper publishes into results/
FLAGS = ("gpu", "distributed", "timed", "fetches", "publishes")


class GraphError(ValueError):
    """A paper's graph is declared wrongly."""


@dataclass(frozen=True, eq=False)
class Node:
    """One step, or one data source. ``inputs`` by the name of the step's parameter that takes them."""

    paper: str
    step: str
    variant: str | None = None
    inputs: Mapping[str, Node | tuple[Node, ...]] = field(default_factory=dict)
    gpu: bool = False  # one at a time on each GPU
    distributed: bool = False  # trains through run.accelerator, so that several processes may share it
    timed: bool = False  # measures time, so that the output differs from run to run
    fetches: bool = False  # may need the network, and is tried again where that fails
    publishes: bool = False  # writes what the paper publishes

    @property
    def upstream(self) -> tuple[Node, ...]:
        """The inputs in order, lists unfolded."""
        return tuple(node for item in self.inputs.values() for node in (item if isinstance(item, tuple) else (item,)))

    @property
    def words(self) -> tuple[str, ...]:
        """Paper, step and perhaps variant: the first arguments of ``python -m steps``."""
        return tuple(filter(None, (self.paper, self.step, self.variant)))

    @property
    def arguments(self) -> tuple[str, ...]:
        """The other arguments: what else can change a number, flags and inputs, as ``steps.step.call`` reads them."""

        def called(node: Node) -> str:
            return node.own_name if node.paper == self.paper else f"{node.paper}/{node.own_name}"

        flags = [f"--{flag}" for flag in ("gpu", "distributed") if getattr(self, flag)]
        lists = {name: item if isinstance(item, tuple) else (item,) for name, item in self.inputs.items()}
        return (*flags, *(f"{name}={','.join(map(called, items))}" for name, items in lists.items()))

    @property
    def own_name(self) -> str:
        """The name of the DVC stage in its paper's dvc.yaml."""
        return "-".join(self.words[1:])

    @property
    def name(self) -> str:
        """The name of the DVC stage among those of all papers."""
        return "-".join(self.words)

    @property
    def is_source(self) -> bool:
        return self.paper == "data"

    @property
    def is_publish(self) -> bool:
        return not self.is_source and self.step == PUBLISH

    @property
    def module(self) -> str:
        return "steps.data" if self.is_source else f"steps.{self.paper}.{self.step}"

    @property
    def function(self) -> str:
        return "bring" if self.is_source else self.step

    @property
    def out(self) -> str:
        """The output folder; ``${profile}`` stands for the profile."""
        if self.is_publish:
            return f"results/${{profile}}/{self.paper}"
        return f"{self._folder}/{self.own_name}"

    @property
    def provenance(self) -> str:
        """The record beside the output: who made it, when and from what."""
        return f"{self._folder}/{self.own_name}.provenance.json"

    @property
    def _folder(self) -> str:
        return "data/${profile}" if self.is_source else f"artifacts/${{profile}}/{self.paper}"


@dataclass(frozen=True)
class Plot:
    """A curve that ``dvc plots show`` draws from a published table."""

    table: str
    x: str
    y: str
    title: str


@dataclass(frozen=True)
class Model:
    """A model that a step keeps under models/, as an entry of DVC's model registry."""

    node: Node
    name: str
    description: str


@dataclass
class Paper:
    """A paper's graph."""

    slug: str
    description: str = ""
    nodes: list[Node] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    models: list[Model] = field(default_factory=list)

    @property
    def publisher(self) -> Node | None:
        """The step that writes what the paper publishes."""
        return next((node for node in self.nodes if node.publishes), None)

    @property
    def steps(self) -> list[str]:
        """The names of the steps in order, the one that publishes last."""
        return [node.own_name for node in sorted(self.nodes, key=lambda node: node.publishes)]

    def stages(self) -> Iterator[Node]:
        """Yield the paper's steps and the stage that publishes, each after its inputs: sources, other papers' steps."""
        seen: set[str] = set()
        for node in self.nodes:
            yield from self._behind(node, seen)
            yield node
        if self.publisher is not None:
            yield Node(self.slug, PUBLISH, inputs={"published": self.publisher})

    def _behind(self, node: Node, seen: set[str]) -> Iterator[Node]:
        for item in node.upstream:
            if item.paper != self.slug and item.name not in seen:
                seen.add(item.name)
                yield from self._behind(item, seen)
                yield item


_declared: ContextVar[Paper] = ContextVar("the paper that is being declared")


def trace(declare: Callable[[], object]) -> Paper:
    """Return the graph that the function ``declare`` makes; the paper has its name and its docstring.

    Raises GraphError for a wrong declaration.
    """
    paper = Paper(declare.__name__, " ".join((declare.__doc__ or declare.__name__).split()))
    token = _declared.set(paper)
    try:
        declare()
    finally:
        _declared.reset(token)
    return paper


def source(name: str) -> Node:
    """Return the data source ``name`` of data/sources.yaml as an input for steps."""
    return Node("data", name, fetches=True)


def sources(*names: str) -> dict[str, Any]:
    """Return data sources as inputs for parameters of the same names: ``step("prepare", **sources("wine"))``."""
    return {name: source(name) for name in names}


def output(paper: str, name: str, *, variant: str | None = None) -> Node:
    """Return another paper's step as an input: files cross papers, code does not.

    Raises GraphError if that paper has no such step, or reads from this one in turn.
    """
    try:
        flow = getattr(import_module(f"flows.{paper}"), paper, None)
    except ModuleNotFoundError:
        raise GraphError(f"{_current().slug}: there is no paper {paper!r} to read from") from None
    found = getattr(flow, "paper", None)
    if found is None:
        raise GraphError(f"{_current().slug} and {paper} read from each other; outputs go one way between two papers")
    asked = Node(paper, name, variant).own_name
    for node in found.nodes:
        if node.own_name == asked:
            return node
    raise GraphError(f"{_current().slug}: {paper} has no step {asked}; it has {', '.join(found.steps)}")


def step(
    name: str,
    *,
    variant: str | None = None,
    gpu: bool = False,
    distributed: bool = False,
    timed: bool = False,
    fetches: bool = False,
    publishes: bool = False,
    **inputs: Node | Sequence[Node],
) -> Node:
    """Add one step to the paper that is being declared, and return it as an input for later steps.

    ``inputs`` are named like the parameters of the step's function that take them; a list goes where that wants a
    list. The flags are those of ``Node``.
    Raises GraphError for a name that is taken or not made of lower-case words, and outside a declaration.
    """
    paper = _current()
    for word in filter(None, (name, variant)):
        if not NAME.fullmatch(word) or word == PUBLISH:
            raise GraphError(f"{paper.slug}: {word!r} must be lower-case words joined by underscores")
    given = {key: item if isinstance(item, Node) else tuple(item) for key, item in inputs.items()}
    node = Node(paper.slug, name, variant, given, gpu, distributed, timed, fetches, publishes)
    if any(other.name == node.name for other in paper.nodes):
        raise GraphError(f"{paper.slug}: the step {node.name} is declared twice; give one a variant")
    if publishes and paper.publisher is not None:
        raise GraphError(f"{paper.slug}: only one step of a paper publishes its results")
    paper.nodes.append(node)
    return node


def plot(table: str, *, x: str, y: str, title: str) -> None:
    """Declare a curve over ``tables/<table>`` of what the paper publishes."""
    _current().plots.append(Plot(table, x, y, title))


def model(node: Node, name: str, description: str) -> None:
    """Declare that the step ``node`` keeps a model called ``name`` that others may want to use."""
    _current().models.append(Model(node, name, description))


def slugs(root: Path) -> list[str]:
    """Return the papers' names: a module each in flows/."""
    return sorted(path.stem for path in (root / "flows").glob("[a-z]*.py"))


def papers(root: Path) -> list[Paper]:
    """Return the paper of every module in flows/, by name.

    Raises GraphError if a module has no flow of its own name.
    """
    return [paper_named(root, slug) for slug in slugs(root)]


def paper_named(root: Path, slug: str) -> Paper:
    """Return one paper; raises as ``flow_named`` does."""
    return flow_named(root, slug).paper


def flow_named(root: Path, slug: str) -> Any:
    """Return the Prefect flow of one paper, whose ``paper`` is its graph.

    Raises GraphError listing the papers there are, or if the module has no flow of its own name.
    """
    if slug not in slugs(root):
        raise GraphError(f"there is no paper {slug!r}; there are {', '.join(slugs(root))}")
    flow = getattr(import_module(f"flows.{slug}"), slug, None)
    if not isinstance(getattr(flow, "paper", None), Paper):
        raise GraphError(f"flows/{slug}.py: a paper's module defines @paper_flow def {slug}()")
    return flow


def _current() -> Paper:
    try:
        return _declared.get()
    except LookupError:
        raise GraphError("steps are declared inside a function decorated with @paper_flow") from None
