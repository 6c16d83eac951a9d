"""Files of predictions and of items: what was written comes back, and what people have is read or refused by name."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.mmr.errors import InvalidItem, InvalidPredictions
from tenfold.mmr.items import ItemSet, read_items, write_items
from tenfold.mmr.predictions import (
    Prediction,
    in_order,
    prediction_of,
    read_predictions,
    write_predictions,
)
from tests.tenfold.mmr import small_items

# Half surrogate pairs and ends of lines of all kinds; two halves that meet are one character in JSON.
anything = st.text(st.characters(exclude_categories=())).filter(lambda text: json.loads(json.dumps(text)) == text)


@given(st.lists(st.tuples(st.none() | anything, st.sampled_from(["stop", "length"])), min_size=1))
def test_what_was_written_comes_back(tmp_path_factory, replies):
    path = tmp_path_factory.mktemp("predictions") / "predictions.jsonl"
    rows = [prediction_of(f"k{number}", reply, finish_reason=end) for number, (reply, end) in enumerate(replies)]
    write_predictions(rows, path)
    assert read_predictions(path) == rows


@given(anything.filter(str.strip))
def test_items_come_back_with_any_text(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("items")
    one = small_items.item("recognition_label")
    write_items([type(one)(one.key, one.image, one.task, text, text)], folder)
    assert read_items(folder).rows[0].answer == text


def test_files_as_people_have_them(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"key": "a", "reply": "1"}\r\n\r\n{"key": "b", "reply": null}\r\n{"key": "c", "reply": " "}'
    )
    assert [(one.key, one.status) for one in read_predictions(path)] == [
        ("a", "answered"),
        ("b", "failed"),
        ("c", "empty"),
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "holds no prediction"),
        (b'{"key": "a"}', r':1: each line is an object such as \{"key": …, "reply": …\}, and this is without reply'),
        (b"{}", "without key and reply"),
        (b'{"key": "a", "reply": "1"}\n[1]', r":2: each line is an object such as .* and this is no object"),
        (b"key,reply\na,1", ":1: each line is an object such as .* and this is no JSON"),
        (b"[" * 100_000, ":1: each line is an object such as .* and this is no JSON"),
        (b'{"key": 1, "reply": "1"}', "key and reply are texts"),
        (b'{"key": "a", "reply": 1}', "key and reply are texts"),
        (b'{"key": "a", "reply": "1", "status": "fine"}', "'fine' is none of"),
        (b'{"key": "a", "reply": "", "status": "answered"}', "a reply that is not empty"),
        (b"{", ":1: each line .* is no JSON"),
        ("{'key': 'ä'}".encode("latin-1"), "is not in UTF-8"),
    ],
)
def test_what_is_no_prediction_is_refused_by_line(tmp_path, content, says):
    path = tmp_path / "mine.jsonl"
    path.write_bytes(content)
    with pytest.raises(InvalidPredictions, match=says):
        read_predictions(path)


def test_items_that_are_not_in_utf8_are_refused(tmp_path):
    (tmp_path / "items.jsonl").write_bytes(json.dumps({"key": "ä"}, ensure_ascii=False).encode("latin-1"))
    with pytest.raises(InvalidItem, match="not in UTF-8"):
        read_items(tmp_path)


def test_every_item_has_one_prediction_in_the_items_order(items):
    given_ones = [Prediction(one.key, "1") for one in reversed(items.rows[1:])]
    found = in_order(items, given_ones)
    assert [one.key for one in found] == [one.key for one in items.rows] and found[0].status == "failed"
    with pytest.raises(InvalidPredictions, match="answered twice"):
        in_order(items, [*given_ones, given_ones[0]])
    with pytest.raises(InvalidPredictions, match="'nobody'"):
        in_order(ItemSet("few", items.rows[:1]), [Prediction("nobody", "1")])
