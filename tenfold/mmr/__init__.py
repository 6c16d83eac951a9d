"""MMR: a benchmark of reading in images, as it was released and with its scorer mended."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.mmr.alignment import pnls as pnls
    from tenfold.mmr.alignment import pnls_length as pnls_length
    from tenfold.mmr.alignment import pnls_spaceless as pnls_spaceless
    from tenfold.mmr.annotations import bring_images as bring_images
    from tenfold.mmr.annotations import load_hub as load_hub
    from tenfold.mmr.annotations import read_official as read_official
    from tenfold.mmr.baselines import ConstantBox as ConstantBox
    from tenfold.mmr.baselines import ConstantIndex as ConstantIndex
    from tenfold.mmr.baselines import FirstAnswer as FirstAnswer
    from tenfold.mmr.baselines import Oracle as Oracle
    from tenfold.mmr.baselines import RandomModel as RandomModel
    from tenfold.mmr.baselines import best_box as best_box
    from tenfold.mmr.blind_text import BlindText as BlindText
    from tenfold.mmr.chat_model import ChatModel as ChatModel
    from tenfold.mmr.comparison import Comparison as Comparison
    from tenfold.mmr.comparison import RankStability as RankStability
    from tenfold.mmr.comparison import chance_corrected as chance_corrected
    from tenfold.mmr.comparison import column_estimates as column_estimates
    from tenfold.mmr.comparison import compare as compare
    from tenfold.mmr.comparison import compare_all as compare_all
    from tenfold.mmr.comparison import estimate as estimate
    from tenfold.mmr.comparison import kendall_tau as kendall_tau
    from tenfold.mmr.comparison import rank_stability as rank_stability
    from tenfold.mmr.coordinates import COORDINATES as COORDINATES
    from tenfold.mmr.coordinates import UnknownCoordinates as UnknownCoordinates
    from tenfold.mmr.errors import InvalidItem as InvalidItem
    from tenfold.mmr.errors import InvalidLeaderboard as InvalidLeaderboard
    from tenfold.mmr.errors import InvalidModel as InvalidModel
    from tenfold.mmr.errors import InvalidPredictions as InvalidPredictions
    from tenfold.mmr.errors import InvalidReading as InvalidReading
    from tenfold.mmr.errors import MissingImage as MissingImage
    from tenfold.mmr.errors import MissingPage as MissingPage
    from tenfold.mmr.errors import MMRError as MMRError
    from tenfold.mmr.errors import NoItems as NoItems
    from tenfold.mmr.errors import NoReply as NoReply
    from tenfold.mmr.export import export_lmms_eval as export_lmms_eval
    from tenfold.mmr.export import export_vlmevalkit as export_vlmevalkit
    from tenfold.mmr.file_model import FileModel as FileModel
    from tenfold.mmr.images import encoded as encoded
    from tenfold.mmr.images import load_image as load_image
    from tenfold.mmr.images import resized as resized
    from tenfold.mmr.item_page import write_item_page as write_item_page
    from tenfold.mmr.item_sources import named_items as named_items
    from tenfold.mmr.items import Item as Item
    from tenfold.mmr.items import ItemSet as ItemSet
    from tenfold.mmr.items import read_items as read_items
    from tenfold.mmr.items import write_items as write_items
    from tenfold.mmr.leaderboard import published_rows as published_rows
    from tenfold.mmr.leaderboard import row_of as row_of
    from tenfold.mmr.leaderboard import write_leaderboard as write_leaderboard
    from tenfold.mmr.ocr_language_model import OCRLanguageModel as OCRLanguageModel
    from tenfold.mmr.ocr_rules import OCRRules as OCRRules
    from tenfold.mmr.page_dump import PageDump as PageDump
    from tenfold.mmr.parsing import official as official
    from tenfold.mmr.predictions import Prediction as Prediction
    from tenfold.mmr.predictions import prediction_of as prediction_of
    from tenfold.mmr.predictions import read_predictions as read_predictions
    from tenfold.mmr.predictions import write_predictions as write_predictions
    from tenfold.mmr.prompts import queries_of as queries_of
    from tenfold.mmr.published import LEADERBOARD as LEADERBOARD
    from tenfold.mmr.published import PublishedRow as PublishedRow
    from tenfold.mmr.queries import Model as Model
    from tenfold.mmr.queries import Query as Query
    from tenfold.mmr.receipts import receipt_items as receipt_items
    from tenfold.mmr.receipts import write_receipt_items as write_receipt_items
    from tenfold.mmr.rendered import RenderedItems as RenderedItems
    from tenfold.mmr.rendered import render_items as render_items
    from tenfold.mmr.rendered import write_rendered as write_rendered
    from tenfold.mmr.robust_parsing import robust as robust
    from tenfold.mmr.run import Run as Run
    from tenfold.mmr.run import prepared as prepared
    from tenfold.mmr.scores import MENDED as MENDED
    from tenfold.mmr.scores import OFFICIAL as OFFICIAL
    from tenfold.mmr.scores import InvalidScorer as InvalidScorer
    from tenfold.mmr.scores import Scorer as Scorer
    from tenfold.mmr.scores import Scores as Scores
    from tenfold.mmr.scores import score as score
    from tenfold.mmr.showing import Showing as Showing
else:
    __getattr__, __dir__, __all__ = exports(__name__)
