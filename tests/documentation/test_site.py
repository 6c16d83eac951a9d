"""The site builds without a warning, and its pages load nothing from another host."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from flows.graph.paper import slugs
from flows.report.public_names import packages
from tests.conftest import ROOT

LOADING = {
    "script": "src",
    "img": "src",
    "link": "href",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "use": "href",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return folder


class Loads(HTMLParser):
    """Collects what a page loads when it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and given.get("rel") in ("canonical", "next", "prev"):
            return
        if address := given.get(LOADING.get(tag, "")):
            self.addresses.append(address)


def test_pages_load_nothing_from_another_host(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        loads = Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        assert [address for address in loads.addresses if re.match(r"(https?:)?//", address)] == [], page
    for style in site.rglob("*.css"):
        assert re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//", style.read_text(encoding="utf-8")) == [], style


def test_each_paper_s_graph_is_drawn(site: Path) -> None:
    for slug in slugs(ROOT):
        page = (site / "papers" / f"{slug}.html").read_text(encoding="utf-8")
        assert '<div class="diagram"><svg' in page and "flowchart LR" not in page and 'class="mermaid"' not in page


def test_each_public_name_is_in_the_reference(site: Path) -> None:
    for package in packages(ROOT):
        page = (site / "api" / f"{package.name}.html").read_text(encoding="utf-8")
        for public, module in package.modules.items():
            assert f'id="{module}.{public}"' in page


def test_files_of_the_repository_that_pages_link_to_are_there(site: Path) -> None:
    assert (site / "reports" / "default.html").read_bytes() == (ROOT / "reports" / "default.html").read_bytes()
    assert (site / "repository" / "data" / "sources.yaml.txt").is_file()
