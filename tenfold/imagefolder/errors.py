"""What can be wrong with tokens, with their training, or with what a generator is asked for."""

from __future__ import annotations


class InvalidTokens(ValueError):
    """Token indices of another shape than the tokenizer's, or outside the codebook."""


class InvalidSampling(ValueError):
    """A sampling argument is out of range, or tokenizer and generator do not belong together."""


class CodebookCollapsed(ArithmeticError):
    """Nearly every position of a scale has the same code: the branch carries no information there."""


class ProjectionCollapsed(ArithmeticError):
    """The trainable projection maps all the teacher's features to one point."""
