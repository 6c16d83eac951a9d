"""What can be wrong with questions about images and sounds, with their parts, and with models that answer them."""

from __future__ import annotations


class QuestionError(ValueError):
    """Questions, parts of a data set or a model's parts are of no use."""


class InvalidSubject(QuestionError):
    """Classes and properties that no questions can be asked about."""


class LeakedItems(QuestionError):
    """An item, a recording or a speaker is in two parts that must not share it."""


class TooFewItems(QuestionError):
    """A class has fewer items than a part needs."""


class InvalidMedia(QuestionError):
    """Images or sounds of another shape than an encoder reads."""


class InvalidModelParts(QuestionError):
    """An encoder and a decoder that make no model."""
