"""A paper's graph as a Mermaid flowchart, for the README and the paper's page in docs/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flows.graph.paper import Node, Paper

SHOWN = 4  # sources that one node names in full


def flowchart(paper: Paper) -> str:
    """Return the paper's steps, its sources, and the steps of other papers that it reads, as a flowchart.

    Sources with the same readers share one node. What lies behind another paper's step is on that paper's chart. An
    arrow is left out where a longer way says as much.
    """
    nodes = list(paper.stages())
    own = {node.name: node for node in nodes if node.paper == paper.slug}
    others = {item.name: item for node in own.values() for item in node.upstream if item.paper != paper.slug}
    steps = {node.name: node for node in nodes if node.name in own or (node.name in others and not node.is_source)}
    lines = ["flowchart LR", *(f"  {_id(paper, step)}{_label(paper, step)}" for step in steps.values())]
    for readers, names in _sources(nodes, own).items():
        lines.append(
            f"  data_{names[0]}[({_names(names)})] --> {' & '.join(_id(paper, own[name]) for name in readers)}"
        )
    for step in steps.values():
        if inputs := _direct_inputs(steps, step):
            lines.append(f"  {' & '.join(_id(paper, node) for node in inputs)} --> {_id(paper, step)}")
    return "\n".join(lines)


def _id(paper: Paper, node: Node) -> str:
    return "_".join(node.words[node.paper == paper.slug :])


def _label(paper: Paper, node: Node) -> str:
    """Return the step's name in a box and, under it, what is special about the step; round for another paper's."""
    name = " ".join(node.words[1:]).replace("_", " ")
    if node.paper != paper.slug:
        return f'(["{name}<br/><small>{node.paper}</small>"])'
    marks = [words for mark, words in (("gpu", "GPU"), ("timed", "timed")) if getattr(node, mark)]
    return f'["{name}<br/><small>{", ".join(marks)}</small>"]' if marks else f"[{name}]"


def _names(names: list[str]) -> str:
    """Return the names of sources as the lines of one node, the last of many as a number."""
    shown = [name.replace("_", " ") for name in names]
    if len(shown) > SHOWN:
        shown[SHOWN - 1 :] = [f"and {len(shown) - SHOWN + 1} more"]
    return f'"{"<br/>".join(shown)}"'


def _sources(nodes: Sequence[Node], steps: Mapping[str, Node]) -> dict[tuple[str, ...], list[str]]:
    """Return the names of the sources by the steps that read them."""
    found: dict[tuple[str, ...], list[str]] = {}
    for source in nodes:
        readers = tuple(name for name, step in steps.items() if source.name in [node.name for node in step.upstream])
        if source.is_source and readers:
            found.setdefault(readers, []).append(source.step)
    return found


def _direct_inputs(steps: Mapping[str, Node], step: Node) -> list[Node]:
    """Return the steps that ``step`` comes from, be it by ways that are not drawn, without those behind another."""
    behind = _behind(step)
    return direct([other for name, other in steps.items() if name in behind])


def direct(inputs: Sequence[Node]) -> list[Node]:
    """Return the nodes that no other of them comes from."""
    behind = set[str]().union(*map(_behind, inputs))
    return [node for node in inputs if node.name not in behind]


def _behind(node: Node) -> set[str]:
    """Return the names of all that a node comes from."""
    found, left = set[str](), list(node.upstream)
    while left:
        item = left.pop()
        if item.name not in found:
            found.add(item.name)
            left += item.upstream
    return found
