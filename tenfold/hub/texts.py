"""SuperGLUE's tasks and plain text from the hub, in the form that models read.

Legend:  T tokens
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Int

from tenfold.data.text_tasks import CONNECTING, TextItems
from tenfold.hub.datasets import Split, load_split
from tenfold.hub.errors import EmptySplit, UnknownTask

Texts = tuple[tuple[str, str | None], ...]
LINES = 1000  # of a text, encoded at a time
WIKITEXT = "wikitext-103-raw-v1"


def _pair(first: str, second: str) -> Callable[[dict[str, Any]], Texts]:
    return lambda row: ((row[first], row[second]),)


def _choices(row: dict[str, Any]) -> Texts:
    premise = f"{row['premise'].rstrip('.')} {CONNECTING[row['question']]}"
    return ((premise, row["choice1"]), (premise, row["choice2"]))


# The columns that each task has beside its label, and the texts that an item is made of.
SUPERGLUE: dict[str, tuple[tuple[str, ...], Callable[[dict[str, Any]], Texts]]] = {
    "boolq": (("passage", "question"), _pair("passage", "question")),
    "cb": (("premise", "hypothesis"), _pair("premise", "hypothesis")),
    "copa": (("premise", "question", "choice1", "choice2"), _choices),
    "rte": (("premise", "hypothesis"), _pair("premise", "hypothesis")),
    "wic": (
        ("word", "sentence1", "sentence2"),
        lambda row: ((row["sentence1"], f"{row['sentence2']} {row['word']}"),),
    ),
    "wsc": (
        ("text", "span1_text", "span2_text"),
        lambda row: ((row["text"], f"{row['span2_text']} is {row['span1_text']}"),),
    ),
    "multirc": (
        ("paragraph", "question", "answer"),
        lambda row: ((row["paragraph"], f"{row['question']} {row['answer']}"),),
    ),
}


def superglue_split(source: str, task: str, split: str, revision: str) -> tuple[Split, TextItems, int]:
    """Return one split of a SuperGLUE task, the items of the split, and how many classes the task has.

    Raises UnknownTask if SuperGLUE has no such task, LabelOutOfRange if the labels are hidden (as those of the official
    test split are), and what ``load_split`` raises.
    """
    if task not in SUPERGLUE:
        raise UnknownTask(f"{source} has no task {task!r} that is known; known are {', '.join(SUPERGLUE)}")
    columns, texts = SUPERGLUE[task]
    found = load_split(source, split, columns=(*columns, "label"), configuration=task, revision=revision)
    labels = found.labels("label")
    return found, TextItems(tuple(texts(row) for row in found.rows), labels), found.classes("label")


def text_tokens(
    source: str, split: str, tokenizer: Any, *, wanted: int, configuration: str = WIKITEXT, revision: str = "main"
) -> tuple[Split, Int[np.ndarray, " T"]]:
    """Return a split and the first ``wanted`` tokens of its text, or all tokens if there are fewer.

    Raises EmptySplit if the text has no token, and what ``load_split`` raises.
    """
    found = load_split(source, split, columns=("text",), configuration=configuration, revision=revision)
    tokens: list[int] = []
    for start in range(0, len(found), LINES):
        text = "".join(found.rows[start : start + LINES]["text"])
        tokens += tokenizer(text, add_special_tokens=False)["input_ids"]
        if len(tokens) >= wanted:
            break
    if not tokens:
        raise EmptySplit(f"{found} holds no text; name another split or revision, or fill the folder")
    return found, np.array(tokens[:wanted], dtype=np.int64)
