"""Sounds in files, as people have them: WAV of 8 to 64 bits and any rate; Ogg, FLAC and MP3 where soundfile is there.

Legend:  n samples
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from tenfold.audio.errors import InvalidSound
from tenfold.audio.samples import resampled

WAV = (b"RIFF", b"RIFX", b"RF64")
LOUDEST = 2.0  # of samples in floating point: what is louder was never divided by its range
BROKEN = (ValueError, OSError, EOFError, IndexError, KeyError, TypeError, struct.error, OverflowError)


@dataclass(frozen=True)
class Sound:
    """One channel of samples within about ±1, and how many of them there are per second."""

    samples: Float[np.ndarray, " n"]  # float32
    sample_rate: int

    @property
    def seconds(self) -> float:
        """How long the sound is."""
        return len(self.samples) / self.sample_rate


def read_sound(source: Path | bytes, *, name: str = "") -> Sound:
    """Return a sound from a file, or from a file's bytes, at its own rate; channels are averaged into one.

    WAV files are read as they are: unsigned 8 bits, signed 16, 24 and 32, and floating point. Other formats are read
    by the package soundfile. ``name`` is what an error calls bytes. Raises InvalidSound for a file that is no sound,
    is cut short or empty, or holds samples that are not finite or were never brought to ±1.
    """
    called = name or (str(source) if isinstance(source, Path) else "the sound")
    try:
        content = source.read_bytes() if isinstance(source, Path) else source
    except OSError as error:
        raise InvalidSound(f"{called} cannot be read: {error.strerror or error}") from None
    if not content:
        raise InvalidSound(f"{called} is an empty file")
    rate, samples = _wav(content, called) if content[:4] in WAV else _other(content, called)
    if samples.ndim == 2:
        samples = samples.mean(axis=1)  # (n,)
    if not len(samples):
        raise InvalidSound(f"{called} holds no samples")
    if not np.isfinite(samples).all():
        raise InvalidSound(f"{called} holds samples that are not finite")
    if (loudest := float(np.abs(samples).max())) > LOUDEST:
        raise InvalidSound(f"{called} has samples up to {loudest:g}; in floating point they lie within ±1: divide them")
    return Sound(samples.astype(np.float32), rate)


def load_sound(source: Path | bytes, sample_rate: int, *, name: str = "") -> Float[np.ndarray, " n"]:
    """Return a sound's samples at ``sample_rate`` per second. Raises InvalidSound as ``read_sound``."""
    sound = read_sound(source, name=name)
    return resampled(sound.samples, sound.sample_rate, sample_rate)


def _wav(content: bytes, called: str) -> tuple[int, Float[np.ndarray, "n ..."]]:
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Chunk .non-data. not understood", wavfile.WavFileWarning)
            warnings.filterwarnings("error", category=wavfile.WavFileWarning)  # a file that ends before its samples
            rate, samples = wavfile.read(io.BytesIO(content))
    except wavfile.WavFileWarning as error:
        raise InvalidSound(f"{called} is a damaged WAV file: {error}") from None
    except BROKEN as error:
        if "Unknown wave file format" in str(error):  # A-law, ADPCM and others
            return _other(content, called)
        raise InvalidSound(f"{called} is no WAV file that can be read: {error}") from None
    if rate < 1:
        raise InvalidSound(f"{called} says that it has {rate} samples per second")
    if samples.dtype == np.uint8:
        return rate, (samples.astype(np.float64) - 128) / 128
    if samples.dtype.kind == "i":  # 24 bits stand in the upper ones of 32
        return rate, samples.astype(np.float64) / -float(np.iinfo(samples.dtype).min)
    return rate, samples.astype(np.float64)


def _other(content: bytes, called: str) -> tuple[int, Float[np.ndarray, "n ..."]]:
    try:
        import soundfile
    except ImportError:
        raise InvalidSound(
            f"{called} is no plain WAV file; Ogg, FLAC, MP3 and compressed WAV need the package soundfile: "
            "pip install 'tenfold[audio]'"
        ) from None
    try:
        samples, rate = soundfile.read(io.BytesIO(content), dtype="float64")
    except (soundfile.LibsndfileError, *BROKEN) as error:
        raise InvalidSound(f"{called} is no sound that can be read: {error}") from None
    return int(rate), samples
