"""What models start from before Stage I: copying from OCR text, and naming colours and shapes, many times per page.

A decoder that starts from nothing must learn to copy at all, and encoders to see; the paper starts from pretrained
ones. Only training pages are asked about, and about everything on them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from steps.llava_read.arms import OcrLayout
from steps.llava_read.ocr_sets import ORACLE
from tenfold.llava_read.ocr_prompt import OcrText
from tenfold.llava_read.pages import ReadingPage
from tenfold.llava_read.questions import SIGHT, Question, questions_about
from tenfold.llava_read.tasks import OCR_HEAD, Sample

LAYOUTS: tuple[OcrLayout, ...] = ("space", "plain", "xy_cut")
ROUNDS = 6  # of questions about a page, of which many come twice
RIGHT, BELOW, ABOVE, NAMED = ">", "_", "^", "<"  # what stands beside, below or above a text, or is the name of a value


def looked_up(page: ReadingPage, text: OcrText, count: int, generator: np.random.Generator) -> list[Sample]:
    """Return ``count`` short lookups in a page's OCR text, fewer if it holds fewer: ``>"Name"`` asks what is beside.

    Only what stands in the text is asked for, unless nothing of the page does.
    """
    every = _pairs(page.description["facts"], generator)
    pairs = [(asked, answer) for asked, answer in every if asked[2:-1] in text.text and answer in text.text] or every
    chosen = [pairs[place] for place in generator.permutation(len(pairs))[:count].tolist()]
    head = f"{OCR_HEAD}{text.text}\n"
    return [
        Sample(f"{page.id}-lookup-{turn}", page.id, "answer", f"{head}{asked}", answer, text.source)
        for turn, (asked, answer) in enumerate(chosen)
    ]


def listed(page: ReadingPage, count: int, asked: int, generator: np.random.Generator) -> list[Sample]:
    """Return lookups in a list of ``count`` rows of a page, fewer if it has fewer: a name and its value on each line.

    ``asked`` of them, at most, are asked for. Before whole pages, where the like takes ten times as long to learn.
    """
    facts = page.description["facts"]
    rows = [(bar["name"], str(bar["value"])) for bar in facts["bars"]] if "bars" in facts else _first_two(facts)
    chosen = [rows[place] for place in generator.permutation(len(rows))[:count].tolist()]
    head = OCR_HEAD + "".join(f"{name} {value}\n" for name, value in chosen)
    return [
        Sample(f"{page.id}-list-{turn}", page.id, "answer", f'{head}{RIGHT}"{name}"', value, ORACLE)
        for turn, (name, value) in enumerate(chosen[place] for place in generator.permutation(len(chosen))[:asked])
    ]


def _first_two(facts: dict[str, Any]) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in facts["cells"]]


def more_questions(page: ReadingPage, count: int, generator: np.random.Generator, *, sight: bool) -> list[Question]:
    """Return up to ``count`` questions about a page beyond its own: about all that is seen (``sight``), or text."""
    found: dict[str, Question] = {}
    for _ in range(ROUNDS):
        number, seed = (int(value) for value in generator.integers(0, 2**31, 2))
        for question in questions_about(page.id, _turned(page, generator), number=number, seed=seed):
            if (question.stratum in SIGHT) == sight:
                found.setdefault(question.question, question)
    listed = list(found.values())
    return [listed[place] for place in generator.permutation(len(listed))[:count].tolist()]


def _turned(page: ReadingPage, generator: np.random.Generator) -> dict[str, Any]:
    """Return a page's description in which other figures, or another bar, come first."""
    facts = dict(page.description["facts"])
    if "figures" in facts:
        first = int(generator.integers(0, len(facts["figures"])))
        facts["figures"] = [*facts["figures"][first:], *facts["figures"][:first]]
    else:
        facts["asked"] = facts["bars"][int(generator.integers(0, len(facts["bars"])))]["name"]
    return {**page.description, "facts": facts}


def _pairs(facts: dict[str, Any], generator: np.random.Generator) -> list[tuple[str, str]]:
    """Return short questions about a page's texts with their answers."""
    if "bars" in facts:
        values = [(f'{RIGHT}"{bar["name"]}"', str(bar["value"])) for bar in facts["bars"]]
        return values + [(f'{NAMED}"{bar["value"]}"', bar["name"]) for bar in facts["bars"]]
    cells: Sequence[Sequence[str]] = facts["cells"]
    columns = len(cells[0]) if facts["set_as"] != "inline" else 1
    pairs = [(f'{RIGHT}"{row[0]}"', row[1]) for row in cells]
    for upper, lower in itertools.pairwise(cells):
        column = int(generator.integers(0, columns))
        pairs += [(f'{BELOW}"{upper[column]}"', lower[column]), (f'{ABOVE}"{lower[column]}"', upper[column])]
    return pairs
