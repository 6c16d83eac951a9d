"""What images should show: prompts from a file, and which image in a folder belongs to which prompt."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from tenfold.artist.layouts import InvalidLayout, Layout
from tenfold.artist.prompt_sets import read_lines
from tenfold.artist.quotations import official_targets, quoted_words
from tenfold.data.errors import TableMismatch
from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.files import SUFFIXES, open_image

_NUMBERED = re.compile(r"(?:.*_)?(\d+)_(\d+)")  # …_<prompt>_<image>, both from 0


@dataclass(frozen=True)
class Asked:
    """A prompt, the words that its image should show, and where, if that is known."""

    prompt: str
    words: tuple[str, ...]
    layout: Layout | None = None

    @property
    def official(self) -> tuple[str, ...]:
        """The targets by MARIO-Eval's rule: of the prompt if it quotes anything by that rule, else the words.

        Benchmarks that quote otherwise, or not at all, come with their words.
        """
        return tuple(official_targets(self.prompt)) or self.words


@dataclass(frozen=True)
class Shown:
    """An image (H, W, 3) with its file's name, what it was asked to show, and the number of its prompt from 0."""

    name: str
    image: UInt8[np.ndarray, "H W 3"]
    asked: Asked
    number: int


def read_asked(path: Path) -> list[Asked]:
    """Return what a file of prompts asks for, in its order.

    A text file has a prompt per line, and its words are the quoted ones. A ``.jsonl`` file has an object per line:
    ``prompt``; ``wanted``, the words, by default those of the layout or the quoted ones; ``width``, ``height`` and
    ``words``, each with ``text`` and ``box`` in pixels, where the layout is known; they are the wanted ones.
    Raises TableMismatch for files of other kinds, and with the line for anything else.
    """
    if path.suffix not in (".txt", ".jsonl"):
        raise TableMismatch(f"{path}: prompts are a text file with one per line (.txt) or JSON lines (.jsonl)")
    if path.suffix == ".txt":
        return [Asked(prompt, tuple(quoted_words(prompt))) for prompt in read_lines(path)]
    rows = []
    for number, line in enumerate(read_lines(path), 1):
        try:
            rows.append(_asked(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TableMismatch(f"{path}:{number}: this line asks for nothing that can be read ({error!r})") from None
    return rows


def _in_order(path: Path) -> list[tuple[int, str]]:
    """Return what sorts names as people count: 2.png stands before 10.png."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def images_in(folder: Path, asked: Sequence[Asked]) -> list[Shown]:
    """Return the images of a folder, each with what it was asked to show.

    Names that end in ``<prompt>_<image>``, both numbers from 0, say which prompt is meant. Other names are taken in
    their order, as many images for each prompt. Raises InvalidImages if names of both kinds stand there, a number has
    no prompt, a prompt has no image, or images in order do not divide evenly among the prompts.
    """
    files = sorted((path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES), key=_in_order)
    if not files or not asked:
        raise InvalidImages(f"{folder} holds {len(files)} images, and {len(asked)} prompts are there: both are needed")
    numbers = _numbers(folder, files, len(asked))
    if bare := sorted(set(range(len(asked))) - set(numbers)):
        raise InvalidImages(f"{folder}: {len(bare)} prompts have no image, the first is number {bare[0]}")
    return [
        Shown(path.name, np.asarray(open_image(path, "RGB")), asked[number], number)
        for path, number in zip(files, numbers, strict=True)
    ]


def _numbers(folder: Path, files: Sequence[Path], prompts: int) -> list[int]:
    """Return the number of each file's prompt."""
    named = [match for path in files if (match := _NUMBERED.fullmatch(path.stem))]
    if named and len(named) < len(files):
        raise InvalidImages(f"{folder}: only {len(named)} of {len(files)} names end in <prompt>_<image>: rename all")
    if named:
        numbers = [int(match.group(1)) for match in named]
        if max(numbers) >= prompts:
            raise InvalidImages(f"{folder}: an image of prompt {max(numbers)}, and {prompts} prompts, from 0")
        return numbers
    if len(files) % prompts:
        raise InvalidImages(
            f"{folder}: {len(files)} images do not divide evenly among {prompts} prompts; name them <prompt>_<image>"
        )
    return [place * prompts // len(files) for place in range(len(files))]


def _asked(row: dict[str, Any]) -> Asked:
    layout = None
    if "words" in row and "width" in row:
        try:
            layout = Layout.from_description(row)
        except InvalidLayout as error:
            raise ValueError(str(error)) from None
    prompt = str(row["prompt"])
    wanted = row.get("wanted", list(layout.texts) if layout is not None else quoted_words(prompt))
    if not isinstance(wanted, list) or not all(isinstance(word, str) for word in wanted):
        raise ValueError("`wanted` is a list of words")
    if layout is not None and sorted(" ".join(wanted).split()) != sorted(layout.texts):
        raise ValueError(f"`wanted` is {' '.join(wanted)}, but `words` with boxes are {' '.join(layout.texts)}")
    return Asked(prompt, tuple(wanted), layout)
