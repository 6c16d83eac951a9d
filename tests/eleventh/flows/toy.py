"""A small paper, added to a copy of the project the way paper eleven would be."""

from flows.graph.paper import Paper, source

paper = Paper("toy")
table = source("wine")
drawn = paper.step("draw", table)
arms = [paper.step("train", drawn, variant=arm) for arm in ("left", "right")]
combined = paper.step("combine", *arms)
paper.step("evaluate", combined, publishes=True)
paper.plot("curve.csv", x="update", y="left", title="Loss by update")
