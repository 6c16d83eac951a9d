"""What can be wrong with a data set of the hub, by name."""

from __future__ import annotations

from tenfold.data.errors import DataError


class HubDataError(DataError):
    """A data set of the hub, or a folder in its format, cannot serve."""


class HubDataUnavailable(HubDataError):
    """A data set cannot be had from the hub, or not without running code of its repository."""


class UnknownConfiguration(HubDataError):
    """A data set has no configuration of this name, or several and none was named."""


class UnknownSplit(HubDataError):
    """A data set has no split of this name."""


class UnknownTask(HubDataError):
    """No data set, or no task in it, of this name is known."""


class MissingColumn(HubDataError):
    """A split lacks a column."""


class EmptySplit(HubDataError):
    """A split has no rows, or none that can be used."""


class LabelOutOfRange(HubDataError):
    """A class number is below 0, as hidden labels are, or beyond the classes."""


class UndecodableImage(HubDataError):
    """Pillow cannot read the bytes of an image."""
