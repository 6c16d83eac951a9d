"""Let one OCR engine read the images of the items, in each form in which they are shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steps.mmr.item_sets import RECEIPTS, RENDERED
from steps.mmr.ocr_pages import SUMMARY, recalls
from steps.mmr.views import VIEWS, View
from steps.step.json_files import write_json
from steps.step.params import Count, Params
from steps.step.run import Run
from tenfold.mmr.items import ItemSet, read_items
from tenfold.ocr.page import Page


class ReadParams(Params):
    """The forms of images that each engine reads, by engine, none for an engine that is left out; threads.

    ``required``: engines without which the step fails; another one that is not installed reads nothing, and says so.
    """

    rendered: dict[str, list[View]]
    receipts: dict[str, list[View]]
    required: list[str]
    threads: Count


def read(rendered: Path, receipts: Path, *, out: Path, params: ReadParams, run: Run) -> None:
    """Read every image once per view, by the engine that is the step's variant.

    Reads   rendered/, receipts/: items.jsonl, images/; rendered/pages.jsonl, what was drawn, for the recall alone
    Writes  <set>/<view>.jsonl: a page of words with boxes per image, by the digest of its pixels as shown;
            read.json: engine and version, pages and words of each set and view, word recall with and without spaces
            where it is known what was drawn; or why the engine read nothing
    Logs    <set>/<view>/cpu_seconds_per_page
    Raises  EngineNotInstalled, EngineMismatch for an engine that is required
    """
    from tenfold.ocr.errors import EngineMismatch, EngineNotInstalled
    from tenfold.ocr.reading import load_engine

    engine = str(run.variant)
    wanted = {RENDERED: params.rendered.get(engine, []), RECEIPTS: params.receipts.get(engine, [])}
    summary: dict[str, Any] = {"engine": engine, "version": "", "why_not": "", "sets": {}}
    if any(wanted.values()):
        try:
            summary["version"] = load_engine(engine).version
        except (EngineNotInstalled, EngineMismatch) as error:
            if engine in params.required:
                raise
            summary["why_not"], wanted = str(error), {}
            run.say(f"{engine} reads nothing: {error}")
    folders = {RENDERED: rendered, RECEIPTS: receipts}
    for name, views in wanted.items():
        reader = Reader(engine, params.threads, read_items(folders[name], name=name), out)
        summary["sets"][name] = {view: reader.read(view, run) for view in views}
    write_json(out / SUMMARY, summary)


@dataclass
class Reader:
    """An engine and the items whose images it reads; an image that is the same in two views is read once."""

    engine: str
    threads: int
    items: ItemSet
    out: Path
    known: dict[tuple[str, int], Page] = field(default_factory=dict)

    def read(self, view: View, run: Run) -> dict[str, float]:
        """Read the images in one view; return what to say of it."""
        from tenfold.mmr.reading import images_of
        from tenfold.ocr.page_files import read_pages, write_pages

        seen, name = VIEWS[view], self.items.name
        queries = list(seen.one_per_image(self.items))
        images = images_of(queries)
        missing = {digest: image for digest, image in images.items() if (digest, seen.enlarge) not in self.known}
        reading = read_pages(missing, self.engine, enlarge=seen.enlarge, threads=self.threads)
        self.known |= {(digest, seen.enlarge): page for digest, page in reading.pages.items()}
        pages = {digest: self.known[digest, seen.enlarge] for digest in images}
        (self.out / name).mkdir(exist_ok=True)
        write_pages(pages, self.out / name / f"{view}.jsonl")
        if missing:
            run.log({f"{name}/{view}/cpu_seconds_per_page": reading.cpu_seconds / len(missing)})
        run.say(
            f"{self.engine}, {name}, {view}: {len(pages)} pages, {len(missing)} of them read in {reading.seconds:.0f} "
            f"s, {reading.cpu_seconds / max(len(missing), 1):.2f} CPU s per page"
        )
        words = sum(len(page.words) for page in pages.values())
        return {"pages": len(pages), "words": words, **recalls(self.items, queries, pages)}
