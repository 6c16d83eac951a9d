"""Parts share no item, content, recording or held-out speaker; the test is the official one; leaks are named."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tenfold.commit_tuning import Items, LeakedItems, Parts, TooFewItems, clip_parts, digit_parts, image_parts
from tenfold.commit_tuning.item_parts import PARTS
from tenfold.data.recordings import read_sound_clips, read_spoken_digits
from tests.tenfold.commit_tuning.question_samples import clips, digits, images

SIZES = {"train_per_class": 5, "validation_per_class": 2, "probe_per_class": 1, "test_per_class": 3}
MIRROR = os.environ.get("TENFOLD_MIRROR")


def sets(parts: Parts) -> dict[str, set[str]]:
    return {part: set(parts.part(part).names) for part in PARTS}


def assert_disjoint(parts: Parts) -> None:
    found = sets(parts)
    assert len(set.union(*found.values())) == sum(len(parts.part(part)) for part in PARTS)


def test_images_have_equally_many_per_class_and_the_test_is_official():
    train, test = images(9), images(4, seed=1)
    parts = image_parts(train, test, **SIZES, seed=0)
    assert_disjoint(parts)
    for part, (source, count) in {
        "train": (train, 5),
        "validation": (train, 2),
        "probe": (train, 1),
        "test": (test, 3),
    }.items():
        items = parts.part(part)
        assert np.bincount(items.labels).tolist() == [count] * 10
        assert np.array_equal(source.labels[items.places], items.labels)
        assert items.names[0].startswith("test-" if part == "test" else "train-")
    assert (
        sets(image_parts(train, test, **SIZES, seed=0))
        == sets(parts)
        != sets(image_parts(train, test, **SIZES, seed=1))
    )


def test_a_training_image_that_is_in_the_test_too_is_left_out():
    train, test = images(9), images(4, seed=1)
    first = image_parts(train, test, **SIZES, seed=0)
    leaked = train.pixels.copy()
    leaked[first.train.places[0]] = test.pixels[first.test.places[0]]
    parts = image_parts(replace(train, pixels=leaked), test, **SIZES, seed=0)
    assert parts.left_out == 1 and first.train.names[0] not in parts.train.names
    assert sets(parts)["test"] == sets(first)["test"] and len(parts.train) == len(first.train)
    with pytest.raises(TooFewItems, match=r"class \d has too few images for 5 \+ 2 \+ 1"):
        image_parts(images(7), test, **SIZES, seed=0)


def items(*names: str) -> Items:
    return Items(names, np.arange(len(names)), np.zeros(len(names), np.int64))


def test_an_item_in_two_parts_or_twice_in_one_is_named():
    apart = {"train": items("a"), "validation": items("b"), "probe": items("c"), "test": items("d")}
    Parts(**apart)
    for part in ("train", "validation", "probe"):
        with pytest.raises(LeakedItems, match="item d is in the test part"):
            Parts(**(apart | {part: items("d")}))
    with pytest.raises(LeakedItems, match="item a is in the probe part"):
        Parts(**(apart | {"probe": items("a", "c")}))
    with pytest.raises(LeakedItems, match="twice in the train part"):
        Parts(**(apart | {"train": items("a", "a")}))
    with pytest.raises(TooFewItems, match="probe part has no item"):
        Parts(**(apart | {"probe": items()}))


def test_the_official_test_of_digits_is_takes_0_to_4_of_every_speaker():
    spoken = digits()
    parts = digit_parts(spoken, validation_takes=2, probe_takes=1, seed=0)
    assert_disjoint(parts)
    takes = {part: set(spoken.takes[parts.part(part).places].tolist()) for part in PARTS}
    assert takes["test"] == {0, 1, 2, 3, 4} and len(takes["validation"]) == 2 and len(takes["probe"]) == 1
    assert set.union(*(takes[part] for part in PARTS[:3])) == set(range(5, 12))
    assert [len(parts.part(part)) for part in PARTS] == [30 * 4, 30 * 2, 30, 30 * 5]
    with pytest.raises(TooFewItems, match="7 takes"):
        digit_parts(spoken, validation_takes=6, probe_takes=1, seed=0)


def test_a_held_out_speaker_is_in_the_test_alone_with_every_take():
    spoken = digits()
    parts = digit_parts(spoken, validation_takes=2, probe_takes=1, held_out_speaker="bob", seed=0)
    speakers = {part: {spoken.speakers[place] for place in parts.part(part).places} for part in PARTS}
    assert speakers["test"] == {"bob"} and len(parts.test) == 10 * 12
    assert all(speakers[part] == {"ann", "cat"} for part in PARTS[:3])
    assert all(spoken.takes[parts.part(part).places].min() >= 5 for part in PARTS[:3])
    with pytest.raises(ValueError, match=r"no speaker is called 'eve'; there are ann, bob, cat"):
        digit_parts(spoken, validation_takes=2, probe_takes=1, held_out_speaker="eve", seed=0)


def test_one_recording_under_two_names_is_a_leak():
    spoken = digits()
    copied = list(spoken.sounds)
    copied[11] = copied[0]  # take 11, of training, is take 0, of the test
    with pytest.raises(LeakedItems, match="recording with the content"):
        digit_parts(replace(spoken, sounds=tuple(copied)), validation_takes=2, probe_takes=1, seed=0)


def test_folds_of_clips_are_official_and_no_recording_is_in_two_parts():
    heard = clips()
    for fold in range(1, 6):
        parts = clip_parts(heard, test_fold=fold, probe_recordings_per_class=1, seed=0)
        assert_disjoint(parts)
        folds = {part: set(heard.folds[parts.part(part).places].tolist()) for part in PARTS}
        following = fold % 5 + 1
        assert folds == {
            "test": {fold},
            "validation": {following},
            "probe": {following},
            "train": set(range(1, 6)) - {fold, following},
        }
        assert [len(parts.part(part)) for part in PARTS] == [48, 12, 4, 16]
        recordings = [{heard.recordings[place] for place in parts.part(part).places} for part in PARTS]
        assert sum(map(len, recordings)) == len(set.union(*recordings))


def test_a_recording_in_two_folds_is_a_leak_and_a_probe_leaves_something():
    heard = clips()
    names = list(heard.names)
    names[0] = f"1-{heard.recordings[40]}-C"  # a recording of another class's fold
    names[0] = names[0].replace(heard.recordings[40], heard.recordings[24])
    with pytest.raises(LeakedItems, match="recording"):
        clip_parts(replace(heard, names=tuple(names)), test_fold=1, probe_recordings_per_class=1, seed=0)
    with pytest.raises(TooFewItems, match="leaves none to validate"):
        clip_parts(heard, test_fold=1, probe_recordings_per_class=4, seed=0)
    with pytest.raises(ValueError, match="no fold 6; there are 1, 2, 3, 4, 5"):
        clip_parts(heard, test_fold=6, probe_recordings_per_class=1, seed=0)


@pytest.mark.skipif(MIRROR is None, reason="TENFOLD_MIRROR names no mirror folder")
def test_the_real_sounds_part_without_a_leak():
    spoken = read_spoken_digits(Path(MIRROR or "") / "fsdd")
    parts = digit_parts(spoken, validation_takes=5, probe_takes=1, seed=0)
    assert [len(parts.part(part)) for part in PARTS] == [2340, 300, 60, 300]
    for speaker in sorted(set(spoken.speakers)):
        parts = digit_parts(spoken, validation_takes=5, probe_takes=1, held_out_speaker=speaker, seed=0)
        assert [len(parts.part(part)) for part in PARTS] == [1950, 250, 50, 500]
    heard = read_sound_clips(Path(MIRROR or "") / "esc10")
    for fold in range(1, 6):
        parts = clip_parts(heard, test_fold=fold, probe_recordings_per_class=1, seed=0)
        assert len(parts.train) == 240 and len(parts.test) == 80 and len(parts.validation) + len(parts.probe) == 80
