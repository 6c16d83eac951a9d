"""Text: normal forms, edit distances, whether an answer matches, the option chosen, sentences as vectors."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.text.anls import anls_docvqa as anls_docvqa
    from tenfold.text.anls import anls_lmms as anls_lmms
    from tenfold.text.choices import parse_choice as parse_choice
    from tenfold.text.edit_distance import edit_distance_table as edit_distance_table
    from tenfold.text.edit_distance import edit_distances as edit_distances
    from tenfold.text.edit_distance import normalised_edit_similarity as normalised_edit_similarity
    from tenfold.text.encoder import EncoderMismatch as EncoderMismatch
    from tenfold.text.encoder import SentenceEncoder as SentenceEncoder
    from tenfold.text.encoder import load_encoder as load_encoder
    from tenfold.text.errors import InvalidOptions as InvalidOptions
    from tenfold.text.errors import UnpairedTexts as UnpairedTexts
    from tenfold.text.matching import contained_match as contained_match
    from tenfold.text.matching import exact_match as exact_match
    from tenfold.text.matching import relaxed_match as relaxed_match
    from tenfold.text.matching import vqa_accuracy as vqa_accuracy
    from tenfold.text.normalise import normalised as normalised
    from tenfold.text.word_scores import WordScores as WordScores
    from tenfold.text.word_scores import corrected_word_scores as corrected_word_scores
    from tenfold.text.word_scores import official_word_scores as official_word_scores
else:
    __getattr__, __dir__, __all__ = exports(__name__)
