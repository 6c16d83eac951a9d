"""What can be wrong with ARTIST's networks, their injection and what they are given, by name."""

from __future__ import annotations


class ArtistError(ValueError):
    """Networks, their injection or what they are given are of no use."""


class InvalidConditions(ArtistError):
    """Maps, masks, letters or states that a network cannot take."""


class InvalidInjection(ArtistError):
    """Two networks whose places of injection do not fit each other or the injector, or an injector without features."""


class BatchMismatch(InvalidInjection):
    """Features of another number of images than the batch that they are to be added to."""


class CopiedWhileAttached(ArtistError):
    """A network was copied with the hooks of an injector in it."""


class FrozenChanged(ArtistError):
    """A network that must stay as it is has changed."""


class InvalidSampling(ArtistError):
    """Settings that a sampler cannot follow."""
