"""The publishing end of a paper: claims, headlines, tables and figures, as the report reads them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.figure import Figure

from steps.step import svg
from steps.step.json_files import write_json

if TYPE_CHECKING:  # a step that publishes nothing does not depend on how measurements are made
    from steps.step.run import Run
    from tenfold.metrics.measurement import Measurement

CaptionedTable = tuple[pd.DataFrame, str]
CaptionedFigure = tuple[Figure, str]
DIGITS = 8  # significant ones of a measurement: nine were the same on two kinds of machine
TABLE_FORMAT = "%.6g"
MOST_HEADLINES = 3  # so that `dvc metrics show` of all papers fits a terminal
TIMINGS = "tables/timings.json"  # what the clock says: claims and tables by name, for `python -m flows compare`


class UnknownHeadline(ValueError):
    """Headlines are too many, or a headline or a timing names nothing that is published: correct the names."""


def publish(
    run: Run,
    *,
    claims: Mapping[str, Measurement],
    headlines: Collection[str],
    tables: Mapping[str, CaptionedTable],
    figures: Mapping[str, CaptionedFigure],
    timings: Collection[str] = (),
) -> None:
    """Write a paper's results into the output of ``run``, with no more digits than machines agree on.

    Writes  claims.json: every measurement by name, with eight significant digits; metrics.json: the value of each of
            up to three headlines, names among ``claims``, without those that are unavailable; tables/<name>.csv with
            six significant digits; figures/<name>.svg; a captions.json beside the tables and one beside the figures;
            tables/timings.json: the claims and tables, named by ``timings``, that differ from run to run
    Raises  UnknownHeadline if a headline is not among the claims, a timing among neither claims nor tables, or there
            are more than three headlines
    """
    place = f"{run.paper} {run.step}"
    if unknown := [name for name in headlines if name not in claims]:
        raise UnknownHeadline(f"{place}: the headlines {', '.join(unknown)} are not among the claims")
    if len(headlines) > MOST_HEADLINES:
        raise UnknownHeadline(f"{place}: {len(headlines)} headlines; choose the {MOST_HEADLINES} that say most")
    if unknown := [name for name in timings if name not in claims and name not in tables]:
        raise UnknownHeadline(f"{place}: the timings {', '.join(unknown)} are no claims and no tables")
    measured = {name: _rounded(claim.model_dump(mode="json")) for name, claim in claims.items()}
    values = {name: measured[name].get("value") for name in headlines}
    write_json(run.out / "metrics.json", {name: value for name, value in values.items() if value is not None})
    write_json(run.out / "claims.json", measured)
    _write_tables(run, tables)
    write_json(run.out / TIMINGS, sorted(timings))
    _write_figures(run, figures)


def _rounded(content: Any) -> Any:
    """Return what JSON can hold with every float in it rounded."""
    if isinstance(content, dict):
        return {name: _rounded(item) for name, item in content.items()}
    if isinstance(content, list):
        return [_rounded(item) for item in content]
    return float(f"{content:.{DIGITS}g}") if isinstance(content, float) else content


def _write_tables(run: Run, tables: Mapping[str, CaptionedTable]) -> None:
    folder = run.out / "tables"
    folder.mkdir(exist_ok=True)
    for name, (table, _) in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, float_format=TABLE_FORMAT)
    write_json(folder / "captions.json", {f"{name}.csv": caption for name, (_, caption) in tables.items()})


def _write_figures(run: Run, figures: Mapping[str, CaptionedFigure]) -> None:
    folder = run.out / "figures"
    folder.mkdir(exist_ok=True)
    for name, (figure, _) in figures.items():
        path = run.figure(name, figure)
        path.write_text(svg.stable(path.read_text(encoding="utf-8")), encoding="utf-8")
    write_json(folder / "captions.json", {f"{name}.svg": caption for name, (_, caption) in figures.items()})
