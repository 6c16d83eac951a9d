"""AnyText's and GlyphControl's scores: the fixtures that their rules imply, and what the corrected ones change."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold.text.errors import UnpairedTexts
from tenfold.text.line_scores import corrected_phrase_scores, line_scores, official_phrase_scores
from tenfold.text.word_scores import corrected_word_table, mean_word_scores, official_word_scores, official_word_table


@pytest.mark.parametrize(
    ("target", "read", "accuracy", "ned"),
    [
        ("open", "open", 1, 1),
        ("open", "", 0, 1 - 4 / (4 + 1e-5)),
        ("open", "0pen", 0, 1 - 1 / (4 + 1e-5)),
        ("open", "Open", 0, 1 - 1 / (4 + 1e-5)),
        ("ab", "abcdef", 0, 1 - 4 / (6 + 1e-5)),
    ],
)
def test_a_line_scores_as_anytext_says(target, read, accuracy, ned):
    found = line_scores([target], [read])
    assert (found.accuracy, found.ned) == pytest.approx((accuracy, ned), abs=1e-9)


def test_images_without_lines_flatter_glyphcontrol_and_count_when_corrected():
    phrases = ["open", "open", "Late", "shut"]
    lines = [["open"], [], ["late", "x"], ["sh", "shot"]]
    official, corrected = official_phrase_scores(phrases, lines), corrected_phrase_scores(phrases, lines)
    assert (official.exact, official.exact_any_case) == (0.25, 0.5)
    assert (official.distance, official.images, official.skipped) == (pytest.approx((0 + 1 + 1) / 3), 3, 1)
    assert (corrected.distance, corrected.images, corrected.skipped) == (pytest.approx((0 + 4 + 1 + 1) / 4), 4, 0)
    assert (corrected.exact, corrected.exact_any_case) == (0.25, 0.5)


def test_blank_images_score_nothing_anywhere():
    """Precision, recall, accuracy and NED are 0, and the images count."""
    words = official_word_scores([["open"], ["late"]], [[], ["late"]])
    assert (words.accuracy, words.precision, words.recall) == pytest.approx((0.5, 0.5, 0.5), abs=1e-6)
    assert line_scores(["open"], [""]).ned == pytest.approx(0, abs=1e-5)
    everything_blank = official_phrase_scores(["open"], [[]])
    assert everything_blank.exact == 0 and np.isnan(everything_blank.distance) and everything_blank.skipped == 1
    assert corrected_phrase_scores(["open"], [[]]).distance == 4


def literal(pred: list[str], gt: list[str]) -> tuple[float, float, float]:
    """Return accuracy, precision and recall by removing hits one by one, as the published rule is worded."""
    pred, gt = ([item.strip().lower() for item in items] for items in (pred, gt))
    left_pred, left_gt = list(pred), list(gt)
    for item in pred:
        if item in left_gt:
            left_pred.remove(item)
            left_gt.remove(item)
    precision = (len(pred) - len(left_pred)) / (len(pred) + 1e-8)
    recall = (len(gt) - len(left_gt)) / (len(gt) + 1e-8)
    return float("".join(sorted(pred)) == "".join(sorted(gt))), precision, recall


def test_the_official_table_is_the_rule_word_by_word():
    generator = np.random.default_rng(0)
    items = ["a", "b", "ab", "A ", "c", "bc", "the end"]
    targets, lines = (
        [generator.choice(items, int(generator.integers(0, 5))).tolist() for _ in range(300)] for _ in range(2)
    )
    expected = [literal(read, wanted) for wanted, read in zip(targets, lines, strict=True)]
    np.testing.assert_allclose(official_word_table(targets, lines), expected, atol=1e-12)
    assert mean_word_scores(official_word_table(targets, lines)) == official_word_scores(targets, lines)
    assert (corrected_word_table(targets, lines) != official_word_table(targets, lines)).any()


def test_unpaired_texts_are_refused():
    for score in (line_scores, official_phrase_scores, corrected_phrase_scores):
        with pytest.raises(UnpairedTexts):
            score(["a"], [])
        with pytest.raises(UnpairedTexts):
            score([], [])
