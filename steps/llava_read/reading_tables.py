"""The published tables of what engines and encoders read, each with its caption."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from steps.llava_read.estimates import OVER
from steps.llava_read.probe_measurements import AXES, SAID, common_cells, pages_of, reader_estimate, readers_of
from steps.step.json_files import read_json
from steps.step.publish import CaptionedTable

STATISTICS, SUMMARY, NOISE = "statistics.csv", "read.json", "noise.json"


def recall(read: list[Path]) -> CaptionedTable:
    """Return what each engine read of each set of pages, by both recalls."""
    summaries = [read_json(folder / SUMMARY) for folder in read]
    rows = [
        {"engine": one["engine"], "version": one["version"], "set": name}
        | {key: value for key, value in found.items() if "seconds" not in key}  # they vary from run to run
        for one in summaries
        for name, found in one["sets"].items()
    ]
    first = ["engine", "version", "set", "pages"]
    missing = " ".join(f"{one['engine']}: {one['why_not']}" for one in summaries if one["why_not"])
    table = pd.DataFrame(rows, columns=list(dict.fromkeys([*first, *(name for row in rows for name in row)])))
    return table, (
        "Share of the words drawn or annotated that each engine read: as words of their own, and with all spaces left "
        f"out, since an engine may drop them between words it read well. Words: those that the engine gave. {missing}"
    ).strip()


def statistics(tasks: Path) -> CaptionedTable:
    """Return how long OCR texts are, and what a budget costs."""
    return pd.read_csv(tasks / STATISTICS), (
        "OCR text in prompts by part, source, layout and budget: lengths before the cut (median and 95 %), share of "
        "texts that were cut, share of the answers that were read at all, and of these the share that the cut left."
    )


def noise(tasks: Path) -> CaptionedTable:
    """Return the check of the noise model on pages that it was not fitted to."""
    check: Mapping[str, Any] = read_json(tasks / NOISE)
    rows = [{"ocr": name, "pages": check["pages"], **check[name]} for name in ("real", "simulated")]
    return pd.DataFrame(rows), (
        f"Simulated OCR, which training pages have, beside the engine that it was fitted to on {check['fitted_on']} "
        "training pages, on pages of no fit: recall of words as words of their own, and with all spaces left out."
    )


def reading(recall: pd.DataFrame) -> CaptionedTable:
    """Return what each reader reads along each axis, in the cells that are there all along it."""
    readers, pages = readers_of(recall), pages_of(recall)
    rows = []
    for axis in AXES:
        cells = common_cells(pages, axis)
        for name, reader in readers.items():
            for value in sorted(pages[axis][cells].unique()):
                chosen = cells & (pages[axis] == value).to_numpy()
                row: dict[str, Any] = {"axis": axis, "value": value, "reader": name}
                for column in SAID:
                    if (found := reader_estimate(reader, pages, chosen, column)) is not None:
                        row |= {"seeds": found.seeds, "pages": found.n, column: found.value}
                        row |= {f"{column}_low": found.interval[0], f"{column}_high": found.interval[1]}
                rows.append(row)
    columns = [f"{column}{end}" for column in SAID for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=["axis", "value", "reader", "seeds", "pages", *columns]), (
        "What is read of black words on white, × 100, along the size of the text (pixels per em) and the number of "
        "words, over the cells that are there all along the axis. Low, high and merged: a linear probe on the frozen "
        "features of the encoders trained here, told where each word stands. Letters: word by word, one less the edit "
        "distance over the longer of both texts, above chance, which is what the same readings score of other words; "
        "recall: words as words of their own, and with "
        f"all spaces left out (the same for a probe). Low and high ends: 95 % over {OVER}; of engines over pages."
    )
