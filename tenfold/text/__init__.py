"""Text: sentences as vectors of a public encoder."""

from tenfold.lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {"EncoderMismatch": "encoder", "SentenceEncoder": "encoder", "load_encoder": "encoder"},
)
