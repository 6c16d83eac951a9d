"""What can be wrong with fonts, words and drawings, by name."""

from __future__ import annotations


class MissingFonts(FileNotFoundError):
    """There are no usable fonts where some were named."""


class TextDoesNotFit(ValueError):
    """A text needs more room than its place on the canvas has."""


class InvalidDrawing(ValueError):
    """A drawing was asked for with a size, layout or colour that there is not."""


class CannotSplit(ValueError):
    """There are too few words or fonts for the parts, or the shares do not add up."""
