"""The page is whole in itself, sorts without a script, and shows what the Markdown shows."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

from tenfold.mmr.leaderboard_page import page
from tenfold.mmr.leaderboard_rows import tables_of
from tests.tenfold.mmr.board_rows import published, row

HOSTILE = "</style><script>alert(1)</script><img src=x onerror=alert(1)>\"'"


class Parsed(HTMLParser):
    """Elements with attributes; checks that every tag is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def test_the_page_fetches_nothing_runs_nothing_and_shows_names_as_text() -> None:
    text = page(tables_of([row(HOSTILE, 10, note=HOSTILE), row("b", 5)]), title=HOSTILE, notes=[HOSTILE])
    parsed = Parsed(text)
    tags = {tag for tag, _ in parsed.elements}
    assert not tags & {"script", "img", "link", "iframe"} and parsed.text.count(HOSTILE) >= 5
    assert not any(name in ("href", "src", "style") for _, each in parsed.elements for name in each)
    assert "url(" not in text and "@import" not in text
    (policy,) = (each["content"] or "" for _, each in parsed.elements if "http-equiv" in each)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'") and f"style-src 'sha256-{digest}'" in policy


def test_each_head_orders_the_rows_by_its_column() -> None:
    points = {"a": (*[1] * 11, 40), "b": (*[30] * 11, 2), "c": (*[20] * 11, 3)}
    tables = tables_of([row(name, *own) for name, own in points.items()])
    text = page(tables, title="t")
    shown = [row.name for row in tables[0].rows]
    assert shown == ["b", "c", "a"]

    def order(key: str) -> list[str]:
        assert f"#t0:has(#t0{key}:checked) tbody tr {{ order: var(--{key}); }}" in text
        ranks = [int(re.findall(rf"#t0r{place} {{.*?--{key}: (\d+);", text)[0]) for place in range(3)]
        return [name for _, name in sorted(zip(ranks, shown, strict=True))]

    assert order("c0") == ["b", "c", "a"]  # the total
    assert order("c12") == ["a", "c", "b"]  # the last column
    assert order("n") == ["a", "b", "c"]
    heads = [each for tag, each in Parsed(text).elements if tag == "input"]
    assert len(heads) == 14 and [each["id"] for each in heads if "checked" in each] == ["t0c0"]


def test_published_rows_totals_that_do_not_add_up_and_blind_rows_are_marked() -> None:
    text = page(tables_of([published(), row("text", 12, kind="blind"), row("luck", 7, kind="chance")]), title="t")
    assert '<tr role="row" id="t0r0" class="model published">' in text and "335† (341)" in text
    assert re.findall(r'<span class="chip">(\w+)</span>', text) == ["published", "blind", "chance"]
    assert "Hollow dots are published." in Parsed(text).text


def test_scorers_stand_in_tables_of_their_own() -> None:
    text = page(tables_of([row("a", 10), row("a", 20, scorer="mended")]), title="t")
    assert re.findall(r"<h2>(.*?)</h2>", text) == [
        "Items “official”, official scorer",
        "Items “official”, mended scorer",
    ]
    assert [len(re.findall(f'id="t{number}r', text)) for number in (0, 1)] == [1, 1]
