"""What can be wrong with a LLaVA-Read model, its parts and what it is given, by name."""

from __future__ import annotations


class LlavaReadError(ValueError):
    """A model, its parts or what it is given are of no use."""


class InvalidInputs(LlavaReadError):
    """Images, boxes or tokens that a model or a processor cannot take."""


class InvalidParts(LlavaReadError):
    """Encoders and a decoder that make no model, or a checkpoint that holds none of them."""


class Diverged(LlavaReadError):
    """A loss is no number any more."""
