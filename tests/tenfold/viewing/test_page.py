"""One page of samples: whole in itself, everything escaped, facets that tell samples apart."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from tenfold.viewing.errors import InvalidSample, PageTooLarge
from tenfold.viewing.page import facets_of, render, write_page
from tenfold.viewing.sample import Box, Message, Option, Sample, SampleImage, Verdict

HOSTILE = "</script><script>alert('&amp;')</script><img src=x onerror=alert(1)>\"'"
VOID = {"meta", "input", "img", "br", "link"}


class Parsed(HTMLParser):
    """Every element with its attributes, the text, and whether all tags are closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data

    def all(self, tag: str) -> Iterator[dict[str, str | None]]:
        yield from (attributes for name, attributes in self.elements if name == tag)


def encoded(width: int, height: int, *, noise: bool = False) -> bytes:
    shape = (height, width, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape) if noise else np.full(shape, 90)
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, format="PNG")
    return buffer.getvalue()


def hostile() -> Sample:
    return Sample(
        HOSTILE,
        {HOSTILE: HOSTILE},
        question=HOSTILE,
        images=(SampleImage(encoded(20, 10), HOSTILE, (Box(1, 2, 3, 4, HOSTILE),)),),
        options=(Option(HOSTILE, (HOSTILE,)),),
        messages=(Message(HOSTILE, HOSTILE, heading=HOSTILE, tag=HOSTILE, change=HOSTILE),),
        reply=HOSTILE,
        reference=HOSTILE,
        verdict=Verdict(HOSTILE, HOSTILE),
    )


def test_whatever_samples_bring_is_text():
    plain = Parsed(render([Sample("plain", {"group": "a"}), Sample("other", {"group": "b"})], title="t"))
    page = Parsed(render([hostile(), Sample("plain")], title=HOSTILE, notes=[HOSTILE]))
    assert len(list(plain.all("script"))) == len(list(page.all("script"))) == 1
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert page.text.count(HOSTILE) >= 15
    facets = [json.loads(each["data-facets"] or "") for each in page.all("article")]
    assert facets[0] == {HOSTILE: HOSTILE, "verdict": HOSTILE}


def test_the_page_fetches_nothing_and_allows_only_its_own_script_and_style():
    text = render([hostile()], title="t")
    page = Parsed(text)
    assert all((image["src"] or "").startswith("data:image/") for image in page.all("img"))
    assert not any("href" in each and not (each["href"] or "").startswith("#") for _, each in page.elements)
    assert not list(page.all("link")) and "url(" not in text and "@import" not in text
    (policy,) = (each["content"] or "" for each in page.all("meta") if "http-equiv" in each)
    for tag in ("script", "style"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


def test_a_reader_can_filter_by_what_tells_samples_apart():
    samples = [
        Sample("one", {"group": "b", "same": "x", "some": "only here"}, verdict=Verdict("right")),
        Sample("two", {"group": "a", "same": "x"}, verdict=Verdict("right")),
        Sample("three", {"group": "a", "same": "x"}, verdict=Verdict("wrong")),
    ]
    found = {"group": {"a": 2, "b": 1}, "some": {"only here": 1}, "verdict": {"right": 2, "wrong": 1}}
    assert facets_of(samples) == found
    page = Parsed(render(samples, title="t"))
    assert [select["name"] for select in page.all("select")] == list(found)
    assert [option["value"] for option in page.all("option")] == ["", "a", "b", "", "only here", "", "right", "wrong"]
    assert facets_of([]) == {} and Parsed(render([], title="t"))


def test_messages_under_one_heading_stand_together_and_changes_are_marked():
    said = [("a", "Round 0", ""), ("b", "Round 0", ""), ("a", "Round 1", "no → yes")]
    sample = Sample("s", messages=tuple(Message(*each[:1], "text", each[1], change=each[2]) for each in said))
    assert [(heading, len(messages)) for heading, messages in sample.rounds] == [("Round 0", 2), ("Round 1", 1)]
    page = Parsed(render([sample], title="t"))
    assert sum("changed" in (each["class"] or "").split() for each in page.all("section")) == 1
    assert "no → yes" in page.text


def test_boxes_are_in_pixels_of_the_image_as_given_though_it_is_reduced():
    image = SampleImage(encoded(400, 200), "sign", (Box(40, 20, 200, 100, "word", "good"), Box(300, 0, 390, 9, "edge")))
    page = Parsed(render([Sample("s", images=(image,))], title="t", largest_side=100))
    (svg,) = page.all("svg")
    assert svg["viewbox"] == "0 0 400 200"
    edges = [[float(edge[name] or "") for name in ("x", "y", "width", "height")] for edge in page.all("rect")]
    assert edges == [[40, 20, 160, 80]] * 2 + [[300, 0, 90, 9]] * 2
    assert [(text["x"], text.get("text-anchor")) for text in page.all("text")] == [("40", None), ("390", "end")]
    (shown,) = page.all("img")
    assert (shown["width"], shown["height"]) == ("400", "200")
    stored = Image.open(io.BytesIO(base64.b64decode((shown["src"] or "").split(",")[1])))
    assert stored.size == (100, 50) and "shown at 100 × 50 of 400 × 200 pixels" in page.text


def test_images_keep_to_their_budget():
    image = SampleImage(encoded(300, 300, noise=True))
    sizes = {}
    for most in (10**6, 60_000, 9_000):
        page = Parsed(render([Sample("s", images=(image, image))], title="t", most_image_bytes=most))
        kinds, data = zip(*((each["src"] or "").split(";base64,") for each in page.all("img")), strict=True)
        sizes[most] = len(base64.b64decode(data[0]))
        assert len(data) == 2 and set(kinds) == {"data:image/png" if most == 10**6 else "data:image/jpeg"}
        assert sizes[most] <= most
    assert sizes[10**6] > 200_000


def test_a_page_has_the_same_bytes_each_time_and_a_limit(tmp_path):
    samples = [hostile(), Sample("lone surrogate \ud800", reply="\ud800")]
    for name in "ab":
        write_page(iter(samples), tmp_path / name, title="t")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert "lone surrogate \\ud800" in (tmp_path / "a").read_text(encoding="utf-8")
    with pytest.raises(PageTooLarge, match="1,000 are allowed"):
        write_page(samples, tmp_path / "c", title="t", most_bytes=1000)
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: Sample(" "), "has a title"),
        (lambda: Sample("s", {"verdict": "mine"}), "verdict"),
        (lambda: Box(3, 0, 1, 1), "in this order"),
        (lambda: Box(0, 0, float("nan"), 1), "in this order"),
        (lambda: Message("a", "b", tone="red"), "tone 'red'"),  # type: ignore[arg-type]
        (lambda: Verdict(""), "has a word"),
        (lambda: render([Sample("s", images=(SampleImage(b"no image", "the sign"),))], title="t"), "the sign"),
    ],
)
def test_what_cannot_be_shown_is_refused(made, says):
    with pytest.raises(InvalidSample, match=says):
        made()
