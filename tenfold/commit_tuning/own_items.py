"""People's own images or sounds, in a folder with a subfolder for each class, as the small model reads them.

Legend:  N items · C channels · H, W sides of an image, or bands and frames of a spectrogram
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from tenfold.commit_tuning.item_parts import Items, Parts
from tenfold.commit_tuning.question_errors import InvalidMedia, InvalidSubject, LeakedItems, TooFewItems
from tenfold.commit_tuning.questions import Subject
from tenfold.imaging.files import SUFFIXES as IMAGES

if TYPE_CHECKING:
    from jaxtyping import Float, Int, UInt8
    from torch import Tensor

SOUNDS = (".wav", ".ogg", ".flac", ".mp3")
RATE = 8_000  # samples per second, at which sounds are heard
LONGEST = 10.0  # seconds of a sound, beyond which it must be said how many are heard
FINE = 2.0  # seconds up to which a spectrogram has short windows
LEAST = 5  # items of a class: two to train, one each to validate, to probe and to test
SHARES = (0.2, 0.1, 0.1)  # of a class's items, to test, to validate and to probe


@dataclass(frozen=True)
class ItemReader:
    """How a file becomes what an encoder reads: a square image of ``side`` pixels, or ``seconds`` of a sound."""

    medium: Literal["image", "sound"]
    side: int = 32
    channels: Literal[1, 3] = 3
    seconds: float = 1.0

    def read(self, paths: Sequence[Path]) -> Float[Tensor, "N C H W"]:
        """Return the items of files. Raises InvalidImages, InvalidSound, with the file's name."""
        import torch

        from tenfold.commit_tuning.media import small_images

        if self.medium == "image":
            return small_images(np.stack([self._pixels(path) for path in paths]))
        return torch.cat([self._spectrogram(path) for path in paths])

    def _pixels(self, path: Path) -> UInt8[np.ndarray, "H W *C"]:
        from tenfold.imaging.files import open_image
        from tenfold.imaging.resizing import crop_square, resize_shorter_side

        image = resize_shorter_side(open_image(path, "RGB" if self.channels == 3 else "L"), self.side)
        return np.asarray(crop_square(image, self.side))

    def _spectrogram(self, path: Path) -> Float[Tensor, "1 1 H W"]:
        from tenfold.audio.files import load_sound
        from tenfold.commit_tuning.media import CLIP_MEL, DIGIT_MEL, small_sounds

        samples = load_sound(path, RATE)
        whole = np.clip(np.rint(samples * 2**15), -(2**15), 2**15 - 1).astype(np.int16)
        mel = DIGIT_MEL if self.seconds <= FINE else CLIP_MEL
        return small_sounds([whole], mel, seconds=self.seconds, longer="cut")

    def to_dict(self) -> dict[str, Any]:
        """Return what is needed to read files in the same way again, as JSON holds it."""
        return asdict(self)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Return the reader that a file of JSON describes. Raises InvalidMedia."""
        try:
            found = cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise InvalidMedia(f"{path} does not say how items are read: {error}") from None
        if found.medium not in ("image", "sound"):
            raise InvalidMedia(f"{path}: items are image or sound, not {found.medium!r}")
        return found


READERS = {  # of the tasks of the paper's pipeline
    "cifar10": ItemReader("image"),
    "fashion_mnist": ItemReader("image", side=28, channels=1),
    "fsdd": ItemReader("sound", channels=1, seconds=1.0),
    "esc10": ItemReader("sound", channels=1, seconds=5.0),
}


@dataclass(frozen=True)
class OwnItems:
    """Items with their classes; ``left_out`` were copies of others, ``unread`` files that hold neither."""

    subject: Subject
    names: tuple[str, ...]
    labels: Int[np.ndarray, " N"]
    media: Float[Tensor, "N C H W"]
    reader: ItemReader
    left_out: int
    unread: int
    cut: int  # sounds that are longer than what is heard of them


def read_own_items(
    folder: Path,
    *,
    side: int = 32,
    seconds: float | None = None,
    properties: Mapping[str, Sequence[str]] | None = None,
) -> OwnItems:
    """Return the images or the sounds of ``folder/<class>/<file>``; a subfolder's name is what its items are called.

    An underscore in a name stands for a space, large letters for small ones. ``properties`` says which classes have
    each: what else is asked besides names. ``seconds``: of a sound, the longest one's unless it is given. Raises
    InvalidSubject for names that make no answers, TooFewItems, LeakedItems for one item in two classes, InvalidMedia,
    and InvalidImages or InvalidSound for a file that cannot be read.
    """
    files, unread, medium = _files(folder)
    called = {name: _called(name) for name in files}
    if odd := next((name for name, words in called.items() if {"<", ">"} & set(words)), None):
        raise InvalidSubject(f"{folder / odd}: a class's name holds no < or >; call the folder otherwise")
    held = {word: frozenset(map(_called, holders)) for word, holders in (properties or {}).items()}
    subject = Subject(folder.name, medium, tuple(called.values()), held)
    for name, paths in files.items():
        if len(paths) < LEAST:
            raise TooFewItems(f"{folder / name} has {len(paths)} {medium}s; a class needs {LEAST} or more")
    paths = [path for found in files.values() for path in found]
    labels = np.repeat(np.arange(len(files)), [len(found) for found in files.values()])
    reader, cut = _reader(medium, paths, side, seconds)
    media = reader.read(paths)
    names = [path.relative_to(folder).as_posix() for path in paths]
    kept = _without_copies(names, labels, media)
    for label, name in enumerate(files):
        if (count := int((labels[kept] == label).sum())) < LEAST:
            raise TooFewItems(f"{folder / name} has {count} different {medium}s; a class needs {LEAST} or more")
    return OwnItems(
        subject,
        tuple(names[place] for place in kept),
        labels[kept],
        media[kept],
        reader,
        len(names) - len(kept),
        unread,
        cut,
    )


def _called(folder: str) -> str:
    """Return what the items in a subfolder are called."""
    return " ".join(folder.replace("_", " ").lower().split())


def _files(folder: Path) -> tuple[dict[str, list[Path]], int, Literal["image", "sound"]]:
    """Return the files by class, how many others there are, and what they are."""
    if not folder.is_dir():
        raise TooFewItems(f"{folder} is no folder; give one with a subfolder for each of two classes or more")
    classes = sorted(one for one in folder.iterdir() if one.is_dir())
    classes = [one for one in classes if not one.name.startswith(".")]
    if len(classes) < 2:
        raise TooFewItems(f"{folder} has {len(classes)} subfolders; give it one for each of two classes or more")
    there = {one.name: sorted(file for file in one.iterdir() if file.is_file()) for one in classes}
    known: dict[Literal["image", "sound"], frozenset[str]] = {"image": frozenset(IMAGES), "sound": frozenset(SOUNDS)}
    seen = {
        medium: {name: [file for file in listed if file.suffix.lower() in ends] for name, listed in there.items()}
        for medium, ends in known.items()
    }
    counts = {medium: sum(map(len, found.values())) for medium, found in seen.items()}
    if all(counts.values()):
        raise InvalidMedia(f"{folder} has {counts['image']} images and {counts['sound']} sounds; give one kind alone")
    if not any(counts.values()):
        raise TooFewItems(f"{folder} has no images ({', '.join(IMAGES)}) or sounds ({', '.join(SOUNDS)}) by class")
    medium: Literal["image", "sound"] = "image" if counts["image"] else "sound"
    return seen[medium], sum(map(len, there.values())) - counts[medium], medium


def _reader(
    medium: Literal["image", "sound"], paths: Sequence[Path], side: int, seconds: float | None
) -> tuple[ItemReader, int]:
    if medium == "image":
        if seconds is not None:
            raise InvalidMedia("images have no seconds; leave them out")
        return ItemReader("image", side=side), 0
    from tenfold.audio.files import read_sound

    lengths = {path: read_sound(path).seconds for path in paths}
    longest = max(lengths, key=lambda path: lengths[path])
    if seconds is None and lengths[longest] > LONGEST:
        raise InvalidMedia(f"{longest} lasts {lengths[longest]:.1f} s; say how many seconds of each sound are heard")
    heard = round(max(lengths[longest], 0.25), 3) if seconds is None else seconds
    return ItemReader("sound", channels=1, seconds=heard), sum(one > heard + 1 / RATE for one in lengths.values())


def _without_copies(names: Sequence[str], labels: Int[np.ndarray, " N"], media: Tensor) -> list[int]:
    """Return the places of items, each content once. Raises LeakedItems for one content in two classes."""
    first: dict[bytes, int] = {}
    for place, one in enumerate(media):
        known = first.setdefault(one.numpy().tobytes(), place)
        if labels[known] != labels[place]:
            raise LeakedItems(f"{names[known]} and {names[place]} are one item in two classes; take one away")
    return sorted(first.values())


def own_parts(items: OwnItems, *, seed: int = 0) -> Parts:
    """Return the four parts: per class a fifth to test, a tenth each to validate and to probe, the rest to train."""
    generator = np.random.default_rng(seed)
    chosen: list[list[int]] = [[], [], [], []]
    for label in range(len(items.subject.classes)):
        own = generator.permutation(np.flatnonzero(items.labels == label)).tolist()
        for part, share in zip(chosen, SHARES, strict=False):
            count = max(1, round(share * (items.labels == label).sum()))
            part += own[:count]
            own = own[count:]
        chosen[3] += own
    test, validation, probe, train = (
        Items(tuple(items.names[place] for place in part), np.array(part), items.labels[part])
        for part in map(sorted, chosen)
    )
    return Parts(train, validation, probe, test, left_out=items.left_out)


def with_properties(path: Path | None) -> dict[str, list[str]] | None:
    """Return the classes that have each property, from a file of JSON such as {"alive": ["cat", "dog"]}.

    Raises InvalidSubject.
    """
    if path is None:
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidSubject(f"{path} cannot be read as JSON: {error}") from None
    good = isinstance(found, dict) and all(
        word.split() == word.lower().split() and 1 <= len(word.split()) <= 5 and isinstance(listed, list)
        for word, listed in found.items()
    )
    if not good or not all(isinstance(one, str) for listed in found.values() for one in listed):
        raise InvalidSubject(
            f'{path} must be such as {{"alive": ["cat", "dog"]}}: words in small letters, lists of classes'
        )
    return {str(word): list(listed) for word, listed in found.items()}


def like(task: str) -> ItemReader:
    """Return how the pipeline reads the items of a task. Raises InvalidMedia."""
    if task not in READERS:
        raise InvalidMedia(f"no task is called {task!r}; there are {', '.join(READERS)}")
    return READERS[task]
