"""Made-up sounds and a made-up Whisper that stand in for recordings and its weights: tones, and random numbers.

Legend:  N sounds · n samples
"""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np

from tenfold.data.registry import StandIn

RATE = 8_000
SPEAKERS = ("anna", "bruno", "clara", "david", "elena", "felix")
SOUNDS = (
    *("Dog bark", "Rain", "Sea waves", "Baby cry", "Clock tick", "Person sneeze", "Helicopter", "Chainsaw"),
    *("Rooster", "Fire crackling"),
)
FOLDS, PARTS = 5, 2  # official folds; clips per made-up recording
MELS, LONGEST = 80, 1500  # of Whisper's encoder

Files = tuple[str, dict[str, bytes]]


def spoken_digits(stand_in: StandIn) -> Files:
    """Make fsdd_8khz.npz: two tones per digit, a pitch per speaker, for each of ``rows`` takes per digit and speaker.

    Takes 0 to 4 are the official test, so that more than five takes are needed.
    """
    assert stand_in.rows
    generator = np.random.default_rng(stand_in.seed)
    rows = [(digit, who, take) for digit in range(10) for who in range(len(SPEAKERS)) for take in range(stand_in.rows)]
    sounds = []
    for digit, who, _ in rows:
        seconds, pitch = generator.uniform(0.3, 0.6), 1 + 0.04 * (who - 2.5)
        time = np.arange(round(seconds * RATE)) / RATE
        first, second = 300 + 130 * digit, 2900 - 190 * ((7 * digit) % 10)
        half = time < seconds / 2
        tone = np.where(half, np.sin(2 * np.pi * first * pitch * time), np.sin(2 * np.pi * second * pitch * time))
        sounds.append(_sixteen_bits(tone * np.hanning(len(time)), 0.3, generator))
    arrays: dict[str, Any] = {
        "samples": np.concatenate(sounds),
        "offsets": np.concatenate([[0], np.cumsum([len(sound) for sound in sounds])]).astype(np.int64),
        "digit": np.array([digit for digit, _, _ in rows], np.uint8),
        "speaker": np.array([SPEAKERS[who] for _, who, _ in rows]),
        "take": np.array([take for _, _, take in rows], np.int16),
        "sample_rate": np.int32(RATE),
    }
    return f"MADE-UP SOUNDS, {len(rows):,} pairs of tones for ten digits", {"fsdd_8khz.npz": _packed(arrays)}


def sound_clips(stand_in: StandIn) -> Files:
    """Make esc10_8khz.npz: ``rows`` clips of 5 s for each of ten classes, tones that come and go at a class's pace."""
    assert stand_in.rows
    generator = np.random.default_rng(stand_in.seed)
    samples, labels, folds, clips = [], [], [], []
    time = np.arange(5 * RATE) / RATE
    for label in range(len(SOUNDS)):
        for number in range(stand_in.rows):
            recording = number // PARTS
            tone = np.sin(2 * np.pi * (250 + 330 * label) * (1 + 0.02 * generator.standard_normal()) * time)
            pace = 0.5 + 0.5 * np.sin(2 * np.pi * (1 + label % 4) * time + generator.uniform(0, 2 * np.pi))
            samples.append(_sixteen_bits(tone * pace, 0.2, generator))
            labels.append(label)
            folds.append(1 + recording % FOLDS)
            clips.append(f"{folds[-1]}-{1000 * (label + 1) + recording}-{'AB'[number % PARTS]}")
    arrays: dict[str, Any] = {
        "samples": np.stack(samples),
        "length": np.full(len(labels), 5 * RATE, np.int32),
        "label": np.array(labels, np.uint8),
        "fold": np.array(folds, np.uint8),
        "clip": np.array(clips),
        "class_names": np.array(SOUNDS),
        "sample_rate": np.int32(RATE),
    }
    return f"MADE-UP SOUNDS, {len(labels):,} clips of ten kinds of tones", {"esc10_8khz.npz": _packed(arrays)}


def whisper(stand_in: StandIn) -> Files:
    """Make model.bin: one layer of Whisper's encoder with random weights, in the format of its package's file."""
    assert stand_in.width
    generator, width = np.random.default_rng(stand_in.seed), stand_in.width

    def drawn(*shape: int) -> np.ndarray:
        return (generator.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype("<f2")

    arrays: dict[str, np.ndarray] = {
        "conv1/weight": drawn(width, MELS, 3),
        "conv2/weight": drawn(width, width, 3),
        "position_encodings/encodings": drawn(LONGEST, width),
        "num_heads": np.array(2, "<i2"),
    }
    layer = "layer_0"
    linear = {"self_attention/linear_0": (3 * width, width), "self_attention/linear_1": (width, width)}
    linear |= {"ffn/linear_0": (2 * width, width), "ffn/linear_1": (width, 2 * width)}
    for name, shape in linear.items():
        arrays[f"{layer}/{name}/weight"] = drawn(*shape)
    for name in ("conv1", "conv2", *(f"{layer}/{name}" for name in linear)):
        arrays[f"{name}/bias"] = np.zeros(len(arrays[f"{name}/weight"]), "<f2")
    for name in (f"{layer}/self_attention/layer_norm", f"{layer}/ffn/layer_norm", "layer_norm"):
        arrays[f"{name}/gamma"], arrays[f"{name}/beta"] = np.ones(width, "<f2"), np.zeros(width, "<f2")
    detail = f"MADE-UP WEIGHTS, one layer of Whisper's encoder of width {width}"
    return detail, {"model.bin": ctranslate2_file({f"encoder/{name}": one for name, one in sorted(arrays.items())})}


def ctranslate2_file(arrays: dict[str, np.ndarray], specification: str = "WhisperSpec", version: int = 6) -> bytes:
    """Return the bytes of a CTranslate2 file; `tenfold.audio.ctranslate2_file` reads it and describes it."""
    types = {"<f4": 0, "|i1": 1, "<i2": 2, "<i4": 3, "<f2": 4}
    parts = [struct.pack("<I", version), _text(specification), struct.pack("<II", 3, len(arrays))]
    for name, one in arrays.items():
        content = one.tobytes()
        parts += [_text(name), struct.pack(f"<B{one.ndim}I", one.ndim, *one.shape)]
        parts += [struct.pack("<BI", types[one.dtype.str], len(content)), content]
    return b"".join([*parts, struct.pack("<I", 0)])


def _text(words: str) -> bytes:
    content = words.encode() + b"\0"
    return struct.pack("<H", len(content)) + content


def _sixteen_bits(tone: np.ndarray, noise: float, generator: np.random.Generator) -> np.ndarray:
    heard = 0.4 * tone + 0.1 * noise * generator.standard_normal(len(tone))
    return np.round(heard * 2**15).clip(-(2**15), 2**15 - 1).astype(np.int16)


def _packed(arrays: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()
