"""The rows of the sensitivity table: each compares variants of one thing, on one set of items."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from steps.mmr.estimates import ALL, table_of
from steps.mmr.item_sets import OFFICIAL, UNUSED
from steps.mmr.replies import SEEING, Kind
from steps.mmr.scored import Scored, ScoredSet, rescored
from tenfold.mmr.coordinates import COORDINATES
from tenfold.mmr.items import ItemSet
from tenfold.mmr.predictions import Prediction
from tenfold.mmr.scores import OFFICIAL as AS_RELEASED
from tenfold.mmr.scores import Scorer, Text, score
from tenfold.mmr.tasks import CHOICE, GROUNDING

RowName = Literal["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B9", "B10", "B11"]
Row = dict[str, Any]
SHARES, RANKS = "shares.csv", "ranks.csv"  # what the step writes
FIELDS = ("items", "group", "variant", "model", "share", "low", "high", "n")
TITLES: dict[RowName, str] = {
    "B1": "prompt: as released, or one that says that coordinates are shares from 0 to 1",
    "B2": "parser: as released, or robust",
    "B3": "score of texts: PNLS as released, with a length penalty, without spaces, exact, ANLS",
    "B4": "threshold of boxes: IoU above 0.3, above 0.5; mean IoU",
    "B5": "models without an image",
    "B6": "the text that an OCR engine read, with a language model or with rules, without the image",
    "B7": "longest side of the image: as it is, 336, 672, 1024 pixels; enlarged by the engine",
    "B8": "order of the options: turned by 0 to 3 places; right in all of them",
    "B9": "items that count: the first 50 of each task, or the rows after them; boxes fitted to the other part",
    "B10": "image as it is, or encoded as JPEG",
    "B11": "convention of coordinates, of models that see",
}
TEXTS: tuple[Text, ...] = get_args(Text)
READERS: tuple[tuple[Kind, str], ...] = (("language", "OCR text and a language model"), ("rules", "OCR and rules"))
READS_TEXT = "recognition"
UNRANKED: tuple[RowName, ...] = ("B6",)  # variants are of models of different kinds: there is no order in common
HELD_OUT = "ConstantBox of the other rows"
FITTED = ("ConstantIndex", "ConstantBox", "Constants", "BlindText", UNUSED)  # to rows of one part


def _prompts(own: ScoredSet) -> Iterator[Row]:
    styled = [one for one in own.entries if one.entry.style != "official" and not one.entry.rotation]
    names = {one.entry.model for one in styled}
    first = [one for one in own.plain if one.entry.model in names]
    for style in dict.fromkeys(one.entry.style for one in (*first, *styled)):
        chosen = [one for one in (*first, *styled) if one.entry.style == style]
        yield from _rows(own, "grounding", style, {one.entry.model: one.official.points for one in chosen})


def _parsers(own: ScoredSet) -> Iterator[Row]:
    for parser in ("official", "robust"):
        yield from _rescored(own, ALL, parser, Scorer(parser=parser))


def _texts(own: ScoredSet) -> Iterator[Row]:
    for text in TEXTS:
        yield from _rescored(own, READS_TEXT, text, Scorer(text=text))


def _thresholds(own: ScoredSet) -> Iterator[Row]:
    for group in ("object box", "text box"):
        for iou in (0.3, 0.5):
            yield from _rescored(own, group, f"IoU > {iou}", Scorer(iou=iou))
        means = {one.entry.named: np.nan_to_num(one.official.iou) for one in own.plain}
        spread = {name: np.stack([values, values], axis=1) for name, values in means.items()}
        yield from _rows(own, group, "mean IoU", spread)


def _blind(own: ScoredSet) -> Iterator[Row]:
    for group in ("choice", "object box", "text box", "all"):
        chosen = own.of_kind("blind")
        yield from _rows(own, group, "no image", {one.entry.named: one.official.points for one in chosen})


def _language(own: ScoredSet) -> Iterator[Row]:
    for group in ("recognition", "choice", "grounding", "all"):
        for kind, variant in READERS:
            chosen = own.of_kind(kind)
            yield from _rows(own, group, variant, {one.entry.named: one.official.points for one in chosen})


def _resolutions(own: ScoredSet) -> Iterator[Row]:
    yield from _views(own, ("native", "336", "672", "1024", "enlarged"))


def _encodings(own: ScoredSet) -> Iterator[Row]:
    yield from _views(own, ("native", "jpeg"))


def _views(own: ScoredSet, views: tuple[str, ...]) -> Iterator[Row]:
    """Yield the shares of models that answered under two views or more."""
    found = [one for one in own.entries if one.entry.view in views and _else_plain(one)]
    seen = {model: {one.entry.view for one in found if one.entry.model == model} for model in _models(found)}
    for group in ("recognition", "choice", "text box", "all"):
        for view in views:
            chosen = [one for one in found if one.entry.view == view and len(seen[one.entry.model]) > 1]
            yield from _rows(own, group, view, {one.entry.model: one.official.points for one in chosen})


def _rotations(own: ScoredSet) -> Iterator[Row]:
    """Yield the share of right choices by turn, and of those that are right in all four."""
    choices = np.isin(own.items.tasks, CHOICE)
    items = own.items.only(choices)
    turned = [one for one in own.entries if one.entry.rotation and one.entry.view == "native"]
    by_model: dict[str, dict[int, np.ndarray]] = {}
    for one in (*own.plain, *turned):
        if one.entry.model in _models(turned):
            by_model.setdefault(one.entry.model, {})[one.entry.rotation] = one.official.points[choices]
    for turn in range(4):
        points = {model: own_turns[turn] for model, own_turns in by_model.items() if turn in own_turns}
        yield from _rows_of(items, "choice", f"turned by {turn}", points)
    consistent = {
        model: np.min([points for points in turns.values()], axis=0)
        for model, turns in by_model.items()
        if len(turns) == 4
    }
    yield from _rows_of(items, "choice", "right in all four", consistent)


def _rows_that_count(own: ScoredSet) -> Iterator[Row]:
    """Yield the shares of models that answered all rows, in those that count and in the others.

    A box that is fitted to one part answers the other; what else was fitted to one of them is left out.
    """
    if own.name != OFFICIAL:
        return
    parts = (("first 50 of each task", own.items, UNUSED), ("the rows after them", own.source.unused, "ConstantBox"))
    for variant, items, box in parts:
        named = [(one.entry.named, one) for one in own.plain if one.entry.named not in FITTED]
        named += [(HELD_OUT, one) for one in own.plain if one.entry.named == box]
        replies = {name: one.replies.to(items) for name, one in named}
        points = {
            name: score(items, own_replies).points for name, own_replies in replies.items() if _asked(own_replies)
        }
        for group in ("choice", "object box", "text box") if len(items) else ():
            yield from _rows_of(items, group, variant, points)


def _asked(replies: Sequence[Prediction]) -> bool:
    return not any(one.status == "failed" for one in replies)


def _conventions(own: ScoredSet) -> Iterator[Row]:
    boxes = np.isin(own.items.tasks, GROUNDING)
    if not all(item.width and item.height for item, box in zip(own.items.rows, boxes, strict=True) if box):
        return  # boxes in pixels cannot be read where the size of an image is not known
    for convention in COORDINATES:
        scorer = Scorer(parser="robust", convention=convention)
        points = {one.entry.named: rescored(one, scorer).points for one in own.of_kind(*SEEING)}
        yield from _rows(own, "text box", convention, points)


ROWS: Mapping[RowName, Callable[[ScoredSet], Iterable[Row]]] = {
    "B1": _prompts,
    "B2": _parsers,
    "B3": _texts,
    "B4": _thresholds,
    "B5": _blind,
    "B6": _language,
    "B7": _resolutions,
    "B8": _rotations,
    "B9": _rows_that_count,
    "B10": _encodings,
    "B11": _conventions,
}


def rank_changes(table: pd.DataFrame) -> pd.DataFrame:
    """Return Kendall's τ-b between the models' shares by each variant and by the first one, of rows with an order."""
    rows = []
    ranked = table[~table.row.isin(UNRANKED)]
    for (row, items, group), part in ranked.groupby(["row", "items", "group"], sort=False):
        first, *others = part.variant.unique()
        before = part[part.variant == first].set_index("model").share
        for variant in others:
            after = part[part.variant == variant].set_index("model").share
            both = before.index.intersection(after.index)
            found = kendalltau(before[both], after[both]).statistic if len(both) > 1 else np.nan
            rows.append(
                {
                    "row": row,
                    "items": items,
                    "group": group,
                    "variant": variant,
                    "beside": first,
                    "models": len(both),
                    "tau": found,
                    "largest_change": (after[both] - before[both]).abs().max() if len(both) else np.nan,
                }
            )
    columns = ["row", "items", "group", "variant", "beside", "models", "tau", "largest_change"]
    return pd.DataFrame(rows, columns=columns)


def _rescored(own: ScoredSet, group: str, variant: str, scorer: Scorer) -> Iterator[Row]:
    points = {
        one.entry.named: one.official.points if scorer == AS_RELEASED else rescored(one, scorer).points
        for one in own.plain
    }
    yield from _rows(own, group, variant, points)


def _rows(own: ScoredSet, group: str, variant: str, points: Mapping[str, np.ndarray]) -> Iterator[Row]:
    yield from _rows_of(own.items, group, variant, points)


def _rows_of(items: ItemSet, group: str, variant: str, points: Mapping[str, np.ndarray]) -> Iterator[Row]:
    """Yield the share of each model in a group of columns; none where there is no such item."""
    if not points:
        return
    table = table_of(items, points)
    if not table.has(group):
        return
    for model in points:
        found = table.estimate(table.share(model, group), group)
        if found is not None:
            low, high = found.interval
            row = {"items": items.name, "group": group, "variant": variant, "model": model}
            yield row | {"share": found.value, "low": low, "high": high, "n": found.n}


def _else_plain(one: Scored) -> bool:
    entry = one.entry
    return (entry.style, entry.rotation, entry.reasked, entry.variant) == ("official", 0, False, "")


def _models(entries: Iterable[Scored]) -> set[str]:
    return {one.entry.model for one in entries}
