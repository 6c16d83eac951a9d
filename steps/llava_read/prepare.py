"""Draw pages to train, validate and test with, and those of the probe; cut receipts by company."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import NonNegativeInt

from steps.llava_read.page_sets import ABOUT, PAGES, PROBE, RECEIPTS
from steps.step.json_files import read_json, write_json
from steps.step.params import Count, Params
from steps.step.run import Run
from tenfold.llava_read.parts import PARTS, Part

if TYPE_CHECKING:
    from tenfold.llava_read.pages import ReadingPage
    from tenfold.rendering.fonts import Font

ITEMS = "items.jsonl"  # of the benchmark's receipts: which images it asks about


class ProbeParams(Params):
    """Text sizes in pixels per em and numbers of words, and pages of each of their pairs, by part."""

    sizes: list[Count]
    counts: list[Count]
    train_per_cell: Count
    test_per_cell: Count


class PrepareParams(Params):
    """How many drawn pages and receipts each part has; ``null`` receipts are all there are, 0 none."""

    pages: dict[Part, Count]
    receipts: dict[Part, NonNegativeInt | None]
    probe: ProbeParams


def prepare(
    fonts: Path,
    caladea: Path,
    fredoka_one: Path,
    manrope: Path,
    source_sans: Path,
    source_serif: Path,
    sroie: Path,
    asked: Path,
    *,
    out: Path,
    params: PrepareParams,
    run: Run,
) -> None:
    """Draw pages whose parts share no word, design of fonts or layout, and take receipts that share no company.

    Reads   fonts of each source; sroie/: receipts with boxes and fields; asked/items.jsonl: the receipts that the
            reading benchmark asks about, on which nothing here is trained
    Writes  pages/<part>/, receipts/<part>/: pages.jsonl, images/; probe/<train and test>/: the same, black words on
            white; about.json: where fonts and receipts came from, pages and questions of each set, what parts share
    Logs    pages, questions
    Raises  PartsOverlap if parts share anything; NoPages, InvalidProbe, CannotSplit
    """
    from tenfold.llava_read.overlaps import part_overlaps, refuse_overlaps
    from tenfold.llava_read.pages import draw_pages, write_pages

    folders = (fonts, caladea, fredoka_one, manrope, source_sans, source_serif)
    faces = _faces(folders)
    receipts = _receipts(sroie, asked, params)
    parts: dict[Part, list[ReadingPage]] = {}
    for part in PARTS:
        drawn = list(draw_pages(part, params.pages[part], seed=run.seed, fonts=faces))
        write_pages(drawn, out / PAGES / part)
        if receipts[part]:
            write_pages(receipts[part], out / RECEIPTS / part)
        parts[part] = [*drawn, *receipts[part]]
    probes = _write_probe(params.probe, faces, out, run)
    overlaps = part_overlaps(parts, faces)
    refuse_overlaps(overlaps)
    questions = {part: sum(len(page.questions) for page in pages) for part, pages in parts.items()}
    about = {
        "sources": {folder.name: _origin(folder) for folder in (*folders, sroie)},
        "pages": {part: params.pages[part] for part in PARTS},
        "receipts": {part: len(receipts[part]) for part in PARTS},
        "probe": probes,
        "questions": questions,
        "overlaps": overlaps,
        "never_trained_on": sorted(_asked_about(asked)),
    }
    write_json(out / ABOUT, about)
    run.log(
        {"pages": sum(params.pages.values()), "questions": sum(len(p.questions) for own in parts.values() for p in own)}
    )
    run.say(f"{about['pages']} pages, {about['receipts']} receipts, {probes} pages of the probe; nothing is shared")


def _write_probe(params: ProbeParams, faces: Sequence[Font], out: Path, run: Run) -> dict[Part, int]:
    """Write pages of the probe to fit on and to test on; return how many there are."""
    from tenfold.llava_read.probe_pages import draw_probe_pages, write_probe_pages

    cells: dict[Part, int] = {"train": params.train_per_cell, "test": params.test_per_cell}
    return {
        part: write_probe_pages(
            draw_probe_pages(
                part, sizes=params.sizes, counts=params.counts, per_cell=per_cell, seed=run.seed, fonts=faces
            ),
            out / PROBE / part,
        )
        for part, per_cell in cells.items()
    }


def _faces(folders: Sequence[Path]) -> list[Font]:
    """Return every face once, in the order of the folders, those that are always there first."""
    from tenfold.rendering.fonts import bundled_fonts, fonts_in

    found = (*bundled_fonts(), *(font for folder in folders for font in fonts_in(folder)))
    return list({font.name: font for font in found}.values())


def _receipts(sroie: Path, asked: Path, params: PrepareParams) -> dict[Part, list[ReadingPage]]:
    """Return the receipts of each part: those that come first by a digest of their names, as many as are asked for."""
    from tenfold.data.receipts import read_receipts
    from tenfold.llava_read.parts import share_of
    from tenfold.llava_read.receipts import receipts_of

    found: dict[Part, list[ReadingPage]] = {part: [] for part in PARTS}
    wanted: list[Part] = [part for part in PARTS if params.receipts[part] != 0]
    if wanted:
        every, held = read_receipts(sroie), _asked_about(asked)
        for part in wanted:
            pages = receipts_of(part, every, never_trained_on=held)
            found[part] = sorted(pages, key=lambda page: share_of(page.id))[: params.receipts[part]]
    return found


def _asked_about(asked: Path) -> set[str]:
    """Return the names of the receipts that the benchmark asks about."""
    rows = (asked / ITEMS).read_text(encoding="utf-8").splitlines()
    return {str(json.loads(row)["image"]) for row in rows}


def _origin(folder: Path) -> dict[str, Any]:
    record = read_json(folder / "source.json")
    return {name: record[name] for name in ("origin", "stand_in", "detail")}
