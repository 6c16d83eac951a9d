"""What an OCR engine reads on real composites: the ceiling beside which everything that it reads is printed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import NonNegativeInt

from steps.artist.canvas_sets import chosen, prompt_rows, real_composites, stages_of
from steps.step.params import Count, Params

if TYPE_CHECKING:
    from tenfold.artist.canvases import Canvases
    from tenfold.ocr.engine import Engine


class WholeParams(Params):
    """How whole canvases are read: how many, with how many pixels of border around, how many times enlarged."""

    images: Count
    border: NonNegativeInt
    enlarge: Count


def measured_ceilings(prepared: Path, engines: Sequence[str], whole: WholeParams) -> list[dict[str, Any]]:
    """Return a row per stage, engine and mode: shares of words and letters that are read, and of wrong words (to be 0).

    Mode "crop" is recognition in the known boxes, all images together and, as "crop_seen", "crop_unseen" and
    "crop_two_words", by kind; "canvas" is detection and recognition on whole images: the recall of words. ``why_not``
    says why an engine read nothing.
    Raises EngineNotInstalled, EngineMismatch if no engine can read.
    """
    from tenfold.ocr.errors import EngineMismatch, EngineNotInstalled
    from tenfold.ocr.reading import load_engine

    rows: list[dict[str, Any]] = []
    refused: list[Exception] = []
    for name in engines:
        try:
            engine = load_engine(name)
        except (EngineNotInstalled, EngineMismatch) as error:
            refused.append(error)
            rows += [_none(stage, name, str(error)) for stage in stages_of(prepared)]
            continue
        for stage in stages_of(prepared):
            rows += _of_stage(prepared, stage, engine, whole)
    if len(refused) == len(engines):
        raise refused[0]
    return rows


def _of_stage(prepared: Path, stage: str, engine: Engine, whole: WholeParams) -> list[dict[str, Any]]:
    from tenfold.artist.readings import read_in_boxes

    canvases = real_composites(prepared, stage)
    came = read_in_boxes(canvases.images, canvases.layouts, engine)
    kinds = {"crop": range(len(canvases)), **_kinds(prepared)}
    rows = [_crop_row(canvases, came, list(places), stage, engine, mode) for mode, places in kinds.items() if places]
    return [*rows, _canvas_row(chosen(canvases, range(min(whole.images, len(canvases)))), stage, engine, whole)]


def _kinds(prepared: Path) -> dict[str, list[int]]:
    """Return the numbers of the test's images by kind; composites of every stage stand in the order of the prompts."""
    rows = prompt_rows(prepared)
    return {
        "crop_seen": [row.number for row in rows if row.seen and len(row.keywords) == 1],
        "crop_unseen": [row.number for row in rows if not row.seen],
        "crop_two_words": [row.number for row in rows if len(row.keywords) > 1],
    }


def _crop_row(
    canvases: Canvases, came: list[list[str]], places: list[int], stage: str, engine: Engine, mode: str
) -> dict[str, Any]:
    from tenfold.artist.readings import letter_accuracy, reading_table, word_accuracy

    wanted = [canvases.words[place] for place in places]
    read = [came[place] for place in places]
    sums = reading_table(wanted, read).sum(axis=0)
    others = reading_table(_others(wanted), read).sum(axis=0)
    return _row(stage, engine, mode, len(places), word_accuracy(sums), letter_accuracy(sums), word_accuracy(others))


def _canvas_row(canvases: Canvases, stage: str, engine: Engine, whole: WholeParams) -> dict[str, Any]:
    """Return the mean recall of words on whole images, whatever their lines and order."""
    from tenfold.artist.readings import read_lines
    from tenfold.text.word_scores import corrected_word_scores

    lines = read_lines(list(canvases.images), engine, enlarge=whole.enlarge, border=whole.border)
    found = corrected_word_scores(canvases.words, lines).recall
    wrong = corrected_word_scores(_others(canvases.words), lines).recall
    return _row(stage, engine, "canvas", len(canvases), found, None, wrong)


def _others(wanted: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return other words for each image, as many: those of the next images that differ in every place."""
    found = []
    for place, words in enumerate(wanted):
        after = (wanted[(place + step) % len(wanted)] for step in range(1, len(wanted)))
        pool = [word for one in after for word in one if word not in words]
        found.append(pool[: len(words)] if len(pool) >= len(words) else ["\0"] * len(words))
    return found


def _row(
    stage: str, engine: Engine, mode: str, images: int, words: Any, letters: Any, wrong_words: Any
) -> dict[str, Any]:
    return {
        "stage": stage,
        "engine": engine.name,
        "version": engine.version,
        "mode": mode,
        "images": images,
        "words": float(words),
        "letters": None if letters is None else float(letters),
        "wrong_words": float(wrong_words),
        "why_not": "",
    }


def _none(stage: str, engine: str, why_not: str) -> dict[str, Any]:
    empty = {"images": 0, "words": None, "letters": None, "wrong_words": None}
    return {"stage": stage, "engine": engine, "version": "", "mode": "crop", **empty, "why_not": why_not}
