"""The generated parts of README and docs: verdicts, claims and the image of both."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from flows.graph.paper import GraphError
from flows.report.errors import ReadmeError
from flows.report.readme import CLAIMS, IMAGE, outdated_parts, update_readme
from flows.report.write import write_report
from tests.flows.report.made_up import write

BEGIN, END = "<!-- begin verdicts -->", "<!-- end verdicts -->"
README = f"# Project\n\nBefore.\n\n{BEGIN}\nold\n{END}\n\nAfter.\n"


@pytest.fixture
def root(project: Path) -> Path:
    write(project / "README.md", README)
    return project


def table(root: Path, page: str = "README.md") -> str:
    text = (root / page).read_text(encoding="utf-8")
    return text[text.index(BEGIN) : text.index(END)]


def stronger(root: Path, profile: str, papers: list[str]) -> None:
    """Write a report of another profile by hand, of some papers of the default one."""
    summary = json.loads((root / "reports/default.json").read_text(encoding="utf-8"))
    chosen = [paper for paper in summary["papers"] if paper["paper"] in papers]
    write(root / f"reports/{profile}.json", {**summary, "profile": profile, "papers": chosen})


def test_round_trip(root: Path) -> None:
    write_report("default", root)
    generated = [Path("README.md"), CLAIMS, IMAGE]
    assert outdated_parts(root) == generated
    assert update_readme(root) == generated
    assert outdated_parts(root) == [] == update_readme(root)
    text = (root / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# Project\n\nBefore.\n\n") and text.endswith(f"{END}\n\nAfter.\n")
    assert "\nold\n" not in text


def test_it_counts_and_links(root: Path) -> None:
    write_report("default", root)
    update_readme(root)
    first = "[default](reports/default.md#first) | 1 | 1 | 1 | 1 | 2 | 1 | 1 confirmed | 1 holds |"
    assert f"](results/README.md#first) ⚠ stand-in data | {first}" in table(root)
    assert (
        "](results/README.md#second) | [default](reports/default.md#second) | 0 | 1 | 0 | 0 | 0 | 0 | – | – |"
        in table(root)
    )
    assert "withdrawn | findings | facts |\n| --- | --- | --: |" in table(root)
    assert "| all claims: 8 | | 1 | 2 | 1 | 1 | 2 | 1 | | |" in table(root)


def test_claims_are_listed_beside_the_results(root: Path) -> None:
    write_report("default", root)
    update_readme(root)
    text = (root / CLAIMS).read_text(encoding="utf-8")
    assert '<a id="first"></a>' in text and "(../reports/default.md#first)" in text
    assert "- ✗ **C2** contradicted: A sketch keeps the rate." in text
    assert "- ✓ **F1** confirmed: Releasing Q with exact weights is not private." in text
    assert "- ✓ **F2** holds: Our audit catches the planted bug." in text.split("Facts about this library:")[1]
    assert "- ↩ **C7** withdrawn: It is faster.\n  - Why withdrawn: Another machine was timed.\n" in text
    assert (
        "  - Amended 2025-11-25, the value known: contradicted → reproduced (was at least 2; now at least 1)\n" in text
    )


def test_the_image_has_a_mark_for_every_claim_and_finding(root: Path) -> None:
    write_report("default", root)
    update_readme(root)
    text = (root / IMAGE).read_text(encoding="utf-8")
    tree = ElementTree.fromstring(text)
    shapes = [item.tag.rpartition("}")[2] for item in tree.iter()]
    # claims, facts and findings; beside them the frame, and of the legend six verdicts, a fact and a finding
    assert shapes.count("rect") == 8 + 1 + 1 + 6 + 1 and shapes.count("circle") == 1 + 1
    assert "A made-up paper &amp; its &lt;ellipsoid&gt;" in text


def test_a_page_further_down_finds_its_way_up(root: Path) -> None:
    write_report("default", root)
    write(
        root / "docs/papers/first.md", f"{BEGIN}\n{END}\n\n<!-- begin evidence first -->\n<!-- end evidence first -->\n"
    )
    assert Path("docs/papers/first.md") in update_readme(root)
    assert "(../../reports/default.md#first)" in table(root, "docs/papers/first.md")
    text = (root / "docs/papers/first.md").read_text(encoding="utf-8")
    assert "✓ 1 reproduced, ✗ 1 contradicted, = 1 derived" in text and "(../../steps/first/claims.yaml)" in text


def test_each_paper_has_its_strongest_profile(root: Path) -> None:
    write_report("default", root)
    stronger(root, "smoke", ["first", "second"])
    stronger(root, "extended", ["first"])
    update_readme(root)
    assert "reports/extended.md#first" in table(root) and "reports/default.md#second" in table(root)
    assert "smoke" not in table(root)
    stronger(root, "gpu", ["first"])
    assert outdated_parts(root)
    update_readme(root)
    assert "reports/gpu.md#first" in table(root) and "extended" not in table(root)


def test_smoke_alone_is_no_result(root: Path) -> None:
    write_report("default", root)
    stronger(root, "smoke", ["first"])
    (root / "reports/default.json").unlink()
    update_readme(root)
    assert "No results yet" in table(root) and "No results yet" in (root / CLAIMS).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{BEGIN}\n", "<!-- begin verdicts --> wants its partner"),
        (f"{BEGIN}\n{BEGIN}\n{END}\n", "wants its partner"),
        (f"{END}\n{BEGIN}\n", "<!-- end verdicts --> wants its partner"),
        (f"{BEGIN}\n<!-- end tree -->\n", "wants its partner"),
        ("<!-- begin verdict -->\n<!-- end verdict -->\n", "nobody generates the part 'verdict'; there are verdicts"),
    ],
)
def test_a_wrong_marker_is_named_and_nothing_written(root: Path, text: str, message: str) -> None:
    path = write(root / "README.md", text)
    for call in (update_readme, outdated_parts):
        with pytest.raises(ReadmeError, match=message):
            call(root)
    assert path.read_text(encoding="utf-8") == text and not (root / CLAIMS).exists()


def test_a_graph_of_no_paper_is_named(root: Path) -> None:
    write(root / "README.md", "<!-- begin graph nobody -->\n<!-- end graph nobody -->\n")
    with pytest.raises(GraphError, match="there is no paper 'nobody'"):
        update_readme(root)


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
