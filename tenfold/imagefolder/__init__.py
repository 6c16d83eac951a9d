"""Image generation with folded tokens: ImageFolder (arXiv:2410.01756)."""

from tenfold.lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "FoldedGenerator": "generator",
        "GeneratorConfig": "config",
        "ImageFolder": "pipeline",
        "Tokenizer": "tokenizer",
        "TokenizerConfig": "config",
        "UnfoldedGenerator": "unfolded",
        "sample": "sampling",
    },
)
