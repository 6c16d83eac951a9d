"""What can be wrong with a network's configuration, weights, labels or losses, and with optional packages."""

from __future__ import annotations


class InvalidConfig(ValueError):
    """A size or a weight is out of range, unknown, or does not fit the others."""


class InvalidLabels(ValueError):
    """Labels of another number than the images, or outside the network's classes."""


class NotFinite(ArithmeticError):
    """A loss is NaN or infinite."""


class UnknownWeights(ValueError):
    """Weights from elsewhere under names that are not known, or without some that are needed."""


class MissingPackage(ImportError):
    """An optional package is not installed."""
