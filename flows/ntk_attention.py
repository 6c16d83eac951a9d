"""NTK-Attention: infinite-long prefix in a transformer (arXiv:2406.14036)."""

from flows.graph.paper import Paper, source

paper = Paper("ntk_attention")
pictures = [source(name) for name in ("fashion_mnist", "cifar10")]
texts = [source(name) for name in ("sst2", "trec", "rte", "cola", "copa", "wikitext2", "tinyshakespeare")]
minilm = source("minilm")
prepared = paper.step("prepare", *pictures, *texts, minilm)
pretrained = paper.step("pretrain", prepared, gpu=True)
vision = paper.step("adapt_vision", prepared, pretrained, gpu=True)
text = paper.step("adapt_text", prepared, minilm, gpu=True)
characters = paper.step("adapt_characters", prepared, pretrained, gpu=True)
ablation = paper.step("ablate", prepared, pretrained, gpu=True)
theory = paper.step("theory")
timed = paper.step("timing", timed=True)
paper.step("evaluate", vision, text, characters, ablation, theory, timed, publishes=True)
