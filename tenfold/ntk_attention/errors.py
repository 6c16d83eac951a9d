"""What can be wrong with an adapter, by name."""

from __future__ import annotations


class InvalidAdapter(ValueError):
    """A setting, a name or a folder of an adapter cannot be used; the message says what can."""


class UnsupportedModel(InvalidAdapter):
    """A model has no attention layers that the adapter knows how to join."""


class BudgetMismatch(InvalidAdapter):
    """Two methods that are to be compared at equal parameters differ by more than the tolerance."""
