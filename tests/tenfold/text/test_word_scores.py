"""MARIO-Eval's word scores: the fixtures that its rules imply, official and corrected."""

from __future__ import annotations

import pytest

from tenfold.text.errors import UnpairedTexts
from tenfold.text.word_scores import WordScores, corrected_word_scores, official_word_scores

CASES = [  # wanted, read, official (accuracy, precision, recall), corrected
    (["open", "24h"], ["OPEN ", "24h"], (1, 1, 1), (1, 1, 1)),
    (["open"], [], (0, 0, 0), (0, 0, 0)),
    ([], [], (1, 0, 0), (1, 0, 0)),
    ([], ["stray"], (0, 0, 0), (0, 0, 0)),
    (["ab", "c"], ["a", "bc"], (1, 0, 0), (0, 0, 0)),
    (["open", "now"], ["open now"], (0, 0, 0), (1, 1, 1)),
    (["the", "the", "end"], ["the", "end"], (0, 1, 2 / 3), (0, 1, 2 / 3)),
    (["end"], ["the", "end"], (0, 0.5, 1), (0, 0.5, 1)),
]


@pytest.mark.parametrize(("wanted", "read", "official", "corrected"), CASES)
def test_one_image_scores_as_the_rules_say(wanted, read, official, corrected):
    for score, expected in ((official_word_scores, official), (corrected_word_scores, corrected)):
        found = score([wanted], [read])
        assert (found.accuracy, found.precision, found.recall) == pytest.approx(expected, abs=1e-6)


def test_f_is_that_of_the_means_and_not_the_mean_of_f():
    scores = official_word_scores([["a"], ["b", "c", "d", "e"]], [["a", "x", "y", "z"], ["b"]])
    assert (scores.precision, scores.recall) == pytest.approx(((0.25 + 1) / 2, (1 + 0.25) / 2), abs=1e-6)
    assert scores.f_measure == pytest.approx(0.625, abs=1e-6)
    assert WordScores(0.0, 0.0, 0.0).f_measure == 0


def test_images_must_be_paired():
    for targets, lines in (([["a"]], []), ([], [])):
        with pytest.raises(UnpairedTexts):
            corrected_word_scores(targets, lines)
