"""Samples of sounds brought to one rate and one length.

Legend:  N sounds · n samples
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from typing import Literal

import numpy as np
from jaxtyping import Float

from tenfold.audio.errors import InvalidSound

LOWEST, HIGHEST = 1_000, 768_000  # samples per second of any sound that people have


def resampled(samples: Float[np.ndarray, " n"], sample_rate: int, wanted: int) -> Float[np.ndarray, " m"]:
    """Return samples at ``wanted`` per second instead of ``sample_rate``, float32, by SciPy's polyphase filter.

    What the wanted rate cannot hold (above its half) is filtered out. Raises InvalidSound for a rate outside 1 to 768
    kHz, or samples that are not one channel.
    """
    from scipy.signal import resample_poly

    for rate in (sample_rate, wanted):
        if not LOWEST <= rate <= HIGHEST:
            raise InvalidSound(f"{rate} samples per second is no rate of a sound; {LOWEST} to {HIGHEST} are")
    if samples.ndim != 1 or not len(samples):
        raise InvalidSound(f"a sound is one channel of samples (n,), not {samples.shape}")
    if sample_rate == wanted:
        return samples.astype(np.float32)
    common = gcd(sample_rate, wanted)
    return resample_poly(samples.astype(np.float64), wanted // common, sample_rate // common).astype(np.float32)


def fixed_length(
    sounds: Sequence[Float[np.ndarray, " m"]], length: int, *, longer: Literal["refuse", "cut"] = "refuse"
) -> Float[np.ndarray, "N n"]:
    """Return sounds as rows of ``length`` samples: zeros follow a shorter one; of a longer one the beginning is kept.

    Raises InvalidSound for a longer one unless ``longer`` is cut, for a sound without samples, or for none at all.
    """
    if longer not in ("refuse", "cut"):
        raise InvalidSound(f"longer is refuse or cut, not {longer!r}")
    if not len(sounds):
        raise InvalidSound("there are no sounds")
    rows = np.zeros((len(sounds), length), np.float32)
    for number, sound in enumerate(sounds):
        if sound.ndim != 1 or not len(sound):
            raise InvalidSound(f"sound {number} is not one channel of samples (n,): {sound.shape}")
        if len(sound) > length and longer == "refuse":
            raise InvalidSound(f"sound {number} has {len(sound)} samples and {length} are kept: say longer='cut'")
        rows[number, : len(sound)] = sound[:length]
    return rows
