"""ImageFolder: autoregressive image generation with folded tokens (arXiv:2410.01756)."""

from flows.graph.paper import Paper, source

paper = Paper("imagefolder")
prepared = paper.step("prepare", source("fashion_mnist"), source("cifar10"))
trained = paper.step("networks", prepared, gpu=True)
p2, p1, unquantised = (
    paper.step("tokenizer", prepared, trained, variant=variant, gpu=True) for variant in ("p2", "p1", "unquantised")
)
folded, unfolded = (
    paper.step("generator", prepared, p2, variant=variant, gpu=True) for variant in ("folded", "unfolded")
)
sampled = paper.step("sample", prepared, trained, folded, unfolded, gpu=True)
quantisation, semantics = (
    paper.step("rows", prepared, trained, p2, folded, variant=variant, gpu=True)
    for variant in ("quantisation", "semantics")
)
timed = paper.step("timing", prepared, folded, unfolded, timed=True)
paper.step(
    "evaluate",
    prepared,
    trained,
    p2,
    p1,
    unquantised,
    folded,
    unfolded,
    sampled,
    quantisation,
    semantics,
    timed,
    publishes=True,
    gpu=True,
)
