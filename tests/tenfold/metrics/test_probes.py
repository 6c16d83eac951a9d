"""Linear probes: standardised features, the control of shuffled labels, groups of features against each other."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tenfold.metrics.bootstrap import InvalidSamples
from tenfold.metrics.probes import group_dependence, group_probes, linear_probe, probe_difference

DIGITS = load_digits()
ROWS, LABELS = DIGITS.data[:, 16:48], DIGITS.target  # the four rows in the middle
NOISE = np.random.default_rng(0).standard_normal(ROWS.shape)
GROUPS = np.stack([ROWS + 12 * NOISE, ROWS], axis=1)  # (N, 2, 32): detail says little, semantic much
PARTS = GROUPS[:1200], LABELS[:1200], GROUPS[1200:], LABELS[1200:]
WHOLE = ROWS[:1200], LABELS[:1200], ROWS[1200:], LABELS[1200:]


@pytest.fixture(scope="module")
def probes():
    return group_probes(*PARTS)


def test_labels_are_read_and_shuffled_ones_are_not(probes):
    probe = probes[1]
    assert probe.accuracy > 0.8 and probe.interval[0] < probe.accuracy < probe.interval[1]
    assert abs(probe.shuffled_accuracy - 0.1) < 0.06 and 0.1 <= probe.chance < 0.12
    assert probe.n == len(probe.correct) == 597 and probe.correct.mean() == probe.accuracy


def test_groups_differ_and_each_is_the_probe_of_it_alone(probes):
    alone = linear_probe(*WHOLE)
    assert alone.accuracy == probes[1].accuracy and np.array_equal(alone.correct, probes[1].correct)
    found = probe_difference(probes[1], probes[0])
    assert found.value == pytest.approx(probes[1].accuracy - probes[0].accuracy)
    assert found.interval[0] > 0 and found.n == 597 and probe_difference(alone, probes[1]).interval == (0, 0)


def test_taking_the_telling_group_away_costs_more():
    detail, semantic = group_dependence(*PARTS)
    assert semantic > 0.4 and semantic > detail + 0.2


def test_the_scale_of_a_feature_does_not_matter_and_a_constant_one_is_harmless():
    train, labels, test, other = WHOLE
    scale = np.geomspace(1e-3, 1e3, train.shape[1])
    scaled = linear_probe(train * scale + 5, labels, test * scale + 5, other)
    assert scaled.accuracy == pytest.approx(linear_probe(*WHOLE).accuracy, abs=0.01)


@pytest.mark.parametrize("constant", [0.0, -3.7])
def test_a_collapsed_group_is_probed_at_chance_and_hides_no_other(probes, constant):
    collapsed = GROUPS.copy()
    collapsed[:, 0] = constant
    parts = collapsed[:1200], LABELS[:1200], collapsed[1200:], LABELS[1200:]
    none, semantic = group_probes(*parts)
    commonest = np.bincount(LABELS[:1200]).argmax()
    assert none.accuracy == none.shuffled_accuracy == (LABELS[1200:] == commonest).mean() <= none.chance < 0.12
    assert none.interval[0] < none.accuracy < none.interval[1]
    assert semantic.accuracy == probes[1].accuracy and probe_difference(semantic, none).interval[0] > 0.5
    lost = group_dependence(*parts)
    assert lost[0] == 0 and lost[1] > 0.7
    assert group_dependence(0 * GROUPS[:1200], LABELS[:1200], 0 * GROUPS[1200:], LABELS[1200:]).tolist() == [0, 0]
    with pytest.raises(InvalidSamples, match="NaN"):
        group_probes(np.where(collapsed[:1200] == constant, np.nan, collapsed[:1200]), *parts[1:])


def test_equal_classes_without_features_are_read_at_chance():
    labels = np.arange(600) % 4
    found = linear_probe(np.full((600, 3), 0.25), labels, np.full((600, 3), 0.25), labels)
    assert found.accuracy == found.shuffled_accuracy == found.chance == 0.25 and found.correct.sum() == 150


def test_the_statistics_come_from_the_training_set():
    train, labels, test, other = WHOLE
    assert (
        linear_probe(train, labels, test[:50], other[:50]).correct.tolist()
        == linear_probe(*WHOLE).correct[:50].tolist()
    )


def nan_at_one_place(rows):
    return np.where(np.arange(rows.size).reshape(rows.shape) == 7, np.nan, rows)


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ("NaN", lambda train, labels: (nan_at_one_place(train), labels)),
        ("do not fit labels", lambda train, labels: (train, labels[1:])),
        ("with 2 axes", lambda train, labels: (train[:, None], labels)),
        ("with 2 axes", lambda train, labels: (train[:0], labels[:0])),
        ("not of one network", lambda train, labels: (train[:, :5], labels)),
        ("two classes", lambda train, labels: (train, 0 * labels)),
        ("infinite", lambda train, labels: (np.where(train > 15, np.inf, train), labels)),
    ],
)
def test_what_cannot_be_probed_is_named(words, change):
    train, labels, test, other = WHOLE
    with pytest.raises(InvalidSamples, match=words):
        linear_probe(*change(train, labels), test, other)


def test_groups_that_do_not_fit_are_named(probes):
    with pytest.raises(InvalidSamples, match=r"\(N, G, D\)"):
        group_probes(ROWS[:1200], LABELS[:1200], *PARTS[2:])
    with pytest.raises(InvalidSamples, match="with 3 axes"):
        group_dependence(*WHOLE)
    with pytest.raises(InvalidSamples, match="one length"):
        probe_difference(probes[0], linear_probe(*WHOLE[:2], ROWS[1300:], LABELS[1300:]))
