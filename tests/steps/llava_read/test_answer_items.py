"""Replies to the benchmark's items are the model's own, in the form that the benchmark reads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from steps.llava_read.answer_items import AnswerItemsParams, NoTunedModel, answer_items
from steps.llava_read.benchmark_items import NoItems, digest_of, in_shares, read_items
from steps.mmr.replies import read_replies
from steps.step.json_files import write_json
from steps.step.run import Run
from tenfold.imaging.files import open_image
from tenfold.llava_read.asking import Asking
from tenfold.llava_read.processor import LlavaReadProcessor
from tenfold.llava_read.reader import Reader
from tenfold.mmr.items import Item, write_items
from tenfold.mmr.items import read_items as read_as_the_benchmark_does
from tenfold.mmr.queries import Query
from tenfold.ocr.page import Page, Word
from tenfold.ocr.page_files import write_pages
from tests.tenfold.llava_read.small_models import drawn_model, noise_image, small_config, stirred

CHOICE = "Which text is larger?\nChoices:\n1. word0\n2. word1\n3. word2\n4. All have one size"


def items_of(folder: Path, name: str, sizes: list[tuple[int, int]]) -> dict[str, Page]:
    """Write three items per image and return what was read on the images, by digest."""
    (folder / "images").mkdir(parents=True)
    rows, pages = [], {}
    for number, (width, height) in enumerate(sizes):
        image = noise_image(width, height, number)
        image.save(folder / "images" / f"{number}.png")
        words = tuple(Word(f"word{row}", (2, 5 * row, 20, 5 * row + 4), 1.0, row) for row in range(3 + number))
        pages[digest_of(image)] = Page(width, height, words, "PP-OCRv6 small")
        for task, question, answer in (
            ("recognition_label", "What is the title?", "word0"),
            ("font_size", CHOICE, "1"),
            ("grounding_o", "where is the disc in the image?", "[0.1, 0.1, 0.2, 0.2]"),
        ):
            key = f"{name}/{number}/{task}"
            rows.append(
                Item(key, str(number), task, question, answer, file=f"{number}.png", width=width, height=height)
            )  # type: ignore[arg-type]
    write_items(rows, folder)
    return pages


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("inputs")
    read = root / "read"
    for name, sizes in (("rendered", [(60, 40), (33, 70)]), ("receipts", [(50, 50)])):
        pages = items_of(root / name, name, sizes)
        (read / name).mkdir(parents=True)
        write_pages(pages, read / name / "native.jsonl")
    write_json(read / "read.json", {"engine": "ppocr6", "version": "PP-OCRv6 small", "why_not": "", "sets": {}})
    model, processor = stirred(drawn_model()), LlavaReadProcessor.for_config(small_config())
    for arm, asking in (
        ("full", Asking(budget=200, policy="head_tail", reply_tokens=7)),
        ("both_resolutions", Asking(ocr="none", reply_tokens=7)),
    ):
        Reader(model, processor, asking).save(root / arm / "models" / f"{arm}-0")
    return {path.name: path for path in root.iterdir()}


def answered(inputs: dict[str, Path], out: Path, *arms: str) -> list:
    out.mkdir()
    tuned = [inputs["both_resolutions"], inputs["full"]]
    own = AnswerItemsParams(arms=list(arms), batch=4)
    folders = (inputs["rendered"], inputs["receipts"], inputs["read"])
    answer_items(tuned, *folders, out=out, params=own, run=Run("llava_read", "answer_items", out=out))
    return read_replies([out])


def test_the_benchmark_reads_replies_that_are_the_model_s_own(inputs, tmp_path):
    found = answered(inputs, tmp_path / "out", "full", "both_resolutions")
    told = [(one.entry.named, one.entry.items, one.entry.kind, one.entry.engine) for one in found]
    assert told == [
        ("TinyLLaVARead full", "rendered", "trained", "ppocr6"),
        ("TinyLLaVARead full", "receipts", "trained", "ppocr6"),
        ("TinyLLaVARead both_resolutions", "rendered", "trained", ""),
        ("TinyLLaVARead both_resolutions", "receipts", "trained", ""),
    ]
    assert all(one.entry.plain and not one.entry.stand_in and 0 < one.entry.size < 1 for one in found)
    from tenfold.ocr.page_files import load_pages

    for one in found:
        items = read_as_the_benchmark_does(inputs[one.entry.items], name=one.entry.items)
        pages = load_pages(inputs["read"] / one.entry.items / "native.jsonl")
        reader = Reader.load(inputs[one.entry.about["arm"]] / "models" / f"{one.entry.about['arm']}-0")
        predictions = one.to(items)
        assert len(predictions) == len(items)
        for item, prediction in zip(items.rows, predictions, strict=True):
            image = open_image(items.image_path(item), "RGB")
            own = reader.ask(item.question, image, pages[digest_of(image)])
            assert (prediction.reply, prediction.status) == (own.reply, own.status)
            assert own.asked.prompt.endswith(item.question)
            assert (own.asked.ocr_source == "ppocr6") == (one.entry.engine == "ppocr6")


def test_pages_are_found_by_the_digest_of_the_benchmark(inputs):
    (item, *_), items = read_items(inputs["rendered"]), read_as_the_benchmark_does(inputs["rendered"])
    pixels = np.asarray(open_image(items.image_path(items.rows[0]), "RGB"))
    query = Query(item.key, "font_size", "?", "?", image=pixels)
    assert digest_of(Image.fromarray(pixels)) == query.image_digest


def test_boxes_of_place_tokens_become_shares_of_the_image():
    assert in_shares("<x0><y0><x31><y31>", 64, 64) == "[0.0, 0.0, 1.0, 1.0]"
    wide = json.loads(in_shares("<x8><y16><x15><y19>", 64, 32))  # the square has 16 rows of padding above and below
    assert wide == [0.25, 0.5, 0.5, 0.75]
    assert in_shares('"MENU" <x0><y0><x15><y31>', 64, 64) == '"MENU" [0.0, 0.0, 0.5, 1.0]'
    for kept in ("9.50", "<x9><y9>", "<x9><y9><x3><y3>", "<x9><y9><x99><y99>"):
        assert in_shares(kept, 64, 64) == kept


def test_a_question_that_is_too_long_has_failed_and_says_so(inputs, tmp_path):
    folder = tmp_path / "long"
    pages = items_of(folder, "rendered", [(60, 40)])
    lines = (folder / "items.jsonl").read_text().splitlines()
    row = json.loads(lines[0]) | {"question": "What? " * 500}
    (folder / "items.jsonl").write_text("\n".join([json.dumps(row), *lines[1:]]) + "\n")
    write_pages(pages, tmp_path / "pages.jsonl")
    from steps.llava_read.answer_items import answers
    from tenfold.ocr.page_files import load_pages

    reader = Reader.load(inputs["full"] / "models" / "full-0")
    found = answers(reader, read_items(folder), load_pages(tmp_path / "pages.jsonl"))
    assert found[0].status == "failed" and "exceed the 2048" in found[0].why
    assert all(one.status in ("cut", "answered", "empty") for one in found[1:])


def test_what_is_missing_is_named(inputs, tmp_path):
    with pytest.raises(NoTunedModel, match="models/ocr_only-0"):
        answered(inputs, tmp_path / "out", "ocr_only")
    (tmp_path / "items.jsonl").write_text('{"key": "a"}\n')
    with pytest.raises(NoItems, match=r"items\.jsonl:1 is no item"):
        read_items(tmp_path)
    with pytest.raises(NoItems, match="run the step"):
        read_items(inputs["read"])
