"""Differentially private fast John ellipsoid (arXiv:2408.06395)."""

from flows.graph.paper import Paper, source

paper = Paper("dp_john")
tables = [
    source(name)
    for name in (
        "breast_cancer",
        "wine",
        "digits",
        "diabetes",
        "adult",
        "letter_recognition",
        "california_housing",
    )
]
prepared = paper.step("prepare", *tables)
calibrated = paper.step("calibrate")
rates = paper.step("rate", prepared)
solved = paper.step("solve", prepared)
released = paper.step("release", prepared, calibrated)
certified = paper.step("certify", prepared, solved, released)
timings = paper.step("baselines", prepared, timed=True)
audited = paper.step("audit")
gaps = paper.step("gaps")
paper.step("evaluate", rates, certified, timings, audited, gaps, publishes=True)
paper.plot("rate.csv", x="updates", y="averaged", title="Largest leverage by update, averaged iterate")
