"""The publishing end of a paper: claims, headlines, tables and figures, as the report reads them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from steps.step.json_files import write_json

if TYPE_CHECKING:  # a step that publishes nothing does not depend on how measurements are made
    from steps.step.run import Run
    from tenfold.metrics.measurement import Measurement

CaptionedTable = tuple[pd.DataFrame, str]
CaptionedFigure = tuple[Figure, str]


class UnknownHeadline(ValueError):
    """A headline names no claim."""


def publish(
    run: Run,
    *,
    claims: Mapping[str, Measurement],
    headlines: Collection[str],
    tables: Mapping[str, CaptionedTable],
    figures: Mapping[str, CaptionedFigure],
) -> None:
    """Write a paper's results into the output of ``run``.

    Writes  claims.json: every measurement by name; metrics.json: the value of each headline, a name among
            ``claims``, without those that are unavailable; tables/<name>.csv with six significant digits;
            figures/<name>.svg; a captions.json beside the tables and one beside the figures
    Raises  UnknownHeadline if a headline is not among the claims
    """
    unknown = [name for name in headlines if name not in claims]
    if unknown:
        raise UnknownHeadline(
            f"{run.paper} {run.step}: the headlines {', '.join(unknown)} are not among the claims; correct the names"
        )
    values = {name: claims[name].value for name in headlines}
    write_json(run.out / "metrics.json", {name: value for name, value in values.items() if value is not None})
    write_json(run.out / "claims.json", {name: claim.model_dump(mode="json") for name, claim in claims.items()})
    _write_tables(run, tables)
    _write_figures(run, figures)


def _write_tables(run: Run, tables: Mapping[str, CaptionedTable]) -> None:
    folder = run.out / "tables"
    folder.mkdir(exist_ok=True)
    for name, (table, _) in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g")
    write_json(folder / "captions.json", {f"{name}.csv": caption for name, (_, caption) in tables.items()})


def _write_figures(run: Run, figures: Mapping[str, CaptionedFigure]) -> None:
    folder = run.out / "figures"
    folder.mkdir(exist_ok=True)
    for name, (figure, _) in figures.items():
        run.figure(name, figure)
    write_json(folder / "captions.json", {f"{name}.svg": caption for name, (_, caption) in figures.items()})
