"""LLaVA-Read: a model that sees in two resolutions and reads what an OCR engine found (arXiv 2407.19185)."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.llava_read.asking import Asked as Asked
    from tenfold.llava_read.asking import Asking as Asking
    from tenfold.llava_read.config import LlavaReadConfig as LlavaReadConfig
    from tenfold.llava_read.config import TinyDecoderConfig as TinyDecoderConfig
    from tenfold.llava_read.corruption import corrupted as corrupted
    from tenfold.llava_read.errors import Diverged as Diverged
    from tenfold.llava_read.errors import InvalidInputs as InvalidInputs
    from tenfold.llava_read.errors import InvalidParts as InvalidParts
    from tenfold.llava_read.errors import LlavaReadError as LlavaReadError
    from tenfold.llava_read.finetuning import Lesson as Lesson
    from tenfold.llava_read.finetuning import finetune as finetune
    from tenfold.llava_read.merge import ResolutionAdapter as ResolutionAdapter
    from tenfold.llava_read.model import LlavaReadForConditionalGeneration as LlavaReadForConditionalGeneration
    from tenfold.llava_read.ocr_overlay import overlay as overlay
    from tenfold.llava_read.ocr_prompt import OcrText as OcrText
    from tenfold.llava_read.ocr_prompt import PromptStatistics as PromptStatistics
    from tenfold.llava_read.ocr_prompt import ocr_text as ocr_text
    from tenfold.llava_read.ocr_prompt import statistics_of as statistics_of
    from tenfold.llava_read.overlaps import part_overlaps as part_overlaps
    from tenfold.llava_read.overlaps import refuse_overlaps as refuse_overlaps
    from tenfold.llava_read.own_questions import OwnQuestion as OwnQuestion
    from tenfold.llava_read.own_questions import read_answers as read_answers
    from tenfold.llava_read.own_questions import read_questions as read_questions
    from tenfold.llava_read.own_questions import write_answers as write_answers
    from tenfold.llava_read.pages import ReadingPage as ReadingPage
    from tenfold.llava_read.pages import draw_pages as draw_pages
    from tenfold.llava_read.pages import read_pages as read_pages
    from tenfold.llava_read.pages import write_pages as write_pages
    from tenfold.llava_read.pretrained import PAPER as PAPER
    from tenfold.llava_read.pretrained import Parts as Parts
    from tenfold.llava_read.pretrained import from_parts as from_parts
    from tenfold.llava_read.probe import ReadingProbe as ReadingProbe
    from tenfold.llava_read.probe import engine_recall as engine_recall
    from tenfold.llava_read.probe import probe_recall as probe_recall
    from tenfold.llava_read.probe import slope_difference as slope_difference
    from tenfold.llava_read.probe import train_probe as train_probe
    from tenfold.llava_read.probe_pages import ProbePage as ProbePage
    from tenfold.llava_read.probe_pages import draw_probe_pages as draw_probe_pages
    from tenfold.llava_read.probe_pages import read_probe_pages as read_probe_pages
    from tenfold.llava_read.probe_pages import write_probe_pages as write_probe_pages
    from tenfold.llava_read.processor import LlavaReadProcessor as LlavaReadProcessor
    from tenfold.llava_read.questions import Question as Question
    from tenfold.llava_read.questions import questions_about as questions_about
    from tenfold.llava_read.reader import Answer as Answer
    from tenfold.llava_read.reader import Reader as Reader
    from tenfold.llava_read.reading_errors import InvalidProbe as InvalidProbe
    from tenfold.llava_read.reading_errors import InvalidPrompt as InvalidPrompt
    from tenfold.llava_read.reading_errors import InvalidQuestion as InvalidQuestion
    from tenfold.llava_read.reading_errors import InvalidSample as InvalidSample
    from tenfold.llava_read.reading_errors import InvalidScores as InvalidScores
    from tenfold.llava_read.reading_errors import NoPages as NoPages
    from tenfold.llava_read.reading_errors import PartsOverlap as PartsOverlap
    from tenfold.llava_read.receipts import company_parts as company_parts
    from tenfold.llava_read.receipts import receipts_of as receipts_of
    from tenfold.llava_read.scores import ScoreTable as ScoreTable
    from tenfold.llava_read.scores import item_scores as item_scores
    from tenfold.llava_read.scores import score_table as score_table
    from tenfold.llava_read.scores import side_by_side as side_by_side
    from tenfold.llava_read.squares import Square as Square
    from tenfold.llava_read.squares import box_tokens as box_tokens
    from tenfold.llava_read.squares import place_tokens as place_tokens
    from tenfold.llava_read.squares import read_box as read_box
    from tenfold.llava_read.tasks import Sample as Sample
    from tenfold.llava_read.tasks import StageOne as StageOne
    from tenfold.llava_read.tasks import answer_samples as answer_samples
    from tenfold.llava_read.tasks import question_prompt as question_prompt
    from tenfold.llava_read.tasks import stage_one as stage_one
    from tenfold.llava_read.training_parts import add_lora as add_lora
    from tenfold.llava_read.training_parts import load_trained as load_trained
    from tenfold.llava_read.training_parts import merge_lora as merge_lora
    from tenfold.llava_read.training_parts import save_trained as save_trained
    from tenfold.llava_read.training_parts import set_trained as set_trained
else:
    __getattr__, __dir__, __all__ = exports(__name__)
