"""Differentially private fast John ellipsoid (arXiv:2408.06395)."""

from flows.execution.paper_flow import paper_flow
from flows.graph.paper import plot, source, step

TABLES = ("breast_cancer", "wine", "digits", "diabetes", "adult", "letter_recognition", "california_housing")


@paper_flow
def dp_john() -> None:
    """Differentially private fast John ellipsoid (arXiv:2408.06395)."""
    prepared = step("prepare", tables=[source(name) for name in TABLES])
    calibrated = step("calibrate")
    rates = step("rate", prepared=prepared)
    solved = step("solve", prepared=prepared)
    released = step("release", prepared=prepared, calibrated=calibrated)
    certified = step("certify", prepared=prepared, solved=solved, released=released)
    timings = step("baselines", prepared=prepared, timed=True)
    audited = step("audit")
    gaps = step("gaps")
    step(
        "evaluate",
        rates=rates,
        certified=certified,
        timings=timings,
        audited=audited,
        gaps=gaps,
        publishes=True,
    )
    plot("rate.csv", x="updates", y="averaged", title="Largest leverage by update, averaged iterate")


if __name__ == "__main__":
    dp_john()
