"""Differentially private regression with neural tangent kernels (arXiv:2407.13621)."""

from flows.graph.paper import Paper, source

paper = Paper("dp_ntk")
sources = [source(name) for name in ("digits", "breast_cancer", "cifar10", "fashion_mnist", "trec", "minilm")]
prepared = paper.step("prepare", *sources)
kernels = paper.step("kernel_public")
calibrated = paper.step("calibrate", kernels)
converged = paper.step("convergence", prepared)
close = paper.step("release_close", prepared, kernels, calibrated)
replaced = paper.step("release_replace", prepared, calibrated)
fitted = paper.step("fit", replaced)
accounted = paper.step("account", prepared, kernels)
audited = paper.step("audit")
gaps = paper.step("gaps", prepared)
peers = paper.step("baselines", prepared)
paper.step("evaluate", prepared, converged, close, replaced, fitted, accounted, audited, gaps, peers, publishes=True)
paper.plot("record.csv", x="epsilon", y="accuracy", title="Accuracy by ε at record level, mean of the draws")
