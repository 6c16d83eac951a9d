"""Items about rendered pages: an oracle answers them all, nothing else does, and the same seed is the same bytes."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tenfold.mmr.errors import InvalidItem, NoItems
from tenfold.mmr.items import ItemSet, read_items
from tenfold.mmr.rendered import PAGES, RenderedItems, render_items, write_rendered
from tenfold.mmr.sheets import GROUNDS
from tenfold.mmr.tasks import CHOICE, TASKS
from tenfold.rendering.assets import Assets
from tenfold.rendering.fonts import bundled_fonts
from tenfold.rendering.reading_parts import LAYOUTS, assets_of
from tests.tenfold.mmr.page_oracle import Oracle

ASSETS = assets_of("evaluation", bundled_fonts())
PER_TASK = 16


@pytest.fixture(scope="module")
def rendered() -> RenderedItems:
    return render_items(per_task=PER_TASK, seed=3, assets=ASSETS)


@pytest.fixture(scope="module")
def folder(rendered: RenderedItems, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("rendered") / "items"
    write_rendered(rendered, place)
    return place


def pages_of(folder: Path) -> dict[str, dict]:
    rows = [json.loads(line) for line in (folder / PAGES).read_text(encoding="utf-8").splitlines()]
    return {row["image"]: row for row in rows}


def options_of(question: str) -> list[str]:
    return [line.split(". ", 1)[1] for line in question.split("\nChoices:\n")[1].split("\n")]


def test_an_oracle_that_knows_the_pages_has_every_answer(folder):
    pages = pages_of(folder)
    for item in read_items(folder).rows:
        assert Oracle(pages[item.image]).answer(item.task, item.question) == item.answer, item


@pytest.mark.parametrize("seed", [0, 1])
def test_the_oracle_is_right_for_other_seeds_and_sizes_too(seed, tmp_path):
    write_rendered(render_items(per_task=3, seed=seed, assets=ASSETS, size=(512, 600)), tmp_path)
    pages = pages_of(tmp_path)
    for item in read_items(tmp_path).rows:
        assert Oracle(pages[item.image]).answer(item.task, item.question) == item.answer, item


def test_every_task_has_its_items_half_of_each_band(rendered):
    assert Counter(item.task for item in rendered.items) == dict.fromkeys(TASKS, PER_TASK)
    assert Counter((item.task, item.band) for item in rendered.items) == {
        (task, band): PER_TASK // 2 for task in TASKS for band in ("large", "small")
    }
    assert {item.layout for item in rendered.items} == set(LAYOUTS["evaluation"])


def test_a_few_pages_serve_all_tasks_each_with_another_question(rendered):
    asked = Counter((item.image, item.task) for item in rendered.items)
    assert max(asked.values()) == 1
    assert max(Counter(item.image for item in rendered.items).values()) <= 4
    assert {item.image for item in rendered.items} == set(rendered.pages)
    assert len(rendered.pages) <= len(rendered.items) / 2.5


def test_every_number_is_the_answer_equally_often_and_every_relation_too(rendered):
    for task in CHOICE:
        counts = Counter(item.answer for item in rendered.items if item.task == task)
        assert set(counts) == set("1234") and max(counts.values()) - min(counts.values()) <= 1
    relation = re.compile(r"(Above|Below) and to the \w+|To the \w+|Above|Below")
    asked = [item for item in rendered.items if item.task == "spatial_oo"]
    said = Counter(relation.match(options_of(item.question)[int(item.answer) - 1])[0] for item in asked)
    assert set(said.values()) == {PER_TASK // 8} and len(said) == 8, said


def test_choices_have_four_different_options_without_digits_and_no_question_a_prefix(rendered):
    for item in rendered.items:
        assert not item.question.startswith("Question") and item.question.split("\n")[0].endswith("?")
        if item.task in CHOICE:
            options = options_of(item.question)
            assert len(options) == len(set(options)) == 4
            assert not any(letter.isdigit() for option in options for letter in option)


def test_texts_and_objects_are_of_their_pages_band(rendered):
    for drawing in rendered.pages.values():
        sizes = [line.style.size for line in drawing.lines]
        sides = [max(x1 - x0, y1 - y0) for x0, y0, x1, y1 in (shape.box for shape in drawing.shapes)]
        if drawing.facts["band"] == "small":
            assert min(sizes) >= 8 and max(sizes) < 12 and all(side < 32 for side in sides)
        else:
            assert min(sizes) >= 12 and all(side >= 32 for side in sides)


def test_boxes_are_found_again_in_the_pixels_of_pages_that_are_not_square(folder):
    """A box whose axes were swapped, or shares of the wrong side, would miss the ink."""
    from PIL import Image

    pages, seen = pages_of(folder), 0
    for item in read_items(folder).rows:
        if not item.task.startswith("grounding") or abs(item.width - item.height) < 40:
            continue
        answer = json.loads(item.answer)
        shares = answer if item.task == "grounding_o" else answer[1]
        assert all(0 <= share <= 1 for share in shares)
        x0, y0, x1, y1 = np.rint(np.array(shares) * np.tile([item.width, item.height], 2)).astype(int)
        image = np.asarray(Image.open(folder / "images" / item.file)).astype(int)
        assert image.shape == (item.height, item.width, 3)
        ground = np.array(GROUNDS[pages[item.image]["facts"]["ground"]])
        around = image[y0 - 2 : y1 + 2, x0 - 2 : x1 + 2]
        rows, columns = np.nonzero(abs(around - ground).max(axis=2) > 12)
        found = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        assert np.abs(np.array(found) - [2, 2, x1 - x0 + 2, y1 - y0 + 2]).max() <= 1, item
        seen += 1
    assert seen >= 8


def test_pages_say_only_words_of_their_part_and_names(rendered):
    from tenfold.mmr.author_names import GIVEN_NAMES

    names = {name.casefold() for name in GIVEN_NAMES}
    for drawing in rendered.pages.values():
        assert {line.style.font.design for line in drawing.lines} <= {font.design for font in ASSETS.fonts}
        for word in drawing.words:
            assert word.text.casefold() in ASSETS.words or word.text.casefold() in names


def test_the_same_seed_is_the_same_bytes_and_another_seed_is_not(rendered, folder, tmp_path):
    write_rendered(render_items(per_task=2, seed=5, assets=ASSETS), tmp_path / "one")
    write_rendered(render_items(per_task=2, seed=5, assets=ASSETS), tmp_path / "same")
    names = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert len(names) > 4
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "same" / name).read_bytes()
    other = render_items(per_task=2, seed=6, assets=ASSETS)
    assert [item.answer for item in other.items] != [item.answer for item in read_items(tmp_path / "one").rows]


def test_what_is_written_is_a_set_of_items_with_images(rendered, folder):
    items = read_items(folder, name="rendered")
    assert items.rows == rendered.items and items.points == 12 * PER_TASK
    assert all(items.image_path(item).is_file() for item in items.rows)
    assert isinstance(items, ItemSet) and len(items.first_of_each_task(4)) == 44


def test_rejects_are_counted_by_reason(rendered):
    assert rendered.rejected and all(count > 0 for count in rendered.rejected.values())
    assert any(reason.startswith("page:") for reason in rendered.rejected)
    assert "two things in no clear relation" in rendered.rejected


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(InvalidItem, match="per_task = 0"):
        render_items(per_task=0, seed=0, assets=ASSETS)
    with pytest.raises(InvalidItem, match="256 pixels"):
        render_items(per_task=1, seed=0, assets=ASSETS, size=(640, 384))
    with pytest.raises(NoItems, match="60 words"):
        render_items(per_task=1, seed=0, assets=Assets(ASSETS.fonts, ("open", "close")))


def test_options_give_the_answer_away_neither_by_place_nor_by_length(rendered):
    """A logistic regression on place, length and wording of options is at chance, held out by page."""
    from sklearn.linear_model import LogisticRegression

    items = [item for item in rendered.items if item.task in CHOICE]
    features = np.array([option_features(options_of(item.question)) for item in items])  # (N, 4, F)
    right = np.array([int(item.answer) - 1 for item in items])
    pages = np.unique([item.image for item in items], return_inverse=True)[1]
    hits = np.zeros(len(items))
    for fold in range(4):
        held = pages % 4 == fold
        one_hot = np.eye(4)[right[~held]].ravel()
        model = LogisticRegression(max_iter=500).fit(features[~held].reshape(-1, features.shape[2]), one_hot)
        hits[held] = (
            model.decision_function(features[held].reshape(-1, features.shape[2])).reshape(-1, 4).argmax(1)
            == right[held]
        )
    assert hits.mean() < 0.25 + 3 * np.sqrt(0.25 * 0.75 / len(items))


def option_features(options: list[str]) -> list[list[float]]:
    lengths = np.array([len(option) for option in options])
    ranks = lengths.argsort().argsort()
    rows = []
    for place, option in enumerate(options):
        letters = [option.casefold().count(letter) for letter in "gjpqy"]
        words = [float(word in option.casefold().split()) for word in ("above", "left", "center", "top", "black", "to")]
        rows.append([*np.eye(4)[place], lengths[place] / lengths.mean(), *np.eye(4)[ranks[place]], *letters, *words])
    return rows
