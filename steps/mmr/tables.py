"""The published tables, each with its caption."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from steps.mmr.estimates import GROUPS, UNCORRECTED, table_of
from steps.mmr.measurements import BLIND_TEXT
from steps.mmr.ocr_pages import read_summary
from steps.mmr.scored import Scored, ScoredSet, Scoring
from steps.mmr.sensitivity_rows import TITLES
from steps.step.publish import CaptionedTable
from tenfold.metrics.clustered import holm
from tenfold.mmr.published import LEADERBOARD
from tenfold.mmr.tasks import COLUMNS

INTERVALS = "Low and high: 95 %, bootstrap over images."
KINDS = (
    "Kind: oracle knows the answers; blind has no image; dump replies with all text; rules and language read by an OCR "
    "engine; trained and pretrained see."
)
SCORERS: dict[Scoring, str] = {
    "official": "Points under the scorer as released.",
    "mended": "Points under the mended scorer: a robust parser, and a length penalty on texts.",
}


def models(sets: Mapping[str, ScoredSet], scoring: Scoring) -> CaptionedTable:
    """Return the points of each model on each set, by column, with the interval of the total."""
    rows = [_points(own, one, scoring) for own in sets.values() for one in own.plain]
    columns = ["items", "model", "kind", *COLUMNS, "total", "of", "low", "high", "format_failures", "unanswered", "cut"]
    return pd.DataFrame(rows, columns=columns), (
        f"{SCORERS[scoring]} Of: the most there are; a column without items is empty. Format failures: answers that "
        "could not be read, unanswered: no answer came; both count as wrong. Cut: share × 100 of the replies that were "
        f"cut off at the longest there may be, which are among the unanswered. {INTERVALS} {KINDS}"
    )


def _points(own: ScoredSet, one: Scored, scoring: Scoring) -> dict[str, Any]:
    scores = one.by(scoring)
    possible, columns = scores.possible(), scores.columns()
    table = table_of(one.items, {"one": scores.points})
    found = table.estimate(table.share("one"))
    low, high = (np.nan, np.nan) if found is None else (scores.most * end / 100 for end in found.interval)
    return {
        "items": own.name,
        "model": one.entry.named,
        "kind": one.entry.kind,
        **{column: columns[column] if possible[column] else np.nan for column in COLUMNS},
        "total": scores.total,
        "of": scores.most,
        "low": low,
        "high": high,
        "format_failures": int(scores.format_failures.sum()),
        "unanswered": int(scores.unanswered.sum()),
        "cut": 100 * sum(reply.status == "cut" for reply in one.predictions) / len(one.predictions),
    }


def pairs(sets: Mapping[str, ScoredSet]) -> CaptionedTable:
    """Return what each two plain models of a set differ by, paired by image, with Holm's p-values."""
    rows = [row for own in sets.values() for row in _pairs(own)]
    columns = ["items", "first", "second", "difference", "low", "high", "p", "p_holm", "images"]
    return pd.DataFrame(rows, columns=columns), (
        f"Share of the points × 100 of one model less that of another, as released, on the same images. {INTERVALS} p: "
        "two-sided, by Holm's rule over all pairs of the set. Oracles and dumps are left out."
    )


def _pairs(own: ScoredSet) -> list[dict[str, Any]]:
    names = [one.entry.named for one in own.plain if one.entry.kind not in ("oracle", "dump")]
    table, found = own.table(), list[dict[str, Any]]()
    for first, second in combinations(names, 2):
        one = table.compare(first, second)
        if one is not None:
            low, high = one.interval
            row = {"items": own.name, "first": first, "second": second, "difference": one.value}
            found.append(row | {"low": low, "high": high, "p": one.p_value, "images": one.n})
    adjusted = holm([float(row["p"]) for row in found]) if found else []
    return [row | {"p_holm": p} for row, p in zip(found, adjusted, strict=True)]


def groups(sets: Mapping[str, ScoredSet]) -> CaptionedTable:
    """Return shares by group of columns, and the same corrected for chance and the constant box."""
    rows = [row for own in sets.values() for row in _groups(own)]
    columns = ["items", "model", "group", "share", "low", "high", "corrected", "corrected_low", "corrected_high", "n"]
    return pd.DataFrame(rows, columns=columns), (
        "Share of the points × 100 by group of columns, as released; without objects: all columns but those whose "
        "questions are about objects. Corrected: 0 is chance in choices and, in boxes, a constant box that was fitted "
        f"to other images, 100 is everything. n: images. {INTERVALS}"
    )


def _groups(own: ScoredSet) -> Iterator[dict[str, Any]]:
    table = own.table()
    constant = BLIND_TEXT in table.models
    for one in own.plain:
        for group in GROUPS:
            found = table.estimate(table.share(one.entry.named, group), group) if table.has(group) else None
            if found is None:
                continue
            row = {"items": own.name, "model": one.entry.named, "group": group, "share": found.value, "n": found.n}
            row |= dict(zip(("low", "high"), found.interval, strict=True))
            if constant and group not in UNCORRECTED:
                value = table.corrected(one.entry.named, group, BLIND_TEXT)
                if (corrected := table.estimate(value, group)) is not None:
                    ends = dict(zip(("corrected_low", "corrected_high"), corrected.interval, strict=True))
                    row |= {"corrected": corrected.value} | ends
            yield row


def bands(sets: Mapping[str, ScoredSet]) -> CaptionedTable:
    """Return shares by band of difficulty and layout of the pages."""
    rows: list[dict[str, Any]] = []
    for own in sets.values():
        for kind, names in (
            ("band", [item.band for item in own.items.rows]),
            ("layout", [item.layout for item in own.items.rows]),
        ):
            for value in sorted(set(names) - {""}):
                chosen = np.array([name == value for name in names], dtype=bool)
                rows += _shares(own, kind, value, chosen)
    columns = ["items", "of", "value", "model", "share", "low", "high", "items_counted"]
    return pd.DataFrame(rows, columns=columns), (
        "Share of the points × 100 by size of the text (large: 12 pixels or more; small: 8 to 12) and by layout, as "
        f"released. {INTERVALS}"
    )


def _shares(own: ScoredSet, kind: str, value: str, chosen: np.ndarray) -> Iterator[dict[str, Any]]:
    items = own.items.only(chosen)
    table = table_of(items, {one.entry.named: one.official.points[chosen] for one in own.plain})
    for model in table.models:
        if (found := table.estimate(table.share(model))) is not None:
            row = {"items": own.name, "of": kind, "value": value, "model": model, "share": found.value}
            yield row | {"low": found.interval[0], "high": found.interval[1], "items_counted": len(items)}


def recall(read: list[Path]) -> CaptionedTable:
    """Return what each engine read of each set in each view."""
    rows = []
    for folder in read:
        summary = read_summary(folder)
        for name, views in summary["sets"].items():
            rows += [
                {"engine": summary["engine"], "items": name, "view": view} | found for view, found in views.items()
            ]
    first = ["engine", "items", "view", "pages", "words"]
    table = pd.DataFrame(rows, columns=list(dict.fromkeys([*first, *(name for row in rows for name in row)])))
    missing = [f"{s['engine']}: {s['why_not']}" for s in map(read_summary, read) if s["why_not"]]
    return table, (
        "Words that OCR engines read, and the share of the words drawn or written down that are among them; spaceless: "
        "characters, spaces left out. " + " ".join(missing)
    ).strip()


def official_rows() -> CaptionedTable:
    """Return the published leaderboard, with the sums of its columns."""
    rows = [
        {"model": row.model}
        | {column: row.columns[column] for column in COLUMNS}
        | {"total": row.total, "sum": row.summed}
        for row in LEADERBOARD
    ]
    return pd.DataFrame(rows), (
        "The leaderboard as published, on images that are not here, beside the sums of its columns; no number of ours "
        "may be compared with it but those of the official images, prompts and scorer."
    )


def item_sets(sets: Mapping[str, ScoredSet]) -> CaptionedTable:
    """Return rows, images and items per task of each set."""
    rows = []
    for name, own in sets.items():
        about = own.source.about
        row = {"items": name, "rows": len(own.source.every), "counted": len(own.items), "points": own.items.points}
        rows.append(row | {"images": about["images"], "origin": about["origin"]} | about["tasks"])
    return pd.DataFrame(rows), "Sets of items: rows in all, those that count, their points, images, and rows per task."


def sensitivity(shares: pd.DataFrame) -> CaptionedTable:
    """Return the rows B1 to B11."""
    words = "; ".join(f"{name}: {TITLES[name]}" for name in TITLES if name in set(shares.row))
    return shares, f"Share of the points × 100 (of B4's mean IoU its value × 100) by variant. {words}. {INTERVALS}"


def ranks(changes: pd.DataFrame) -> CaptionedTable:
    """Return what variants change in the order of models."""
    return changes, (
        "Kendall's τ-b between the order of models by a variant and by the first one; largest change: of a model's "
        "share × 100."
    )
