"""What can be wrong with sounds and with the files that hold them."""

from __future__ import annotations


class AudioError(ValueError):
    """A sound, or a model of sounds, cannot be used as it is."""


class InvalidSound(AudioError):
    """A file that holds no sound, or samples of another shape, rate, length or range than can be taken."""
