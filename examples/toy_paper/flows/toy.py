"""A small paper, the pattern of every other: two arms walk towards a target (arXiv:0000.00000)."""

from flows.execution.paper_flow import paper_flow
from flows.graph.paper import plot, source, step


@paper_flow
def toy() -> None:
    """A small paper, the pattern of every other: two arms walk towards a target (arXiv:0000.00000)."""
    drawn = step("draw", table=source("wine"))  # steps/toy/draw.py reads a source of data/sources.yaml
    arms = [step("train", drawn=drawn, variant=arm) for arm in ("left", "right")]  # gpu=True: one per card
    combined = step("combine", arms=arms)
    step("evaluate", combined=combined, publishes=True)
    plot("curve.csv", x="update", y="left", title="Loss by update")  # what `dvc plots show` draws besides figures


if __name__ == "__main__":
    toy()
