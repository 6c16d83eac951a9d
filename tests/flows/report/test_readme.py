"""The README's table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.report.errors import ReadmeError
from flows.report.readme import BEGIN, END, readme_is_current, update_readme
from flows.report.write import write_report
from tests.flows.report.made_up import write

README = f"# Project\n\nBefore.\n\n{BEGIN}\nold\n{END}\n\nAfter.\n"


@pytest.fixture
def root(project: Path) -> Path:
    write(project / "README.md", README)
    return project


def table(root: Path) -> str:
    text = (root / "README.md").read_text(encoding="utf-8")
    return text[text.index(BEGIN) : text.index(END)]


def stronger(root: Path, profile: str, papers: list[str]) -> None:
    """Write a report of another profile by hand, of some papers of the default one."""
    summary = json.loads((root / "reports/default.json").read_text(encoding="utf-8"))
    chosen = [paper for paper in summary["papers"] if paper["paper"] in papers]
    write(root / f"reports/{profile}.json", {**summary, "profile": profile, "papers": chosen})


def test_round_trip(root: Path) -> None:
    write_report("default", root)
    assert not readme_is_current(root)
    assert update_readme(root)
    assert readme_is_current(root)
    assert not update_readme(root)
    text = (root / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# Project\n\nBefore.\n\n") and text.endswith(f"{END}\n\nAfter.\n")
    assert "\nold\n" not in text


def test_it_counts_names_and_links(root: Path) -> None:
    write_report("default", root)
    update_readme(root)
    assert "(`first`) ⚠ stand-in data | [default](reports/default.md#first) | 1 | 1 | 1 | 2 | 1 of 1 |" in table(root)
    assert "(`second`) | [default](reports/default.md#second) | 0 | 1 | 0 | 0 | – |" in table(root)
    assert "- ✗ **C2** contradicted: A sketch keeps the rate." in table(root)
    assert "- ✓ **F1** confirmed: Releasing Q with exact weights is not private." in table(root)


def test_each_paper_has_its_strongest_profile(root: Path) -> None:
    write_report("default", root)
    stronger(root, "smoke", ["first", "second"])
    stronger(root, "extended", ["first"])
    update_readme(root)
    assert "reports/extended.md#first" in table(root) and "reports/default.md#second" in table(root)
    assert "smoke" not in table(root)
    stronger(root, "gpu", ["first"])
    assert not readme_is_current(root)
    update_readme(root)
    assert "reports/gpu.md#first" in table(root) and "extended" not in table(root)


def test_smoke_alone_is_no_result(root: Path) -> None:
    write_report("default", root)
    stronger(root, "smoke", ["first"])
    (root / "reports/default.json").unlink()
    update_readme(root)
    assert "No results yet" in table(root)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# Project\n", "has the marker <!-- results:begin --> 0 times"),
        (f"{BEGIN}\n", "has the marker <!-- results:end --> 0 times"),
        (f"{BEGIN}{BEGIN}{END}", "has the marker <!-- results:begin --> 2 times"),
        (f"{END}\n{BEGIN}\n", "before"),
    ],
)
def test_markers_are_required(root: Path, text: str, message: str) -> None:
    path = write(root / "README.md", text)
    for call in (update_readme, readme_is_current):
        with pytest.raises(ReadmeError, match=message):
            call(root)
    assert path.read_text(encoding="utf-8") == text


def test_a_broken_summary_is_named(root: Path) -> None:
    write(root / "reports/default.json", '{"papers": [{}]}')
    with pytest.raises(ReadmeError, match="not a report's summary"):
        update_readme(root)
    write(root / "reports/default.json", '{"papers": [{"paper": "first"}]}')
    with pytest.raises(ReadmeError, match="out of date"):
        update_readme(root)


def test_no_readme(project: Path) -> None:
    with pytest.raises(ReadmeError, match="does not exist"):
        update_readme(project)
