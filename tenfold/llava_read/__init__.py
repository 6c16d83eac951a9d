"""LLaVA-Read: a model that sees in two resolutions and reads what an OCR engine found (arXiv 2407.19185)."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.llava_read.config import LlavaReadConfig as LlavaReadConfig
    from tenfold.llava_read.config import TinyDecoderConfig as TinyDecoderConfig
    from tenfold.llava_read.errors import InvalidInputs as InvalidInputs
    from tenfold.llava_read.errors import InvalidParts as InvalidParts
    from tenfold.llava_read.errors import LlavaReadError as LlavaReadError
    from tenfold.llava_read.merge import ResolutionAdapter as ResolutionAdapter
    from tenfold.llava_read.model import LlavaReadForConditionalGeneration as LlavaReadForConditionalGeneration
    from tenfold.llava_read.pretrained import PAPER as PAPER
    from tenfold.llava_read.pretrained import Parts as Parts
    from tenfold.llava_read.pretrained import from_parts as from_parts
    from tenfold.llava_read.processor import LlavaReadProcessor as LlavaReadProcessor
    from tenfold.llava_read.squares import Square as Square
    from tenfold.llava_read.squares import box_tokens as box_tokens
    from tenfold.llava_read.squares import place_tokens as place_tokens
    from tenfold.llava_read.squares import read_box as read_box
    from tenfold.llava_read.training_parts import add_lora as add_lora
    from tenfold.llava_read.training_parts import load_trained as load_trained
    from tenfold.llava_read.training_parts import merge_lora as merge_lora
    from tenfold.llava_read.training_parts import save_trained as save_trained
    from tenfold.llava_read.training_parts import set_trained as set_trained
else:
    __getattr__, __dir__, __all__ = exports(__name__)
