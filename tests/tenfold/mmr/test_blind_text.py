"""The blind model: it finds what wording gives away, nothing where it gives nothing, and never its own answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tenfold.data.registry import load_registry
from tenfold.data.resolve import resolve
from tenfold.data.writing import write_source
from tenfold.mmr.blind_text import BlindText
from tenfold.mmr.errors import InvalidModel, NoItems
from tenfold.mmr.items import Item, ItemSet
from tenfold.mmr.queries import Query
from tenfold.mmr.scores import score
from tenfold.text.encoder import SentenceEncoder, load_encoder

WORDS = ("red", "blue", "green", "white", "black", "orange", "brown", "pink")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> SentenceEncoder:
    registry = load_registry(Path(__file__).parents[3] / "data" / "sources.yaml")
    out = tmp_path_factory.mktemp("encoder")
    found = resolve("minilm", registry=registry, mirror=None, policy="only", downloads=out / "downloads")
    write_source(found, registry["minilm"], out)
    return load_encoder(out)


def items_of(count: int, *, told: bool, seed: int = 0) -> ItemSet:
    """Return choices among four colours; if ``told``, the right option alone says so."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        right = number % 4
        options = [f"{word} letters" for word in generator.choice(WORDS, 4, replace=False)]
        if told:
            options[right] = f"zzz zzz {options[right]}"
        lines = "\n".join(f"{place}. {option}" for place, option in enumerate(options, 1))
        rows.append(
            Item(f"{number}", f"image {number // 2}", "font_color", f"Which?\nChoices:\n{lines}", str(right + 1))
        )
    return ItemSet("made", tuple(rows))


def queries(items: ItemSet) -> list[Query]:
    return [Query(item.key, item.task, item.question, item.question) for item in items.rows]


def test_wording_that_gives_the_answer_away_is_found_and_nothing_where_it_does_not(encoder):
    told, even = items_of(80, told=True), items_of(120, told=False)
    assert score(told, BlindText.cross_fitted(told, encoder).answer(queries(told))).total >= 76
    chance = score(even, BlindText.cross_fitted(even, encoder).answer(queries(even))).total
    assert abs(chance - 30) < 4 * np.sqrt(120 * 0.25 * 0.75)
    other = items_of(40, told=True, seed=9)
    assert score(other, BlindText.fitted(told, encoder).answer(queries(other))).total >= 38


def test_an_items_own_answer_and_those_about_its_image_never_reach_its_reply(encoder):
    items = items_of(40, told=False)
    first = BlindText.cross_fitted(items, encoder, folds=4).answer(queries(items))
    turned = tuple(
        replace(item, answer=str(5 - int(item.answer))) if item.image == "image 3" else item for item in items.rows
    )
    again = BlindText.cross_fitted(ItemSet("made", turned), encoder, folds=4).answer(queries(items))
    own = [place for place, item in enumerate(items.rows) if item.image == "image 3"]
    assert [first[place] for place in own] == [again[place] for place in own]


def test_replies_are_the_same_one_by_one_boxes_are_constant_and_texts_are_left_empty(encoder):
    box = Item("b", "image b", "grounding_o", "where?", "[0.1, 0.1, 0.5, 0.5]")
    text = Item("t", "image t", "recognition_label", "what?", "word")
    items = ItemSet("made", (*items_of(12, told=True).rows, box, text))
    model = BlindText.fitted(items, encoder)
    replies = model.answer(queries(items))
    assert replies == [model.answer([query])[0] for query in queries(items)]
    assert replies[-2].reply == "[0.1, 0.1, 0.5, 0.5]" and replies[-1].status == "empty"
    assert model.identity()["encoder"]["sha256"] == encoder.sha256 and "fitted on 14" in model.identity()["fit"]


def test_what_cannot_be_fitted_or_is_not_known_is_named(encoder):
    items = items_of(8, told=True)
    for folds in (1, 5):
        with pytest.raises(InvalidModel, match=r"2 to 4 folds"):
            BlindText.cross_fitted(items, encoder, folds=folds)
    with pytest.raises(NoItems, match="too few of the 1 items"):
        BlindText.fitted(ItemSet("made", (Item("t", "a", "recognition_label", "?", "x"),)), encoder)
    (unknown,) = BlindText.cross_fitted(items, encoder, folds=2).answer([Query("other", "font_color", "?", "?")])
    assert unknown.status == "failed" and "cross-fitted" in unknown.why
