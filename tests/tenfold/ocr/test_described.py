"""The oracle, and the noise model: fitted to errors that are known, it makes as many of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tenfold.ocr.descriptions import Described, Simulated, described, digest
from tenfold.ocr.errors import InvalidPages, UnknownImage
from tenfold.ocr.noise_model import NoiseModel, Rates
from tenfold.ocr.page import Page
from tenfold.ocr.reading import read
from tenfold.ocr.word_recall import recall
from tenfold.rendering.fonts import bundled_fonts
from tenfold.rendering.pages import draw_words
from tenfold.rendering.words import drawn_words, english_words

ENGINE = "planted errors"


def drawn(count: int, seed: int, size: int = 16):
    generator = np.random.default_rng(seed)
    return [
        draw_words(drawn_words(english_words(), 20, generator), bundled_fonts()[0], text_size=size)
        for _ in range(count)
    ]


def planted(drawings, rates: Rates, seed: int) -> list[Page]:
    """Return the pages as an engine of known rates reads them, which takes o for 0 and e for c."""
    noise = NoiseModel(ENGINE, (rates,) * 6, {"o": {"0": 1.0}, "e": {"c": 1.0}, "r": {"n": 1.0}})
    generator = np.random.default_rng(seed)
    truths = [described(drawing) for drawing in drawings]
    return [Page(page.width, page.height, noise.misread(page, generator), ENGINE) for page in truths]


def test_the_oracle_knows_what_was_drawn_and_nothing_else():
    drawings = drawn(2, 0)
    oracle = Described.of(drawings)
    pages = read([drawing.image for drawing in drawings], oracle)
    assert pages == [described(drawing) for drawing in drawings]
    assert recall(pages, pages).word_recall == 1 and pages[0].engine == "described"
    assert oracle.read_crop(drawings[0].image)[0].split() == [word.text for word in drawings[0].words]
    with pytest.raises(UnknownImage, match="nobody described"):
        oracle.read(drawings[0].image[:100])


def test_a_fit_finds_the_rates_that_were_planted():
    rates = Rates(0.1, 0.7, lost_space=0.2, changed_letter=0.06, lost_letter=0.03, added_letter=0.02)
    drawings = drawn(60, 1)
    noise = NoiseModel.fitted([described(drawing) for drawing in drawings], planted(drawings, rates, 2))
    found = noise.rates[4]  # lines of 14 to 19 pixels: those of this size
    assert noise.engine == ENGINE
    assert found.missed_line == pytest.approx(0.1, abs=0.05)
    assert found.misread_line == pytest.approx(0.7, abs=0.06)
    assert found.lost_space == pytest.approx(0.2, abs=0.04)
    assert found.lost_letter == pytest.approx(0.03, abs=0.015)
    assert found.added_letter == pytest.approx(0.02, abs=0.01)
    assert found.changed_letter == pytest.approx(0.06, abs=0.02)
    assert noise.confusions["o"]["0"] > 0.8 and noise.confusions["e"]["c"] > 0.8


def test_heights_that_were_not_seen_borrow_from_the_nearest():
    """Fitted on small type with errors and large type without, type in between is misread as the nearer one is."""
    bad, good = (Rates(0.0, 1.0, 0.0, rate, 0.0, 0.0) for rate in (0.3, 0.0))
    small, large = drawn(6, 11, 8), drawn(6, 12, 16)
    truths = [described(drawing) for drawing in (*small, *large)]
    noise = NoiseModel.fitted(truths, [*planted(small, bad, 1), *planted(large, good, 2)])
    changed = [rates.changed_letter for rates in noise.rates]
    assert min(changed[:2]) > 0.05 and changed[-1] == changed[-2] == 0


def test_an_engine_without_errors_leaves_a_model_without_errors():
    drawings = drawn(4, 3)
    truths = [described(drawing) for drawing in drawings]
    noise = NoiseModel.fitted(truths, truths)
    pages = read([drawing.image for drawing in drawings], Simulated.after(noise, drawings))
    assert recall(truths, pages).word_recall == 1
    assert {page.engine for page in pages} == {"simulated after described"}


def test_simulated_pages_lose_as_many_words_as_those_of_the_engine():
    """Fitted on some pages, the model has the recalls of the engine on others."""
    rates = Rates(0.05, 0.9, lost_space=0.15, changed_letter=0.03, lost_letter=0.01, added_letter=0.0)
    fit, other = drawn(40, 4), drawn(40, 5)
    noise = NoiseModel.fitted([described(drawing) for drawing in fit], planted(fit, rates, 6))
    truths = [described(drawing) for drawing in other]
    engine = recall(truths, planted(other, rates, 7))
    simulated = recall(truths, read([drawing.image for drawing in other], Simulated.after(noise, other)))
    assert 0.4 < engine.word_recall < 0.9 and engine.spaceless_recall > engine.word_recall + 0.1
    assert simulated.word_recall == pytest.approx(engine.word_recall, abs=0.06)
    assert simulated.spaceless_recall == pytest.approx(engine.spaceless_recall, abs=0.06)


def test_errors_that_come_together_spare_as_many_words_as_those_of_the_engine():
    """One line in five is hardly legible, the others are: spread over all lines, the errors would spoil most words."""
    rates = Rates(0.0, 0.2, lost_space=0.0, changed_letter=0.5, lost_letter=0.0, added_letter=0.0)
    fit, other = drawn(40, 14), drawn(40, 15)
    noise = NoiseModel.fitted([described(drawing) for drawing in fit], planted(fit, rates, 16))
    truths = [described(drawing) for drawing in other]
    engine = recall(truths, planted(other, rates, 17)).word_recall
    simulated = recall(truths, read([drawing.image for drawing in other], Simulated.after(noise, other))).word_recall
    assert 0.75 < engine < 0.88 and simulated == pytest.approx(engine, abs=0.05)


def test_a_misread_line_has_an_error_unless_none_can_come():
    (page,) = (described(drawing) for drawing in drawn(1, 18))
    rare, never = (Rates(0.0, 1.0, 0.0, 0.0, rate, 0.0) for rate in (0.2, 0.0))
    read_as = [
        [
            line.text
            for line in Page(
                page.width,
                page.height,
                NoiseModel(ENGINE, (rates,) * 6, {}).misread(page, np.random.default_rng(0)),
                ENGINE,
            ).lines
        ]
        for rates in (rare, never)
    ]
    truth = [line.text for line in page.lines]
    assert read_as[1] == truth and not set(read_as[0]) & set(truth)


def test_the_same_image_is_misread_in_the_same_way():
    drawings = drawn(3, 8)
    rates = Rates(0.1, 0.8, lost_space=0.2, changed_letter=0.1, lost_letter=0.05, added_letter=0.05)
    noise = NoiseModel.fitted([described(drawing) for drawing in drawings], planted(drawings, rates, 9))
    images = [drawing.image for drawing in drawings]
    one, again = (read(images, Simulated.after(noise, drawings, seed=1)) for _ in range(2))
    assert one == again == read(images[::-1], Simulated.after(noise, drawings, seed=1))[::-1]
    assert one != read(images, Simulated.after(noise, drawings, seed=2))
    assert NoiseModel.from_json(json.loads(json.dumps(noise.to_json()))) == noise
    assert digest(images[0]) != digest(images[1])


def test_pages_that_do_not_belong_together_are_refused():
    truths = [described(drawing) for drawing in drawn(2, 10)]
    mixed = [truths[0], Page(256, 256, (), "another engine")]
    for truth, pages in ((truths, truths[:1]), (truths, mixed), ([], [])):
        with pytest.raises(InvalidPages, match="pair them up"):
            NoiseModel.fitted(truth, pages)
