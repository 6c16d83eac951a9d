"""The one declaration of a paper: its steps, in order, as data flow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType

NAME = re.compile(r"[a-z][a-z0-9_]*")
EVERYTHING, ALL_PAPERS = "everything", "All papers, then the report."  # the flow over all papers


class GraphError(ValueError):
    """A paper's graph is declared wrongly."""


@dataclass(frozen=True)
class Node:
    """One step, or one data source; ``inputs`` in the order of the step's positional arguments."""

    paper: str
    step: str
    variant: str | None = None
    inputs: tuple[Node, ...] = ()
    gpu: bool = False
    publishes: bool = False
    timed: bool = False

    @property
    def name(self) -> str:
        """The name of the DVC stage."""
        return "-".join(filter(None, (self.paper, self.step, self.variant)))

    @property
    def words(self) -> tuple[str, ...]:
        """The arguments of ``python -m steps``."""
        return tuple(filter(None, (self.paper, self.step, self.variant)))

    @property
    def module(self) -> str:
        return "steps.data" if self.is_source else f"steps.{self.paper}.{self.step}"

    @property
    def is_source(self) -> bool:
        return self.paper == "data"

    @property
    def out(self) -> str:
        """The output folder; ``${profile}`` stands for the profile."""
        if self.is_source:
            return f"data/${{profile}}/{self.step}"
        if self.publishes:
            return f"results/${{profile}}/{self.paper}"
        return f"artifacts/${{profile}}/{self.paper}/{'-'.join(self.words[1:])}"

    @property
    def provenance(self) -> str:
        folder = "data/${profile}" if self.is_source else f"artifacts/${{profile}}/{self.paper}"
        return f"{folder}/{'-'.join(self.words[1:])}.provenance.json"


@dataclass(frozen=True)
class Plot:
    """A curve that ``dvc plots show`` draws from a published table."""

    table: str
    x: str
    y: str
    title: str


@dataclass
class Paper:
    """A paper's graph. ``step`` adds a step and returns it, to be an input of later ones."""

    slug: str
    nodes: list[Node] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)

    def step(
        self,
        name: str,
        *inputs: Node,
        variant: str | None = None,
        gpu: bool = False,
        publishes: bool = False,
        timed: bool = False,
    ) -> Node:
        """Declare one step.

        ``gpu``: one at a time on a card. ``publishes``: its output is results/<profile>/<paper>, in git.
        ``timed``: its output holds timings, so it differs from run to run.
        Raises GraphError for a name that is taken or not made of lower-case words.
        """
        for word in filter(None, (name, variant)):
            if not NAME.fullmatch(word):
                raise GraphError(f"{self.slug}: {word!r} must be lower-case words joined by underscores")
        node = Node(self.slug, name, variant, inputs, gpu, publishes, timed)
        if any(other.name == node.name for other in self.nodes):
            raise GraphError(f"{self.slug}: the step {node.name} is declared twice; give one a variant")
        if publishes and any(other.publishes for other in self.nodes):
            raise GraphError(f"{self.slug}: only one step of a paper publishes its results")
        self.nodes.append(node)
        return node

    def plot(self, table: str, *, x: str, y: str, title: str) -> None:
        """Declare a curve over ``tables/<table>`` of the publishing step."""
        self.plots.append(Plot(table, x, y, title))

    def stages(self) -> Iterator[Node]:
        """Yield the data sources that the paper uses and its steps, each after its inputs."""
        seen: set[str] = set()
        for node in self.nodes:
            for source_ in node.inputs:
                if source_.is_source and source_.name not in seen:
                    seen.add(source_.name)
                    yield source_
            yield node


def source(name: str) -> Node:
    """Return the data source ``name`` of data/sources.yaml as an input for steps."""
    return Node("data", name)


def slugs(root: Path) -> list[str]:
    """Return the papers' names: a module each in flows/."""
    return sorted(path.stem for path in (root / "flows").glob("[a-z]*.py"))


def papers(root: Path) -> list[Paper]:
    """Return the paper of every module in flows/, by name.

    Raises GraphError if a module has no ``paper`` or one with another name than the module.
    """
    found = []
    for slug in slugs(root):
        paper = getattr(import_module(f"flows.{slug}"), "paper", None)
        if not isinstance(paper, Paper) or paper.slug != slug:
            raise GraphError(f"flows/{slug}.py: a paper's module must set paper = Paper({slug!r})")
        found.append(paper)
    return found


def paper_named(root: Path, slug: str) -> Paper:
    """Return one paper.

    Raises GraphError listing the papers there are.
    """
    known = papers(root)
    for paper in known:
        if paper.slug == slug:
            return paper
    raise GraphError(f"there is no paper {slug!r}; there are {', '.join(paper.slug for paper in known)}")


def description(slug: str) -> str:
    """Return what a paper's module in flows/ says of itself, in one paragraph."""
    return " ".join((import_module(f"flows.{slug}").__doc__ or slug).split())


def own_data(root: Path, slug: str) -> ModuleType:
    """Return the module of a paper's command for a person's own data.

    Raises GraphError if there is no such paper, or it offers none.
    """
    paper_named(root, slug)
    if not (root / "steps" / slug / "own_data.py").is_file():
        raise GraphError(f"{slug} offers no command for your own data")
    return import_module(f"steps.{slug}.own_data")
