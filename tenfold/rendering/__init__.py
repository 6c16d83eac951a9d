"""Text on canvases: fonts with licences, layouts, backgrounds, and the exact box of the ink of every word."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.rendering.assets import Assets as Assets
    from tenfold.rendering.canvas import Canvas as Canvas
    from tenfold.rendering.colours import contrast_ratio as contrast_ratio
    from tenfold.rendering.colours import delta_e as delta_e
    from tenfold.rendering.drawing import Drawing as Drawing
    from tenfold.rendering.drawing import DrawnLine as DrawnLine
    from tenfold.rendering.drawing import DrawnShape as DrawnShape
    from tenfold.rendering.drawing import DrawnWord as DrawnWord
    from tenfold.rendering.drawing import TextStyle as TextStyle
    from tenfold.rendering.errors import CannotSplit as CannotSplit
    from tenfold.rendering.errors import InvalidDrawing as InvalidDrawing
    from tenfold.rendering.errors import MissingFonts as MissingFonts
    from tenfold.rendering.errors import TextDoesNotFit as TextDoesNotFit
    from tenfold.rendering.fonts import Font as Font
    from tenfold.rendering.fonts import bundled_fonts as bundled_fonts
    from tenfold.rendering.fonts import fonts_in as fonts_in
    from tenfold.rendering.fonts import split_fonts as split_fonts
    from tenfold.rendering.outlines import outlined as outlined
    from tenfold.rendering.pages import draw_page as draw_page
    from tenfold.rendering.pages import draw_words as draw_words
    from tenfold.rendering.word_canvases import draw_word_canvas as draw_word_canvas
    from tenfold.rendering.word_canvases import glyph_image as glyph_image
    from tenfold.rendering.words import english_words as english_words
    from tenfold.rendering.words import split_words as split_words
else:
    __getattr__, __dir__, __all__ = exports(__name__)
