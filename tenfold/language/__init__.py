"""Small decoder language models: loading, replies in batches, options scored by likelihood, labels of answers alone."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.language.decoder import Decoder as Decoder
    from tenfold.language.decoder import convert_gguf as convert_gguf
    from tenfold.language.decoder import load_decoder as load_decoder
    from tenfold.language.errors import DecoderMismatch as DecoderMismatch
    from tenfold.language.errors import EmptyAnswer as EmptyAnswer
    from tenfold.language.errors import LanguageError as LanguageError
    from tenfold.language.generation import LocalModel as LocalModel
    from tenfold.language.generation import generate as generate
    from tenfold.language.letter_model import LetterModel as LetterModel
    from tenfold.language.prefix_cache import PrefixCache as PrefixCache
    from tenfold.language.scoring import log_likelihoods as log_likelihoods
    from tenfold.language.scoring import option_probabilities as option_probabilities
else:
    __getattr__, __dir__, __all__ = exports(__name__)
