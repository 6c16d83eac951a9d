"""`python -m flows new` writes a paper that runs, and refuses a name before anything is written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from flows.graph.new_paper import EXAMPLE, PaperNameRefused, new_paper
from tests.conftest import ROOT


def files(root: Path) -> set[Path]:
    return {path.relative_to(root) for path in root.rglob("*") if ".git" not in path.parts}


def test_a_new_paper_runs_and_passes_its_tests(fresh):
    printed = fresh.flows("new", "my_paper")
    assert "wrote flows/my_paper.py\n" in printed and "steps/my_paper/dvc.yaml written\n" in printed
    fresh.flows("generate", "--check")
    fresh.edit("params.yaml", "profile: default", "profile: smoke")
    assert "my_paper-evaluate" in fresh.repro("my_paper-publish")
    assert (fresh.root / "results/smoke/my_paper/figures/walk.svg").is_file()
    fresh.run(sys.executable, "-m", "pytest", "-q", "tests/steps/my_paper", "tests/tenfold/my_paper")


def test_a_new_paper_has_a_file_for_each_of_the_example_and_no_trace_of_its_name(fresh):
    before = files(fresh.root)
    written = new_paper(fresh.root, "my_paper")
    assert len(written) == len(
        [path for path in (ROOT / EXAMPLE).rglob("*") if path.is_file() and path.suffix != ".pyc"]
    )
    assert {path for path in files(fresh.root) - before if (fresh.root / path).is_file()} == set(written)
    for path in written:
        assert "toy" not in path.parts and "toy" not in (fresh.root / path).read_text(encoding="utf-8")


REFUSED = {
    "ill-formed": (["Paper", "1st", "my-paper", "class", "", "../paper", "toy.py"], "is no name for a paper"),
    "a paper": (["toy"], "toy is taken: "),
    "a room": (["step", "runtime", "graph", "report", "metrics"], "is taken: "),
    "a stage or deployment": (["everything"], "is the name of something else"),
    "a module": (["json", "torch", "steps"], "is the name of something else, which flows/.*.py would hide"),
}


@pytest.mark.parametrize(("slugs", "message"), REFUSED.values(), ids=REFUSED)
def test_a_name_is_refused_before_anything_is_written(fresh, slugs, message):
    before = files(fresh.root)
    for slug in slugs:
        with pytest.raises(PaperNameRefused, match=message):
            new_paper(fresh.root, slug)
    assert files(fresh.root) == before


def test_the_command_says_why_in_one_line(fresh):
    printed = fresh.flows("new", "toy", fails=True)
    assert printed == "PaperNameRefused: toy is taken: steps/toy exists; choose another name\n"
