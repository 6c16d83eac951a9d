"""Items of one's own: what would make scores of no meaning is refused by its line."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.mmr.errors import InvalidItem
from tenfold.mmr.item_checks import check_item
from tenfold.mmr.items import ITEMS, read_items, write_items
from tenfold.mmr.tasks import CHOICE, TASKS, Task
from tests.tenfold.mmr import small_items

OPTIONS = "1. a\n2. b\n3. c\n4. d"
shares = st.floats(0, 1)


@pytest.mark.parametrize("task", TASKS)
def test_an_item_of_each_task_passes(task):
    check_item(small_items.item(task))


@given(st.tuples(shares, shares, shares, shares))
def test_a_box_passes_where_its_corners_stand_in_order(box):
    one = replace(small_items.item("grounding_o"), answer=json.dumps(box))
    if box[0] < box[2] and box[1] < box[3]:
        check_item(one)
    else:
        with pytest.raises(InvalidItem, match="0 ≤ x0 < x1 ≤ 1"):
            check_item(one)


@pytest.mark.parametrize(
    "answer",
    [
        *("[60, 240, 240, 360]", "[0.5, 0.2, 0.1, 0.6]", "[0.5, 0.5, 0.3, 0.3]", "[0.1, 0.2, 0.5]", "[0, 0, 0, 1]"),
        *("[0.1, 0.2, 0.5, NaN]", "[0.1, 0.2, 0.5, Infinity]", "[-0.1, 0.2, 0.5, 0.6]", "0.1, 0.2, 0.5, 0.6"),
        *('["0.1", 0.2, 0.5, 0.6]', "[false, 0.2, true, 0.6]", "a box", "[" * 100_000, f"[0, 0, 1{'0' * 400}, 1]"),
    ],
)
def test_what_is_no_box_in_shares_is_refused(answer):
    with pytest.raises(InvalidItem, match="shares of the image's sides"):
        check_item(replace(small_items.item("grounding_o"), answer=answer))
    with pytest.raises(InvalidItem, match="shares of the image's sides"):
        check_item(replace(small_items.item("grounding_t"), answer=f'["a text", {answer}]'))


@pytest.mark.parametrize("answer", ["A", '"A"', '["A"]', "[0.1, 0.2, 0.5, 0.6]", '[" ", [0.1, 0.2, 0.5, 0.6]]', "null"])
def test_a_text_with_its_box_has_both(answer):
    with pytest.raises(InvalidItem, match=r'is \["text", box\]'):
        check_item(replace(small_items.item("grounding_t"), answer=answer))


def test_further_answers_are_checked_as_well():
    with pytest.raises(InvalidItem, match=r"\[0.5, 0.2, 0.1, 0.6\]"):
        check_item(replace(small_items.item("grounding_o"), also=("[0.5, 0.2, 0.1, 0.6]",)))
    with pytest.raises(InvalidItem, match="not empty"):
        check_item(replace(small_items.item("recognition_label"), also=("right", " ")))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("answer", ["", " \n"])
def test_an_empty_answer_is_refused(task: Task, answer: str) -> None:
    with pytest.raises(InvalidItem, match="is not empty"):
        check_item(replace(small_items.item(task), answer=answer))


@pytest.mark.parametrize("task", CHOICE)
@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("Which?\nA. a\nB. b\nC. c\nD. d", "four lines"),
        ("Which?\n1. a\n2. b\n3. c", "four lines"),
        (f"Which?\n{OPTIONS}\n5. e", "four lines"),
        ("Which? 1. a 2. b 3. c 4. d", "four lines"),
        (f"{OPTIONS}\nWhich?", "four lines"),
        (f"1. Look.\nWhich?\n{OPTIONS}", "no other line of this form"),
        ("Which?\n1) a\n2) b\n3) c\n4) d", "four lines"),
        ("Which?\n2. a\n1. b\n3. c\n4. d", "four lines"),
        ("Which?\n1. a\n2. \n3. c\n4. d", "an option is a text"),
        ("Which?\n1. a\n2. b\n3. a \n4. d", "other than the other options"),
    ],
)
def test_a_choice_ends_with_four_options(task, question, says):
    with pytest.raises(InvalidItem, match=says):
        check_item(replace(small_items.item(task), question=question))


@pytest.mark.parametrize("answer", ["A", "5", "0", "1.", "option 1", "12", "²"])
def test_the_answer_of_a_choice_is_an_option_s_number(answer):
    with pytest.raises(InvalidItem, match="the option's number"):
        check_item(replace(small_items.item("font_size"), answer=answer))


def test_a_refused_item_is_named_by_its_line(tmp_path):
    write_items(
        [small_items.item("font_size"), replace(small_items.item("grounding_o"), answer="[1, 2, 3, 4]")], tmp_path
    )
    with pytest.raises(InvalidItem, match=rf"{ITEMS}:2: grounding_o/0: .* in shares"):
        read_items(tmp_path)


def test_rows_as_released_stay(tmp_path):
    odd = replace(small_items.item("grounding_o"), answer="[0.5, 0.9, 0.6, 0.8]", key="official/1422")
    write_items([odd], tmp_path)
    assert read_items(tmp_path).rows == (odd,)


def test_one_image_has_one_file(tmp_path):
    first = small_items.item("font_size", image="poster")
    write_items([first, replace(small_items.item("font_color", image="poster"), file="other.png")], tmp_path)
    with pytest.raises(InvalidItem, match=r":2: font_color/0: the image 'poster' is 'other.png' here and 'poster.png'"):
        read_items(tmp_path)
    write_items([replace(first, file=""), small_items.item("font_color", image="poster")], tmp_path)
    assert len(read_items(tmp_path)) == 2


GOOD = asdict(small_items.item("recognition_label"))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("[1, 2]", r"each line is an object such as \{\"key\": …, .*\}, not \[1, 2\]"),
        ("null", "each line is an object"),
        ("key,image", "no JSON"),
        ('{"key": "a", "image": "b"}', "a: it lacks task, question, answer"),
        (json.dumps(GOOD | {"difficulty": 3}), "no field 'difficulty'; there are key, image, task, .*layout"),
        (json.dumps(GOOD | {"task": "reading"}), "no task is called 'reading'"),
        (json.dumps(GOOD | {"answer": 1}), "answer = 1 must be a text"),
    ],
)
def test_what_is_no_item_is_refused_in_words(tmp_path, line, says):
    (tmp_path / ITEMS).write_text(json.dumps(GOOD | {"key": "first"}) + f"\n{line}\n", encoding="utf-8")
    with pytest.raises(InvalidItem, match=f"{ITEMS}:2: .*{says}") as refused:
        read_items(tmp_path)
    assert "__init__" not in str(refused.value) and "attribute" not in str(refused.value)
