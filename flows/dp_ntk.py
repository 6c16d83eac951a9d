"""Differentially private regression with neural tangent kernels (arXiv:2407.13621)."""

from flows.execution.paper_flow import paper_flow
from flows.graph.paper import plot, sources, step


@paper_flow
def dp_ntk() -> None:
    """Differentially private regression with neural tangent kernels (arXiv:2407.13621)."""
    prepared = step("prepare", **sources("digits", "breast_cancer", "cifar10", "fashion_mnist", "trec", "minilm"))
    kernels = step("kernel_public")
    calibrated = step("calibrate", kernels=kernels)
    converged = step("convergence", prepared=prepared)
    close = step("release_close", prepared=prepared, kernels=kernels, calibrated=calibrated)
    replaced = step("release_replace", prepared=prepared, calibrated=calibrated)
    fitted = step("fit", released=replaced)
    accounted = step("account", prepared=prepared, kernels=kernels)
    audited = step("audit")
    gaps = step("gaps", prepared=prepared)
    peers = step("baselines", prepared=prepared)
    step(
        "evaluate",
        prepared=prepared,
        converged=converged,
        close=close,
        replaced=replaced,
        fitted=fitted,
        accounted=accounted,
        audited=audited,
        gaps=gaps,
        peers=peers,
        publishes=True,
    )
    plot("record.csv", x="epsilon", y="accuracy", title="Accuracy by ε at record level, mean of the draws")


if __name__ == "__main__":
    dp_ntk()
