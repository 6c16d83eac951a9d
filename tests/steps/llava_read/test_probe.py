"""The probe's step on small models: a row per reader, seed and page, letters counted as an oracle counts them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from rapidfuzz.distance import Levenshtein

from steps.llava_read.letters import letters_of_words, read_of_words
from steps.llava_read.probe import (
    NoEncoders,
    ProbeParams,
    encoded,
    letters_of_pages,
    probe,
    searched,
    starts_of,
)
from steps.llava_read.probe_measurements import pages_of, probe_measurements, readers_of
from steps.step.json_files import write_json
from steps.step.run import Run
from tenfold.llava_read.image_processor import LlavaReadImageProcessor
from tenfold.llava_read.probe import ALPHABET, probe_words, spelling_loss, train_probe
from tenfold.llava_read.probe_pages import draw_probe_pages, write_probe_pages
from tenfold.llava_read.processor import LlavaReadProcessor
from tenfold.ocr.page import Page, Word
from tenfold.ocr.page_files import write_pages
from tenfold.rendering.fonts import bundled_fonts
from tests.tenfold.llava_read.small_models import drawn_model

PARAMS = ProbeParams(
    low_start="low", both_start="both", updates=2, search_updates=2, batch_size=8, learning_rates=[1e-3, 1e-2, 1e-1]
)


def write_start(folder: Path, merge: str) -> None:
    model = drawn_model(merge=merge)
    model.save_pretrained(folder)
    LlavaReadProcessor.for_config(model.config).save_pretrained(folder)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    root = tmp_path_factory.mktemp("probe")
    pages = {}
    for part in ("train", "test"):
        pages[part] = draw_probe_pages(part, sizes=(8, 24), counts=(1, 3), per_cell=2, seed=0, fonts=bundled_fonts())
        write_probe_pages(pages[part], root / "prepared" / "probe" / part)
    for engine, name in (("ppocr6", "PP-OCRv6"), ("tesseract", "")):
        (root / engine).mkdir()
        write_json(root / engine / "read.json", {"engine": engine})
        if name:
            read = {page.id: replace(page.truth, engine=name) for page in pages["test"]}
            read[pages["test"][0].id] = Page(256, 256, (), name)
            write_pages(read, root / engine / "probe_test.jsonl")
    for seed in (0, 1):
        write_start(root / "pretrained" / "models" / f"low-{seed}", "none")
        write_start(root / "pretrained" / "models" / f"both-{seed}", "gated")
    write_start(root / "pretrained" / "models" / "both-2", "gated")  # without one of low resolution
    return {
        "prepared": root / "prepared",
        "read": [root / "ppocr6", root / "tesseract"],
        "pretrained": root / "pretrained",
    }


def test_every_reader_seed_and_page_has_a_row_and_claims_find_their_measurements(inputs, tmp_path):
    tables = []
    for name in ("one", "other"):
        out = tmp_path / name
        out.mkdir()
        probe(**inputs, out=out, params=PARAMS, run=Run("llava_read", "probe", out=out))
        tables.append((out / "recall.csv").read_bytes())
    assert tables[0] == tables[1]
    table, about = pd.read_csv(out / "recall.csv"), json.loads((out / "probe.json").read_text())
    counts = table.groupby("reader").size().to_dict()
    assert counts == {"low": 16, "high": 16, "merged": 16, "ppocr6": 8}
    assert set(table[table.reader == "low"].seed) == {0, 1} and set(table[table.reader == "ppocr6"].seed) == {0}
    engine = table[table.reader == "ppocr6"].set_index("page")
    assert (engine.letters == [0, *[1] * 7]).all() and (engine.recall == engine.letters).all()
    assert table.letters.between(0, 1).all()
    assert len(about["probes"]) == 6 and all(len(row["held_out_loss"]) == 3 for row in about["probes"])
    assert about["train_pages"] == about["test_pages"] == 8 and about["train_words"] == 16
    assert len(readers_of(table)) == 4 and len(pages_of(table)) == 8
    found = probe_measurements(table, about)
    assert found["probe_ocr_legible_along_text_size"].value == 100 and found["probe_low_seeds"].value == 2


def test_a_pair_of_starts_is_probed_and_a_lone_one_is_not(inputs, tmp_path):
    assert [seed for seed, _, _ in starts_of(inputs["pretrained"], "low", "both")] == [0, 1]
    with pytest.raises(NoEncoders, match="low_only-<seed>, both-<seed>; there are both-0"):
        starts_of(inputs["pretrained"], "low_only", "both")
    with pytest.raises(NoEncoders, match="none"):
        starts_of(tmp_path, "low", "both")


def test_features_are_those_that_the_model_projects_and_each_encoders_own(inputs):
    (_, low, both), *_ = starts_of(inputs["pretrained"], "low", "both")
    pages = draw_probe_pages("test", sizes=(24,), counts=(1,), per_cell=3, seed=0, fonts=bundled_fonts())
    with torch.no_grad():
        found = encoded(low, both, pages, "cpu")
    assert {name: tuple(one.shape) for name, one in found.items()} == {
        "low": (3, 4, 4, 32),
        "high": (3, 4, 4, 16),
        "merged": (3, 4, 4, 32),
    }
    model = drawn_model(merge="none")
    pixels = LlavaReadImageProcessor(48, None)([page.image for page in pages])["pixel_values_low"]
    with torch.no_grad():
        wanted = model.vision(pixels, None)
    assert torch.allclose(found["low"].flatten(1, 2), wanted, atol=1e-6)
    with pytest.raises(NoEncoders, match="merges gated: name a model of one"), torch.no_grad():
        encoded(both, both, pages, "cpu")


def test_the_learning_rate_is_the_one_with_the_least_loss_on_held_out_pages():
    pages = draw_probe_pages("train", sizes=(24,), counts=(4,), per_cell=10, seed=0, fonts=bundled_fonts())
    words = probe_words(pages)
    features = torch.randn(10, 4, 4, 8, generator=torch.Generator().manual_seed(0))
    chosen, losses = searched(features, pages, words, PARAMS, seed=3)
    assert chosen == PARAMS.learning_rates[int(np.argmin(losses))] and len(set(losses)) == 3
    kept = [word for word in words if word.page % 5]
    by_hand = train_probe(features, kept, updates=2, seed=3, batch=8, learning_rate=1e-2)
    assert losses[1] == spelling_loss(by_hand, features, [word for word in words if not word.page % 5])
    assert searched(features, pages, words, PARAMS.model_copy(update={"learning_rates": [0.5]}), seed=3) == (0.5, [])


def test_a_probe_that_spells_has_a_lower_loss():
    pages = draw_probe_pages("train", sizes=(24,), counts=(2,), per_cell=4, seed=0, fonts=bundled_fonts())
    words, features = probe_words(pages), torch.randn(4, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    losses = [spelling_loss(train_probe(features, words, updates=n, seed=0), features, words) for n in (1, 60)]
    assert losses[1] < losses[0] and losses[0] < 10 * np.log(1 + len(ALPHABET))


def test_letters_that_an_engine_reads_are_given_to_their_words_whatever_its_spaces():
    words = (
        Word("Total", (0, 0, 50, 10), line=0),
        Word("revenue:", (55, 0, 130, 10), line=0),
        Word("May", (0, 20, 30, 30), line=1),
    )
    truth = Page(200, 40, words, "described")
    assert read_of_words(truth, truth) == ["total", "revenue", "may"]
    merged = Page(200, 40, (Word("TotaIrevenue", (0, 0, 130, 10)),), "engine")
    assert read_of_words(truth, merged) == ["totai", "revenue", ""]
    split = Page(200, 40, (Word("re", (55, 0, 70, 10)), Word("tal", (20, 0, 50, 10)), Word("ma", (0, 21, 20, 30))), "e")
    assert read_of_words(truth, split) == ["tal", "re", "ma"]


def test_letters_are_counted_word_by_word_and_chance_by_the_other_words():
    letters, chance = letters_of_words(["total", "may"], ["totai", ""])
    assert letters.tolist() == pytest.approx([0.8, 0]) and chance.tolist() == pytest.approx([1 - 4 / 5, 0])
    assert letters_of_words(["may"], ["may"])[1].tolist() == [0]
    assert letters_of_words(["may", "may"], ["may", "x"])[1].tolist() == [0, 0]  # the same word is no other one


def test_random_letters_are_at_chance_whatever_the_number_of_words():
    pages = draw_probe_pages(
        "test", sizes=(8, 10), counts=(1, 4, 8, 16), per_cell=12, seed=0, fonts=bundled_fonts(), size=(512, 512)
    )
    generator = np.random.default_rng(0)
    letters = list("etaoinshrdlu")
    said = [["".join(generator.choice(letters, 6)) for _ in page.truth.words] for page in pages]
    read, chance = letters_of_pages(pages, said)
    above, counts = (read - chance) / (1 - chance), np.array([page.words for page in pages])
    assert chance.min() > 0.03
    for count in (4, 8, 16):
        assert abs(above[counts == count].mean()) < 0.02
    whole = np.array(
        [
            Levenshtein.normalized_similarity("".join(word.text.lower() for word in page.truth.words), "".join(own))
            for page, own in zip(pages, said, strict=True)
        ]
    )
    assert whole[counts == 16].mean() > whole[counts == 1].mean() + 0.05  # of whole pages it rises
