"""What can be wrong between a language model and what it sees or hears, by name."""

from __future__ import annotations


class MultimodalError(ValueError):
    """Tokens, features and parameters of several kinds do not go together."""


class PlaceholderMismatch(MultimodalError):
    """There are more or fewer placeholders than images, sounds or features to put there."""


class InvalidGroups(MultimodalError):
    """A parameter belongs to no group or to two, or a group holds none."""
