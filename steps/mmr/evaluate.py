"""Join what all steps wrote into measurements, tables, figures, a leaderboard and a page of items."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from steps.mmr import figures, leaderboard, measurements, ranking, tables
from steps.mmr.item_sets import RENDERED, SETS, read_sets
from steps.mmr.pages import write_items
from steps.mmr.replies import read_replies
from steps.mmr.scored import ScoredSet, score_sets
from steps.mmr.sensitivity_rows import RANKS, SHARES
from steps.step.params import Count, Params
from steps.step.publish import CaptionedFigure, CaptionedTable
from steps.step.run import Run

HEADLINES = ("rendered_rules", "receipts_rules", "official_words_minus_chance")
STABILITY = (
    "How often resamples of the images keep the order of neighbours among the plain models, and the whole order; "
    "oracle and dumps are left out."
)


class EvaluateParams(Params):
    """How many items the page of items shows."""

    shown: Count


def evaluate(
    official: Path,
    rendered: Path,
    receipts: Path,
    read: list[Path],
    predicted: list[Path],
    sensitivity: Path,
    *,
    out: Path,
    params: EvaluateParams,
    run: Run,
) -> None:
    """Publish what the paper's claims are tested by, a leaderboard, and items to look at.

    Items of the official annotations and receipts are other people's data, and stand on no page that is published.

    Reads   items.jsonl, images/, about.json of each set; read.json of each engine; replies.json and predictions of each
            step that predicts, another paper's too; shares.csv, ranks.csv
    Writes  metrics.json, claims.json, tables/*.csv and figures/*.svg with their captions; pages/items.html,
            pages/leaderboard.html, pages/leaderboard.md
    Raises  InvalidReplies, InvalidPredictions
    """
    sets = score_sets(read_sets(official, rendered, receipts), read_replies(predicted))
    shares, changes = (pd.read_csv(sensitivity / name) for name in (SHARES, RANKS))
    stable = {name: found for name, own in sets.items() if (found := ranking.stability(own)) is not None}
    recall = tables.recall(read)
    run.publish(
        claims=measurements.all_measurements(sets),
        headlines=HEADLINES,
        tables=_scores(sets)
        | {
            "rank_stability": (ranking.table_of_stability(stable), STABILITY),
            "recall": recall,
            "sensitivity": tables.sensitivity(shares),
            "rank_changes": tables.ranks(changes),
            "leaderboard_published": tables.official_rows(),
        },
        figures=_drawn(
            {
                "totals": figures.totals(sets),
                "columns": figures.radar(sets),
                "recall": figures.recall_by_size(recall[0]),
                "overlaps": figures.overlaps(sets),
                "rank_stability": figures.rank_stability(stable),
                "sensitivity": figures.variants(shares),
            }
        ),
    )
    (out / "pages").mkdir()
    leaderboard.write([sets[name] for name in SETS], out / "pages")
    write_items(sets[RENDERED], out / "pages" / "items.html", params.shown)


def _scores(sets: Mapping[str, ScoredSet]) -> dict[str, CaptionedTable]:
    """Return the tables of items and scores; those of the released scorer and of the mended one stand apart."""
    return {
        "sets": tables.item_sets(sets),
        "models_official": tables.models(sets, "official"),
        "models_mended": tables.models(sets, "mended"),
        "groups": tables.groups(sets),
        "pairs": tables.pairs(sets),
        "bands": tables.bands(sets),
    }


def _drawn(captioned: dict[str, CaptionedFigure | None]) -> dict[str, CaptionedFigure]:
    """Return the figures that there is something to draw in."""
    return {name: found for name, found in captioned.items() if found is not None}
