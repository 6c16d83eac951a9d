"""What can be wrong with a private memory's inputs, its public numbers or its ledger."""

from __future__ import annotations

from typing import Any


class InvalidMemory(ValueError):
    """Keys, values or queries from which no memory or answer can be made: shapes, NaN, no rows."""


class BoundViolated(ValueError):
    """A vector is longer than its public bound."""


class InvalidSetting(ValueError):
    """A public number is missing, out of range, or does not fit the others."""


class OddDegree(InvalidSetting):
    """The Taylor polynomial of an odd degree turns negative, which breaks the proof of the sensitivity."""


class LogitBoundTooLarge(InvalidSetting):
    """B = ρ²/τ is so large that e^B overflows what sums over many rows can hold."""


class TooManyFeatures(InvalidSetting):
    """The feature map has more coordinates than memory allows."""


class UnledgeredSketch(PermissionError):
    """The sketch that would answer is not the release that the ledger ends with."""


class BudgetExceeded(PermissionError):
    """One more release would spend more than the ledger's budget."""


class TooManyQueries(PermissionError):
    """A memory that answers by conditioning on all earlier answers has no room for more queries."""


class CopyRefused(PermissionError):
    """A memory that still draws noise cannot be copied: two copies would draw twice for one budget."""


class Uncopied:
    """Neither copied nor pickled."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise CopyRefused(
            f"a {type(self).__name__} still draws noise for its rows: a copy would draw again, unseen by its ledger. "
            "Use one object, or PrivateMemory, which is released once"
        )


class HorizonReached(ValueError):
    """The steps for which a continual memory was calibrated have all come."""
