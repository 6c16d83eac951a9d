"""Join what all steps wrote into measurements, tables, figures and a page of examples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from steps.llava_read import facts, figures, reading_tables, stage_one, tables
from steps.llava_read.estimates import Asked, asked_of, naming_of
from steps.llava_read.measurements import MAIN, answer_measurements
from steps.llava_read.ocr_sets import ocr_sources, read_ocr
from steps.llava_read.page_sets import pages_of, receipts_of_part
from steps.llava_read.pages import chosen_models, write_examples
from steps.llava_read.predictions import RECEIPTS, TEST, asked_in_part, read_answers, read_arms
from steps.llava_read.probe import ABOUT, RECALL
from steps.llava_read.probe_measurements import probe_measurements
from steps.step.json_files import read_json
from steps.step.params import Count, Params
from steps.step.publish import CaptionedFigure, CaptionedTable
from steps.step.run import Run
from tenfold.llava_read.scores import MEASURES

if TYPE_CHECKING:
    from tenfold.llava_read.questions import Question
    from tenfold.ocr.page import Page

IN_PART = "test, first pages"  # of which a pretrained decoder is asked
BUDGET = "budget_"  # what the names of the arms of A13 begin with
HEADLINES = ("text_rich_full", "text_rich_full_minus_both", "colour_full_minus_ocr_only")


class EvaluateParams(Params):
    """How many questions the page of examples shows."""

    shown: Count


def evaluate(
    prepared: Path,
    tasks: Path,
    read: list[Path],
    pretrained: Path,
    probed: Path,
    tuned: list[Path],
    ablated: Path,
    language: Path,
    *,
    out: Path,
    params: EvaluateParams,
    run: Run,
) -> None:
    """Publish what the paper's claims are tested by, and drawn examples to look at.

    Receipts are other people's data, and stand on no page that is published.

    Reads   prepared/pages/test, receipts/test, about.json; tasks/ocr/test, noise.json, statistics.csv; read.json of
            each engine; history.jsonl of Stage I; recall.csv, probe.json; predictions.jsonl and arms.json of each step
            that trains
    Writes  metrics.json, claims.json, tables/*.csv and figures/*.svg with their captions; pages/examples.html
    Raises  InvalidAnswers, AmbiguousArm
    """
    pages = {page.id: page for page in pages_of(prepared, "test")}
    questions = {
        TEST: [question for page in pages.values() for question in page.questions],
        RECEIPTS: [question for page in receipts_of_part(prepared, "test") for question in page.questions],
    }
    trained = [*tuned, ablated, language]
    naming, arms = naming_of(pages.values()), read_arms(trained)
    sets = asked_of(questions, read_answers([*tuned, ablated], questions), naming)
    part = _asked_in_part(language, questions[TEST], naming)
    test, recall = sets[TEST], pd.read_csv(probed / RECALL)
    words, losses = _read_by_engine(tasks), stage_one.read_losses(pretrained)
    run.publish(
        claims=answer_measurements(test, arms, part)
        | probe_measurements(recall, read_json(probed / ABOUT))
        | stage_one.stage_one_learnt(losses)
        | facts.containment(test, words)
        | facts.preparation(prepared)
        | facts.simulation(tasks, list(pages.values()), words)
        | facts.cut_texts(arms, words),
        headlines=HEADLINES,
        tables=_answer_tables(sets | ({IN_PART: part} if part.answers else {}), arms)
        | {"stage_one": stage_one.table(losses)}
        | _reading_tables(recall, read, tasks),
        figures=_figures(test, arms, recall, tasks),
    )
    (out / "pages").mkdir()
    models = chosen_models([(name, tables.judged(test, name)) for name in MAIN])
    write_examples(test, models, pages, words, out / "pages" / "examples.html", shown=params.shown)


def _asked_in_part(language: Path, questions: list[Question], naming: Mapping[str, float]) -> Asked:
    """Return the pages that arms with a pretrained decoder were asked about, all alike, and their answers."""
    own = asked_in_part(language, questions)
    return Asked(IN_PART, tuple(own), tuple(read_answers([language], {TEST: own})), naming)


def _answer_tables(sets: Mapping[str, Asked], arms: list[dict[str, Any]]) -> dict[str, CaptionedTable]:
    """Return what is told of the arms' answers, by the tables' names."""
    test = sets[TEST]
    return {f"scores_{measure}": tables.scores(sets, measure) for measure in MEASURES} | {
        "groups": tables.groups(sets),
        "arms": tables.arms(test),
        "ablations": tables.ablations(test),
        "training": tables.training(arms),
    }


def _reading_tables(recall: pd.DataFrame, read: list[Path], tasks: Path) -> dict[str, CaptionedTable]:
    """Return what is told of the probe and of the OCR engines, by the tables' names."""
    return {
        "reading": reading_tables.reading(recall),
        "ocr_recall": reading_tables.recall(read),
        "ocr_statistics": reading_tables.statistics(tasks),
        "noise_model": reading_tables.noise(tasks),
    }


def _figures(test: Asked, arms: list[dict[str, Any]], recall: pd.DataFrame, tasks: Path) -> dict[str, CaptionedFigure]:
    """Return the figures that there is something to draw in."""
    captioned = {
        "reading": figures.reading(recall),
        "arms": figures.arms(test),
        "ablations": figures.ablations(test),
        "budgets": figures.budgets(test, _budgets(arms), reading_tables.statistics(tasks)[0]),
    }
    return {name: found for name, found in captioned.items() if found is not None}


def _read_by_engine(tasks: Path) -> dict[str, Page]:
    """Return what the engine read on the test pages; nothing where it read none."""
    return read_ocr(tasks, TEST, facts.ENGINE) if facts.ENGINE in ocr_sources(tasks, TEST) else {}


def _budgets(arms: list[dict[str, Any]]) -> dict[str, int]:
    """Return the OCR budget (characters) of each arm whose row or name says it."""
    named = {row["arm"]: row["arm"].removeprefix(BUDGET) for row in arms if row["arm"].startswith(BUDGET)}
    return {arm: int(budget) for arm, budget in named.items()} | {
        row["arm"]: row["budget"] for row in arms if row.get("budget") is not None
    }
