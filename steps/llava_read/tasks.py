"""Give each page its OCR text, read, simulated, true or corrupted; write the samples of Stage I; count what is cut."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from steps.llava_read.ocr_sets import MIXED, ORACLE, SIMULATED, corrupted_name, ocr_sources, read_ocr, write_ocr
from steps.llava_read.page_sets import RECEIPTS, pages_of, receipts_of_part
from steps.llava_read.read import FIT, TRAIN, read_summary
from steps.step.json_files import write_json
from steps.step.params import Count, Field, Params
from steps.step.run import Run
from tenfold.llava_read.parts import PARTS

if TYPE_CHECKING:
    from tenfold.llava_read.ocr_prompt import Layout, Order, Policy
    from tenfold.llava_read.pages import ReadingPage
    from tenfold.ocr.noise_model import NoiseModel
    from tenfold.ocr.page import Page

NOISE, STAGE_ONE, STATISTICS = "noise.json", "stage_one.jsonl", "statistics.csv"
FITTED_ENGINE, HELD_OUT = "ppocr6", "validation"
LAYOUTS: dict[str, tuple[Layout, Order | None]] = {
    "plain": ("words", "plain"),
    "xy_cut": ("words", "xy_cut"),
    "space": ("space", None),
}
POLICIES: tuple[Policy, ...] = ("head", "head_tail")
COLUMNS = (
    *("part", "source", "layout", "budget", "policy"),
    *("texts", "p50", "p95", "truncated", "questions", "read", "survived"),
)


class TasksParams(Params):
    """Shares of wrong characters in per cent, and how Stage I writes.

    ``boxes`` are written as place tokens or as decimals; samples with more characters than ``longest`` are left out.
    Statistics are those of the first ``counted`` pages of a part, for ``budgets`` in characters.
    """

    corrupted: list[int] = Field(max_length=9)
    boxes: Literal["tokens", "decimals"]
    longest: Count
    counted: Count
    budgets: list[Count]


@dataclass(frozen=True)
class PartPages:
    """The pages of a part, drawn or receipts, by the part's name."""

    name: str
    pages: Sequence[ReadingPage]

    @property
    def trained_on(self) -> bool:
        return self.name == TRAIN


def tasks(prepared: Path, read: list[Path], *, out: Path, params: TasksParams, run: Run) -> None:
    """Bring together what models read: OCR text by source, a noise model for training pages, samples of Stage I.

    Reads   prepared/pages/, prepared/receipts/; read/<set>.jsonl of each engine
    Writes  ocr/<part>/<source>.jsonl: a page of words with boxes per page, by its id. Training pages have "simulated"
            text, the described words misread by a noise model that is fitted to PP-OCRv6's errors on the first of
            them, the text of engines that read them, and "mixed", which is PP-OCRv6's where there is one and simulated
            elsewhere; the other parts have "oracle", "corrupted_<per cent>"
            and the engines that read them; noise.json: the noise model, and recalls of engine and simulation on
            validation pages; stage_one.jsonl: samples of T1 to T4, one per training page; statistics.csv: lengths of
            OCR texts in characters, shares cut, and answers that survive, by part, source, layout, budget, policy
    Logs    real/ and simulated/recall_words, recall_spaceless on validation pages
    Raises  NoPages; InvalidPages if no engine read the pages that the noise model is fitted on
    """
    parts = [PartPages(name, pages_of(prepared, name)) for name in PARTS]
    parts += [PartPages(f"{RECEIPTS}_{name}", pages) for name in PARTS if (pages := receipts_of_part(prepared, name))]
    by_engine = {read_summary(folder)["engine"]: folder for folder in read}
    train = next(part for part in parts if part.trained_on)
    noise = _fitted(by_engine[FITTED_ENGINE], train)
    write_json(out / NOISE, {"model": noise.to_json(), **_check(noise, by_engine[FITTED_ENGINE], parts, run)})
    for part in parts:
        for engine, folder in by_engine.items():
            if (folder / f"{part.name}.jsonl").is_file():
                write_ocr(_read_by(folder, part.name), out, part.name, engine)
        if part.trained_on:
            simulated = _simulated(noise, part.pages, run.seed)
            real = read_ocr(out, part.name, FITTED_ENGINE) if FITTED_ENGINE in ocr_sources(out, part.name) else {}
            write_ocr(simulated, out, part.name, SIMULATED)
            write_ocr(simulated | real, out, part.name, MIXED)
        else:
            _write_described(part, params.corrupted, out, run.seed)
    _write_stage_one(train.pages, params, out, run)
    rows = [row for part in parts for row in _statistics(part, out, params)]
    with (out / STATISTICS).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    run.say(f"{len(rows)} rows of statistics; sources: {', '.join(ocr_sources(out, 'test'))}")


def _read_by(folder: Path, name: str) -> dict[str, Page]:
    from tenfold.ocr.page_files import load_pages

    return load_pages(folder / f"{name}.jsonl")


def _fitted(folder: Path, train: PartPages) -> NoiseModel:
    from tenfold.ocr.noise_model import NoiseModel

    pages, truths = _read_by(folder, FIT), {page.id: page.truth for page in train.pages}
    return NoiseModel.fitted([truths[name] for name in pages], list(pages.values()))


def _simulated(noise: NoiseModel, pages: Sequence[ReadingPage], seed: int) -> dict[str, Page]:
    from tenfold.ocr.descriptions import Simulated

    engine = Simulated({page.sha256: page.truth for page in pages}, noise, seed=seed)
    return {page.id: engine.read(page.image) for page in pages}


def _write_described(part: PartPages, shares: Sequence[int], out: Path, seed: int) -> None:
    """Write what stands on the pages, and the same with given shares of wrong letters, in per cent."""
    from tenfold.llava_read.corruption import corrupted

    truths = {page.id: page.truth for page in part.pages}
    write_ocr(truths, out, part.name, ORACLE)
    for share in shares:
        wrong = {name: corrupted(truth, share / 100, seed=seed) for name, truth in truths.items()}
        write_ocr(wrong, out, part.name, corrupted_name(share))


def _check(noise: NoiseModel, folder: Path, parts: Sequence[PartPages], run: Run) -> dict[str, Any]:
    """Return the recalls of the engine and of its simulation on pages that the noise was not fitted to."""
    from tenfold.ocr.word_recall import recall

    held = next(part for part in parts if part.name == HELD_OUT)
    truths = [page.truth for page in held.pages]
    real, made = _read_by(folder, HELD_OUT), _simulated(noise, held.pages, run.seed)
    found = {
        name: recall(truths, [pages[page.id] for page in held.pages])
        for name, pages in (("real", real), ("simulated", made))
    }
    recalls = {
        name: {"recall_words": one.word_recall, "recall_spaceless": one.spaceless_recall} for name, one in found.items()
    }
    run.log({f"{name}/{kind}": value for name, kinds in recalls.items() for kind, value in kinds.items()})
    run.say(f"noise of {noise.engine} on {len(truths)} held-out pages: {recalls}")
    return {"fitted_on": len(_read_by(folder, FIT)), "checked_on": HELD_OUT, "pages": len(truths), **recalls}


def _write_stage_one(pages: Sequence[ReadingPage], params: TasksParams, out: Path, run: Run) -> None:
    from tenfold.llava_read.squares import box_tokens
    from tenfold.llava_read.tasks import decimal_box, stage_one

    write_box = box_tokens if params.boxes == "tokens" else decimal_box
    made = stage_one(pages, seed=run.seed, write_box=write_box, longest=params.longest)
    lines = (json.dumps(sample.to_json(), ensure_ascii=False) for sample in made.samples)
    (out / STAGE_ONE).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    run.say(f"Stage I: {len(made.samples)} samples, left out as too long {dict(made.left_out)}")


def _statistics(part: PartPages, out: Path, params: TasksParams) -> list[dict[str, Any]]:
    """Return how long the OCR texts of a part are, and what budgets cost, by source and layout."""
    from tenfold.llava_read.ocr_prompt import ocr_text, statistics_of

    rows = []
    for source in ocr_sources(out, part.name):
        read = read_ocr(out, part.name, source)
        pages = [page for page in part.pages if page.id in read][: params.counted]
        questions = [question for page in pages for question in page.questions]
        for layout, (form, order) in LAYOUTS.items():
            cuts: list[tuple[int | None, Policy | None]] = [(None, None)]
            cuts += [(budget, policy) for budget in params.budgets for policy in POLICIES]
            for budget, policy in cuts:
                texts = {
                    page.id: ocr_text(read[page.id], layout=form, order=order, budget=budget, policy=policy)
                    for page in pages
                }
                counts = asdict(statistics_of(texts, questions))
                named: dict[str, Any] = {
                    "part": part.name,
                    "source": source,
                    "layout": layout,
                    "budget": budget,
                    "policy": policy,
                }
                rows.append(named | {name: _cell(value) for name, value in counts.items()})
    return rows


def _cell(value: float) -> float | None:
    """Return a number for a table of text, none where it is undefined."""
    return None if math.isnan(value) else value


def read_statistics(tasks: Path) -> list[Mapping[str, str]]:
    """Return the rows of statistics.csv, cells as texts, empty where there is no budget or a share is undefined."""
    with (tasks / STATISTICS).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
