"""The one declaration of a paper: its steps, in order, as data flow.

``trace`` runs the function that declares a paper once; inside it ``source``, ``step``, ``plot`` and ``model`` add to
the paper's graph.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from flows.graph.node import PUBLISH, Elsewhere, GraphError, Node

NAME = re.compile(r"[a-z][a-z0-9_]*")
FLAGS = ("gpu", "distributed", "timed", "fetches", "publishes")


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
    """A paper's graph. Papers may read from each other, as long as no step waits for itself."""

    slug: str
    description: str = ""
    declared: list[Node] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    models: list[Model] = field(default_factory=list)
    joined: bool = False  # the steps of other papers that it reads from stand in its inputs
    checked: bool = False  # and there is no circle

    @property
    def nodes(self) -> list[Node]:
        """The paper's steps in order.

        Raises GraphError for an input from a paper or a step that there is not, and for a circle of stages.
        """
        if not self.checked:
            _join(self)
            _refuse_circle(self)
            self.checked = True
        return self.declared

    @property
    def publisher(self) -> Node | None:
        """The step that writes what the paper publishes."""
        return next((node for node in self.nodes if node.publishes), None)

    @property
    def steps(self) -> list[str]:
        """The names of the steps in order, the one that publishes last."""
        return [node.own_name for node in sorted(self.nodes, key=lambda node: node.publishes)]

    def stages(self) -> Iterator[Node]:
        """Yield the paper's steps, the stage that publishes, and what they wait for: sources, other papers' steps.

        Each stage comes once, after its inputs. Raises GraphError as ``nodes`` does.
        """
        own, seen = {node.name: node for node in self.nodes}, set[str]()

        def visit(node: Node) -> Iterator[Node]:
            if node.name not in seen:
                seen.add(node.name)
                for item in node.upstream:
                    yield from visit(own.get(item.name, item))
                yield node

        for node in self.nodes:
            yield from visit(node)
        if self.publisher is not None:
            yield Node(self.slug, PUBLISH, inputs={"published": self.publisher})


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

    That paper may read from this one in turn, and so is looked at when both are declared; ``Paper.nodes`` raises
    GraphError if it has no such step, or the step waits for one that reads from it.
    """
    return Elsewhere(paper, name, variant)


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
    given: dict[str, Node | tuple[Node, ...]] = {
        key: item if isinstance(item, Node) else tuple(item) for key, item in inputs.items()
    }
    node = Node(paper.slug, name, variant, given, gpu, distributed, timed, fetches, publishes)
    if any(other.name == node.name for other in paper.declared):
        raise GraphError(f"{paper.slug}: the step {node.name} is declared twice; give one a variant")
    if publishes and any(other.publishes for other in paper.declared):
        raise GraphError(f"{paper.slug}: only one step of a paper publishes its results")
    paper.declared.append(node)
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


def _join(paper: Paper) -> None:
    """Put the nodes of other papers in the places of their names, in ``paper`` and in all papers behind it."""
    if paper.joined:
        return
    paper.joined = True
    try:
        for node in paper.declared:
            for key, item in node.inputs.items():
                found = tuple(_found(paper, one) for one in (item if isinstance(item, tuple) else (item,)))
                node.inputs[key] = found if isinstance(item, tuple) else found[0]
    except BaseException:
        paper.joined = False
        raise


def _found(paper: Paper, item: Node) -> Node:
    if not isinstance(item, Elsewhere):
        return item
    module = f"flows.{item.paper}"
    try:
        other = getattr(getattr(import_module(module), item.paper, None), "paper", None)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise GraphError(f"{paper.slug}: there is no paper {item.paper!r} to read from") from None
    if not isinstance(other, Paper):
        raise GraphError(f"flows/{item.paper}.py: a paper's module defines @paper_flow def {item.paper}()")
    _join(other)
    for node in other.declared:
        if node.name == item.name:
            return node
    names = ", ".join(node.own_name for node in other.declared)
    raise GraphError(f"{paper.slug}: {item.paper} has no step {item.own_name}; it has {names}")


def _refuse_circle(paper: Paper) -> None:
    done, way = set[str](), list[str]()

    def visit(node: Node) -> None:
        if node.name in way:
            circle = " ← ".join([*way[way.index(node.name) :], node.name])
            raise GraphError(f"{paper.slug}: stages that wait for themselves: {circle}; let one of them read less")
        if node.name not in done:
            way.append(node.name)
            for item in node.upstream:
                visit(item)
            done.add(way.pop())

    for node in paper.declared:
        visit(node)


def _current() -> Paper:
    try:
        return _declared.get()
    except LookupError:
        raise GraphError("steps are declared inside a function decorated with @paper_flow") from None
