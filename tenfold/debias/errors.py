"""What can be wrong with questions, answers and conversations about them, by name."""

from __future__ import annotations


class DebiasError(ValueError):
    """Questions, answers or a conversation about them are of no use."""


class InvalidItem(DebiasError):
    """A question is ill-formed."""


class InvalidMetadata(DebiasError):
    """The file that names the targets cannot be read."""


class NoQuestions(DebiasError):
    """There is nothing to read, or nothing left to take."""


class InvalidAnswers(DebiasError):
    """Answers do not belong to the questions, or cannot be read."""
