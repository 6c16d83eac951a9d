"""OCR engines behind one interface, the order in which pages are read, and how well they are read."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.ocr.ceilings import crop_ceiling as crop_ceiling
    from tenfold.ocr.ceilings import page_ceiling as page_ceiling
    from tenfold.ocr.descriptions import Described as Described
    from tenfold.ocr.descriptions import Simulated as Simulated
    from tenfold.ocr.descriptions import described as described
    from tenfold.ocr.engine import Engine as Engine
    from tenfold.ocr.errors import EngineMismatch as EngineMismatch
    from tenfold.ocr.errors import EngineNotInstalled as EngineNotInstalled
    from tenfold.ocr.errors import InvalidPages as InvalidPages
    from tenfold.ocr.errors import UnknownEngine as UnknownEngine
    from tenfold.ocr.errors import UnknownImage as UnknownImage
    from tenfold.ocr.noise_model import NoiseModel as NoiseModel
    from tenfold.ocr.page import Page as Page
    from tenfold.ocr.page import Word as Word
    from tenfold.ocr.page_files import Reading as Reading
    from tenfold.ocr.page_files import load_pages as load_pages
    from tenfold.ocr.page_files import read_pages as read_pages
    from tenfold.ocr.page_files import write_pages as write_pages
    from tenfold.ocr.reading import fresh_engine as fresh_engine
    from tenfold.ocr.reading import load_engine as load_engine
    from tenfold.ocr.reading import read as read
    from tenfold.ocr.reading import read_crops as read_crops
    from tenfold.ocr.reading_order import plain_order as plain_order
    from tenfold.ocr.reading_order import xy_cut as xy_cut
    from tenfold.ocr.spacing import space_layout as space_layout
    from tenfold.ocr.word_recall import Recall as Recall
    from tenfold.ocr.word_recall import recall as recall
else:
    __getattr__, __dir__, __all__ = exports(__name__)
