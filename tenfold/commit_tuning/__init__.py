"""CoMMIT: coordinated tuning of a multimodal model's encoder and LLM, by how much each moves the answers."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.commit_tuning.encoders import FrameTokens as FrameTokens
    from tenfold.commit_tuning.encoders import MapTokens as MapTokens
    from tenfold.commit_tuning.item_parts import Items as Items
    from tenfold.commit_tuning.item_parts import Parts as Parts
    from tenfold.commit_tuning.item_parts import clip_parts as clip_parts
    from tenfold.commit_tuning.item_parts import digit_parts as digit_parts
    from tenfold.commit_tuning.item_parts import image_parts as image_parts
    from tenfold.commit_tuning.media import lite0_images as lite0_images
    from tenfold.commit_tuning.media import small_images as small_images
    from tenfold.commit_tuning.media import small_sounds as small_sounds
    from tenfold.commit_tuning.media import whisper_sounds as whisper_sounds
    from tenfold.commit_tuning.model import MultimodalModel as MultimodalModel
    from tenfold.commit_tuning.model import SmallModel as SmallModel
    from tenfold.commit_tuning.model import SmallModelConfig as SmallModelConfig
    from tenfold.commit_tuning.model import group_paths as group_paths
    from tenfold.commit_tuning.pretexts import pretrain_decoder as pretrain_decoder
    from tenfold.commit_tuning.pretexts import pretrain_encoder as pretrain_encoder
    from tenfold.commit_tuning.pretrained_model import from_pretrained_parts as from_pretrained_parts
    from tenfold.commit_tuning.question_batches import QuestionEncoder as QuestionEncoder
    from tenfold.commit_tuning.question_batches import accuracy_by_kind as accuracy_by_kind
    from tenfold.commit_tuning.question_batches import answers as answers
    from tenfold.commit_tuning.question_batches import exact_matches as exact_matches
    from tenfold.commit_tuning.question_batches import word_tokenizer as word_tokenizer
    from tenfold.commit_tuning.question_batches import words_of as words_of
    from tenfold.commit_tuning.question_errors import InvalidMedia as InvalidMedia
    from tenfold.commit_tuning.question_errors import InvalidModelParts as InvalidModelParts
    from tenfold.commit_tuning.question_errors import InvalidSubject as InvalidSubject
    from tenfold.commit_tuning.question_errors import LeakedItems as LeakedItems
    from tenfold.commit_tuning.question_errors import QuestionError as QuestionError
    from tenfold.commit_tuning.question_errors import TooFewItems as TooFewItems
    from tenfold.commit_tuning.questions import SUBJECTS as SUBJECTS
    from tenfold.commit_tuning.questions import Question as Question
    from tenfold.commit_tuning.questions import Subject as Subject
    from tenfold.commit_tuning.questions import answer_prior as answer_prior
    from tenfold.commit_tuning.questions import ask as ask
    from tenfold.commit_tuning.questions import blind_accuracy as blind_accuracy
else:
    __getattr__, __dir__, __all__ = exports(__name__)
