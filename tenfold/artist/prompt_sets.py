"""Prompts for images with written words, as a data stage brought them, and lists of prompts line by line.

Known formats: the mirror's ``prompts.jsonl`` (GlyphControl's benchmarks and ten examples of TextDiffuser), and
GlyphControl's published files, named ``SimpleBench_top_1000.txt`` and so on, which hold the benchmarks alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tenfold.artist.quotations import quoted_words
from tenfold.data.errors import TableMismatch

JSONL = "prompts.jsonl"
BENCHMARKS = ("SimpleBench", "CreativeBench")
BUCKETS = ("top_1000", "1000_10000", "10000_100000", "100000_plus")
TEMPLATES = "CreativeBench_templates"
_FILE = re.compile(rf"({'|'.join(BENCHMARKS)})_({'|'.join(BUCKETS)})\.txt")


@dataclass(frozen=True)
class Prompt:
    """A prompt as published, the words that it wants in lower case, its set and the rarity of its word.

    ``bucket`` is the word's rank by frequency, such as "1000_10000", where the set has such parts.
    """

    text: str
    words: tuple[str, ...]
    set: str
    bucket: str | None = None
    source: str = "GlyphControl"


def read_prompts(folder: Path) -> list[Prompt]:
    """Return the prompts in a folder: those of the benchmarks first, in the published order of each.

    Raises TableMismatch if the folder holds none of the known formats.
    """
    if (folder / JSONL).is_file():
        return _json_lines(folder / JSONL)
    found = {match.groups(): path for path in folder.glob("*.txt") if (match := _FILE.fullmatch(path.name))}
    if not found:
        raise TableMismatch(f"{folder} holds no prompts ({JSONL} or files such as SimpleBench_top_1000.txt)")
    rows = [
        Prompt(text, tuple(quoted_words(text)), name, bucket)
        for name in BENCHMARKS
        for bucket in BUCKETS
        if (name, bucket) in found
        for text in read_lines(found[name, bucket])
    ]
    templates = folder / f"{TEMPLATES}.txt"
    return rows + [Prompt(text, (), TEMPLATES) for text in (read_lines(templates) if templates.is_file() else [])]


def read_lines(path: Path) -> list[str]:
    """Return the prompts of a file, one per line, without empty lines. Raises TableMismatch if it is no text."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # a prompt may hold other ends of lines
    except (OSError, UnicodeDecodeError) as error:
        raise TableMismatch(f"{path} cannot be read as lines of text: {error}") from None
    return [line.strip() for line in lines if line.strip()]


def overlong(prompts: Sequence[str], tokens: Callable[[str], int], *, longest: int = 77) -> list[int]:
    """Return the numbers of the prompts whose end a text encoder never sees: those of more than ``longest`` tokens.

    ``tokens`` counts a prompt's tokens, those at its beginning and end included; 77 is CLIP's limit.
    """
    return [number for number, prompt in enumerate(prompts) if tokens(prompt) > longest]


def _json_lines(path: Path) -> list[Prompt]:
    rows = []
    for number, line in enumerate(read_lines(path), 1):
        try:
            row = json.loads(line)
            words = tuple(word.lower() for text in row["words"] for word in text.split())
            rows.append(Prompt(str(row["prompt"]), words, str(row["set"]), row["bucket"], str(row["source"])))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TableMismatch(f"{path}:{number}: no prompt can be read here ({error!r}). Bring it again.") from None
    return rows
