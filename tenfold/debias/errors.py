"""What can be wrong with questions, answers and conversations about them, by name."""

from __future__ import annotations


class DebiasError(ValueError):
    """Questions, answers or a conversation about them are of no use."""


class InvalidItem(DebiasError):
    """A question is ill-formed."""
