"""CoMMIT: coordinated tuning of a multimodal model's encoder and LLM, by how much each moves the answers."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.commit_tuning.balance import BalanceAverage as BalanceAverage
    from tenfold.commit_tuning.balance import BalanceEstimator as BalanceEstimator
    from tenfold.commit_tuning.balance import Estimate as Estimate
    from tenfold.commit_tuning.baselines import TunedConstant as TunedConstant
    from tenfold.commit_tuning.baselines import mean_rate as mean_rate
    from tenfold.commit_tuning.baselines import tune_ratio as tune_ratio
    from tenfold.commit_tuning.callback import CommitTuningCallback as CommitTuningCallback
    from tenfold.commit_tuning.components import Components as Components
    from tenfold.commit_tuning.components import component_table as component_table
    from tenfold.commit_tuning.components import linear_paths as linear_paths
    from tenfold.commit_tuning.components import optimiser_groups as optimiser_groups
    from tenfold.commit_tuning.components import parameters_by_component as parameters_by_component
    from tenfold.commit_tuning.components import part_counts as part_counts
    from tenfold.commit_tuning.divergence import AnswerDistributions as AnswerDistributions
    from tenfold.commit_tuning.divergence import answer_distributions as answer_distributions
    from tenfold.commit_tuning.encoders import FrameTokens as FrameTokens
    from tenfold.commit_tuning.encoders import MapTokens as MapTokens
    from tenfold.commit_tuning.errors import CommitTuningError as CommitTuningError
    from tenfold.commit_tuning.errors import ImpreciseProbe as ImpreciseProbe
    from tenfold.commit_tuning.errors import InvalidComponents as InvalidComponents
    from tenfold.commit_tuning.errors import InvalidProbe as InvalidProbe
    from tenfold.commit_tuning.errors import InvalidScheduler as InvalidScheduler
    from tenfold.commit_tuning.errors import InvalidTrace as InvalidTrace
    from tenfold.commit_tuning.errors import LearningRateOverwritten as LearningRateOverwritten
    from tenfold.commit_tuning.errors import MixedGroup as MixedGroup
    from tenfold.commit_tuning.errors import NoGradient as NoGradient
    from tenfold.commit_tuning.errors import StateMismatch as StateMismatch
    from tenfold.commit_tuning.errors import UnknownGroup as UnknownGroup
    from tenfold.commit_tuning.errors import UnsupportedOptimiser as UnsupportedOptimiser
    from tenfold.commit_tuning.families import known_components as known_components
    from tenfold.commit_tuning.gradients import FrozenPart as FrozenPart
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
    from tenfold.commit_tuning.probe import Probe as Probe
    from tenfold.commit_tuning.probe import aligned_answers as aligned_answers
    from tenfold.commit_tuning.probe import causal_answers as causal_answers
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
    from tenfold.commit_tuning.reward import DistributionReward as DistributionReward
    from tenfold.commit_tuning.reward import Reward as Reward
    from tenfold.commit_tuning.reward import gradient_share as gradient_share
    from tenfold.commit_tuning.schedulers import ConstantScheduler as ConstantScheduler
    from tenfold.commit_tuning.schedulers import CoordinateDescent as CoordinateDescent
    from tenfold.commit_tuning.schedulers import CoordinatedScheduler as CoordinatedScheduler
    from tenfold.commit_tuning.schedulers import Factors as Factors
    from tenfold.commit_tuning.schedulers import PlaceboScheduler as PlaceboScheduler
    from tenfold.commit_tuning.schedulers import Scheduler as Scheduler
    from tenfold.commit_tuning.state_files import read_state as read_state
    from tenfold.commit_tuning.state_files import save_state as save_state
    from tenfold.commit_tuning.trace import TraceWriter as TraceWriter
    from tenfold.commit_tuning.trace import balances_before as balances_before
    from tenfold.commit_tuning.trace import factors_of as factors_of
    from tenfold.commit_tuning.trace import read_trace as read_trace
    from tenfold.commit_tuning.tuning import CommitTuning as CommitTuning
else:
    __getattr__, __dir__, __all__ = exports(__name__)
