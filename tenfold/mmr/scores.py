"""Points of replies: as the official runner gives them, and with its scorer mended.

A choice is right if its number is the answer's, a text if its score is strictly above 0.9, a box if its intersection
over union with the answer's is strictly above 0.3. Only an item of `grounding_t` has two points, for its text and its
box. What is no answer, or cannot be read, is worth nothing and stays in the denominator.

Source: ``test_fn.py`` of the official repository at c897df0 (Chen et al. 2024, arXiv 2408.14594).

Legend:  N items
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Bool, Float64

from tenfold.arguments import real
from tenfold.mmr.alignment import ABOVE, pnls, pnls_length, pnls_spaceless
from tenfold.mmr.coordinates import Box, checked_convention, overlap, shares
from tenfold.mmr.errors import InvalidItem, MMRError
from tenfold.mmr.items import Item, ItemSet
from tenfold.mmr.judging import no_answer, references, said_of_box, said_of_choice, said_of_text, unread
from tenfold.mmr.parsing import official
from tenfold.mmr.predictions import Prediction, in_order
from tenfold.mmr.robust_parsing import robust
from tenfold.mmr.tasks import CHOICE, COLUMNS, GROUNDING, RECOGNITION, Column
from tenfold.text.anls import anls_docvqa
from tenfold.text.matching import exact_match

Parser = Literal["official", "robust"]
Text = Literal["pnls", "pnls_length", "pnls_spaceless", "exact", "anls"]
WITH_TEXT = (*RECOGNITION, "grounding_t")
OVERLAP = 0.3  # a box is right if its intersection over union is strictly above


class InvalidScorer(MMRError):
    """A scorer's parser, text score, threshold or convention of boxes is none that there is."""


def _exact(references: Sequence[str], predictions: Sequence[str]) -> Float64[np.ndarray, " N"]:
    pairs = zip(references, predictions, strict=True)
    return np.array([exact_match(given, [wanted]) for wanted, given in pairs], dtype=np.float64)


def _anls(references: Sequence[str], predictions: Sequence[str]) -> Float64[np.ndarray, " N"]:
    return anls_docvqa(predictions, [[one] for one in references])


def _pnls(references: Sequence[str], predictions: Sequence[str]) -> Float64[np.ndarray, " N"]:
    return pnls(references, [one.replace('"', "") for one in predictions])  # as PNLS does with references


def _spaceless(references: Sequence[str], predictions: Sequence[str]) -> Float64[np.ndarray, " N"]:
    return pnls_spaceless(references, [one.replace('"', "") for one in predictions])


TEXTS: dict[str, Callable[[Sequence[str], Sequence[str]], np.ndarray]] = {
    "pnls": _pnls,
    "pnls_length": pnls_length,
    "pnls_spaceless": _spaceless,
    "exact": _exact,
    "anls": _anls,
}
LABELS = {
    "pnls": "PNLS",
    "pnls_length": "length-penalised PNLS",
    "pnls_spaceless": "PNLS without spaces",
    "exact": "exact match",
    "anls": "ANLS",
}


@dataclass(frozen=True)
class Scorer:
    """How replies become points; without arguments as the official runner does it.

    ``parser`` reads replies, ``text`` compares texts, ``iou`` is what a box's intersection over union must exceed, and
    ``convention`` is that of the replies' boxes, one of `tenfold.mmr.coordinates.COORDINATES`; answers are always
    shares of the sides. The official parser knows one reference per item, the robust one takes the best of several.
    Raises InvalidScorer for a value that is none of these, UnknownCoordinates for another convention.
    """

    parser: Parser = "official"
    text: Text = "pnls"
    iou: float = OVERLAP
    convention: str = "unit"

    def __post_init__(self) -> None:
        if self.parser not in get_args(Parser):
            raise InvalidScorer(f"no parser is called {self.parser!r}; there are {', '.join(get_args(Parser))}")
        if self.text not in TEXTS:
            raise InvalidScorer(f"no text score is called {self.text!r}; there are {', '.join(TEXTS)}")
        if not 0 <= real(self.iou, "iou", error=InvalidScorer) < 1:
            raise InvalidScorer(f"iou = {self.iou!r} must be at least 0 and below 1")
        checked_convention(self.convention)


OFFICIAL = Scorer()
MENDED = Scorer(parser="robust", text="pnls_length")


@dataclass(frozen=True)
class Scores:
    """Points of replies, one row per item, in the items' order.

    ``points`` has the item's point, of `grounding_t` the text's, in its first column, and the point of the box of
    `grounding_t` in its second. ``iou`` is NaN for an item without boxes, 0 where a reply has none; ``text_score`` is
    NaN for an item without text, 0 where a reply has none. ``parsed`` is what the parser read, None if nothing;
    ``reasons`` say in a sentence why each item scored so. ``format_failures`` are answers that could not be read,
    ``unanswered`` items without an answer.
    """

    items: ItemSet
    scorer: Scorer
    points: Float64[np.ndarray, "N 2"]
    iou: Float64[np.ndarray, " N"]
    text_score: Float64[np.ndarray, " N"]
    parsed: tuple[Any, ...]
    reasons: tuple[str, ...]
    format_failures: Bool[np.ndarray, " N"]
    unanswered: Bool[np.ndarray, " N"]

    @cached_property
    def by_column(self) -> Float64[np.ndarray, "N 12"]:
        """The points of each item in each of the twelve columns, 0 in those that are not its own."""
        return in_columns(self.items, self.points)

    def columns(self) -> dict[Column, float]:
        """Return the points of each column."""
        return dict(zip(COLUMNS, self.by_column.sum(axis=0).tolist(), strict=True))

    def possible(self) -> dict[Column, int]:
        """Return the most points of each column, 0 where there is no such item."""
        return possible(self.items)

    @property
    def total(self) -> float:
        """All points."""
        return float(self.points.sum())

    @property
    def most(self) -> int:
        """The most points that these items can give."""
        return self.items.points


def in_columns(items: ItemSet, points: Float64[np.ndarray, "N 2"]) -> Float64[np.ndarray, "N 12"]:
    """Return points (N, 2) in the twelve columns of the leaderboard. Raises InvalidItem for another number of rows."""
    table = np.asarray(points, dtype=np.float64)
    if table.shape != (len(items), 2):
        raise InvalidItem(f"points of shape {table.shape} do not belong to {len(items)} items of {items.name}")
    found = np.zeros((len(items), len(COLUMNS)))
    for place, column in enumerate(COLUMNS):
        task, _, part = column.partition(" ")
        found[:, place] = np.where(items.tasks == task, table[:, 1 if part == "box" else 0], 0.0)
    return found


def possible(items: ItemSet) -> dict[Column, int]:
    """Return how many points there are in each column."""
    return {column: int((items.tasks == column.partition(" ")[0]).sum()) for column in COLUMNS}


def score(items: ItemSet, predictions: Sequence[Prediction], scorer: Scorer = OFFICIAL) -> Scores:
    """Return the points of replies to items; an item without a reply has none.

    Raises InvalidPredictions for a reply to no item, or two to one; InvalidItem for an answer that is not of its
    task's form, or a box in a convention that needs the image's size where it is not known.
    """
    replies = in_order(items, predictions)
    wanted = [references(item, several=scorer.parser == "robust") for item in items.rows]
    parsed = tuple(_read(item, one.answer, scorer) for item, one in zip(items.rows, replies, strict=True))
    texts, ious = _text_scores(items, wanted, parsed, scorer), _overlaps(items, wanted, parsed, scorer)
    points, reasons = np.zeros((len(items), 2)), []
    for place, (item, one) in enumerate(zip(items.rows, replies, strict=True)):
        if one.answer is None:
            reasons.append(no_answer(one))
        elif parsed[place] is None:
            reasons.append(unread(item.task, one.answer, scorer.parser))
        else:
            points[place], said = _judged(item, wanted[place], parsed[place], texts[place], ious[place], scorer)
            reasons.append(said)
    unanswered = np.array([one.answer is None for one in replies], dtype=bool)
    failures = np.array([one is None for one in parsed], dtype=bool) & ~unanswered
    return Scores(items, scorer, points, ious, texts, parsed, tuple(reasons), failures, unanswered)


def _read(item: Item, reply: str | None, scorer: Scorer) -> Any:
    """Return what the parser reads in a reply, boxes as shares of the image's sides; None if nothing."""
    if reply is None:
        return None
    found = official(item.task, reply) if scorer.parser == "official" else robust(item.task, reply, item.question)
    if found is None or item.task not in GROUNDING:
        return found
    text, box = found if item.task == "grounding_t" else ("", found)
    box = shares(box, scorer.convention, width=item.width, height=item.height, key=item.key)
    return (text, box) if item.task == "grounding_t" else box


def _text_scores(items: ItemSet, wanted: list[list[Any]], parsed: Sequence[Any], scorer: Scorer) -> np.ndarray:
    """Return the best text score of each item over its references (N,), all pairs in one call; NaN without text."""
    found = np.array([0.0 if item.task in WITH_TEXT else np.nan for item in items.rows], dtype=np.float64)
    places, expected, given = [], [], []
    for place, item in enumerate(items.rows):
        if item.task not in WITH_TEXT or parsed[place] is None:
            continue
        for one in wanted[place]:
            places.append(place)
            expected.append(_text(item, one))
            given.append(_text(item, parsed[place]))
    np.maximum.at(found, places, TEXTS[scorer.text](expected, given))
    return found


def _overlaps(items: ItemSet, wanted: list[list[Any]], parsed: Sequence[Any], scorer: Scorer) -> np.ndarray:
    """Return the best intersection over union of each item over its references (N,); NaN without a box."""
    found = np.full(len(items), np.nan)
    for place, item in enumerate(items.rows):
        if item.task in GROUNDING:
            box = None if parsed[place] is None else _box(item, parsed[place])
            found[place] = 0.0 if box is None else max(overlap(_box(item, one), box) for one in wanted[place])
    return found


def _judged(
    item: Item, wanted: list[Any], parsed: Any, text: float, iou: float, scorer: Scorer
) -> tuple[tuple[float, float], str]:
    """Return the points of an answer that was read, and why."""
    if item.task in CHOICE:
        return (float(parsed in wanted), 0.0), said_of_choice(parsed, wanted)
    said, points = [], []
    if item.task in WITH_TEXT:
        points.append(float(text > ABOVE))
        listed = [_text(item, one) for one in wanted]
        said.append(said_of_text(_text(item, parsed), listed, LABELS[scorer.text], float(text), ABOVE))
    if item.task in GROUNDING:
        points.append(float(iou > scorer.iou))
        said.append(said_of_box(_box(item, parsed), float(iou), scorer.iou))
    return (points[0], points[1] if len(points) > 1 else 0.0), "; ".join(said)


def _text(item: Item, value: Any) -> str:
    return str(value[0] if item.task == "grounding_t" else value)


def _box(item: Item, value: Any) -> Box:
    box: Box = value[1] if item.task == "grounding_t" else value
    return box
