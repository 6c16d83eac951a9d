"""NTK-Attention: infinite-long prefix in a transformer (arXiv:2406.14036)."""

from flows.execution.paper_flow import paper_flow
from flows.graph.paper import source, sources, step

IMAGES = ("fashion_mnist", "cifar10")
TEXTS = ("sst2", "trec", "rte", "cola", "copa", "wikitext2", "tinyshakespeare")


@paper_flow
def ntk_attention() -> None:
    """NTK-Attention: infinite-long prefix in a transformer (arXiv:2406.14036)."""
    minilm = source("minilm")
    prepared = step("prepare", **sources(*IMAGES, *TEXTS), minilm=minilm)
    pretrained = step("pretrain", prepared=prepared, gpu=True, distributed=True)
    vision = step("adapt_vision", prepared=prepared, pretrained=pretrained, gpu=True, distributed=True)
    text = step("adapt_text", prepared=prepared, minilm=minilm, gpu=True, distributed=True)
    characters = step("adapt_characters", prepared=prepared, pretrained=pretrained, gpu=True, distributed=True)
    ablation = step("ablate", prepared=prepared, pretrained=pretrained, gpu=True, distributed=True)
    theory = step("theory")
    timings = step("timing", timed=True)
    step(
        "evaluate",
        vision=vision,
        text=text,
        characters=characters,
        ablation=ablation,
        theory=theory,
        timings=timings,
        publishes=True,
    )


if __name__ == "__main__":
    ntk_attention()
