"""What models replied to sets of items, as the steps that ask them write it and later steps read it.

A step that asks models writes ``replies.json``, a list of entries, and a file of predictions for each. Another paper's
step that answers these items writes the same, and becomes one more input of ``evaluate``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from steps.step.json_files import read_json, write_json
from tenfold.mmr.items import ItemSet
from tenfold.mmr.predictions import Prediction, in_order, read_predictions, write_predictions

Kind = Literal["oracle", "blind", "dump", "rules", "language", "trained", "pretrained"]
READING: tuple[Kind, ...] = ("rules", "language", "trained", "pretrained")  # answer by what stands on the image
SEEING: tuple[Kind, ...] = ("trained", "pretrained")  # by an image encoder
JUDGED: Kind = "pretrained"  # the models that claims are about; those trained here at small scale are shown beside them
LISTED = "replies.json"
NATIVE, OFFICIAL = "native", "official"
OTHER_IMAGE = "of another image"  # a variant: what was dumped is another image's text
SPLIT, SHUFFLED = "split", "shuffled answers, split"  # variants, with a number: fits to other parts of the images


class InvalidReplies(ValueError):
    """A step's replies cannot be read: an entry of no known form, or two of one name."""


@dataclass(frozen=True)
class Entry:
    """One model's replies to one set of items.

    ``kind``: oracle knows the answers; blind has no image; dump replies with all text; rules and language read by an
    ``engine``, by rules and by a language model; trained is a model that sees and was trained here, pretrained one of
    the hub or an endpoint. ``view`` is the form in which images were shown, ``style`` that of the prompts, ``rotation``
    by how many places the options were turned, ``size`` the number of parameters in billions, where it is known.
    ``reasked``: replies after badly formatted ones were asked for again. ``variant`` says in words what else was
    varied: another fit, another image's text. ``about`` is all else that replies depend on.
    """

    items: str
    model: str
    kind: Kind
    file: str
    engine: str = ""
    view: str = NATIVE
    style: str = OFFICIAL
    rotation: int = 0
    size: float | None = None
    stand_in: bool = False
    reasked: bool = False
    variant: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def plain(self) -> bool:
        """Whether nothing was varied: images as they are, official prompts, options in their order."""
        varied = (self.view, self.style, self.rotation, self.reasked, self.variant)
        return varied == (NATIVE, OFFICIAL, 0, False, "")

    @property
    def named(self) -> str:
        """The model with what was varied."""
        varied = [self.view] * (self.view != NATIVE) + [self.style] * (self.style != OFFICIAL)
        varied += [f"options turned by {self.rotation}"] * bool(self.rotation) + ["asked again"] * self.reasked
        varied += [self.variant] * bool(self.variant)
        return " · ".join([self.model, *varied])


@dataclass(frozen=True)
class Replies:
    """An entry and where its predictions lie."""

    entry: Entry
    folder: Path

    def to(self, items: ItemSet) -> list[Prediction]:
        """Return one prediction per item, in the items' order; replies to other items are left out."""
        wanted = {item.key for item in items.rows}
        kept = [one for one in read_predictions(self.folder / self.entry.file) if one.key in wanted]
        return in_order(items, kept)


class RepliesWriter:
    """Writes replies into a step's output: ``add`` those of each model, then ``close``."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._entries: list[Entry] = []

    def add(self, items: str, model: str, kind: Kind, predictions: Sequence[Prediction], **about: Any) -> Entry:
        """Write one model's predictions; ``about`` are further fields of its entry. Raises InvalidReplies."""
        file = f"{items}/{_slug(Entry(items, model, kind, '', **about).named)}.jsonl"
        entry = Entry(items, model, kind, file, **about)
        if any(other.file == file for other in self._entries):
            raise InvalidReplies(f"{items}: two sets of replies are called {entry.named!r}")
        (self._out / items).mkdir(exist_ok=True)
        write_predictions(predictions, self._out / file)
        self._entries.append(entry)
        return entry

    def close(self) -> None:
        """Write the list of entries."""
        write_json(self._out / LISTED, [_described(entry) for entry in self._entries])


def read_replies(folders: Iterable[Path]) -> list[Replies]:
    """Return the replies of all ``folders``, in order. Raises InvalidReplies, with the file, for what is none."""
    found: list[Replies] = []
    seen: set[tuple[str, str]] = set()
    for folder in folders:
        for row in read_json(folder / LISTED):
            entry = _entry(row, folder / LISTED)
            if (entry.items, entry.named) in seen:
                raise InvalidReplies(f"{folder / LISTED}: {entry.named!r} has replied to {entry.items} before")
            seen.add((entry.items, entry.named))
            found.append(Replies(entry, folder))
    return found


def _entry(row: Any, path: Path) -> Entry:
    try:
        entry = Entry(**row)
    except TypeError as error:
        raise InvalidReplies(f"{path}: {row!r} is no entry: {error}") from None
    if entry.kind not in get_args(Kind):
        raise InvalidReplies(f"{path}: {entry.model}: kind {entry.kind!r} is none of {', '.join(get_args(Kind))}")
    return entry


def _described(entry: Entry) -> dict[str, Any]:
    return {one.name: getattr(entry, one.name) for one in fields(entry)}


def _slug(name: str) -> str:
    """Return a name as a file's: letters, digits, points and dashes."""
    return "-".join("".join(letter if letter.isalnum() or letter in ".-" else " " for letter in name).split()).lower()
