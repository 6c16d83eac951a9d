"""Differentially private cross-attention (arXiv:2407.14717)."""

from flows.graph.paper import Paper, source

paper = Paper("dp_cross_attention")
embedded = paper.step("embed", source("agnews"), source("minilm"), gpu=True)
prepared = paper.step("prepare", source("digits"), embedded)
calibrated = paper.step("calibrate")
errors = paper.step("errors")
classified = paper.step("classify", prepared)
trees = paper.step("trees")
ablated = paper.step("ablations")
audited = paper.step("audit")
attacked = paper.step("attack")
grown = paper.step("continual")
corrected = paper.step("corrections", prepared, embedded)
timings = paper.step("scaling", timed=True)
paper.step(
    "evaluate",
    calibrated,
    errors,
    classified,
    trees,
    ablated,
    audited,
    attacked,
    grown,
    corrected,
    timings,
    publishes=True,
)
paper.plot("errors.csv", x="n", y="RMSE", title="Error against exact attention by number of rows")
