"""Items about receipts: answers that can be checked from the boxes, no ambiguity, balanced, the same by seed."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tenfold.data.made_up_files import made_up_files
from tenfold.data.receipts import Receipt, read_receipts
from tenfold.data.registry import StandIn
from tenfold.mmr.annotations import options_of
from tenfold.mmr.errors import NoItems
from tenfold.mmr.images import load_image
from tenfold.mmr.items import read_items
from tenfold.mmr.receipt_lines import PLACES, RELATIONS, Lines
from tenfold.mmr.receipts import TASKS_OF_RECEIPTS, items_about, receipt_items, write_receipt_items
from tenfold.mmr.tasks import CHOICE

MIRROR = Path(os.environ.get("TENFOLD_MIRROR", "none")) / "sroie"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("receipts")
    for name, content in made_up_files(StandIn(maker="receipts", rows=24, seed=8))[1].items():
        (out / name).write_bytes(content)
    return out


def receipt(*lines: tuple[str, list[int]], name="000", **fields: str) -> Receipt:
    boxes = np.array([box for _, box in lines], dtype=float).reshape(-1, 4)
    return Receipt(name, 400, 1000, boxes, tuple(text for text, _ in lines), fields, b"")


def quoted(text: str) -> str:
    return text.split('"')[1]


def check(item, lines: Lines) -> None:
    """Assert that the answer of an item is the one true answer by the boxes alone."""
    line = {text: place for place, text in enumerate(lines.texts)}
    options = options_of(item.question)
    answer = options[int(item.answer) - 1] if item.task in CHOICE else item.answer
    if item.task == "font_size":
        heights = np.array([lines.heights[line[quoted(option)]] for option in options])
        heights = heights if "largest" in item.question else 1 / heights
        right = int(item.answer) - 1
        assert (heights[right] >= 1.25 * np.delete(heights, right) - 1e-9).all()
    elif item.task == "localize_t":
        x, y = lines.centres[line[quoted(item.question)]]
        assert min(abs(x - 0.5), abs(y - 0.5)) >= 0.1
        assert ("left" in answer) == (x < 0.5) and ("upper" in answer) == (y < 0.5)
    elif item.task == "spatial_tt":
        first, second = (lines.centres[line[text]] for text in item.question.split('"')[1::2])
        dx, dy = first - second
        beside = answer in RELATIONS[2:]
        assert abs(dx if beside else dy) >= 0.1 and abs(dy if beside else dx) < 0.1
        assert answer == (RELATIONS[2 + int(dx > 0)] if beside else RELATIONS[int(dy > 0)])
    elif item.task == "grounding_t":
        text, box = json.loads(item.answer)
        size = [lines.receipt.width, lines.receipt.height] * 2
        assert np.allclose(np.array(box) * size, lines.boxes[line[text]], atol=0.1)
    elif item.task == "recognition_pos":
        place, other = line[answer], line[quoted(item.question)]
        assert (lines.centres[place, 1] > lines.centres[other, 1]) == ("below" in item.question)
        between = sorted((lines.centres[place, 1], lines.centres[other, 1]))
        assert not ((lines.centres[:, 1] > between[0]) & (lines.centres[:, 1] < between[1])).any()


def check_all(items, receipts, per_task) -> None:
    sheets = {one.name: Lines(one) for one in receipts}
    for item in items:
        check(item, sheets[item.image])
    for task in TASKS_OF_RECEIPTS:
        own = [item for item in items if item.task == task]
        assert len(own) <= per_task and len({item.image for item in own}) == len(own)
        if task in CHOICE:
            counts = Counter(item.answer for item in own)
            assert max(counts.values()) - min(counts[number] for number in "1234") <= 1
            assert all(len(set(options_of(item.question))) == 4 for item in own)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_answer_is_the_one_that_the_boxes_give_and_numbers_are_balanced(folder, seed):
    items = receipt_items(folder, per_task=8, seed=seed)
    assert {item.task for item in items} == set(TASKS_OF_RECEIPTS)
    check_all(items, read_receipts(folder), 8)


def test_the_same_seed_gives_the_same_items_and_the_parts_share_no_receipt(folder):
    items = receipt_items(folder, per_task=5, seed=4)
    assert items == receipt_items(folder, per_task=5, seed=4) != receipt_items(folder, per_task=5, seed=5)
    fit = receipt_items(folder, per_task=5, seed=4, part="fit")
    assert fit and not {item.image for item in fit} & {item.image for item in items}
    with pytest.raises(NoItems, match="no part 'train'"):
        receipt_items(folder, part="train")


def test_what_is_written_can_be_read_and_has_its_images(folder, tmp_path):
    items = write_receipt_items(folder, tmp_path / "new" / "items", per_task=3, seed=0)
    assert read_items(tmp_path / "new" / "items", name="receipts") == items
    for item in items.rows:
        assert load_image(items.image_path(item)).shape == (item.height, item.width, 3)
    assert len(list((tmp_path / "new" / "items" / "images").iterdir())) == len(set(items.images))


TITLE, LOW, RIGHT = ("TITLE", [40, 40, 120, 80]), ("GOODS", [40, 700, 120, 720]), ("9.99 RM", [300, 700, 380, 720])


@pytest.mark.parametrize(
    ("lines", "clear"),
    [
        ((TITLE, LOW, RIGHT), (0, 1, 2)),
        ((TITLE, LOW, ("goods ", [40, 900, 120, 920])), (0,)),  # twice, but for case and spaces
        ((TITLE, LOW, ("GOODS SOLD", [40, 900, 120, 920])), (0, 2)),  # a part of another
        ((TITLE, ("OVER", [60, 50, 110, 70]), LOW), (2,)),  # two that overlap
        ((TITLE, ("**", [40, 200, 120, 220])), (0,)),  # too few letters
        ((TITLE, ("OUT", [390, 200, 410, 220]), ("FLAT", [40, 300, 90, 300])), (0,)),
        ((TITLE, ('THE "BEST"', [40, 200, 120, 220]), ("[ABC]", [40, 300, 120, 320])), (0,)),
    ],
)
def test_lines_that_leave_a_doubt_are_not_asked_about(lines, clear):
    assert Lines(receipt(*lines)).clear == clear


def test_sizes_places_and_relations_that_are_too_close_have_no_answer():
    lines = Lines(receipt(TITLE, LOW, RIGHT, ("SMALL", [40, 800, 90, 816]), ("MIDDLE", [150, 300, 250, 320])))
    assert lines.sized_apart((0, 1, 2, 4), largest=True) == 0
    assert lines.sized_apart((0, 1, 2, 3), largest=False) == 3  # 20 is 1.25 times 16
    assert lines.sized_apart((0, 1, 2, 4), largest=False) is None
    assert (
        PLACES[lines.quarter(0)] == "In the upper left part" and PLACES[lines.quarter(2)] == "In the lower right part"
    )
    assert lines.quarter(4) is None
    assert RELATIONS[lines.relation(0, 1)] == "Above it" and RELATIONS[lines.relation(1, 0)] == "Below it"
    assert RELATIONS[lines.relation(1, 2)] == "To the left of it" and lines.relation(0, 2) is None


def test_a_neighbour_is_named_only_if_it_stands_alone_in_the_next_row():
    near = ("NEXT", [40, 90, 120, 110])
    assert Lines(receipt(TITLE, near)).next_below(0) == 1
    assert Lines(receipt(TITLE, near, ("BESIDE", [200, 92, 280, 112]))).next_below(0) is None
    assert Lines(receipt(TITLE, ("FAR", [40, 190, 120, 210]))).next_below(0) is None
    assert Lines(receipt(TITLE, near, ("SAME ROW", [200, 45, 280, 75]))).next_below(0) is None
    assert Lines(receipt(TITLE)).next_below(0) is None


def test_a_field_is_asked_for_only_if_it_can_be_read():
    shown = receipt(("GOOD FOOD", [40, 40, 120, 80]), ("SDN BHD", [40, 90, 120, 110]), company="Good Food Sdn Bhd")
    assert [item.answer for item in items_about([shown], per_task=1) if item.task == "recognition_label"] == [
        "Good Food Sdn Bhd"
    ]
    hidden = receipt(("GOOD FOOD", [40, 40, 120, 80]), company="OTHER LTD", name="001")
    assert "recognition_label" not in {item.task for item in items_about([hidden], per_task=1)}
    with pytest.raises(NoItems, match="no item can be made of 0 receipts"):
        items_about([])


@pytest.mark.skipif(not MIRROR.is_dir(), reason="there is no mirror folder")
@pytest.mark.parametrize("part", ["test", "fit"])
def test_the_mirrors_receipts_give_fifty_items_a_task_and_350_points(part):
    items = receipt_items(MIRROR, seed=0, part=part)
    assert Counter(item.task for item in items) == dict.fromkeys(TASKS_OF_RECEIPTS, 50)
    assert sum(item.points for item in items) == 350
    check_all(items, read_receipts(MIRROR), 50)
