"""What can be wrong with OCR engines and what they read, by name."""

from __future__ import annotations


class EngineNotInstalled(ImportError):
    """An engine, or its weights, are not on this machine."""


class EngineMismatch(RuntimeError):
    """An installed engine is not the one that this project is locked to, or failed to run."""


class UnknownEngine(ValueError):
    """No engine has that name."""


class UnknownImage(LookupError):
    """A described engine was asked to read an image that nobody described to it."""


class InvalidPages(ValueError):
    """Images or pages that do not have the shape, type or number that is needed."""
