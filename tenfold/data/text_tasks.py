"""Text tasks in the sources' tables: single sentences, pairs, and two choices to a premise; and plain texts.

Legend:  N items · C choices per item (1 for classification) · T tokens
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from tenfold.data.archives import gunzip
from tenfold.data.errors import TableMismatch
from tenfold.data.texts import read_texts

CONNECTING = {"cause": "because", "effect": "so"}  # COPA: what joins premise and choice


@dataclass(frozen=True)
class TextItems:
    """The items of one split: each has one text, or one text per choice; a text is a sentence or a pair."""

    texts: tuple[tuple[tuple[str, str | None], ...], ...]
    labels: Int[np.ndarray, " N"]

    @property
    def choices(self) -> int:
        """How many choices each item has; 1 for classification."""
        return len(self.texts[0])

    def only(self, chosen: Sequence[int] | np.ndarray) -> TextItems:
        """Return the items at the places ``chosen``, in that order."""
        return TextItems(tuple(self.texts[index] for index in chosen), self.labels[np.asarray(chosen)])


def read_items(folder: Path, split: str) -> TextItems:
    """Return the items of ``split`` from the folder's ``*.tsv.gz`` (header line, no quoting), or as ``read_texts``.

    Known columns: text; sentence1 and sentence2; premise, asks_for, choice1 and choice2. Labels are numbers, or names
    that are numbered in the order of the alphabet.

    Raises TableMismatch if the columns are others or the split is empty; CorruptArchive if a file is damaged.
    """
    files = sorted(folder.glob("*.tsv.gz"))
    if not files:  # a source in its official form
        found = read_texts(folder, split)
        return TextItems(tuple(((text, None),) for text in found.texts), found.labels)
    columns, *rows = (line.split("\t") for line in gunzip(files[0]).decode("utf-8").splitlines())
    table = [dict(zip(columns, row, strict=True)) for row in rows]
    names = sorted({row["label"] for row in table})
    chosen = [row for row in table if row["split"] == split]
    if not chosen:
        raise TableMismatch(f"{files[0]} has nothing of split {split!r}; it has {sorted({r['split'] for r in table})}")
    labels = [int(row["label"]) if row["label"].isdigit() else names.index(row["label"]) for row in chosen]
    return TextItems(tuple(_texts(row, files[0]) for row in chosen), np.array(labels, dtype=np.int64))


def _texts(row: dict[str, str], path: Path) -> tuple[tuple[str, str | None], ...]:
    if "text" in row:
        return ((row["text"], None),)
    if "sentence1" in row:
        return ((row["sentence1"], row["sentence2"]),)
    if "choice1" in row:
        premise = f"{row['premise'].rstrip('.')} {CONNECTING[row['asks_for']]}"
        return ((premise, row["choice1"]), (premise, row["choice2"]))
    raise TableMismatch(f"{path} has the columns {sorted(row)}, without text, a pair of sentences or choices")


def encode(
    items: TextItems, tokenizer: Any, max_tokens: int, *, separator: str = ""
) -> tuple[Int[np.ndarray, "N C T"], Int[np.ndarray, "N C T"]]:
    """Return token ids and mask, padded on the right to the longest text of at most ``max_tokens``.

    A pair that is longer is cut in the longer of its two sentences. ``separator`` stands before the second sentence,
    for tokenizers without a separator of their own.
    """
    flat = [text for item in items.texts for text in item]
    seconds = [None if second is None else f"{separator}{second}" for _, second in flat]
    tokenizer.padding_side = "right"
    coded = tokenizer(
        [first for first, _ in flat],
        seconds if seconds[0] is not None else None,
        padding=True,
        truncation="longest_first",
        max_length=max_tokens,
        return_tensors="np",
    )
    shape = (len(items.texts), items.choices, -1)
    return coded["input_ids"].astype(np.int64).reshape(shape), coded["attention_mask"].astype(np.int64).reshape(shape)


def read_plain_text(folder: Path) -> str:
    """Return the text of a folder's ``*.txt`` or ``*.txt.gz`` files one after the other, or of a stand-in's table.

    Raises TableMismatch if the folder holds no text; CorruptArchive if a file is damaged.
    """
    plain, files = sorted(folder.glob("*.txt")), sorted(folder.glob("*.txt.gz"))
    if plain:
        return "".join(path.read_text(encoding="utf-8") for path in plain)
    if files:
        return "".join(gunzip(path).decode("utf-8") for path in files)
    table = sorted(folder.glob("*.tsv.gz"))
    if not table:
        raise TableMismatch(f"{folder} holds no text. Bring the source again.")
    return "\n".join(line.rpartition("\t")[2] for line in gunzip(table[0]).decode("utf-8").splitlines()[1:])


def ascii_codes(text: str) -> Int[np.ndarray, " N"]:
    """Return the ASCII code of each character; a character that has none becomes a question mark."""
    return np.frombuffer(text.encode("ascii", errors="replace"), np.uint8).astype(np.int64)
