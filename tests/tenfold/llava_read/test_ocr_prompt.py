"""OCR text in the prompt: order, space layout, budget, and which answers survive it."""

from __future__ import annotations

import math
from dataclasses import replace
from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.llava_read.ocr_prompt import LEFT_OUT, ocr_source, ocr_text, statistics_of
from tenfold.llava_read.questions import Question
from tenfold.llava_read.reading_errors import InvalidPrompt
from tenfold.ocr.page import Page, Word
from tenfold.ocr.spacing import MOST_COLUMNS

TITLE_OVER_COLUMNS = (  # the words of symptom 4, in the order in which no rule leaves them
    Word("R2", (50, 30, 92, 38)),
    Word("L1", (0, 20, 42, 28)),
    Word("title", (0, 0, 100, 10)),
    Word("R1", (50, 20, 92, 28)),
    Word("L2", (0, 30, 42, 38)),
)
TEXT = st.text(alphabet="ab1. \n", max_size=60)


def page_of(words: tuple[Word, ...], engine: str = "described") -> Page:
    return Page(100, 40, words, engine)


def page_in_rows(rows: list[str]) -> Page:
    words = [
        Word(text, (30.0 * column, 10.0 * row, 30.0 * column + 6 * len(text), 10.0 * row + 8), 1.0, row)
        for row, line in enumerate(rows)
        for column, text in enumerate(line.split())
    ]
    return Page(400, 10 * len(rows) + 10, tuple(words), "described")


def test_xy_cut_reads_column_by_column_and_plain_order_row_by_row():
    page = page_of(TITLE_OVER_COLUMNS)
    assert ocr_text(page, order="xy_cut").text == "title L1 L2 R1 R2"
    assert ocr_text(page, order="plain").text == ocr_text(page).text == "title L1 R1 L2 R2"


def test_the_space_layout_keeps_columns_and_changes_no_input():
    words = (Word("A", (0, 0, 10, 10)), Word("B", (100, 0, 110, 10)))
    page = page_of(words)
    assert ocr_text(page, layout="space").text == "A" + 9 * " " + "B"
    assert page == page_of((Word("A", (0, 0, 10, 10)), Word("B", (100, 0, 110, 10))))
    below = page_of((*words, Word("C", (100, 12, 110, 22))))
    assert ocr_text(below, layout="space").text.splitlines() == ["A" + 9 * " " + "B", 10 * " " + "C"]


@pytest.mark.parametrize("words", [(), (Word("one", (5, 5, 30, 15)),), (Word("thin", (5, 5, 5, 15)),)])
def test_pages_without_words_with_one_and_with_boxes_without_width_pass(words):
    for settings in ({"layout": "space"}, {"order": "plain"}, {"order": "xy_cut"}):
        assert ocr_text(page_of(words), **settings).text == " ".join(word.text for word in words)


@pytest.mark.skipif(find_spec("tokenizers") is None, reason="tokenizers is not installed")
def test_runs_of_spaces_come_back_from_a_byte_level_tokenizer():
    """Reviewers asked whether a language model's tokenizer collapses the layout's spaces; byte-level ones do not."""
    from tokenizers import ByteLevelBPETokenizer

    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(["total      12.40\nname   value"] * 20, vocab_size=300)
    words = (Word("Total", (0, 0, 30, 8)), Word("12.40", (60, 0, 90, 8)), Word("name", (0, 10, 24, 18)))
    text = ocr_text(page_of(words), layout="space").text
    assert text == "Total     12.40\nname"
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


@given(TEXT, st.integers(1, 70), st.sampled_from(["head", "head_tail"]), st.sampled_from(["words", "space"]))
def test_a_cut_text_keeps_the_budget_and_is_made_of_the_ends(text, budget, policy, layout):
    page = page_in_rows([line for line in text.split("\n") if line.strip()])
    kept = ocr_text(page, layout=layout, budget=budget, policy=policy)
    assert kept.tokens == len(kept.text) <= budget
    assert kept.full_tokens == len(kept.full)
    assert kept.truncated == (kept.full_tokens > budget)
    head, mark, tail = kept.text.partition(LEFT_OUT)
    assert kept.full.startswith(head)
    if kept.truncated and policy == "head":
        assert not mark
    if mark:
        assert kept.full.endswith(tail)


@given(TEXT, st.integers(1, 20))
def test_budgets_count_what_the_caller_counts(text, budget):
    page = page_in_rows([line for line in text.split("\n") if line.strip()])
    kept = ocr_text(page, budget=budget, count=lambda one: len(one.split()))
    assert kept.text.split() == kept.full.split()[:budget]


def test_a_total_at_the_end_of_a_page_survives_only_if_the_tail_is_kept():
    page = page_in_rows([*(f"Item{row} {row}.50" for row in range(12)), "Total 78.00"])
    head = ocr_text(page, budget=80, policy="head")
    both = ocr_text(page, budget=80, policy="head_tail")
    assert head.held(["78.00"]) and not head.holds(["78.00"]) and head.holds(["1.50"])
    assert both.holds(["78.00"]) and both.holds(["0.50"]) and not both.holds(["6.50"])


def test_statistics_count_answers_that_were_read_and_of_these_what_survives():
    page = page_in_rows(["First one", "Last two"])
    texts = {name: ocr_text(page, budget=9) for name in ("a", "b")}
    asked = [
        Question("1", "a", "text", "?", ("one",), "beside"),
        Question("2", "a", "text", "?", ("two",), "beside"),
        Question("3", "b", "relation", "?", ("nowhere",), "below"),
        Question("4", "b", "colour", "?", ("red",), "colour"),
    ]
    found = statistics_of(texts, asked)
    assert (found.texts, found.p50, found.truncated, found.questions) == (2, 18, 1, 3)
    assert found.read == pytest.approx(2 / 3) and found.survived == pytest.approx(1 / 2)
    assert math.isnan(statistics_of(texts, asked[2:3]).survived)
    with pytest.raises(InvalidPrompt, match="'b'"):
        statistics_of({"a": texts["a"]}, asked)
    with pytest.raises(InvalidPrompt, match="no OCR texts"):
        statistics_of({}, [])


def test_answers_are_found_whatever_the_case_and_the_spaces_of_the_layout():
    page = page_of((Word("MIDDLE", (0, 0, 30, 8)), Word("SECTION", (60, 0, 95, 8))))
    kept = ocr_text(page, layout="space")
    assert "MIDDLE SECTION" not in kept.text and kept.holds(["Middle Section"])


def test_every_text_says_which_engine_read_it():
    page = page_of(TITLE_OVER_COLUMNS)
    names = {
        "described": "oracle",
        "simulated after PP-OCRv6 small (rapidocr 3.10.0)": "simulated",
        "PP-OCRv6 small (rapidocr 3.10.0)": "ppocr6",
        "PP-OCRv6 small (rapidocr 3.10.0), enlarged 3 times": "ppocr6 enlarged 3 times",
        "tesseract 5.3.0": "tesseract",
        "none": "none",
        "corrupted 15 % (described)": "corrupted 15 % (described)",
    }
    assert {engine: ocr_text(replace(page, engine=engine)).source for engine in names} == names
    with pytest.raises(InvalidPrompt, match="somebody"):
        ocr_source(replace(page, engine="somebody"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"order": "zigzag"}, "zigzag.*plain, xy_cut"),
        ({"layout": "table"}, "table"),
        ({"budget": 5, "policy": "middle"}, "middle"),
        ({"layout": "space", "order": "xy_cut"}, "goes by rows"),
        ({"policy": "head"}, "without a budget"),
        ({"budget": 0}, "budget = 0 .*in characters"),
        ({"budget": math.nan}, "budget = nan"),
        ({"budget": True}, "budget = True"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, words):
    with pytest.raises(InvalidPrompt, match=words):
        ocr_text(page_of(TITLE_OVER_COLUMNS), **settings)


@pytest.mark.parametrize("layout", ["words", "space"])
@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_box_without_numbers_is_refused_by_its_word(layout, wrong):
    page = page_of((Word("whole", (0, 0, 30, 8)), Word("odd", (wrong, 0, 95, 8))))
    with pytest.raises(InvalidPrompt, match="the word 'odd' has the box"):
        ocr_text(page, layout=layout)


def test_words_that_stand_very_far_apart_fill_no_memory_with_spaces():
    page = page_of((Word("a", (0, 0, 8, 8)), Word("b", (1e12, 0, 1e12 + 8, 8))))
    text = ocr_text(page, layout="space").text
    assert text.split() == ["a", "b"] and len(text) == MOST_COLUMNS + 1
