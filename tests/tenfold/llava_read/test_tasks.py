"""Samples of both stages: no OCR text where none belongs, every prompt with its source, boxes that find their ink."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from tenfold.llava_read.ocr_prompt import ocr_text
from tenfold.llava_read.pages import draw_pages
from tenfold.llava_read.reading_errors import InvalidSample
from tenfold.llava_read.tasks import (
    NO_OCR,
    OCR_HEAD,
    STAGE_ONE,
    Sample,
    answer_samples,
    decimal_box,
    page_text,
    square_shares,
    stage_one,
)
from tenfold.ocr.page import Page
from tenfold.ocr.spacing import space_layout
from tenfold.rendering.fonts import bundled_fonts


@pytest.fixture(scope="module")
def pages():
    return list(draw_pages("train", 12, seed=0, fonts=bundled_fonts()))


@pytest.fixture(scope="module")
def samples(pages):
    return stage_one(pages, seed=0).samples


def of(samples, task):
    return [sample for sample in samples if sample.task == task]


def texts_of(pages, engine="described", **settings):
    return {page.id: ocr_text(replace(page.truth, engine=engine), **settings) for page in pages}


def test_reading_tasks_are_given_no_ocr_text(pages, samples):
    """Nothing of the page's words stands in the prompts of T1 and T3, and in T2 no more than the text in question."""
    for sample in (*of(samples, "T1"), *of(samples, "T3")):
        assert sample.ocr_source == NO_OCR and sample.image == sample.page
        assert sample.prompt in ("Read the text.", "Read the page.")
    with pytest.raises(InvalidSample, match="T3 is given no OCR text"):
        Sample("a", "p", "T3", "Read the page.", "text", ocr_source="oracle", image="p")
    with pytest.raises(InvalidSample, match="T1 is given no OCR text"):
        Sample("a", "p", "T1", f"{OCR_HEAD}text\nRead the text.", "text", image="p")


def test_the_text_of_a_line_stands_in_its_crop(pages, samples):
    by_id = {page.id: page for page in pages}
    for sample in of(samples, "T1"):
        page = by_id[sample.page]
        x0, y0, x1, y1 = sample.crop
        inside = [
            word.text
            for word in page.truth.words
            if x0 <= word.box[0] and word.box[2] <= x1 and y0 <= word.box[1] and word.box[3] <= y1
        ]
        assert set(sample.answer.split()) <= set(inside)
        assert page.image[y0:y1, x0:x1].size


@pytest.mark.parametrize("size", [(256, 256), (320, 224), (224, 320)])
def test_boxes_find_the_ink_again_on_pages_of_any_shape(size):
    """The written box, brought back to pixels, is the line's to half a pixel per thousandth of the side."""
    pages = list(draw_pages("test", 6, seed=2, fonts=bundled_fonts(), size=size))
    asked = of(stage_one(pages, seed=1, tasks=["T2"]).samples, "T2")
    assert [sample.prompt.startswith("Where") for sample in asked] == 3 * [True, False]
    for page, sample in zip(pages, asked, strict=True):
        where = sample.answer if sample.prompt.startswith("Where") else sample.prompt
        text = sample.answer if where is sample.prompt else re.search('"(.*)"', sample.prompt)[1]
        shares = [float(number) for number in re.findall(r"\d\.\d{3}", where)]
        side = max(size)
        pixels = [share * side - (side - size[axis % 2]) // 2 for axis, share in enumerate(shares)]
        line = next(line for line in page.truth.lines if line.text == text)
        assert pixels == pytest.approx(list(line.box), abs=side / 1000)


def test_shares_are_of_the_square_around_the_page():
    assert square_shares((0, 0, 200, 100), 200, 100) == (0, 0.25, 1, 0.75)
    assert square_shares((10, 20, 30, 40), 100, 100) == (0.1, 0.2, 0.3, 0.4)
    assert decimal_box((0.125, 0.25, 0.5, 0.3126)) == "[0.125, 0.250, 0.500, 0.313]"


def test_the_page_is_parsed_in_reading_order_and_laid_out_by_spaces(pages, samples):
    for page, parsed, laid in zip(pages, of(samples, "T3"), of(samples, "T4"), strict=True):
        assert parsed.answer == page_text(page)
        assert sorted(parsed.answer.split()) == sorted(laid.answer.split()) == sorted(w.text for w in page.truth.words)
        assert laid.answer == space_layout(page.truth.words) and laid.image is None and laid.ocr_source == "oracle"
        shuffled = [row.rsplit(" [", 1)[0] for row in laid.prompt.splitlines()[1:]]
        assert sorted(shuffled) == sorted(word.text for word in page.truth.words)
    assert stage_one(pages[:1], seed=0, tasks=["T4"], layout_with_image=True).samples[0].image == pages[0].id


def test_long_samples_are_left_out_and_counted(pages):
    found = stage_one(pages, seed=0, longest=150)
    assert len(found.samples) + sum(found.left_out.values()) == len(pages) * len(STAGE_ONE)
    assert found.left_out["T4"] > found.left_out["T3"] > found.left_out["T1"] == 0
    assert all(len(sample.prompt) + len(sample.answer) <= 150 for sample in found.samples)
    with pytest.raises(InvalidSample, match="'answer'"):
        stage_one(pages, seed=0, tasks=["answer"])


def test_boxes_are_written_as_the_caller_writes_them(pages):
    found = stage_one(pages, seed=0, tasks=["T2"], write_box=lambda box: f"<x{int(32 * box[0])}>").samples
    assert all("<x" in sample.prompt + sample.answer for sample in found)
    assert found[0].answer.startswith("<x")


def test_prompts_with_and_without_ocr_text_have_different_sums_and_every_row_its_source(pages):
    without = answer_samples(pages, texts=None)
    read = answer_samples(pages, texts=texts_of(pages, "PP-OCRv6 small (rapidocr 3.10.0)"))
    simulated = answer_samples(pages, texts=texts_of(pages, "simulated after PP-OCRv6 small"), with_image=False)
    assert {sample.ocr_source for sample in without} == {"none"}
    assert {sample.ocr_source for sample in read} == {"ppocr6"} and {one.ocr_source for one in simulated} == {
        "simulated"
    }
    assert {one.image for one in simulated} == {None} and all(one.image == one.page for one in read)
    for one, other in zip(without, read, strict=True):
        assert one.prompt_sha256 != other.prompt_sha256
        assert (one.id, one.answer) == (other.id, other.answer) and other.prompt.endswith(one.prompt)
    blank = {page.id: ocr_text(Page(256, 256, (), "tesseract 5.3.0")) for page in pages}
    nothing_read = answer_samples(pages, texts=blank)
    assert all(one.prompt_sha256 != two.prompt_sha256 for one, two in zip(without, nothing_read, strict=True))


def test_pages_that_nobody_read_and_sources_that_contradict_the_prompt_are_refused(pages):
    with pytest.raises(InvalidSample, match="no OCR text"):
        answer_samples(pages, texts={})
    with pytest.raises(InvalidSample, match="no engine"):
        answer_samples(pages[:1], texts={pages[0].id: ocr_text(Page(9, 9, (), "none"))})
    for source, prompt in (("oracle", "What?"), ("none", f"{OCR_HEAD}a\nWhat?")):
        with pytest.raises(InvalidSample, match="contradicts"):
            Sample("a", "p", "answer", prompt, "x", ocr_source=source)
    with pytest.raises(InvalidSample, match="neither of them empty"):
        Sample("a", "p", "answer", "What?", " ")
    with pytest.raises(InvalidSample, match="no task"):
        Sample("a", "p", "T5", "What?", "x")
    with pytest.raises(InvalidSample, match="crop needs an image"):
        Sample("a", "p", "T1", "Read the text.", "x", crop=(0, 0, 1, 1))


def test_samples_come_back_from_json_and_a_changed_prompt_is_noticed(samples):
    for sample in samples:
        row = json.loads(json.dumps(sample.to_json()))
        assert Sample.from_json(row) == sample
    with pytest.raises(InvalidSample, match="not the one"):
        Sample.from_json({**row, "prompt": row["prompt"] + " hint"})


def test_samples_are_the_same_again_and_other_seeds_ask_other_things(pages, samples):
    assert stage_one(pages, seed=0).samples == samples
    assert np.mean([one == two for one, two in zip(samples, stage_one(pages, seed=1).samples, strict=True)]) < 0.6
