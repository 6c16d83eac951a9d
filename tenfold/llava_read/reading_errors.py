"""What can be wrong with pages, questions, OCR prompts and scores, by name."""

from __future__ import annotations


class NoPages(ValueError):
    """A folder holds no pages, or not in the form in which they are written."""


class PartsOverlap(ValueError):
    """Training, validation and test share a page, a word, a design, a layout or a company."""


class InvalidQuestion(ValueError):
    """A question is ill-formed, or a page does not allow it."""


class InvalidPrompt(ValueError):
    """An OCR prompt was asked for in an order, layout, policy or budget that there is not."""


class InvalidSample(ValueError):
    """A sample of a task is ill-formed, or its page and its OCR text do not belong together."""


class InvalidScores(ValueError):
    """Answers do not belong to questions, or scores of different measures or OCR sources would stand in one table."""


class InvalidProbe(ValueError):
    """Features, boxes and texts of a probe do not fit each other, or a text cannot be spelt."""
