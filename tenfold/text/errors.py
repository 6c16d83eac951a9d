"""What can be wrong with texts and options, by name."""

from __future__ import annotations


class InvalidOptions(ValueError):
    """The options of a question cannot be told apart, or have no letters."""
