"""What can be wrong with samples and with the page that shows them, by name."""

from __future__ import annotations


class ViewingError(ValueError):
    """Samples cannot be shown."""


class InvalidSample(ViewingError):
    """A sample is ill-formed, or one of its images is none."""


class PageTooLarge(ViewingError):
    """A page would have more bytes than it may have."""
