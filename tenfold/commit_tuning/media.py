"""Images and sounds as the encoders read them.

Legend:  N items · C channels · H, W height and width · n samples · M mel bands · F frames
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from jaxtyping import Float, UInt8
from torch import Tensor

from tenfold.audio.mel import LogMel
from tenfold.audio.samples import fixed_length, resampled
from tenfold.commit_tuning.question_errors import InvalidMedia

MIDDLE, SPREAD = 0.5, 0.25  # of pixels as shares of 255
DIGIT_MEL = LogMel(sample_rate=8_000, fft=256, hop=128, mels=32)  # 62 frames per second
CLIP_MEL = LogMel(sample_rate=8_000, fft=512, hop=512, mels=32)  # 78 frames in 5 s
LITE0_SIDE = 96
LITE0_MIDDLE, LITE0_SPREAD = 127.0, 128.0  # of EfficientNet-Lite0's bytes


def small_images(pixels: UInt8[np.ndarray, "N H W *C"]) -> Float[Tensor, "N C H W"]:
    """Return images at their own side for the small encoder. Raises InvalidMedia."""
    return (_channels_first(pixels) / 255 - MIDDLE) / SPREAD


def lite0_images(pixels: UInt8[np.ndarray, "N H W *C"], side: int = LITE0_SIDE) -> Float[Tensor, "N 3 side side"]:
    """Return images for EfficientNet-Lite0: three channels, ``side`` pixels, bilinear. Raises InvalidMedia."""
    maps = (_channels_first(pixels) - LITE0_MIDDLE) / LITE0_SPREAD
    maps = maps.expand(-1, 3, -1, -1)
    return functional.interpolate(maps, size=(side, side), mode="bilinear", align_corners=False, antialias=True)


def small_sounds(
    sounds: Sequence[np.ndarray], mel: LogMel, *, seconds: float, longer: Any = "refuse"
) -> Float[Tensor, "N 1 M F"]:
    """Return the spectrograms of sounds of 16 bits at ``mel``'s own rate for the small encoder. Raises InvalidSound."""
    rows = fixed_length([_shares(sound) for sound in sounds], round(seconds * mel.sample_rate), longer=longer)
    return torch.cat([mel(part) for part in torch.from_numpy(rows).split(256)])[:, None]


def whisper_sounds(
    sounds: Sequence[np.ndarray], sample_rate: int, *, seconds: float, longer: Any = "refuse"
) -> Float[Tensor, "N 80 F"]:
    """Return the spectrograms of sounds of 16 bits for Whisper's encoder of ``seconds``. Raises InvalidSound."""
    mel = LogMel()
    at_rate = [resampled(_shares(sound), sample_rate, mel.sample_rate) for sound in sounds]
    rows = torch.from_numpy(fixed_length(at_rate, round(seconds * mel.sample_rate), longer=longer))
    return torch.cat([mel(part) for part in rows.split(64)])


def _channels_first(pixels: np.ndarray) -> Tensor:
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or (pixels.ndim == 4 and pixels.shape[-1] != 3):
        raise InvalidMedia(f"images are bytes (N, H, W) or (N, H, W, 3), not {pixels.dtype} {pixels.shape}")
    maps = torch.from_numpy(pixels.copy()).float()
    return maps[:, None] if pixels.ndim == 3 else maps.permute(0, 3, 1, 2).contiguous()


def _shares(sound: np.ndarray) -> np.ndarray:
    if sound.dtype != np.int16:
        raise InvalidMedia(f"sounds have 16 bits, not {sound.dtype}")
    return (sound / np.float32(2**15)).astype(np.float32)
