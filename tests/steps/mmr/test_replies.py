"""What the steps that predict write: entries that later steps find again, another paper's too."""

from __future__ import annotations

import json

import numpy as np
import pytest

from steps.mmr.estimates import table_of
from steps.mmr.item_sets import OFFICIAL, Source
from steps.mmr.ranking import kendall, stability
from steps.mmr.replies import InvalidReplies, RepliesWriter, read_replies
from steps.mmr.scored import score_sets
from tenfold.mmr.items import ItemSet
from tenfold.mmr.predictions import Prediction
from tests.steps.mmr.planted import PERFECT, READS, TALKS, item_set, replied


def test_entries_come_back_with_their_predictions(tmp_path):
    items = item_set("rendered", 2)
    writer = RepliesWriter(tmp_path)
    writer.add("rendered", "Reader ü/1", "rules", replied(items, READS, 0), engine="ppocr6", view="336")
    writer.add("rendered", "Reader ü/1", "rules", replied(items, READS, 1), engine="ppocr6", rotation=2)
    writer.close()
    first, second = read_replies([tmp_path])
    assert (first.entry.named, first.entry.file) == ("Reader ü/1 · 336", "rendered/reader-ü-1-336.jsonl")
    assert second.entry.named == "Reader ü/1 · options turned by 2" and not second.entry.plain
    assert first.to(items) == replied(items, READS, 0)
    more = ItemSet("rendered", (*items.rows, *item_set("other", 1).rows))
    assert first.to(more)[-1] == Prediction(more.rows[-1].key, None, "failed", "not asked")
    assert len(first.to(items.only([0, 1]))) == 2


def test_two_replies_of_one_name_are_refused(tmp_path):
    items = item_set("rendered", 1)
    writer = RepliesWriter(tmp_path)
    writer.add("rendered", "a", "blind", replied(items, READS, 0))
    with pytest.raises(InvalidReplies, match="two sets of replies are called 'a'"):
        writer.add("rendered", "a", "blind", replied(items, READS, 1))
    writer.close()
    with pytest.raises(InvalidReplies, match="'a' has replied to rendered before"):
        read_replies([tmp_path, tmp_path])
    rows = json.loads((tmp_path / "replies.json").read_text())
    for change, words in (({"kind": "seer"}, "kind 'seer' is none of"), ({"colour": "red"}, "is no entry")):
        (tmp_path / "replies.json").write_text(json.dumps([rows[0] | change]))
        with pytest.raises(InvalidReplies, match=words):
            read_replies([tmp_path])


def test_the_official_rows_that_count_are_the_first_of_each_task():
    source = Source(item_set(OFFICIAL, 60), {"stand_in": False})
    assert len(source.items) == 550 and len(source.unused) == 110 and not source.has_images
    assert len(Source(item_set("rendered", 60), {"stand_in": False}).items) == 660


def test_choices_are_scored_where_their_options_stood(tmp_path):
    items = item_set("rendered", 4)
    writer = RepliesWriter(tmp_path)
    right = [Prediction(item.key, str((int(item.answer) - 2) % 4 + 1)) for item in items.rows if item.answer in "1234"]
    writer.add("rendered", "turned", "rules", right, rotation=1)
    writer.close()
    (own,) = score_sets({"rendered": Source(items, {"stand_in": False})}, read_replies([tmp_path]))["rendered"].entries
    assert own.official.total == len(right) == 28


def test_the_order_of_models_is_as_firm_as_they_are_apart(tmp_path):
    items = item_set("rendered", 20)
    writer = RepliesWriter(tmp_path)
    for name, reader, seed in (("good", READS, 1), ("poor", TALKS, 2), ("poor again", TALKS, 3)):
        writer.add("rendered", name, "rules", replied(items, reader, seed), engine="x")
    writer.add("rendered", "Oracle", "oracle", replied(items, PERFECT, 0))
    writer.close()
    found = stability(
        score_sets({"rendered": Source(items, {"stand_in": False})}, read_replies([tmp_path]))["rendered"]
    )
    assert found is not None and found.models[0] == "good" and len(found.models) == 3
    assert found.kept[0] == 1 > found.kept[1] and found.same <= found.kept[1]
    assert 1 / 3 <= found.tau.mean() <= 1


def test_kendalls_tau_counts_pairs():
    draws = np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0], [2.0, 3.0, 1.0], [1.0, 1.0, 1.0]])
    assert kendall(np.array([3.0, 2.0, 1.0]), draws) == pytest.approx([1, -1, 1 / 3, 0])
    assert np.isnan(kendall(np.array([1.0, 1.0]), np.array([[1.0, 2.0]]))).all()


def test_a_single_image_gives_no_interval():
    items = item_set("rendered", 2, images=1)
    table = table_of(items, {"a": np.ones((len(items), 2))})
    assert table.estimate(table.share("a")) is None and table.compare("a", "a") is None
