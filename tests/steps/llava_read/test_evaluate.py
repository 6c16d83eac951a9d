"""The publishing step: every table and figure from planted answers, twice the same bytes, and examples to look at."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows.report.claims import load_claims, load_measurements, require_measurements
from flows.report.verdicts import Verdict, judge
from steps.llava_read.evaluate import HEADLINES, IN_PART, EvaluateParams, evaluate
from steps.llava_read.tables import MEANT
from steps.step.run import Run
from tests.steps.llava_read.planted import drawn, misread, questions_of, write_inputs

CLAIMS = Path("steps/llava_read/claims.yaml")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("llava_read")
    inputs = write_inputs(root, 16)
    for name in ("first", "second"):
        out = root / name
        out.mkdir()
        evaluate(**inputs, out=out, params=EvaluateParams(shown=8), run=Run("llava_read", "evaluate", out=out))
    return root


def table(written: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(written / "first" / "tables" / f"{name}.csv")


def test_everything_is_published_and_the_same_each_time(written):
    first, second = written / "first", written / "second"
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert files and all((first / file).read_bytes() == (second / file).read_bytes() for file in files)
    drawn = {path.name for path in (first / "figures").glob("*.svg")}
    assert drawn == {"reading.svg", "arms.svg", "ablations.svg", "budgets.svg"}
    assert set(json.loads((first / "metrics.json").read_text())) == set(HEADLINES)
    for kind in ("tables", "figures"):
        captions = json.loads((first / kind / "captions.json").read_text())
        assert all(len(caption) > 40 for caption in captions.values())
        assert len(captions) == len([path for path in (first / kind).iterdir() if path.suffix in (".csv", ".svg")])


def test_every_claim_finds_its_measurements(written):
    claims, path = load_claims(CLAIMS), written / "first" / "claims.json"
    found = load_measurements(path)
    require_measurements(claims, found, CLAIMS, path)
    verdicts = {entry.id: judge(entry, found).verdict for entry in claims.entries}
    assert verdicts["C1"] is Verdict.REPRODUCED and verdicts["F1"] is verdicts["F4"] is Verdict.HOLDS


@pytest.mark.parametrize("measure", list(MEANT))
def test_one_table_holds_one_measure_and_each_row_its_ocr_source(written, measure):
    found = table(written, f"scores_{measure}")
    assert measure in found.columns and not (set(MEANT) - {measure}) & set(found.columns)
    assert found.ocr_source.notna().all() and set(found[found.arm == "full"].ocr_source) >= {"ppocr6", "oracle"}
    known = found[found.low.notna()]  # a kind on one page has no interval
    assert len(known) and ((known.low <= known[measure]) & (known[measure] <= known.high)).all()
    assert set(found.references) == ({"long", "short"} if measure == "contained" else {"all"})


def test_tables_say_what_was_planted(written):
    groups = table(written, "groups").set_index(["arm", "code", "ocr_source", "group"])
    assert (
        groups.loc[("full", "A5", "ppocr6", "sight"), "exact"]
        > groups.loc[("ocr_only", "A6", "ppocr6", "sight"), "exact"]
    )
    language = groups.xs(("language_full", "text_rich"), level=("arm", "group"))
    assert list(language["set"]) == [IN_PART] and list(language.pages) == [8]  # of sixteen
    arms = table(written, "arms").set_index(["first", "second", "group"])
    assert arms.loc[("both_resolutions", "full", "text_rich"), "high"] < 0
    later = table(written, "ablations").set_index(["code", "arm", "first_source", "group"])
    assert later.loc[("A12", "full", "oracle", "text_rich"), "difference"] > 0
    assert later.loc[("A13", "budget_64", "ppocr6", "text_rich"), "difference"] < 0
    assert ("A12", "full", "ppocr6", "text_rich") not in later.index  # the reference of the later arms
    assert ("A5", "full", "ppocr6", "text_rich") not in later.index
    training = table(written, "training")
    assert not [name for name in training.columns if "seconds" in name] and not training.at_an_edge.any()
    assert {"recall_words", "recall_spaceless"} <= set(table(written, "ocr_recall").columns)
    assert "cpu_seconds_per_page" not in table(written, "ocr_recall").columns
    reading = table(written, "reading").set_index(["axis", "reader", "value"])
    assert reading.loc[("text_size", "low", 24), "letters"] > reading.loc[("text_size", "low", 8), "letters"]


def test_examples_show_pages_with_what_was_read_and_answered(written):
    page = (written / "first" / "pages" / "examples.html").read_text(encoding="utf-8")
    assert page.count("<article") == 8 and "OCR:" in page and "A6 ocr only" in page and "PP-OCRv6 planted" in page
    assert "among what the OCR engine read" in page
    assert str(written) not in page
    labels = [[f">{escape(word.text)}</text>" for word in misread(one).words] for one in drawn(16)]
    assert any(all(label in page for label in listed) for listed in labels if listed)  # every word at its box


def test_examples_say_how_often_each_arm_is_right_on_all_questions(written):
    page = (written / "first" / "pages" / "examples.html").read_text(encoding="utf-8")
    questions = questions_of(16)
    replies = pd.read_json(written / "tune-full" / "predictions.jsonl", lines=True).query("seed == 0")
    answers = {one.id: [answer.casefold() for answer in one.answers] for one in questions}
    right = [reply.casefold() in answers[one] for one, reply in zip(replies.question, replies.reply, strict=True)]
    assert f"These 8 of {len(questions)} questions" in page and f"A5 full {100 * np.mean(right):.1f}" in page


def test_a_profile_with_the_main_arms_alone_is_published_too(written, tmp_path):
    inputs = write_inputs(tmp_path, 8)
    for name in ("ablated", "language"):
        (inputs[name] / "predictions.jsonl").write_text("")
        (inputs[name] / "arms.json").write_text("[]\n")
    out = tmp_path / "out"
    out.mkdir()
    evaluate(**inputs, out=out, params=EvaluateParams(shown=2), run=Run("llava_read", "evaluate", out=out))
    found = load_measurements(out / "claims.json")
    named = {entry.id: judge(entry, found).verdict for entry in load_claims(CLAIMS).entries}
    assert {named[name] for name in ("C2-language", "C4", "C4-spaces", "C5", "C5-layout")} == {Verdict.NOT_TESTABLE}
