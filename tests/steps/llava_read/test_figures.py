"""Captions tell what was drawn and nothing else; one thing has one colour."""

from __future__ import annotations

import pytest
from matplotlib import pyplot

from steps.llava_read import figures
from steps.llava_read.measurements import MAIN
from steps.llava_read.reading_tables import statistics
from tests.steps.llava_read.planted import LATER, asked, recall_table, write_inputs

ABLATED = ("plain_order", "xy_cut", "without_stage_one", "without_T4")
LANGUAGE = ("language_full", "language_vision", "language_ocr")


@pytest.fixture(autouse=True)
def closed():
    yield
    pyplot.close("all")


def rows_of(figure):
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def test_ablations_are_told_as_they_are_drawn_the_blind_arm_among_them():
    main, _ = asked(count=16, without=(*ABLATED, *LANGUAGE))
    found = figures.ablations(main)
    assert found is not None
    assert rows_of(found[0]) == ["A1 low only", "A2 both resolutions", "A6 ocr only", "question only"]
    assert "(A1, A2, A6 and question only)" in found[1] and "trained beside" not in found[1]
    more, _ = asked(dict(LATER), count=16, without=LANGUAGE)
    later = figures.ablations(more)
    assert later is not None and "; A10, A12 and A13 from the full arm that was trained beside them" in later[1]
    assert "A9" not in later[1] and len(rows_of(later[0])) == 12


def test_budgets_tell_of_trained_arms_only_where_there_are_some(tmp_path):
    survived = statistics(write_inputs(tmp_path, 4)["tasks"])[0]
    main, _ = asked(count=16)
    alone = figures.budgets(main, {}, survived)
    assert alone is not None and len(alone[0].axes) == 1 and "trained" not in alone[1] and "Bars" not in alone[1]
    more, _ = asked(dict(LATER), count=16)
    both = figures.budgets(more, {"full": 256, "budget_64": 64}, survived)
    assert both is not None and len(both[0].axes) == 2 and figures.CHARTS in both[1] and "were trained" in both[1]
    for axis in both[0].axes:  # lines are told apart by their form: each panel is about one thing
        lines = [line for line in axis.get_lines() if len(line.get_xdata()) > 1 and line.get_linestyle() != "None"]
        assert len({line.get_color() for line in lines}) == 1 < len({line.get_linestyle() for line in lines})


def test_readers_that_are_not_there_are_not_told_of():
    table = recall_table()
    every = figures.reading(table)
    assert every is not None and "frozen visual features and OCR engines" in every[1]
    engines = figures.reading(table[table.reader.isin(figures.ENGINES)])
    assert engines is not None and "What OCR engines read" in engines[1] and "Probes" not in engines[1]


def test_what_one_thing_gives_has_one_colour():
    readers, arms = figures.READER_COLOURS, figures.ARM_COLOURS
    same = {"low": "low_only", "merged": "both_resolutions", "ppocr6": "ocr_only"}
    assert {readers[reader] == arms[arm] for reader, arm in same.items()} == {True}
    others = [arms[arm] for arm in MAIN if arm not in same.values()]
    assert len({*readers.values(), *others}) == len(readers) + len(others)
    found = figures.arms(asked(count=16)[0])
    assert found is not None and figures.CHARTS in found[1]
