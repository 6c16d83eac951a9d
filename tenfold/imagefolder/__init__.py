"""Image generation with folded tokens: ImageFolder (arXiv:2410.01756)."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.imagefolder.config import GeneratorConfig as GeneratorConfig
    from tenfold.imagefolder.config import TokenizerConfig as TokenizerConfig
    from tenfold.imagefolder.generator import FoldedGenerator as FoldedGenerator
    from tenfold.imagefolder.pipeline import ImageFolder as ImageFolder
    from tenfold.imagefolder.sampling import sample as sample
    from tenfold.imagefolder.tokenizer import Tokenizer as Tokenizer
    from tenfold.imagefolder.unfolded import UnfoldedGenerator as UnfoldedGenerator
else:
    __getattr__, __dir__, __all__ = exports(__name__)
