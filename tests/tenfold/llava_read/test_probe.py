"""The probe reads features that hold the letters, not those that don't; slopes of two readers are compared by page."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tenfold.llava_read.probe import (
    ALPHABET,
    ProbeWord,
    engine_recall,
    probe_recall,
    probe_words,
    slope_difference,
    train_probe,
)
from tenfold.llava_read.probe_pages import draw_probe_pages
from tenfold.llava_read.reading_errors import InvalidProbe
from tenfold.ocr.page import Page, Word
from tenfold.rendering.fonts import bundled_fonts

WIDTH = 16


def pages_of(per_cell: int, seed: int, part="test", sizes=(20,), counts=(6,)):
    fonts = bundled_fonts()
    return draw_probe_pages(part, sizes=sizes, counts=counts, per_cell=per_cell, seed=seed, fonts=fonts)


def telling(pages, words, *, side=64):
    """Return features (P, side, side, D) that code the letter under each point of a word, and noise elsewhere."""
    codes = torch.randn(len(ALPHABET), WIDTH, generator=torch.Generator().manual_seed(1))
    features = 0.1 * torch.randn(len(pages), side, side, WIDTH, generator=torch.Generator().manual_seed(2))
    for word in words:
        x0, y0, x1, y1 = (round(value * side) for value in word.box)
        for x in range(x0, x1):
            letter = word.text[min(len(word.text) - 1, (x - x0) * len(word.text) // max(1, x1 - x0))]
            features[word.page, y0:y1, x] = codes[ALPHABET.index(letter)]
    return features


def test_a_probe_reads_features_that_hold_the_letters_and_no_others():
    train, test = pages_of(40, 0), pages_of(8, 1)
    words, asked = probe_words(train), probe_words(test)
    probe = train_probe(telling(train, words), words, updates=200, seed=0, learning_rate=0.02)
    read = probe_recall(probe, telling(test, asked), asked)
    assert read.shape == (8,) and read.mean() > 0.5
    noise = torch.randn(40, 64, 64, WIDTH, generator=torch.Generator().manual_seed(3))
    deaf = train_probe(noise, words, updates=40, seed=0)
    assert probe_recall(deaf, noise[:8], asked).mean() < 0.1


def test_the_same_seed_gives_the_same_probe_and_the_encoder_gets_no_gradient():
    pages = pages_of(2, 0)
    words = probe_words(pages)
    features = torch.randn(2, 8, 8, WIDTH).requires_grad_()
    one, other = (train_probe(features, words, updates=3, seed=5) for _ in range(2))
    assert torch.equal(one.linear.weight, other.linear.weight) and features.grad is None
    assert not torch.equal(one.linear.weight, train_probe(features, words, updates=3, seed=6).linear.weight)


def test_an_engines_recall_is_counted_page_by_page_with_and_without_spaces():
    pages = pages_of(2, 0)
    joined = Page(256, 256, (Word("".join(word.text for word in pages[1].truth.words), (0, 0, 9, 9)),), "none")
    assert engine_recall(pages, [pages[0].truth, joined]).tolist() == [1, 0]
    assert engine_recall(pages, [pages[0].truth, joined], spaces=False).tolist() == [1, 1]
    with pytest.raises(InvalidProbe, match="2 pages and 1"):
        engine_recall(pages, [joined])


def test_cells_hold_the_words_and_sizes_asked_for_and_are_left_out_whole():
    pages = pages_of(3, 0, sizes=(8, 40), counts=(1, 40))
    assert {(page.text_size, page.words) for page in pages} == {(8, 1), (8, 40), (40, 1)}
    assert all(len(page.truth.words) == page.words and page.text_size >= 8 for page in pages)
    assert len({page.id for page in pages}) == len(pages) == 9
    with pytest.raises(InvalidProbe, match="holds"):
        pages_of(1, 0, sizes=(40,), counts=(40,))


def test_the_difference_of_two_slopes_is_found_with_its_interval():
    generator = np.random.default_rng(0)
    x = np.repeat([1.0, 2.0, 3.0, 4.0], 10)
    steep, even = (0.1 + slope * x + generator.normal(0, 0.02, 40) for slope in (0.2, 0.05))
    pages = [f"page-{number}" for number in range(40)]
    found = slope_difference(x, steep, even, pages, seed=0)
    assert found is not None and found.value == pytest.approx(0.15, abs=0.02)
    assert found.interval[0] < 0.15 < found.interval[1] and found.n == 40 and found.p_value < 0.01
    again = slope_difference(x, even, even, pages, seed=0)
    assert again is not None and again.value == 0 and again.interval == (0, 0)
    assert slope_difference(np.ones(40), steep, even, pages, seed=0) is None
    with pytest.raises(InvalidProbe, match="one length"):
        slope_difference(x, steep[:5], even, pages, seed=0)


def test_words_that_cannot_be_spelt_and_features_that_are_none_are_refused():
    pages = pages_of(1, 0)
    words = probe_words(pages)
    with pytest.raises(InvalidProbe, match="grids"):
        train_probe(torch.full((1, 4, 4, 2), float("nan")), words, updates=1, seed=0)
    with pytest.raises(InvalidProbe, match="1 pages"):
        train_probe(torch.zeros(1, 4, 4, 2), [ProbeWord(1, "far", (0, 0, 1, 1))], updates=1, seed=0)
    long = Page(256, 256, (Word("Ünmöglich", (0, 0, 9, 9)),), "described")
    with pytest.raises(InvalidProbe, match="Ünmöglich"):
        probe_words([type(pages[0])("p", 8, 1, pages[0].image, long)])
