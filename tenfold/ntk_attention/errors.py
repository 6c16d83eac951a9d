"""What can be wrong with an adapter, or with the data that it is trained on, by name."""

from __future__ import annotations

from tenfold.data.errors import DataError


class InvalidAdapter(ValueError):
    """A setting, a name or a folder of an adapter cannot be used; the message says what can."""


class UnsupportedModel(InvalidAdapter):
    """A model has no attention layers that the adapter knows how to join."""


class BudgetMismatch(InvalidAdapter):
    """Two methods that are to be compared at equal parameters differ by more than the tolerance."""


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
    """A class number below 0, as hidden labels have, or beyond the classes."""


class UndecodablePicture(HubDataError):
    """The bytes of a picture are none that Pillow reads."""
