"""Text: normal forms, the option that a reply chooses, sentences as vectors of a public encoder."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.text.choices import parse_choice as parse_choice
    from tenfold.text.encoder import EncoderMismatch as EncoderMismatch
    from tenfold.text.encoder import SentenceEncoder as SentenceEncoder
    from tenfold.text.encoder import load_encoder as load_encoder
    from tenfold.text.errors import InvalidOptions as InvalidOptions
    from tenfold.text.normalise import normalised as normalised
else:
    __getattr__, __dir__, __all__ = exports(__name__)
