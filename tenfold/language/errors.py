"""What can be wrong with a decoder and what it is given, by name."""

from __future__ import annotations


class LanguageError(RuntimeError):
    """A language model cannot do what it is asked for."""


class DecoderMismatch(LanguageError):
    """A folder or a hub id holds no decoder with its tokenizer."""


class EmptyAnswer(LanguageError):
    """A conversation holds nothing that a model could learn to answer."""
