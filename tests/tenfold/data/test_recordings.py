"""Spoken digits and sound clips: kept form, published archive and stand-in read alike; what is none is named."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from tenfold.audio.errors import InvalidSound
from tenfold.data.errors import CorruptArchive, TableMismatch
from tenfold.data.made_up_files import made_up_files
from tenfold.data.recordings import read_sound_clips, read_spoken_digits
from tenfold.data.registry import StandIn

MIRROR = os.environ.get("TENFOLD_MIRROR")


def made(folder: Path, maker: str, rows: int) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in made_up_files(StandIn(maker=maker, rows=rows, seed=2))[1].items():
        (folder / name).write_bytes(content)
    return folder


def archive(path: Path, members: dict[str, bytes]) -> Path:
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path.parent


def wav(samples: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    wavfile.write(buffer, 8_000, samples)
    return buffer.getvalue()


def test_the_published_archive_of_digits_gives_the_samples_of_the_kept_form(tmp_path):
    kept = read_spoken_digits(made(tmp_path / "kept", "spoken_digits", 6))
    assert len(kept.sounds) == 10 * 6 * 6 and set(kept.takes.tolist()) == set(range(6))
    members = {f"repo-1/recordings/{name}.wav": wav(sound) for name, sound in zip(kept.names, kept.sounds, strict=True)}
    members |= {"repo-1/README.md": b"read me", "repo-1/acquire/1_loud.wav": b"no recording of the set"}
    published = read_spoken_digits(archive(tmp_path / "published" / "fsdd.tar.gz", members))
    places = {name: place for place, name in enumerate(kept.names)}
    assert sorted(places) == sorted(published.names) == list(published.names)
    for name, sound, digit in zip(published.names, published.sounds, published.digits, strict=True):
        assert np.array_equal(sound, kept.sounds[places[name]]) and digit == kept.digits[places[name]]


def test_the_published_archive_of_clips_gives_the_kept_ones_to_one_unit(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    generator, members, heard = np.random.default_rng(0), {}, {}
    for folder, name in (("002 - Rain", "1-17-A"), ("001 - Dog bark", "2-20-B")):
        time = np.arange(44_100) / 44_100
        tone = 0.3 * np.sin(2 * np.pi * generator.uniform(200, 900) * time)
        buffer = io.BytesIO()
        soundfile.write(buffer, tone, 44_100, format="OGG")
        members[f"ESC-10-1/{folder}/{name}.ogg"], heard[name] = buffer.getvalue(), tone
    clips = read_sound_clips(archive(tmp_path / "esc" / "ESC-10.tar.gz", members))
    assert clips.class_names == ("Dog bark", "Rain") and clips.names == ("2-20-B", "1-17-A")
    assert clips.labels.tolist() == [0, 1] and clips.folds.tolist() == [2, 1] and clips.recordings == ("20", "17")
    assert all(len(sound) == 8_000 and sound.dtype == np.int16 for sound in clips.sounds)


def test_without_soundfile_the_published_clips_say_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    folder = archive(tmp_path / "esc" / "ESC-10.tar.gz", {"ESC-10-1/001 - Dog bark/1-1-A.ogg": b"OggS"})
    with pytest.raises(InvalidSound, match=r"1-1-A.ogg.*tenfold\[audio\].*TENFOLD_MIRROR"):
        read_sound_clips(folder)


@pytest.mark.parametrize("read", [read_spoken_digits, read_sound_clips])
def test_what_holds_no_sounds_is_named(tmp_path, read):
    with pytest.raises(TableMismatch, match="Bring the source again"):
        read(tmp_path)
    folder = archive(tmp_path / "none" / "x.tar.gz", {"repo/README.md": b""})
    with pytest.raises(TableMismatch, match="holds no"):
        read(folder)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "x.tar.gz").write_bytes(b"\x1f\x8bnothing")
    with pytest.raises(CorruptArchive, match="not a readable archive"):
        read(tmp_path / "broken")


@pytest.mark.parametrize(
    ("maker", "read", "spoilt"),
    [("spoken_digits", read_spoken_digits, "offsets"), ("sound_clips", read_sound_clips, "length")],
)
def test_arrays_that_do_not_go_together_are_refused(tmp_path, maker, read, spoilt):
    folder = made(tmp_path / "kept", maker, 6)
    (path,) = folder.glob("*.npz")
    arrays = dict(np.load(path))
    np.savez(path, **(arrays | {spoilt: arrays[spoilt][:-1]}))
    with pytest.raises(TableMismatch, match="do not go together"):
        read(folder)
    np.savez(path, **{name: one for name, one in arrays.items() if name != spoilt})
    with pytest.raises(TableMismatch, match="npz"):
        read(folder)


def test_no_made_up_recording_is_in_two_folds(tmp_path):
    clips = read_sound_clips(made(tmp_path / "kept", "sound_clips", 20))
    assert np.bincount(clips.folds).tolist() == [0, 40, 40, 40, 40, 40]
    folds = {}
    for recording, fold in zip(clips.recordings, clips.folds.tolist(), strict=True):
        assert folds.setdefault(recording, fold) == fold
    assert len(set(clips.names)) == len(clips.names) == 200


@pytest.mark.skipif(MIRROR is None, reason="TENFOLD_MIRROR names no mirror folder")
def test_the_real_sets_have_their_published_sizes():
    digits = read_spoken_digits(Path(MIRROR or "") / "fsdd")
    assert len(digits.sounds) == 3000 and len(set(digits.names)) == 3000 and len(set(digits.speakers)) == 6
    assert np.bincount(digits.digits).tolist() == [300] * 10 and np.bincount(digits.takes).tolist() == [60] * 50
    clips = read_sound_clips(Path(MIRROR or "") / "esc10")
    assert np.bincount(clips.labels).tolist() == [40] * 10 and np.bincount(clips.folds)[1:].tolist() == [80] * 5
    assert {len(sound) for sound in clips.sounds} <= set(range(20_000, 40_001))
