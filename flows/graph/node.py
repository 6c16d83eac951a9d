"""One step of a paper, or one data source: a node of the graph, and the DVC stage that it becomes."""

from __future__ import annotations

from dataclasses import dataclass, field

PUBLISH = "publish"  # the stage that copies what a paper publishes into results/


class GraphError(ValueError):
    """A paper's graph is declared wrongly."""


@dataclass(frozen=True, eq=False)
class Node:
    """One step, or one data source. ``inputs`` by the name of the step's parameter that takes them."""

    paper: str
    step: str
    variant: str | None = None
    inputs: dict[str, Node | tuple[Node, ...]] = field(default_factory=dict)
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


class Elsewhere(Node):
    """Another paper's step by name, until that paper is declared too and its own node takes this one's place."""
