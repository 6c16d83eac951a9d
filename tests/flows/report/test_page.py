"""The HTML page: self-contained, well-formed, legible, and with no number of its own."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from flows.report.formatting import number
from flows.report.write import write_report
from tests.flows.report.made_up import write

VOID = {"meta", "img", "br", "line", "rect", "path", "circle", "link", "input", "hr"}


class Page(HTMLParser):
    """Text, attributes and ids of a page; fails on a tag that is not closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


@pytest.fixture
def page(project: Path) -> Page:
    return Page(write_report("default", project)[1].read_text(encoding="utf-8"))


def test_the_page_loads_nothing_and_runs_nothing(project: Path, page: Page) -> None:
    text = (project / "reports/default.html").read_text(encoding="utf-8")
    assert not re.search(r"<script|<link|<iframe|@import|url\(|\son\w+=", text)
    for tag, name, value in page.attributes:
        if name in ("src", "srcset", "data", "action", "poster") or (name == "href" and tag != "a"):
            assert value.startswith("data:image/")
        if name == "href" and tag == "a":
            assert value.startswith(("#", "https://arxiv.org/abs/"))


def test_links_lead_somewhere_and_ids_are_unique(page: Page) -> None:
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    wanted = {value[1:] for value in page.values("href") if value.startswith("#")}
    wanted |= set(page.values("aria-labelledby"))
    assert wanted and wanted <= set(ids)


def test_pictures_have_words_and_tables_can_scroll(page: Page) -> None:
    assert page.values("alt") == ["Gap by updates <T>"]
    boxes = [value for value in page.values("class") if value.split()[0] == "scroll"]
    assert len(boxes) == len(page.values("tabindex")) > 4


def test_every_number_comes_from_an_input(project: Path, page: Page) -> None:
    """Numbers are roundings of input numbers, parts of input text, or counts of what is shown."""
    inputs = [path for path in project.rglob("*") if path.suffix in (".json", ".yaml", ".csv")]
    raw = " ".join(path.read_text(encoding="utf-8") for path in inputs if "reports" not in path.parts)
    allowed = set(re.findall(r"\d[\d,.]*\d|\d", raw))
    printed = {number(float(item)) for item in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", raw)}
    allowed |= {item for text in printed for item in re.findall(r"\d[\d,.]*\d|\d", text)}
    allowed |= {
        "0",
        "1",
        "2",
        "10",
        "256",
        "12.3",
        "234",
        "02:01",
        "02:03",
        "02:05",
    }  # counts, SHA-256, 245 MB
    text = " ".join(page.words)
    shown = re.findall(r"(?<![\w.])\d[\d,.:]*\d(?![\w])|(?<![\w.])\d(?![\w.])", text)
    strangers = {item for item in shown if item not in allowed and item not in raw}
    assert len(shown) > 60 and not strangers


def test_hostile_text_stays_text(project: Path) -> None:
    path = project / "results/default/second/claims.json"
    write(path, {"size": {"value": 9, "detail": "</dd><script>alert(1)</script>"}})
    text = write_report("default", project)[1].read_text(encoding="utf-8")
    assert "<script" not in text and "&lt;script&gt;" in text
    Page(text)


def test_colours_have_contrast() -> None:
    """WCAG 2 AA: at least 4.5 to 1 for text, in both schemes."""
    css = Path(__file__).resolve().parents[3] / "flows/report/templates/report.css"
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
        for block in re.findall(r":root \{(.*?)\}", css.read_text(encoding="utf-8"), re.DOTALL)
    )
    pairs = [(name, f"{name}-bg") for name in ("good", "bad", "unsure", "none", "flaw", "check")]
    pairs += [(text, ground) for text in ("ink", "muted", "link") for ground in ("page", "surface")]
    for scheme in (light, dark):
        for text, ground in pairs:
            assert contrast(scheme[text], scheme[ground]) >= 4.5, (text, ground)


def contrast(first: str, second: str) -> float:
    bright, dim = sorted((luminance(first), luminance(second)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
