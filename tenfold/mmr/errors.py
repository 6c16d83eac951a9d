"""What can be wrong with items, replies and models of the reading benchmark, by name."""

from __future__ import annotations


class MMRError(ValueError):
    """Items, replies or a model of the benchmark are of no use."""


class InvalidItem(MMRError):
    """An item is ill-formed, or a set of items holds two with one key."""


class NoItems(MMRError):
    """There are no items to read, or none is left to take."""


class MissingImage(MMRError):
    """An item has no image, where a model or a page needs one."""


class InvalidPredictions(MMRError):
    """Predictions do not belong to the items, or cannot be read."""


class InvalidModel(MMRError):
    """No model has that name, or its settings make no sense."""


class NoReply(MMRError):
    """A model replied to nothing that it was asked: there is no result."""


class MissingPage(MMRError):
    """A model that reads by OCR was asked about an image whose page it was not given."""


class InvalidReading(MMRError):
    """Pages of a file, or what is to be read, have no use."""


class InvalidLeaderboard(MMRError):
    """A row of a leaderboard is ill-formed, or rows do not belong into one table."""
