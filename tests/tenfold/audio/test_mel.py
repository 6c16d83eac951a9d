"""Log-mel spectrograms are those of transformers' Whisper, and lengths and rates are what they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tenfold.audio import InvalidSound, LogMel, fixed_length, resampled


def voice(seconds: float, rate: int = 16_000, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * 300 * time * (1 + time)) + 0.02 * generator.standard_normal(len(time))).astype(
        "f4"
    )


def test_it_equals_the_feature_extractor_of_transformers_and_a_short_one_is_its_beginning():
    from transformers import WhisperFeatureExtractor

    sound = voice(0.7)
    theirs = WhisperFeatureExtractor()(sound, sampling_rate=16_000, return_tensors="pt").input_features
    mel = LogMel()
    ours = mel(torch.from_numpy(fixed_length([sound], 30 * 16_000)))
    assert ours.shape == theirs.shape == (1, 80, 3000)
    assert (ours - theirs).abs().max() < 1e-3
    short = mel(torch.from_numpy(fixed_length([sound], 16_000)))
    assert short.shape == (1, 80, mel.frames(16_000)) and (short - theirs[..., :100]).abs().max() < 1e-3


def test_it_equals_a_plain_sum_over_frames_at_another_rate():
    mel = LogMel(sample_rate=8_000, fft=256, hop=80, mels=32)
    sound = voice(0.25, 8_000)
    padded = np.pad(sound, 128, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(256) / 256)
    frames = [np.abs(np.fft.rfft(window * padded[start : start + 256])) ** 2 for start in range(0, len(sound), 80)]
    logs = np.log10(np.maximum(np.array(frames) @ mel.filters.numpy(), 1e-10)).T
    expected = (np.maximum(logs, logs.max() - 8) + 4) / 4
    found = mel(torch.from_numpy(sound)[None])[0].numpy()
    assert found.shape == expected.shape == (32, 25) and np.abs(found - expected).max() < 1e-3


def test_silence_is_finite_and_no_sound_depends_on_its_neighbours():
    mel = LogMel()
    loud, quiet = torch.from_numpy(voice(0.5)), torch.zeros(8_000)
    both = mel(torch.stack([loud, quiet]))
    assert torch.isfinite(both).all() and torch.allclose(both[1], torch.tensor(-1.5))
    assert torch.equal(both[0], mel(loud[None])[0])


@pytest.mark.parametrize("sizes", [{"mels": 300}, {"hop": 0}, {"sample_rate": 0}])
def test_sizes_that_make_no_spectrogram_are_refused(sizes):
    with pytest.raises(InvalidSound, match="no spectrogram"):
        LogMel(**sizes)


def test_too_short_a_sound_is_refused():
    with pytest.raises(InvalidSound, match="at least 400"):
        LogMel()(torch.zeros(2, 399))


def test_a_longer_sound_is_cut_only_if_asked_for():
    sounds = [np.ones(5, "f4"), np.arange(9, dtype="f4")]
    with pytest.raises(InvalidSound, match="sound 1 has 9 samples and 6"):
        fixed_length(sounds, 6)
    assert fixed_length(sounds, 6, longer="cut").tolist() == [[1, 1, 1, 1, 1, 0], [0, 1, 2, 3, 4, 5]]
    with pytest.raises(InvalidSound, match="sound 0"):
        fixed_length([np.zeros(0, "f4")], 6)


@given(st.sampled_from([8_000, 11_025, 16_000, 22_050, 44_100, 48_000]), st.integers(200, 2_000))
@settings(max_examples=20)
def test_resampling_keeps_the_duration_and_a_constant(rate, length):
    found = resampled(np.ones(length, "f4"), rate, 16_000)
    assert len(found) == -(-length * 16_000 // rate)
    middle = found[len(found) // 2 - 1 : len(found) // 2 + 1]
    assert np.abs(middle - 1).max() < 0.01
