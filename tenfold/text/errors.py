"""What can be wrong with texts and options, by name."""

from __future__ import annotations


class InvalidOptions(ValueError):
    """The options of a question cannot be told apart, or have no letters."""


class UnpairedTexts(ValueError):
    """Texts that should be compared one by one are not of the same number, or have nothing to be compared with."""
