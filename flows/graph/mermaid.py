"""A paper's graph as a Mermaid flowchart, for the README and the paper's page in docs/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flows.graph.paper import Node, Paper

SHOWN = 4  # sources that one node names in full


def flowchart(paper: Paper) -> str:
    """Return the paper's steps and sources as a Mermaid flowchart, left to right.

    Sources with the same readers share one node. An arrow is left out where a longer way says as much.
    """
    nodes = list(paper.stages())
    steps = {node.name: node for node in nodes if not node.is_source}
    lines = ["flowchart LR", *(f"  {_id(step)}[{_label(step)}]" for step in steps.values())]
    for readers, names in _sources(nodes, steps).items():
        lines.append(f"  data_{names[0]}[({_names(names)})] --> {' & '.join(_id(steps[name]) for name in readers)}")
    for step in steps.values():
        if inputs := _direct_inputs(steps, step):
            lines.append(f"  {' & '.join(_id(node) for node in inputs)} --> {_id(step)}")
    return "\n".join(lines)


def _id(node: Node) -> str:
    return "_".join(node.words[1:])


def _label(node: Node) -> str:
    """Return the step's name and, under it, what is special about the step."""
    marks = [words for mark, words in (("gpu", "GPU"), ("timed", "timed")) if getattr(node, mark)]
    name = _id(node).replace("_", " ")
    return f'"{name}<br/><small>{", ".join(marks)}</small>"' if marks else name


def _names(names: list[str]) -> str:
    """Return the names of sources as the lines of one node, the last of many as a number."""
    shown = [name.replace("_", " ") for name in names]
    if len(shown) > SHOWN:
        shown[SHOWN - 1 :] = [f"and {len(shown) - SHOWN + 1} more"]
    return f'"{"<br/>".join(shown)}"'


def _sources(nodes: list[Node], steps: Mapping[str, Node]) -> dict[tuple[str, ...], list[str]]:
    """Return the names of the sources by the steps that read them."""
    found: dict[tuple[str, ...], list[str]] = {}
    for source in nodes:
        if source.is_source:
            found.setdefault(
                tuple(name for name, step in steps.items() if source.name in _input_names(step)), []
            ).append(source.step)
    return found


def _direct_inputs(steps: Mapping[str, Node], step: Node) -> list[Node]:
    """Return the steps that ``step`` reads, without those that another of them comes from."""
    return direct([steps[name] for name in _input_names(step) if name in steps])


def direct(inputs: Sequence[Node]) -> list[Node]:
    """Return the nodes that no other of them comes from."""
    return [node for node in inputs if not any(_comes_from(other, node) for other in inputs)]


def _comes_from(later: Node, earlier: Node) -> bool:
    return any(node.name == earlier.name or _comes_from(node, earlier) for node in later.upstream)


def _input_names(step: Node) -> list[str]:
    return [node.name for node in step.upstream]
