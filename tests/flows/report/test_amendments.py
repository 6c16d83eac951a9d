"""Amendments that stand alike under several claims, and what is shown beside the tests of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.report.amendments import told_once
from flows.report.claims import Amendment, load_claims
from flows.report.errors import MeasurementError
from flows.report.formatting import resampled
from flows.report.readme import CLAIMS as LIST
from flows.report.readme import update_readme
from flows.report.registration import registered_form
from flows.report.verdicts import judge
from flows.report.write import write_report
from tenfold.metrics.measurement import Measurement
from tests.flows.report.made_up import CLAIMS, write

SLIP = 'date: "2025-11-25", was: at least 2, now: at least 1, why: The old limit was a slip., value_known: true'
AGAIN = f"    amendments:\n      - {{{SLIP}, changed: contradicted → reproduced}}\n"
OTHER = f"      - {{{SLIP}, changed: nothing}}\n"


def project_with(project: Path, old: str, new: str) -> Path:
    path = project / "steps/first/claims.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    return write(path, text.replace(old, new))


def test_what_stands_alike_is_told_once_and_found_from_the_others(project: Path) -> None:
    project_with(project, "    where: section 4\n", f"    where: section 4\n{AGAIN}{OTHER}")
    markdown, page, _ = write_report("default", project)[:3]
    html = (page.with_suffix("") / "first.html").read_text(encoding="utf-8")
    for text in (markdown.read_text(encoding="utf-8"), html):
        assert text.count("The old limit was a slip") == 2  # that of C2 which C7 repeats, and the one that differs
    assert "- Amended 2025-11-25 as C2 was, in the same words\n" in markdown.read_text(encoding="utf-8")
    assert '<a href="#first-C2">C2</a> was' in html and 'id="first-C2"' in html
    write(project / "README.md", "<!-- begin verdicts -->\n<!-- end verdicts -->\n")
    update_readme(project)
    assert "  - Amended 2025-11-25 as C2 was, in the same words\n" in (project / LIST).read_text(encoding="utf-8")


def test_amendments_that_differ_in_anything_are_told_in_full() -> None:
    def one(**changes: object) -> Amendment:
        given = {"date": "2026-01-01", "was": "a", "now": "b", "why": "c", "value_known": True, "changed": "d"}
        return Amendment.model_validate(given | changes)

    entries = [{"id": "A", "amendments": [one(), one(changed="e")]}, {"id": "B", "amendments": [one(why="f"), one()]}]
    found = told_once(entries)
    assert found["A"].own == (one(), one(changed="e")) and found["A"].before == ()
    assert found["B"].own == (one(why="f"),) and found["B"].before == (("A", "2026-01-01", 1),)


def test_a_measurement_may_be_shown_beside_the_tests(project: Path) -> None:
    path = project_with(project, "    where: section 4\n", "    where: section 4\n    shown: [spare]\n")
    markdown, page, _ = write_report("default", project)[:3]
    text, html = (
        markdown.read_text(encoding="utf-8"),
        (page.with_suffix("") / "first.html").read_text(encoding="utf-8"),
    )
    assert text.count("`spare`") == 1 and "| shown beside the tests | `spare` | 2.718×10⁻⁷ |" in text
    assert html.count("<code>spare</code>") == 1 and "Shown beside the tests" in html
    assert text.index("`spare`") < text.index("#### C3")
    write(path, path.read_text(encoding="utf-8").replace("[spare]", "[absent]"))
    with pytest.raises(MeasurementError, match="C2 shows the measurement 'absent'"):
        write_report("default", project)


def test_pages_to_read_are_linked(project: Path) -> None:
    write(project / "results/default/first/pages/talks.html", "<p>")
    markdown, page, _ = write_report("default", project)[:3]
    assert "[talks](../results/default/first/pages/talks.html)" in markdown.read_text(encoding="utf-8")
    html = (page.with_suffix("") / "first.html").read_text(encoding="utf-8")
    assert 'href="../../results/default/first/pages/talks.html"' in html


@pytest.mark.parametrize(
    ("over", "seeds", "said"),
    [
        ("seeds and templates", 1, "templates"),
        ("seeds and templates", 3, "seeds and templates"),
        ("templates and seeds", 1, "templates"),
        ("items and seeds", None, "items and seeds"),
        ("seeds", 1, "seeds"),
        ("templates", 1, "templates"),
        ("", 1, ""),
    ],
)
def test_one_seed_is_nothing_that_was_resampled(project: Path, over: str, seeds: int | None, said: str) -> None:
    assert resampled(over, seeds) == said


def test_a_report_names_what_one_seed_leaves(project: Path) -> None:
    project_with(project, "narrow], over: seeds,", "narrow], over: seeds and draws,")
    claims = project / "results/default/first/claims.json"
    text = claims.read_text(encoding="utf-8")
    write(claims, text.replace('"seeds": 3, "unit": "nats"', '"seeds": 1, "unit": "nats"'))
    assert "[0.069, 0.074] over draws" in write_report("default", project)[0].read_text(encoding="utf-8")


def test_a_control_that_fails_says_so_in_plain_words(project: Path) -> None:
    text = CLAIMS.replace(
        "{measurement: large_gap, at_least: 0.5}",
        "{measurement: large_gap, at_least: 0.5, control: true, otherwise: The matrix is small.}",
    )
    entry = load_claims(write(project / "steps/first/claims.yaml", text)).claims[3]
    small, large = (judge(entry, {"large_gap": Measurement(value=value)}) for value in (0.1, 0.7))
    assert small.reason.endswith("without which nothing is decided. The matrix is small.")
    assert "small" not in large.reason
    said, silent = (
        registered_form(load_claims(write(project / "steps/first/claims.yaml", one)))
        for one in (text, text.replace(", otherwise: The matrix is small.", ""))
    )
    assert said == silent  # words are free
    assert silent["C4"]["tests"] == [{"measurement": "large_gap", "at_least": 0.5, "control": True}]
