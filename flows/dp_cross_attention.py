"""Differentially private cross-attention (arXiv:2407.14717)."""

from flows.execution.paper_flow import paper_flow
from flows.graph.paper import plot, source, step


@paper_flow
def dp_cross_attention() -> None:
    """Differentially private cross-attention (arXiv:2407.14717)."""
    embedded = step("embed", texts=source("agnews"), encoder=source("minilm"), gpu=True)
    prepared = step("prepare", digits=source("digits"), embedded=embedded)
    calibrated = step("calibrate")
    errors = step("errors")
    classified = step("classify", prepared=prepared)
    trees = step("trees")
    ablated = step("ablations")
    audited = step("audit")
    attacked = step("attack")
    grown = step("continual")
    corrected = step("corrections", prepared=prepared, embedded=embedded)
    timings = step("scaling", timed=True)
    step(
        "evaluate",
        calibrated=calibrated,
        errors=errors,
        classified=classified,
        trees=trees,
        ablated=ablated,
        audited=audited,
        attacked=attacked,
        grown=grown,
        corrected=corrected,
        timings=timings,
        publishes=True,
    )
    plot("errors.csv", x="n", y="RMSE", title="Error against exact attention by number of rows")


if __name__ == "__main__":
    dp_cross_attention()
