"""What can be wrong with a tokenizer, a generator, their training or what they are asked for."""

from __future__ import annotations


class InvalidConfig(ValueError):
    """A size or a weight is out of range, or does not fit the others."""


class InvalidImages(ValueError):
    """Images of another shape, type or range than the tokenizer reads."""


class InvalidTokens(ValueError):
    """Token indices of another shape than the tokenizer's, or outside the codebook."""


class InvalidSampling(ValueError):
    """A sampling argument is out of range, or tokenizer and generator do not belong together."""


class CodebookCollapsed(ArithmeticError):
    """Nearly every position of a scale has the same code: the branch carries no information there."""


class ProjectionCollapsed(ArithmeticError):
    """The trainable projection maps all the teacher's features to one point."""


class NotFinite(ArithmeticError):
    """A loss is NaN or infinite."""


class UnknownWeights(ValueError):
    """Weights from elsewhere under names that are not known, or without some that are needed."""


class MissingPackage(ImportError):
    """An optional package is not installed."""
