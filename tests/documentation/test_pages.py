"""The pages are short enough, current and whole, and their links lead somewhere."""

from __future__ import annotations

import re

import pytest

from flows.graph.paper import slugs
from flows.report.readme import outdated_parts
from steps.step.params import PROFILES
from tests.conftest import ROOT
from tests.documentation.pages import PAGES, anchors, name

README = ROOT / "README.md"


def test_the_readme_is_short() -> None:
    text = README.read_bytes()
    assert text.count(b"\n") <= 200 and len(text) <= 12 * 1024
    assert (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").count("\n") <= 80


def test_generated_parts_are_current() -> None:
    assert outdated_parts(ROOT) == []


@pytest.mark.parametrize("slug", slugs(ROOT))
def test_each_paper_has_a_page_with_its_evidence_and_graph(slug: str) -> None:
    text = (ROOT / "docs" / "papers" / f"{slug}.md").read_text(encoding="utf-8")
    for part in (f"evidence {slug}", f"graph {slug}"):
        assert f"<!-- begin {part} -->" in text
    for page in (README, ROOT / "docs" / "index.md"):
        assert f"docs/papers/{slug}.md)" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("slug", slugs(ROOT))
def test_a_paper_s_page_tells_of_which_profiles_there_are_results(slug: str) -> None:
    made = [f"`{profile}`" for profile in PROFILES if (ROOT / "results" / profile / slug).is_dir()]
    told = f"Of this paper there are results of {' and '.join(made)}, in"
    assert told in (ROOT / "docs" / "papers" / f"{slug}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [*PAGES, ROOT / "results" / "README.md"], ids=name)
def test_links_lead_somewhere(page) -> None:
    for target, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)\s]+))?\)", page.read_text(encoding="utf-8")):
        path = page.parent / target if target else page
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path), f"{target}#{anchor}"
