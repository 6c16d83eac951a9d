"""Images with text by two disentangled diffusion models: ARTIST (arXiv:2406.12044)."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.artist.asked import images_in as images_in
    from tenfold.artist.asked import read_asked as read_asked
    from tenfold.artist.autoencoder_readings import autoencoder_ceiling as autoencoder_ceiling
    from tenfold.artist.box_sampler import BoxSampler as BoxSampler
    from tenfold.artist.canvases import Canvases as Canvases
    from tenfold.artist.canvases import CanvasStyle as CanvasStyle
    from tenfold.artist.canvases import draw_canvases as draw_canvases
    from tenfold.artist.canvases import draw_glyphs as draw_glyphs
    from tenfold.artist.canvases import glyphs_in_boxes as glyphs_in_boxes
    from tenfold.artist.conditioning import condition as condition
    from tenfold.artist.conditioning import conditioning_dump as conditioning_dump
    from tenfold.artist.conditions import Conditions as Conditions
    from tenfold.artist.denoiser import Denoiser as Denoiser
    from tenfold.artist.denoiser import DenoiserConfig as DenoiserConfig
    from tenfold.artist.evaluation import Evaluation as Evaluation
    from tenfold.artist.evaluation import evaluate as evaluate
    from tenfold.artist.generation import centred_words as centred_words
    from tenfold.artist.generation import generate as generate
    from tenfold.artist.generation import load_pipeline as load_pipeline
    from tenfold.artist.image_folders import sheet_of as sheet_of
    from tenfold.artist.injector import Injector as Injector
    from tenfold.artist.layouts import InvalidLayout as InvalidLayout
    from tenfold.artist.layouts import Layout as Layout
    from tenfold.artist.layouts import PlacedWord as PlacedWord
    from tenfold.artist.layouts import fitted_layout as fitted_layout
    from tenfold.artist.model import Artist as Artist
    from tenfold.artist.noising import small_scheduler as small_scheduler
    from tenfold.artist.parts import split_parts as split_parts
    from tenfold.artist.pipeline import ArtistPipeline as ArtistPipeline
    from tenfold.artist.plan_images import drawn_layout as drawn_layout
    from tenfold.artist.planners import ChatPlanner as ChatPlanner
    from tenfold.artist.planners import QuotePlanner as QuotePlanner
    from tenfold.artist.planners import TaggerPlanner as TaggerPlanner
    from tenfold.artist.plans import NoKeywords as NoKeywords
    from tenfold.artist.plans import Plan as Plan
    from tenfold.artist.quotations import official_targets as official_targets
    from tenfold.artist.quotations import quoted_words as quoted_words
    from tenfold.artist.sampling import SamplingConfig as SamplingConfig
    from tenfold.artist.score_rows import MixedEngines as MixedEngines
    from tenfold.artist.score_rows import score_table as score_table
    from tenfold.artist.stable_diffusion import from_stable_diffusion as from_stable_diffusion
    from tenfold.artist.tagger import KeywordTagger as KeywordTagger
    from tenfold.artist.tagger import train_tagger as train_tagger
else:
    __getattr__, __dir__, __all__ = exports(__name__)
