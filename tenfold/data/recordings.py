"""Sounds that a data stage brought: spoken digits, and clips of ten kinds of sound around us.

Legend:  N sounds · n samples of a sound
"""

from __future__ import annotations

import itertools
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Int, Int16

from tenfold.audio.errors import InvalidSound
from tenfold.audio.files import load_sound
from tenfold.data.archives import BROKEN
from tenfold.data.errors import CorruptArchive, TableMismatch
from tenfold.npz_files import opened

RATE = 8_000  # samples per second of what is kept
DIGIT_NAME = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav")  # digit, speaker, take
CLIP_NAME = re.compile(r"(\d)-(\d+)-([A-Z])\.ogg")  # fold, recording, part of the recording
CLASS_NAME = re.compile(r"(\d{3}) - (.+)")
CLIP_SAMPLES = 5 * RATE

Samples = Int16[np.ndarray, " n"]


@dataclass(frozen=True)
class SpokenDigits:
    """The Free Spoken Digit Dataset: who says which digit, and in which take (officially 0 to 4 are for the test)."""

    sounds: tuple[Samples, ...]
    digits: Int[np.ndarray, " N"]
    speakers: tuple[str, ...]
    takes: Int[np.ndarray, " N"]
    sample_rate: int = RATE

    @property
    def names(self) -> tuple[str, ...]:
        """A name per recording, as its file was called."""
        rows = zip(self.digits.tolist(), self.speakers, self.takes.tolist(), strict=True)
        return tuple(f"{digit}_{speaker}_{take}" for digit, speaker, take in rows)


@dataclass(frozen=True)
class SoundClips:
    """ESC-10: five official folds; clips that were cut from one ``recording`` are in one fold."""

    sounds: tuple[Samples, ...]
    labels: Int[np.ndarray, " N"]
    class_names: tuple[str, ...]
    folds: Int[np.ndarray, " N"]
    names: tuple[str, ...]
    sample_rate: int = RATE

    @property
    def recordings(self) -> tuple[str, ...]:
        """The recording that each clip was cut from."""
        return tuple(name.split("-")[1] for name in self.names)


def read_spoken_digits(folder: Path) -> SpokenDigits:
    """Return the spoken digits of ``folder``: fsdd_8khz.npz, or the repository's archive (``*.tar.gz``) of WAV files.

    Both give the same samples in the same order. Raises TableMismatch if there is neither or its content is
    ill-formed, CorruptArchive for an archive that cannot be read.
    """
    kept, packed = sorted(folder.glob("fsdd*.npz")), sorted(folder.glob("*.tar.gz"))
    if kept:
        return _kept_digits(kept[0])
    if not packed:
        raise TableMismatch(f"{folder} holds no spoken digits (fsdd*.npz or *.tar.gz). Bring the source again.")
    found = sorted(_members(packed[0], DIGIT_NAME), key=lambda one: one[0].name)
    if not found:
        raise TableMismatch(f"{packed[0]} holds no recordings such as 7_jackson_32.wav. Bring the source again.")
    parts = [match.groups() for _, match, _ in found]
    return SpokenDigits(
        tuple(_at_rate(content, path.name) for path, _, content in found),
        np.array([int(digit) for digit, _, _ in parts], np.int64),
        tuple(speaker for _, speaker, _ in parts),
        np.array([int(take) for _, _, take in parts], np.int64),
    )


def read_sound_clips(folder: Path) -> SoundClips:
    """Return the clips of ``folder``: esc10_8khz.npz, or the repository's archive (``*.tar.gz``) of Ogg files.

    The archive is resampled to 8 kHz and cut to 5 s as the mirror's was: the same samples to one unit of 16 bits; it
    needs the package soundfile. Raises TableMismatch, CorruptArchive, and InvalidSound without that package.
    """
    kept, packed = sorted(folder.glob("esc10*.npz")), sorted(folder.glob("*.tar.gz"))
    if kept:
        return _kept_clips(kept[0])
    if not packed:
        raise TableMismatch(f"{folder} holds no sound clips (esc10*.npz or *.tar.gz). Bring the source again.")
    found = sorted(_members(packed[0], CLIP_NAME), key=lambda one: str(one[0]))
    classes = sorted({path.parent.name for path, _, _ in found})
    matches = [CLASS_NAME.fullmatch(name) for name in classes]
    if not found or not all(matches):
        raise TableMismatch(f"{packed[0]} holds no folders such as '001 - Dog bark'. Bring the source again.")
    return SoundClips(
        tuple(_at_rate(content, path.name)[:CLIP_SAMPLES] for path, _, content in found),
        np.array([classes.index(path.parent.name) for path, _, _ in found], np.int64),
        tuple(match[2] for match in matches if match),
        np.array([int(match[1]) for _, match, _ in found], np.int64),
        tuple(path.stem for path, _, _ in found),
    )


def _kept_digits(path: Path) -> SpokenDigits:
    with opened(path, TableMismatch, "spoken digits") as content:
        samples, offsets = content["samples"], content["offsets"]
        digits, speakers, takes = content["digit"], content["speaker"], content["take"]
        rate = int(content["sample_rate"])
    counts = {len(offsets) - 1, len(digits), len(speakers), len(takes)}
    if len(counts) > 1 or (np.diff(offsets) < 1).any() or offsets[-1] != len(samples) or rate != RATE:
        raise TableMismatch(f"{path}: its arrays do not go together. Bring the source again.")
    sounds = tuple(samples[start:end] for start, end in itertools.pairwise(offsets))
    names = tuple(str(speaker) for speaker in speakers)
    return SpokenDigits(sounds, digits.astype(np.int64), names, takes.astype(np.int64), rate)


def _kept_clips(path: Path) -> SoundClips:
    with opened(path, TableMismatch, "sound clips") as content:
        samples, lengths, labels = content["samples"], content["length"], content["label"]
        folds, clips, classes = content["fold"], content["clip"], content["class_names"]
        rate = int(content["sample_rate"])
    counts = {len(samples), len(lengths), len(labels), len(folds), len(clips)}
    if len(counts) > 1 or lengths.min() < 1 or lengths.max() > samples.shape[1] or rate != RATE:
        raise TableMismatch(f"{path}: its arrays do not go together. Bring the source again.")
    return SoundClips(
        tuple(row[:length] for row, length in zip(samples, lengths, strict=True)),
        labels.astype(np.int64),
        tuple(str(name) for name in classes),
        folds.astype(np.int64),
        tuple(str(clip) for clip in clips),
        rate,
    )


def _members(path: Path, name: re.Pattern[str]) -> Iterator[tuple[PurePosixPath, re.Match[str], bytes]]:
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                inside = PurePosixPath(member.name)
                match = name.fullmatch(inside.name) if member.isfile() else None
                content = archive.extractfile(member) if match else None
                if match and content is not None:
                    yield inside, match, content.read()
    except BROKEN as error:
        raise CorruptArchive(f"{path} is not a readable archive of sounds: {error}. Bring it again.") from error


def _at_rate(content: bytes, name: str) -> Samples:
    """Return a file's samples at 8 kHz in 16 bits; those of a file that is so already are as they were."""
    try:
        samples = load_sound(content, RATE, name=name)
    except InvalidSound as error:
        raise type(error)(f"{error}. Bring the source again, or name a mirror folder in TENFOLD_MIRROR.") from None
    return np.clip(np.round(samples.astype(np.float64) * 2**15), -(2**15), 2**15 - 1).astype(np.int16)
