"""Sounds as people have them: every width, float, stereo, big-endian, other rates; what is none is refused by name."""

from __future__ import annotations

import io
import struct
import wave

import numpy as np
import pytest
from scipy.io import wavfile

from tenfold.audio import InvalidSound, load_sound, read_sound

RATE = 8_000
TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)


def written(samples: np.ndarray, rate: int = RATE) -> bytes:
    buffer = io.BytesIO()
    wavfile.write(buffer, rate, samples)
    return buffer.getvalue()


def of_bytes(tone: np.ndarray, width: int, channels: int = 1) -> bytes:
    """Return a WAV file of ``width`` bytes per sample as the standard library writes it."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(RATE)
        whole = np.round(tone * (2 ** (8 * width - 1) - 1)).astype("<i4")
        raw = (whole + 128).astype(np.uint8) if width == 1 else whole.view(np.uint8).reshape(-1, 4)[:, :width]
        file.writeframes(np.ascontiguousarray(raw).tobytes())
    return buffer.getvalue()


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_each_width_gives_the_same_sound_to_its_own_precision(width):
    sound = read_sound(of_bytes(TONE, width))
    assert sound.sample_rate == RATE and sound.samples.dtype == np.float32 and sound.seconds == 1.0
    assert np.abs(sound.samples - TONE).max() < max(1.1 / 2 ** (8 * width - 1), 1e-6)


@pytest.mark.parametrize("kind", ["<f4", "<f8", ">i2", ">f4"])
def test_floating_point_and_big_endian_are_read(kind):
    samples = TONE.astype(kind) if "f" in kind else np.round(TONE * 2**15).astype(kind)
    assert np.abs(read_sound(written(samples)).samples - TONE).max() < 1e-4


def test_channels_are_averaged_and_other_rates_resampled(tmp_path):
    left, right = TONE, np.zeros(RATE)
    path = tmp_path / "stereo.wav"
    path.write_bytes(written(np.stack([left, right], axis=1).astype(np.float32)))
    assert np.allclose(read_sound(path).samples, left / 2, atol=1e-6)
    slow = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100).astype(np.float32)
    found = load_sound(written(slow, 44_100), RATE)
    assert found.shape == (RATE,) and np.abs(found - TONE)[100:-100].max() < 1e-3
    high = np.sin(2 * np.pi * 6_000 * np.arange(44_100) / 44_100).astype(np.float32)
    assert np.abs(load_sound(written(high, 44_100), RATE))[100:-100].max() < 0.02  # above half of 8 kHz: filtered out


def test_unknown_chunks_do_no_harm():
    content = written(np.round(TONE * 2**15).astype(np.int16))
    extra = b"LIST" + struct.pack("<I", 4) + b"INFO"
    tagged = content[:12] + extra + content[12:]
    tagged = tagged[:4] + struct.pack("<I", len(tagged) - 8) + tagged[8:]
    assert np.array_equal(read_sound(tagged).samples, read_sound(content).samples)


def mu_law() -> bytes:
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + 9, b"WAVE", b"fmt ", 16, 7, 1, RATE, RATE, 1, 8, b"data", 9
    )
    return header + b"\x80" * 9


SIXTEEN = written(np.round(TONE * 2**15).astype(np.int16))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty file"),
        (b"not a sound at all", "sound"),
        (SIXTEEN[:200], "damaged|no WAV"),
        (SIXTEEN[:20], "no WAV|damaged"),
        (written(np.zeros(0, np.int16)), "no samples"),
        (written(np.array([0.0, np.nan, 0.1], np.float32)), "not finite"),
        (written(np.array([0.0, 12_000.0, -3.0], np.float32)), "12000.*divide"),
        (written(np.zeros(40, np.int16), 0), "0 samples per second"),
    ],
)
def test_what_is_no_sound_is_refused_by_name(content, words):
    with pytest.raises(InvalidSound, match=f"(?s)odd.wav.*({words})"):
        read_sound(content, name="odd.wav")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidSound, match=r"missing.wav cannot be read: No such file"):
        read_sound(tmp_path / "missing.wav")


def test_a_rate_that_no_sound_has_is_refused():
    with pytest.raises(InvalidSound, match="500 samples per second"):
        load_sound(written(np.zeros(900, np.int16), 500), RATE)


def test_other_formats_are_read_where_soundfile_is(monkeypatch):
    soundfile = pytest.importorskip("soundfile")
    for kind in ("OGG", "FLAC"):
        buffer = io.BytesIO()
        soundfile.write(buffer, TONE, RATE, format=kind)
        found = read_sound(buffer.getvalue())
        assert found.sample_rate == RATE and np.corrcoef(found.samples[: len(TONE)], TONE)[0, 1] > 0.99
    assert len(read_sound(mu_law()).samples) == 9
    with pytest.raises(InvalidSound, match="no sound that can be read"):
        read_sound(b"OggS and nothing behind it")


def test_without_soundfile_other_formats_name_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    for content in (b"OggS\0\0", mu_law()):
        with pytest.raises(InvalidSound, match=r"voice is no plain WAV file.*tenfold.audio"):
            read_sound(content, name="voice")
