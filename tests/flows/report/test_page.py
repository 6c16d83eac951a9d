"""The HTML page: self-contained, well-formed, legible, and with no number of its own."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from flows.report.formatting import number
from flows.report.write import write_report
from tests.flows.report.made_up import write

ROOT = Path(__file__).resolve().parents[3]
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
def pages(project: Path) -> dict[Path, Page]:
    """The page of all verdicts, and each paper's."""
    index = write_report("default", project)[1]
    paths = [index, *sorted(index.with_suffix("").iterdir())]
    assert [path.name for path in paths] == ["default.html", "first.html", "second.html"]
    return {path: Page(path.read_text(encoding="utf-8")) for path in paths}


@pytest.fixture
def page(pages: dict[Path, Page]) -> Page:
    return pages[next(path for path in pages if path.stem == "first")]


def test_the_pages_load_nothing_and_run_nothing(pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        assert not re.search(r"<script|<link|<iframe|@import|url\(|\son\w+=", path.read_text(encoding="utf-8"))
        for tag, name, value in page.attributes:
            if name in ("src", "srcset", "data", "action", "poster") or (name == "href" and tag != "a"):
                assert value.startswith("data:image/")


def test_links_lead_somewhere_and_ids_are_unique(pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        ids = page.values("id")
        assert len(ids) == len(set(ids)) and set(page.values("aria-labelledby")) <= set(ids)
        assert page.values("href")
        for link in page.values("href"):
            if not link.startswith("https://arxiv.org/abs/"):
                file, _, place = link.partition("#")
                target = (path.parent / file).resolve() if file else path
                assert target in pages and (not place or place in pages[target].values("id")), link


def test_each_verdict_is_one_step_from_the_first_page(pages: dict[Path, Page]) -> None:
    index, links = next(iter(pages.values())), []
    for link in index.values("href"):
        links += [link] if "#" in link and not link.startswith("#") else []
    assert {"default/first.html#first-C1", "default/first.html#first-F1"} <= set(links)


def test_pictures_have_words_and_tables_can_scroll(page: Page) -> None:
    assert page.values("alt") == ["Gap by updates <T>"]
    boxes = [value for value in page.values("class") if value.split()[0] == "scroll"]
    assert len(boxes) == len(page.values("tabindex")) > 3


def test_every_number_comes_from_an_input(project: Path, pages: dict[Path, Page]) -> None:
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
    text = " ".join(word for page in pages.values() for word in page.words)
    shown = re.findall(r"(?<![\w.])\d[\d,.:]*\d(?![\w])|(?<![\w.])\d(?![\w.])", text)
    strangers = {item for item in shown if item not in allowed and item not in raw}
    assert len(shown) > 60 and not strangers


def test_hostile_text_stays_text(project: Path) -> None:
    path = project / "results/default/second/claims.json"
    write(path, {"size": {"value": 9, "detail": "</dd><script>alert(1)</script>"}})
    text = (write_report("default", project)[1].with_suffix("") / "second.html").read_text(encoding="utf-8")
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


@pytest.mark.parametrize(
    "path", sorted((ROOT / "reports").rglob("*.html")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_committed_page_opens_on_a_phone(path: Path) -> None:
    """Below 4 MB, figures included."""
    assert path.stat().st_size < 4_000_000
