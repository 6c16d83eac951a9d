"""Log-mel spectrograms as Whisper has them (Radford et al. 2023, section 2.2), of any length and rate.

Legend:  N sounds · n samples · M mel bands · F frames
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from tenfold.audio.errors import InvalidSound

FLOOR = 1e-10  # of a band's power
RANGE = 8.0  # powers of ten below the loudest that are kept


@dataclass(frozen=True)
class LogMel:
    """How a spectrogram is made: ``fft`` samples per window, one window every ``hop`` samples, ``mels`` bands.

    The defaults are Whisper's. Raises InvalidSound for sizes that make none.
    """

    sample_rate: int = 16_000
    fft: int = 400
    hop: int = 160
    mels: int = 80

    def __post_init__(self) -> None:
        if min(self.sample_rate, self.fft, self.hop, self.mels) < 1 or self.mels > self.fft // 2:
            raise InvalidSound(f"no spectrogram is made so: {self}")

    @cached_property
    def filters(self) -> Float[Tensor, "bins M"]:
        """The weight of each frequency in each band, Slaney's."""
        from transformers.audio_utils import mel_filter_bank

        bank = mel_filter_bank(
            num_frequency_bins=1 + self.fft // 2,
            num_mel_filters=self.mels,
            min_frequency=0.0,
            max_frequency=min(8_000.0, self.sample_rate / 2),
            sampling_rate=self.sample_rate,
            norm="slaney",
            mel_scale="slaney",
        )
        return torch.from_numpy(bank).float()

    def frames(self, length: int) -> int:
        """Return how many frames a sound of ``length`` samples has."""
        return length // self.hop

    def __call__(self, samples: Float[Tensor, "N n"]) -> Float[Tensor, "N M F"]:
        """Return the spectrograms of sounds of one length: about −1 (silence) to 1, by each sound's own loudest.

        Raises InvalidSound for samples of another shape, or fewer than one window.
        """
        if samples.ndim != 2 or samples.shape[1] < max(self.fft, self.hop):
            raise InvalidSound(f"sounds are rows (N, n) of at least {self.fft} samples, not {tuple(samples.shape)}")
        window = torch.hann_window(self.fft, device=samples.device)
        bins = torch.stft(samples, self.fft, self.hop, window=window, return_complex=True)[..., :-1]  # (N, bins, F)
        power = self.filters.to(samples.device).T @ bins.abs() ** 2  # (N, M, F)
        logs = power.clamp(min=FLOOR).log10()
        logs = torch.maximum(logs, logs.amax(dim=(1, 2), keepdim=True) - RANGE)
        return (logs + 4.0) / 4.0
