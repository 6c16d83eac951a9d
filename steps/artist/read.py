"""Let OCR engines read every sampled image, and real composites by the same rules: in the wanted boxes, and whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import NonNegativeInt

from steps.artist.canvas_sets import prompt_rows, real_composites, stages_of
from steps.artist.sample import read_dump, read_images
from steps.step.json_files import write_json
from steps.step.params import Count, Params, Share
from steps.step.run import Run

if TYPE_CHECKING:
    from tenfold.artist.layouts import Layout
    from tenfold.ocr.engine import Engine

READINGS, READERS = "readings.jsonl", "readers.json"
REAL = "real-"  # what the names of real composites begin with, before their stage
CROP, CANVAS = "crop", "canvas"
TEST_LAYOUTS = "test"


class ReadParams(Params):
    """Which engines read, the first of them in any case, the others where they can.

    An engine is left out that reads less than ``least_ceiling`` of real composites in their boxes. Images of the first
    ``canvases`` prompts are read whole, too, ``canvas_repeats`` of each. ``enlarge`` (times) is of boxes; whole
    canvases are enlarged ``canvas_enlarge`` times with ``canvas_border`` pixels around.
    """

    engines: list[str]
    least_ceiling: Share
    canvases: NonNegativeInt
    canvas_repeats: Count
    enlarge: Count
    canvas_enlarge: Count
    canvas_border: NonNegativeInt


def read(prepared: Path, samples: list[Path], *, out: Path, params: ReadParams, run: Run) -> None:
    """Read all images; the engines are given pixels and boxes, and no word.

    Reads   prepared/prompts.jsonl, real composites; samples/images/*.npz, conditioning.jsonl
    Writes  readings.jsonl: a row per image, engine and mode (crop, canvas): whose layouts (test, or
            <planner>-<form>), what was wanted and read, words and letters
            right, outside_ink (the share of the image's edges outside all boxes); readers.json: each engine with its
            version, its ceiling per stage, or why it read nothing
    Raises  EngineNotInstalled, EngineMismatch for the first engine
    """
    from tenfold.ocr.errors import EngineMismatch, EngineNotInstalled
    from tenfold.ocr.reading import load_engine

    rows: list[dict[str, Any]] = []
    readers: list[dict[str, Any]] = []
    for place, name in enumerate(params.engines):
        try:
            engine = load_engine(name)
        except (EngineMismatch, EngineNotInstalled) as error:
            if not place:
                raise
            readers.append({"engine": name, "version": "", "why_not": str(error), "ceilings": {}})
            run.say(f"{name} reads nothing: {error}")
            continue
        reader = Reader(engine, params)
        found, ceilings = _composites(prepared, reader)
        least = min(ceilings.values())
        why = "" if not place or least >= params.least_ceiling else f"it reads {least:.2f} of real composites"
        readers.append({"engine": name, "version": engine.version, "why_not": why, "ceilings": ceilings})
        rows += found if why else [*found, *_samples(prepared, samples, reader, run)]
        run.say(f"{engine.version}: " + ", ".join(f"{share:.3f} of {stage}" for stage, share in ceilings.items()))
    (out / READINGS).write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8", errors="backslashreplace"
    )
    write_json(out / READERS, readers)


def read_readings(folder: Path) -> list[dict[str, Any]]:
    """Return the rows that ``read`` wrote."""
    return [json.loads(line) for line in (folder / READINGS).read_text(encoding="utf-8").splitlines()]


def _composites(prepared: Path, reader: Reader) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Return the readings of real composites, and the share of words read in their boxes by stage: the ceiling."""
    rows, shares = [], {}
    for stage in stages_of(prepared):
        real = real_composites(prepared, stage)
        named = {"model": f"{REAL}{stage}", "layouts": TEST_LAYOUTS}
        about = [{**named, "prompt": number, "repeat": 0} for number in range(len(real))]
        images, layouts = list(real.images), list(real.layouts)
        wanted = [layout.texts for layout in layouts]
        own = reader.boxes(images, layouts, wanted, about)
        shares[stage] = sum(row["exact"] for row in own) / max(1, sum(row["words"] for row in own))
        rows += own
        rows += reader.canvases(images, wanted, about)
    return rows, shares


def _samples(prepared: Path, samples: Sequence[Path], reader: Reader, run: Run) -> list[dict[str, Any]]:
    """Return the readings of every model's images."""
    prompts, rows = prompt_rows(prepared), []
    dumped = {
        (row["model"], row["layouts"], row["prompt"]): row["words"] for folder in samples for row in read_dump(folder)
    }
    for name, path in read_images(samples).items():
        with np.load(path) as arrays:
            images = list(arrays[TEST_LAYOUTS])
            about: list[dict[str, Any]] = [
                {
                    "model": name,
                    "layouts": TEST_LAYOUTS,
                    "prompt": number % len(prompts),
                    "repeat": number // len(prompts),
                }
                for number in range(len(images))
            ]
            layouts = [prompts[row["prompt"]].layout for row in about]
            wanted = [layout.texts for layout in layouts]
            rows += reader.boxes(images, layouts, wanted, about)
            rows += reader.canvases(images, wanted, about)
            for key in (one for one in arrays.files if f"{one}-prompts" in arrays.files):
                numbers = arrays[f"{key}-prompts"].tolist()
                about = [{"model": name, "layouts": key, "prompt": number, "repeat": 0} for number in numbers]
                found = [_layout(prompts[number].layout, dumped[name, key, number]) for number in numbers]
                rows += reader.boxes(list(arrays[key]), found, [prompts[number].keywords for number in numbers], about)
        run.say(f"{reader.engine.name}: {name}")
    return rows


def _layout(canvas: Layout, words: Sequence[dict[str, Any]]) -> Layout:
    """Return the layout that reached a model, on a canvas of the size of ``canvas``."""
    from tenfold.artist.layouts import Layout

    return Layout.from_description({"width": canvas.width, "height": canvas.height, "words": words})


@dataclass(frozen=True)
class Reader:
    """One engine with the way in which it is used."""

    engine: Engine
    params: ReadParams

    def boxes(
        self,
        images: Sequence[np.ndarray],
        layouts: Sequence[Layout],
        wanted: Sequence[Sequence[str]],
        about: Sequence[dict[str, Any]],
    ) -> list[dict[str, Any]]:
        """Return a row per image of what stands in the boxes of its layout."""
        from tenfold.artist.outside_ink import outside_edges
        from tenfold.artist.readings import Reader as How
        from tenfold.artist.readings import read_in_boxes

        if not images:
            return []
        came = read_in_boxes(images, layouts, self.engine, enlarge=self.params.enlarge)
        how = How.crops(self.engine, self.params.enlarge)
        outside = outside_edges(np.stack(images), layouts).tolist()
        return [
            {**one, **_stamp(how), "mode": CROP, **_counts(words, read), "outside_ink": _finite(ink)}
            for one, words, read, ink in zip(about, wanted, came, outside, strict=True)
        ]

    def canvases(
        self, images: Sequence[np.ndarray], wanted: Sequence[Sequence[str]], about: Sequence[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Return a row per image of the lines that are found on the whole of it, of as many as are read so."""
        from tenfold.artist.readings import Reader as How
        from tenfold.artist.readings import read_lines

        enlarge, border = self.params.canvas_enlarge, self.params.canvas_border
        chosen = [
            place
            for place, row in enumerate(about)
            if row["prompt"] < self.params.canvases and row["repeat"] < self.params.canvas_repeats
        ]
        came = read_lines([images[place] for place in chosen], self.engine, enlarge=enlarge, border=border)
        stamp = {**_stamp(How.canvases(self.engine, enlarge, border)), "mode": CANVAS}
        return [
            {**about[place], **stamp, "wanted": list(wanted[place]), "read": read}
            for place, read in zip(chosen, came, strict=True)
        ]


def _stamp(how: Any) -> dict[str, str]:
    return {"engine": how.engine, "version": how.version, "how": how.how}


def _counts(wanted: Sequence[str], read: Sequence[str]) -> dict[str, Any]:
    """Return what was wanted and read, box by box, and its sums; none where boxes were planned for other words."""
    from tenfold.artist.readings import COLUMNS, reading_table

    said = {"wanted": list(wanted), "read": list(read)}
    if len(wanted) != len(read):
        return said
    (sums,) = reading_table([list(wanted)], [list(read)]).tolist()
    return said | dict(zip(COLUMNS, sums, strict=True))


def _finite(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
