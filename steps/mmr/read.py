"""Let one OCR engine read the images of the items, in each form in which they are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from steps.mmr.item_sets import RECEIPTS, RENDERED
from steps.mmr.ocr_pages import SUMMARY, recalls
from steps.mmr.views import VIEWS, View
from steps.step.json_files import write_json
from steps.step.params import Count, Params
from steps.step.run import Run


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
    Logs    <set>/<view>/pages, <set>/<view>/cpu_seconds_per_page
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
        summary["sets"][name] = {view: _read(engine, folders[name], name, view, out, params, run) for view in views}
    write_json(out / SUMMARY, summary)


def _read(
    engine: str, folder: Path, name: str, view: View, out: Path, params: ReadParams, run: Run
) -> dict[str, float]:
    from tenfold.mmr.items import read_items
    from tenfold.mmr.reading import images_of, read_pages, write_pages

    items, seen = read_items(folder, name=name), VIEWS[view]
    queries = list(seen.one_per_image(items))
    images = images_of(queries)
    reading = read_pages(images, engine, enlarge=seen.enlarge, threads=params.threads)
    (out / name).mkdir(exist_ok=True)
    write_pages(reading.pages, out / name / f"{view}.jsonl")
    count = len(reading.pages)
    run.log({f"{name}/{view}/pages": count, f"{name}/{view}/cpu_seconds_per_page": reading.cpu_seconds / max(count, 1)})
    run.say(f"{engine}, {name}, {view}: {count} pages in {reading.seconds:.0f} s")
    words = sum(len(page.words) for page in reading.pages.values())
    return {"pages": count, "words": words, **recalls(items, queries, reading.pages)}
