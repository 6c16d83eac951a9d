"""Training, validation, probe and test parts of a data set, which share no item, no content and no recording.

The probe, by which the balance is estimated, comes from what training may use and is in no other part; rates are chosen
on the validation part. The test is the official one throughout.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int, UInt8

from tenfold.commit_tuning.question_errors import LeakedItems, TooFewItems
from tenfold.data.images import LabelledImages
from tenfold.data.recordings import SoundClips, SpokenDigits

PARTS = ("train", "validation", "probe", "test")
TEST_TAKES = range(5)  # the official test of the spoken digits


@dataclass(frozen=True)
class Items:
    """Names of items, where each stands in what was read, and its label."""

    names: tuple[str, ...]
    places: Int[np.ndarray, " n"]
    labels: Int[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Parts:
    """The four parts; ``left_out`` items were not used because another item has the same content.

    Raises LeakedItems if a name is in two parts, or twice in one; TooFewItems if a part is empty.
    """

    train: Items
    validation: Items
    probe: Items
    test: Items
    left_out: int = 0

    def __post_init__(self) -> None:
        require_apart(self, {name: name for part in PARTS for name in self.part(part).names}, what="item")
        for part in PARTS:
            names = self.part(part).names
            if not names:
                raise TooFewItems(f"the {part} part has no item; give it some")
            if len(set(names)) < len(names):
                raise LeakedItems(f"an item is twice in the {part} part")

    def part(self, name: str) -> Items:
        """Return a part by its name."""
        found: Items = getattr(self, name)
        return found


def require_apart(parts: Parts, groups: Mapping[str, str], *, what: str, shared: Sequence[str] = ()) -> None:
    """Raise LeakedItems if a group of items, such as a recording, is in two parts; those in ``shared`` may share it."""
    owner: dict[str, str] = {}
    for part in PARTS:
        room = "shared" if part in shared else part
        for name in parts.part(part).names:
            first = owner.setdefault(groups[name], room)
            if first != room:
                raise LeakedItems(f"{what} {groups[name]} is in the {part} part, and in another one too")


def image_parts(
    train: LabelledImages,
    test: LabelledImages,
    *,
    train_per_class: int,
    validation_per_class: int,
    probe_per_class: int,
    test_per_class: int,
    seed: int,
) -> Parts:
    """Return parts of images, equally many per class: the first three out of the official training images.

    Places count within the official part that an image comes from. An image whose pixels another one has too is used
    once, in the test if it is there. Raises TooFewItems, LeakedItems.
    """
    generator = np.random.default_rng(seed)
    known: set[bytes] = set()
    tested, again = _per_class(test, [test_per_class], generator, known)
    chosen, more = _per_class(train, [train_per_class, validation_per_class, probe_per_class], generator, known)
    fit, validation, probe = (_image_items("train", train, places) for places in chosen)
    return Parts(fit, validation, probe, _image_items("test", test, tested[0]), left_out=again + more)


def digit_parts(
    digits: SpokenDigits, *, validation_takes: int, probe_takes: int, held_out_speaker: str | None = None, seed: int
) -> Parts:
    """Return parts of spoken digits: the official test (takes 0 to 4), or every take of a speaker that no part knows.

    Validation and probe are whole takes out of the official training takes, drawn by ``seed``. Raises TooFewItems,
    LeakedItems for recordings of the same samples in two parts, ValueError for a speaker who is not there.
    """
    speakers, takes = np.array(digits.speakers), digits.takes
    if held_out_speaker is not None and held_out_speaker not in digits.speakers:
        raise ValueError(
            f"no speaker is called {held_out_speaker!r}; there are {', '.join(sorted(set(digits.speakers)))}"
        )
    official = np.isin(takes, TEST_TAKES)
    held_out = speakers == held_out_speaker if held_out_speaker is not None else official
    pool = ~official & ~held_out
    drawn = np.random.default_rng(seed).permutation(np.unique(takes[pool]))
    if len(drawn) <= validation_takes + probe_takes:
        raise TooFewItems(
            f"{len(drawn)} takes are for training; {validation_takes} and {probe_takes} leave none of them"
        )
    ends = (validation_takes, validation_takes + probe_takes)
    masks = [np.isin(takes, one) & pool for one in (drawn[ends[1] :], drawn[: ends[0]], drawn[ends[0] : ends[1]])]
    names = digits.names
    parts = _sound_parts(names, digits.digits, [*masks, held_out])
    require_apart(parts, _contents(names, digits.sounds), what="a recording with the content")
    if held_out_speaker is not None:
        require_apart(parts, dict(zip(names, digits.speakers, strict=True)), what="speaker", shared=PARTS[:3])
    return parts


def clip_parts(clips: SoundClips, *, test_fold: int, probe_recordings_per_class: int, seed: int) -> Parts:
    """Return parts of sound clips: one official fold for the test, the next for validation and probe, three to train.

    Whole recordings of the next fold, drawn per class by ``seed``, are the probe. Raises TooFewItems, LeakedItems for a
    recording in two parts, ValueError for a fold that is not there.
    """
    folds = np.unique(clips.folds)
    if test_fold not in folds:
        raise ValueError(f"there is no fold {test_fold}; there are {', '.join(map(str, folds))}")
    following = folds[(np.flatnonzero(folds == test_fold)[0] + 1) % len(folds)]
    generator, recordings = np.random.default_rng(seed), np.array(clips.recordings)
    beside = clips.folds == following
    probe = np.zeros_like(beside)
    for label in range(len(clips.class_names)):
        there = np.unique(recordings[beside & (clips.labels == label)])
        if len(there) <= probe_recordings_per_class:
            raise TooFewItems(
                f"{clips.class_names[label]} has {len(there)} recordings in fold {following}; "
                f"a probe of {probe_recordings_per_class} leaves none to validate"
            )
        drawn = generator.permutation(there)[:probe_recordings_per_class]
        probe |= beside & (clips.labels == label) & np.isin(recordings, drawn)
    tested = clips.folds == test_fold
    parts = _sound_parts(clips.names, clips.labels, [~beside & ~tested, beside & ~probe, probe, tested])
    require_apart(parts, dict(zip(clips.names, clips.recordings, strict=True)), what="recording")
    require_apart(parts, _contents(clips.names, clips.sounds), what="a clip with the content")
    return parts


def _per_class(
    images: LabelledImages, counts: Sequence[int], generator: np.random.Generator, known: set[bytes]
) -> tuple[list[Int[np.ndarray, " n"]], int]:
    """Return places of so many images of each class for each part, and how many had known content."""
    found: list[list[int]] = [[] for _ in counts]
    again = 0
    for label in np.unique(images.labels):
        order = iter(generator.permutation(np.flatnonzero(images.labels == label)).tolist())
        for part, count in zip(found, counts, strict=True):
            wanted = len(part) + count
            while len(part) < wanted:
                place = next(order, None)
                if place is None:
                    raise TooFewItems(f"class {label} has too few images for {' + '.join(map(str, counts))}")
                content = _digest(images.pixels[place])
                if content in known:
                    again += 1
                    continue
                known.add(content)
                part.append(place)
    return [np.array(part, np.int64) for part in found], again


def _image_items(split: str, images: LabelledImages, places: Int[np.ndarray, " n"]) -> Items:
    return Items(tuple(f"{split}-{place}" for place in places), places, images.labels[places].astype(np.int64))


def _sound_items(names: Sequence[str], labels: Int[np.ndarray, " N"], mask: np.ndarray) -> Items:
    places = np.flatnonzero(mask)
    return Items(tuple(names[place] for place in places.tolist()), places, labels[places].astype(np.int64))


def _sound_parts(names: Sequence[str], labels: Int[np.ndarray, " N"], masks: Sequence[np.ndarray]) -> Parts:
    train, validation, probe, test = (_sound_items(names, labels, mask) for mask in masks)
    return Parts(train, validation, probe, test)


def _contents(names: Sequence[str], arrays: Sequence[Any]) -> dict[str, str]:
    return {name: _digest(array).hex()[:12] for name, array in zip(names, arrays, strict=True)}


def _digest(array: UInt8[np.ndarray, "*shape"]) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).digest()
