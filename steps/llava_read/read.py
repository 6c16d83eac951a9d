"""Let one OCR engine read pages, receipts and pages of the probe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import NonNegativeInt

from steps.llava_read.page_sets import set_of
from steps.step.json_files import read_json, write_json
from steps.step.params import Count, Params
from steps.step.run import Run
from tenfold.ocr.page import Page

if TYPE_CHECKING:
    from tenfold.ocr.engine import Pixels

SetName = Literal[
    "fit",
    "train",
    "validation",
    "test",
    "probe_test",
    "receipts_train",
    "receipts_validation",
    "receipts_test",
]
SUMMARY = "read.json"
FIT, TRAIN = "fit", "train"


class ReadParams(Params):
    """The sets that each engine reads, by engine, none for an engine that is left out.

    ``fit`` and ``train`` count the first training pages that those two sets have. ``required``: engines without which
    the step fails; another one that is not installed reads nothing, and says so.
    """

    sets: dict[str, list[SetName]]
    fit: Count
    train: NonNegativeInt
    required: list[str]
    threads: Count


def read(prepared: Path, *, out: Path, params: ReadParams, run: Run) -> None:
    """Read each page of each set once, by the engine that is the step's variant.

    Reads   prepared/: images of pages, receipts and the probe; what stands on them, for the recall alone
    Writes  <set>.jsonl: what was read on each page, by the page's id; read.json: engine and version, pages and words
            of each set, recall of words with their spaces and without; or why the engine read nothing
    Logs    <set>/cpu_seconds_per_page
    Raises  EngineNotInstalled, EngineMismatch for an engine that is required; NoPages
    """
    from tenfold.ocr.errors import EngineMismatch, EngineNotInstalled
    from tenfold.ocr.reading import load_engine

    engine = str(run.variant)
    wanted = params.sets.get(engine, [])
    summary: dict[str, Any] = {"engine": engine, "version": "", "why_not": "", "sets": {}}
    if wanted:
        try:
            summary["version"] = load_engine(engine).version
        except (EngineNotInstalled, EngineMismatch) as error:
            if engine in params.required:
                raise
            summary["why_not"], wanted = str(error), []
            run.say(f"{engine} reads nothing: {error}")
    reader = Reader(engine, params.threads, out)
    most = {FIT: params.fit, TRAIN: params.train}
    for name in wanted:
        if most.get(name) != 0:
            pages = list(set_of(prepared, TRAIN if name == FIT else name, most.get(name)))
            summary["sets"][name] = reader.read(name, pages, run)
    write_json(out / SUMMARY, summary)


def read_summary(folder: Path) -> dict[str, Any]:
    """Return what a step ``read`` wrote of itself."""
    summary: dict[str, Any] = read_json(folder / SUMMARY)
    return summary


@dataclass
class Reader:
    """An engine and what it has read, by the page's id; a page that is in two sets is read once."""

    engine: str
    threads: int
    out: Path
    known: dict[str, Page] = field(default_factory=dict)

    def read(self, name: str, pages: Sequence[tuple[str, Pixels, Page]], run: Run) -> dict[str, float]:
        """Read id, image and truth of each page of a set, and write it; return what to say of it."""
        from tenfold.ocr.page_files import read_pages, write_pages
        from tenfold.ocr.word_recall import recall

        images = {page: image for page, image, _ in pages if page not in self.known}
        reading = read_pages(images, self.engine, threads=self.threads)
        self.known |= reading.pages
        found = {page: self.known[page] for page, _, _ in pages}
        write_pages(found, self.out / f"{name}.jsonl")
        if not pages:
            return {"pages": 0, "words": 0}
        counts = recall([truth for _, _, truth in pages], list(found.values()))
        each = reading.cpu_seconds / max(len(images), 1)
        if images:
            run.log({f"{name}/cpu_seconds_per_page": each})
        run.say(
            f"{self.engine}, {name}: {len(pages)} pages, {len(images)} of them read in {reading.seconds:.0f} s, "
            f"{each:.2f} CPU s per page, recall {counts.word_recall:.3f}, {counts.spaceless_recall:.3f} without spaces"
        )
        return {
            "pages": len(pages),
            "words": sum(len(page.words) for page in found.values()),
            "recall_words": counts.word_recall,
            "recall_spaceless": counts.spaceless_recall,
        }
