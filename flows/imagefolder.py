"""ImageFolder: autoregressive image generation with folded tokens (arXiv:2410.01756)."""

from flows.execution.paper_flow import paper_flow
from flows.graph.paper import model, sources, step


@paper_flow
def imagefolder() -> None:
    """ImageFolder: autoregressive image generation with folded tokens (arXiv:2410.01756)."""
    prepared = step("prepare", **sources("fashion_mnist", "cifar10"))
    trained = step("networks", prepared=prepared, gpu=True, distributed=True)
    p2, p1, unquantised = (
        step(
            "tokenizer",
            prepared=prepared,
            trained=trained,
            variant=variant,
            gpu=True,
            distributed=True,
        )
        for variant in ("p2", "p1", "unquantised")
    )
    folded, unfolded = (
        step("generator", prepared=prepared, tokenized=p2, variant=variant, gpu=True, distributed=True)
        for variant in ("folded", "unfolded")
    )
    sampled = step("sample", prepared=prepared, trained=trained, folded=folded, unfolded=unfolded, gpu=True)
    quantisation, semantics = (
        step(
            "rows",
            prepared=prepared,
            trained=trained,
            p2=p2,
            folded=folded,
            variant=variant,
            gpu=True,
            distributed=True,
        )
        for variant in ("quantisation", "semantics")
    )
    timings = step("timing", prepared=prepared, folded=folded, unfolded=unfolded, timed=True)
    step(
        "evaluate",
        prepared=prepared,
        trained=trained,
        p2=p2,
        p1=p1,
        unquantised=unquantised,
        folded=folded,
        unfolded=unfolded,
        sampled=sampled,
        quantisation=quantisation,
        semantics=semantics,
        timings=timings,
        gpu=True,
        publishes=True,
    )
    model(folded, "fashion_mnist-folded-0", "ImageFolder: tokenizer and folded generator of Fashion-MNIST")
    model(unfolded, "fashion_mnist-unfolded-0", "ImageFolder: tokenizer and unfolded generator of Fashion-MNIST")


if __name__ == "__main__":
    imagefolder()
