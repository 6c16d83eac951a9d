"""Measurements of who reads what: against the size of the text and the number of words, reader by reader.

Letters are what claims are judged by: one less the edit distance of a word and its reading over the longer of both, the
mean over a page's words, so that neither spaces that an engine drops nor a floor at no whole word decides. They are
told above chance, which is what the same readings score of other words: (letters - chance) / (1 - chance) is 0 for
letters at random and 1 for all letters, whatever the number of words. Both axes are log2, so that a slope is a change ×
100 per doubling. Not every number of words fits a page in every size: along an axis only those cells count whose other
value is there all along it, and a reader has to be able to read in these.

Legend:  P pages · S seeds
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float

from steps.llava_read.estimates import OVER, SEED, Estimated, contrast, with_seeds
from steps.llava_read.measurements import UNIT, at_an_edge
from tenfold.llava_read.probe import slope_difference
from tenfold.metrics.bootstrap import Estimate
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import estimated, measured, unavailable

Axis = Literal["text_size", "words"]
AXES: tuple[Axis, ...] = ("text_size", "words")
VISUAL, ENGINES = ("low", "high", "merged"), ("ppocr6", "ppocr4", "tesseract")
ENGINE = "ppocr6"  # the engine of the claims
RECALL, SPACELESS, LETTERS = "recall", "recall_spaceless", "letters"
CHANCE = "letters_by_chance"
LEGIBLE = 24  # pixels per em, from which a reader that reads at all should
FEW = 4  # words on a page, up to which it should
SAID = {
    LETTERS: "letters above chance",
    RECALL: "words as read",
    SPACELESS: "words, spaces ignored",
}


@dataclass(frozen=True)
class Reader:
    """What one reader reads of each page, by seed: shares of its words, and letters above chance.

    An engine has one seed.
    """

    name: str
    pages: tuple[str, ...]
    shares: Mapping[str, Float[np.ndarray, "S P"]]


def readers_of(recall: pd.DataFrame) -> dict[str, Reader]:
    """Return each reader of the table that ``probe`` wrote, all with the same pages in the same order."""
    found, pages = {}, tuple(pages_of(recall)["page"])
    for name, own in recall.groupby("reader", sort=False):
        tables = {column: own.pivot(index="seed", columns="page", values=column)[list(pages)] for column in SAID}
        shares = {column: table.to_numpy(dtype=float) for column, table in tables.items()}
        chance = own.pivot(index="seed", columns="page", values=CHANCE)[list(pages)].to_numpy(dtype=float)
        shares[LETTERS] = (shares[LETTERS] - chance) / (1 - chance)
        found[str(name)] = Reader(str(name), pages, shares)
    return found


def pages_of(recall: pd.DataFrame) -> pd.DataFrame:
    """Return the pages of the table, each with its text size and number of words, in order."""
    return recall.drop_duplicates("page")[["page", *AXES]].sort_values("page", ignore_index=True)


def probe_measurements(recall: pd.DataFrame, about: Mapping[str, Any]) -> dict[str, Measurement]:
    """Return every measurement about reading, by name; ``about`` is what the step says of its probes."""
    readers, pages = readers_of(recall), pages_of(recall)
    found: dict[str, Measurement] = {}
    for name in VISUAL:
        for axis in AXES:
            for column in SAID:
                key = f"probe_{name}_minus_ocr_{column}_per_doubling_of_{axis}"
                found[key] = _interaction(readers, pages, name, axis, column)
            found[f"probe_{name}_legible_along_{axis}"] = _legible(readers, pages, name, axis)
        found[f"probe_{name}_seeds"] = _seeds(readers, name)
        found[f"probe_{name}_rates_at_an_edge"] = _edges(about, name)
    return found | {f"probe_ocr_legible_along_{axis}": _legible(readers, pages, ENGINE, axis) for axis in AXES}


def common_cells(pages: pd.DataFrame, axis: Axis) -> np.ndarray:
    """Return which pages count along an axis: those whose other value is there with every value of the axis."""
    (other,) = (name for name in AXES if name != axis)
    reach = pages.groupby(other)[axis].nunique()
    return pages[other].isin(reach[reach == pages[axis].nunique()].index).to_numpy()


def _interaction(readers: Mapping[str, Reader], pages: pd.DataFrame, name: str, axis: Axis, column: str) -> Measurement:
    if problem := _lacks(readers, name, ENGINE):
        return unavailable(problem)
    chosen = common_cells(pages, axis)
    x = np.log2(pages[axis].to_numpy(dtype=float))[chosen]
    if not chosen.any() or len(np.unique(x)) < 2:
        return unavailable(f"no cell of pages is there with two values of {axis}")
    visual, engine = readers[name].shares[column][:, chosen], readers[ENGINE].shares[column][0, chosen]
    names = pages["page"].to_numpy()[chosen]
    found = slope_difference(x, 100 * visual.mean(axis=0), 100 * engine, names, seed=SEED)
    if found is None:
        return unavailable(f"no slope over {axis}")
    slopes = [np.polyfit(x, 100 * one, 1)[0] - np.polyfit(x, 100 * engine, 1)[0] for one in visual]
    wide = with_seeds(Estimate(found.value, found.interval, found.n), slopes)
    detail = f"slope of {SAID[column]} × 100, per doubling of {axis}: {name} less {ENGINE}, over {OVER}"
    return estimated(wide, f"{UNIT} per doubling", detail, seeds=wide.seeds)


def _legible(readers: Mapping[str, Reader], pages: pd.DataFrame, name: str, axis: Axis) -> Measurement:
    """Return what a reader reads at the easy end of an axis, of the cells that are compared along it."""
    if problem := _lacks(readers, name):
        return unavailable(problem)
    easy = pages[axis] >= LEGIBLE if axis == "text_size" else pages[axis] <= FEW
    where = f"of {LEGIBLE} px and more" if axis == "text_size" else f"of {FEW} words at most"
    found = reader_estimate(readers[name], pages, easy.to_numpy() & common_cells(pages, axis))
    if found is None:
        return unavailable(f"fewer than two pages {where} are compared along {axis}")
    detail = f"{SAID[LETTERS]} × 100 that {name} reads on pages {where}, of those compared along {axis}, over {OVER}"
    return estimated(found, UNIT, detail, seeds=found.seeds)


def reader_estimate(reader: Reader, pages: pd.DataFrame, chosen: np.ndarray, column: str = LETTERS) -> Estimated | None:
    """Return what a reader reads of the ``chosen`` pages × 100, with its interval; None for fewer than two pages."""
    return contrast(pages["page"].to_numpy(), [(1.0, reader.shares[column], chosen)]) if chosen.any() else None


def _seeds(readers: Mapping[str, Reader], name: str) -> Measurement:
    if problem := _lacks(readers, name):
        return unavailable(problem)
    return measured(len(readers[name].shares[LETTERS]), "seeds", f"encoders that the probe of {name} reads")


def _edges(about: Mapping[str, Any], name: str) -> Measurement:
    rows = [row for row in about["probes"] if row["reader"] == name]
    if not rows:
        return unavailable(f"this profile has no probe of {name}")
    edged = sum(at_an_edge(row) for row in rows)
    return measured(edged, "probes", f"probes of {name} whose learning rate won at its grid's edge", n=len(rows))


def _lacks(readers: Mapping[str, Reader], *names: str) -> str:
    missing = [name for name in names if name not in readers]
    return f"nobody read as {', '.join(missing)} in this profile" if missing else ""
