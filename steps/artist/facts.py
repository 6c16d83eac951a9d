"""Measurements of the facts about readers, text modules and layouts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from steps.artist.arm_setup import DEFAULT_TEXT
from steps.artist.canvas_sets import stages_of
from steps.artist.estimates import Evidence
from steps.artist.measurements import LEAST_GRID
from steps.artist.read import REAL
from steps.artist.sample import SWAP, read_dump
from steps.step.json_files import read_json
from tenfold.artist.readings import reading_table, word_accuracy
from tenfold.metrics.clustered import cluster_sums, clustered_estimate
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import estimated, measured, unavailable

UNIT = "points of 100"
CONTROLS = "controls.json"


def text_controls(text: Path) -> list[dict[str, Any]]:
    """Return what ``train_text`` measured of each text module: arm, seed, losses, words and letters read."""
    rows: list[dict[str, Any]] = read_json(text / CONTROLS)
    return rows


def text_searched(controls: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether ``train_text`` tells of a search of its learning rate: of three rates at least, the edges beaten."""
    own = [row for row in controls if row["arm"] == DEFAULT_TEXT]
    return bool(own) and all(len(row["searched"]) >= LEAST_GRID and not row["at_edge"] for row in own)


def text_measurements(controls: Sequence[Mapping[str, Any]]) -> dict[str, Measurement]:
    """Return whether the text module reads its letters and writes them: the least of its seeds."""
    known = [row for row in controls if row["arm"] == DEFAULT_TEXT and row["words"] is not None]
    own = [row for row in known if row["kind"] == "words"]
    two = [100 * row["words"] / row["ceiling_words"] for row in known if row["kind"] == "sentences"]
    said = "words read on the text module's own images of two words, in hundredths of the ceiling"
    pairs = measured(min(two), UNIT, said, seeds=len(two)) if two else unavailable("no canvases of two words were read")
    found = {"text_module_two_words_of_ceiling": pairs}
    if not own:
        missing = unavailable(f"this profile has no text module {DEFAULT_TEXT}")
        return found | {"text_module_of_ceiling": missing, "text_module_letters_used": missing}
    share = min(100 * row["words"] / row["ceiling_words"] for row in own)
    rise = min(100 * (row["validation_loss_permuted_letters"] / row["validation_loss"] - 1) for row in own)
    return found | {
        "text_module_of_ceiling": measured(
            share, UNIT, "words read on the text module's own images, in hundredths of the ceiling", seeds=len(own)
        ),
        "text_module_letters_used": measured(
            rise, "per cent", "rise of the text module's validation loss when letters are exchanged", seeds=len(own)
        ),
    }


def wrong_words(evidence: Evidence, prepared: Path) -> Measurement:
    """Return how many of a hundred real composites are read as the words of the next one: to be 0."""
    wanted, came = [], []
    for stage in stages_of(prepared):
        rows = evidence.readings(f"{REAL}{stage}")
        for row, other in zip(rows, [*rows[1:], *rows[:1]], strict=True):
            differs = [one.casefold() for one in row["wanted"]] != [one.casefold() for one in other["wanted"]]
            if differs and len(other["wanted"]) == len(row["read"]):
                wanted.append(other["wanted"])
                came.append(row["read"])
    if not wanted:
        return unavailable("no real composites were read")
    share = float(word_accuracy(reading_table(wanted, came).sum(axis=0)))
    return measured(100 * share, UNIT, "words of the next composite that are read on a composite", n=len(wanted))


def arrived(samples: Sequence[Path]) -> dict[str, Measurement]:
    """Return how many words of layouts stand letter by letter in what the networks were told, of a hundred."""
    rows = [row for folder in samples for row in read_dump(folder)]
    words = [word for row in rows for word in row["words"]]
    refused = [row for row in rows if row["refused"] is not None]
    given = [row for row in refused if row["layouts"] == "test"]
    if not words:
        return dict.fromkeys(("layouts_arrived", "layouts_refused"), unavailable("nothing was sampled"))
    share = 100 * float(np.mean([word["text"] == word["found"] for word in words]))
    said = "words × 100 whose letters stand in their box in the map that went into the network"
    return {
        "layouts_arrived": measured(share, UNIT, said, n=len(words)),
        "layouts_refused": measured(
            len(given), "layouts", f"of the test that no network took; {len(refused)} with those of planners"
        ),
    }


def moved(samples: Sequence[Path]) -> Measurement:
    """Return the ratio of what changes inside old and new box to what changes outside, when a box is moved."""
    rows = [row for folder in samples for row in read_json(folder / SWAP) if row["model"].startswith("artist-")]
    prompts = np.array([row["prompt"] for row in rows])
    if len(set(prompts.tolist())) < 2:
        return unavailable("no two prompts had a box with room to be moved")
    sums = cluster_sums(prompts, np.array([[row["inside"], row["outside"]] for row in rows]))
    found = clustered_estimate(sums, lambda one: np.asarray(one)[..., 0] / np.asarray(one)[..., 1], seed=0)
    if found is None:
        return unavailable("no two prompts whose images change outside of the boxes")
    detail = "mean change of a pixel inside old and new box over that of one outside, ARTIST, over prompts"
    return estimated(found, "ratio", detail)
