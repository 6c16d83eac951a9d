"""SuperGLUE's tasks and plain text from the hub, in the form that models read.

Legend:  N items · C choices an item (1 for classification) · T tokens
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Int

from tenfold.ntk_attention.errors import EmptySplit, UnknownTask
from tenfold.ntk_attention.hub_data import Split, load_split
from tenfold.ntk_attention.text_tasks import CONNECTING, TextItems

Texts = tuple[tuple[str, str | None], ...]
LINES = 1000  # of a text that are encoded at a time
WIKITEXT = "wikitext-103-raw-v1"


def _pair(first: str, second: str) -> Callable[[dict[str, Any]], Texts]:
    return lambda row: ((row[first], row[second]),)


def _choices(row: dict[str, Any]) -> Texts:
    premise = f"{row['premise'].rstrip('.')} {CONNECTING[row['question']]}"
    return ((premise, row["choice1"]), (premise, row["choice2"]))


# The columns that a task has beside its label, and the texts that an item is made of.
TASKS: dict[str, tuple[tuple[str, ...], Callable[[dict[str, Any]], Texts]]] = {
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


def task_split(source: str, task: str, split: str, revision: str) -> tuple[Split, TextItems, int]:
    """Return one split of a SuperGLUE task, its items, and how many classes it has.

    Raises UnknownTask, LabelOutOfRange (the official test split's labels are hidden), and what ``load_split`` does.
    """
    if task not in TASKS:
        raise UnknownTask(f"{source} has no task {task!r} that is known; known are {', '.join(TASKS)}")
    columns, texts = TASKS[task]
    found = load_split(source, split, columns=(*columns, "label"), configuration=task, revision=revision)
    labels = found.labels("label")
    return found, TextItems(tuple(texts(row) for row in found.rows), labels), found.classes("label")


def encode_items(items: TextItems, tokenizer: Any, max_tokens: int) -> tuple[np.ndarray, np.ndarray]:
    """Return token ids and mask for a decoder, both (N, C, T) int64, padded on the right; a pair is two lines.

    What is longer than ``max_tokens`` is cut in the longer of the two.
    """
    flat = [text for item in items.texts for text in item]
    tokenizer.padding_side = "right"
    coded = tokenizer(
        [first for first, _ in flat],
        [f"\n{second}" for _, second in flat],
        padding=True,
        truncation="longest_first",
        max_length=max_tokens,
        return_tensors="np",
    )
    shape = (len(items.texts), items.choices, -1)
    return coded["input_ids"].astype(np.int64).reshape(shape), coded["attention_mask"].astype(np.int64).reshape(shape)


def text_tokens(
    source: str, split: str, tokenizer: Any, *, wanted: int, configuration: str = WIKITEXT, revision: str = "main"
) -> tuple[Split, Int[np.ndarray, " T"]]:
    """Return a split's text as tokens, from its beginning to where there are ``wanted``, or all of them.

    Raises EmptySplit for a text without a token, and what ``load_split`` does.
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
