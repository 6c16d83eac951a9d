"""Measurements of the claims: planted effects turn each of them the right way, and their absence turns it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.report.claims import load_claims
from flows.report.verdicts import Verdict, judge
from steps.mmr.item_sets import OFFICIAL, RENDERED, Source, read_sets
from steps.mmr.measurements import all_measurements, seeing_measurements
from steps.mmr.replies import OTHER_IMAGE, read_replies
from steps.mmr.scored import ScoredSet, score_sets
from tenfold.metrics.measurement import Measurement
from tenfold.mmr.items import ItemSet
from tests.steps.mmr.planted import (
    BLIND,
    OTHERS,
    PERFECT,
    READS,
    TALKS,
    USUAL,
    Planted,
    Reader,
    item_set,
    write_replied,
    write_sets,
)

CLAIMS = load_claims(Path("steps/mmr/claims.yaml"))


def scored(root: Path, planted: Planted | None = None, per_task: int = 20, **stand_in: bool) -> dict[str, ScoredSet]:
    """Return the sets with the usual replies, and others in their place or beside them."""
    sets = write_sets(root, per_task, **stand_in)
    replied = write_replied(root / "replied", sets, {**USUAL, **(planted or {})})
    return score_sets(read_sets(*(root / name for name in sets)), read_replies([replied]))


def measured(root: Path, planted: Planted | None = None, **options: Any) -> dict[str, Measurement]:
    return all_measurements(scored(root, planted, **options))


def verdict(name: str, found: Mapping[str, Measurement]) -> Verdict:
    return judge(next(entry for entry in CLAIMS.entries if entry.id == name), found).verdict


def of_tests(name: str, found: Mapping[str, Measurement]) -> Verdict:
    """Return what the tests of a claim say that is withdrawn, and shows them still."""
    entry = next(entry for entry in CLAIMS.entries if entry.id == name)
    assert judge(entry, found).verdict is Verdict.WITHDRAWN
    return judge(entry.model_copy(update={"withdrawn": None}), found).verdict


def test_every_measurement_that_a_claim_names_is_there(tmp_path):
    found = measured(tmp_path)
    named = {name for entry in CLAIMS.entries for test in entry.tests or () for name in test.measurements}
    assert named <= set(found)
    for name, one in found.items():
        if one.interval is not None:
            assert one.n and one.n > 1 and "images" in one.detail, name


@pytest.mark.parametrize("own", ["rendered", "receipts"])
def test_a_wide_spread_of_rows_reproduces_m1(tmp_path, own):
    assert of_tests(f"M1-{own}", measured(tmp_path, per_task=40)) is Verdict.REPRODUCED


@pytest.mark.parametrize(
    "planted",
    [
        {"OCRRules ppocr6": ("rules", PERFECT, {"engine": "ppocr6"})},
        {"SmolLM2 ppocr6": ("language", READS, {"engine": "ppocr6"})},
    ],
    ids=["rules at the ceiling", "a language model like rules"],
)
def test_rows_that_are_close_contradict_m1(tmp_path, planted):
    assert of_tests("M1-rendered", measured(tmp_path, planted, per_task=40)) is Verdict.CONTRADICTED


def test_the_order_of_a_language_model_and_blindness_decides_nothing_of_m1(tmp_path):
    behind: Planted = {"SmolLM2 ppocr6": ("language", Reader(choice=-1), {"engine": "ppocr6"})}
    found = measured(tmp_path / "behind", behind, per_task=40)
    assert of_tests("M1-rendered", found) is Verdict.REPRODUCED
    ahead = measured(tmp_path / "ahead", {"BlindText": ("blind", READS)}, per_task=40)
    assert of_tests("M1-rendered", ahead) is Verdict.INCONCLUSIVE  # blindness pays: no spread says anything
    unread: Planted = {"OCRRules ppocr6": ("rules", TALKS, {"engine": "ppocr6"})}
    assert of_tests("M1-rendered", measured(tmp_path / "unread", unread, per_task=40)) is Verdict.INCONCLUSIVE


def test_headroom_is_that_of_columns_without_objects(tmp_path):
    no_objects = Reader(1, 1, 0, 1, 1)
    found = measured(tmp_path, {"OCRRules ppocr6": ("rules", no_objects, {"engine": "ppocr6"})}, per_task=20)
    assert found["rendered_headroom"].value == 0 < found["rendered_oracle"].number - found["rendered_rules"].number


def test_an_oracle_without_all_points_is_a_bug_of_ours_and_decides_nothing(tmp_path):
    found = measured(tmp_path, {"Oracle": ("oracle", READS)}, per_task=40)
    assert of_tests("M1-rendered", found) is Verdict.INCONCLUSIVE
    assert verdict("F7", found) is Verdict.FAILS


def test_weak_boxes_of_texts_reproduce_m3_and_strong_ones_contradict_it(tmp_path):
    weak = Reader(0.9, 0.8, 0.8, 0.6, 0.05)
    models: Planted = {"Seer": ("pretrained", weak, {}), "Looker": ("pretrained", weak, {})}
    found = measured(tmp_path / "weak", models, per_task=40)
    assert found["rendered_others_minus_text_box"].bounds[0] > 0 < found["rendered_choice_minus_grounding"].bounds[0]
    assert verdict("M3-rendered", found) is Verdict.REPRODUCED
    one_strong = models | {"Looker": ("pretrained", Reader(0.9, 0.5, 0.3, 0.8, 0.95), {})}
    assert verdict("M3-rendered", measured(tmp_path / "strong", one_strong, per_task=40)) is Verdict.CONTRADICTED
    unread: Planted = models | {"OCRRules ppocr6": ("rules", BLIND, {"engine": "ppocr6"})}
    assert verdict("M3-rendered", measured(tmp_path / "unread", unread, per_task=40)) is Verdict.INCONCLUSIVE
    assert verdict("M3-rendered", measured(tmp_path / "handed", per_task=40)) is Verdict.NOT_TESTABLE


def test_columns_are_judged_as_they_are_and_corrected_ones_are_shown(tmp_path):
    """The box of a text is the lowest column, and the box of an object is below what a box of other images has."""
    constant: Planted = {"BlindText": ("blind", Reader(object_box=0.6))}
    seer: Planted = {"Seer": ("pretrained", Reader(0.9, 0.8, 0.3, 0.6, 0.02), {})}
    found = measured(tmp_path, constant | seer, per_task=40)
    assert found["official_corrected_others_minus_text_box"].bounds[1] < 0
    assert verdict("M3-receipts", found) is Verdict.REPRODUCED and verdict("M3", found) is Verdict.REPRODUCED


def test_grounded_texts_are_a_column_that_can_be_weaker_than_boxes(tmp_path):
    seer: Planted = {"Seer": ("pretrained", Reader(0.9, 0.8, 0.6, 0.02, 0.3), {})}
    assert verdict("M3-rendered", measured(tmp_path, seer, per_task=40)) is Verdict.CONTRADICTED


def test_models_that_do_not_read_are_not_judged_by_their_boxes(tmp_path):
    unread: Planted = {"Dim": ("pretrained", Reader(0.3, 0.5, 0.3, 0.0, 0.3), {})}
    alone = measured(tmp_path / "alone", unread, per_task=40)
    assert verdict("M3", alone) is Verdict.NOT_TESTABLE
    assert "60 of 100 points in recognition" in (alone["official_others_minus_text_box"].unavailable or "")
    seer: Planted = {"Seer": ("pretrained", Reader(0.9, 0.8, 0.8, 0.6, 0.05), {})}
    beside = measured(tmp_path / "beside", unread | seer, per_task=40)
    assert verdict("M3", beside) is Verdict.REPRODUCED and "1 models" in beside["official_least_recognition"].detail
    barely: Planted = {"Seer": ("pretrained", Reader(0.65, 0.8, 0.8, 0.6, 0.05), {})}
    found = measured(tmp_path / "barely", barely, per_task=40)
    assert verdict("M3-rendered", found) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("strength", [BLIND, Reader(0.5, 0.5, 0.3, 0.8, 0.95), PERFECT])
def test_a_model_trained_here_is_shown_and_judges_nothing(tmp_path, strength):
    models: Planted = {"Tiny": ("trained", strength, {})}
    without, beside = measured(tmp_path / "without", per_task=20), measured(tmp_path / "beside", models, per_task=20)
    assert beside == without
    alone = verdict("M3-rendered", beside), verdict("M3", beside), verdict("M1", beside)
    assert set(alone) == {Verdict.NOT_TESTABLE}


def test_words_of_other_images_that_tell_the_answers_confirm_f9_and_a_leak_of_the_estimator_does_not(tmp_path):
    told = Reader(choice=0.4)
    splits: Planted = {f"BlindText · split {n}": ("blind", told, {"variant": f"split {n}"}) for n in range(2)}
    found = measured(tmp_path / "told", splits, per_task=50)
    assert verdict("F9", found) is Verdict.CONFIRMED
    assert "mean of 2 splits" in found["official_words_minus_chance"].detail
    shuffled: Planted = {
        f"BlindText · shuffled answers, split {n}": ("blind", told, {"variant": f"shuffled answers, split {n}"})
        for n in range(2)
    }
    assert verdict("F9", measured(tmp_path / "leak", splits | shuffled, per_task=50)) is Verdict.INCONCLUSIVE
    assert verdict("F9", measured(tmp_path / "fair", per_task=50)) is Verdict.NOT_CONFIRMED


def test_m5_is_withdrawn_whatever_blindness_has(tmp_path):
    biased: Planted = {"BlindText": ("blind", Reader(choice=0.5))}
    by_set = {OFFICIAL: biased, RENDERED: {"BlindText": ("blind", BLIND)}}
    found = measured(tmp_path / "fair", per_task=50)
    assert found["official_blind_minus_chance"].bounds[0] < 5
    assert verdict("F8", found) is Verdict.HOLDS
    assert measured(tmp_path / "biased", biased, per_task=50)["rendered_blind_minus_chance"].bounds[0] > 5
    sets = write_sets(tmp_path / "both", 50)
    folders = []
    for name, planted in by_set.items():
        every = {**USUAL, **planted}
        folders.append(write_replied(tmp_path / "both" / f"to-{name}", {name: sets[name]}, every))
    folders.append(write_replied(tmp_path / "both" / "to-receipts", {"receipts": sets["receipts"]}))
    both = all_measurements(score_sets(read_sets(*(tmp_path / "both" / name for name in sets)), read_replies(folders)))
    assert both["official_blind_minus_chance"].bounds[0] > 5
    assert verdict("M5", both) is verdict("M5", found) is Verdict.WITHDRAWN


def test_claims_about_models_that_see_wait_for_them(tmp_path):
    found = measured(tmp_path)
    for name in ("M1", "M2", "M3", "M4"):
        assert verdict(name, found) is Verdict.NOT_TESTABLE
    assert "by an endpoint or a GPU" in (found["official_spread"].unavailable or "")


def test_what_is_made_up_says_nothing(tmp_path):
    found = measured(tmp_path, official=True, rendered=False, receipts=True)
    for name, one in found.items():
        if name.startswith(("official_", "receipts_")):
            assert "made up" in (one.unavailable or "") or "needs the images" in (one.unavailable or ""), name
    assert found["published_rows_that_do_not_add_up"].value == 2
    made_up = {"SmolLM2 ppocr6": ("language", TALKS, {"engine": "ppocr6", "stand_in": True})}
    lacking = measured(tmp_path / "weights", made_up)
    assert "made-up weights" in (lacking["rendered_rules_minus_language"].unavailable or "")
    assert lacking["rendered_rules_minus_blind"].interval is not None


def test_a_dump_gains_by_the_released_score_alone(tmp_path):
    found = measured(tmp_path / "dump")
    assert found["receipts_dump_gain"].bounds[0] > 30 and verdict("F4", found) is Verdict.CONFIRMED
    for name, planted in (
        ("short", {"PageDump ppocr6": ("dump", Reader(text=1.0))}),
        ("poor", {"PageDump ppocr6": ("dump", Reader(text=0.6, around=OTHERS))}),
        ("anything", {f"PageDump ppocr6 · {OTHER_IMAGE}": ("dump", PERFECT, {"variant": OTHER_IMAGE})}),
    ):
        assert verdict("F4", measured(tmp_path / name, planted)) is Verdict.NOT_CONFIRMED


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.8, Verdict.REPRODUCED), (1.0, Verdict.CONTRADICTED), (0.65, Verdict.INCONCLUSIVE)],
    ids=["well below", "at the maximum", "none of the best"],
)
def test_only_a_model_like_the_best_judges_m2(tmp_path, share, expected):
    rows = (replace(item, file=f"{item.image}.png") for item in item_set(OFFICIAL, 50).rows)
    items = ItemSet(OFFICIAL, tuple(rows))
    seer = Reader(share, share, share, share, share)
    write_replied(tmp_path, {OFFICIAL: items}, {"Seer": ("pretrained", seer, {})})
    own = score_sets({OFFICIAL: Source(items, {"stand_in": False})}, read_replies([tmp_path]))[OFFICIAL]
    found = seeing_measurements(own)
    assert found["official_best_points"].number == pytest.approx(6 * found["official_best"].number)
    assert verdict("M2", found) is expected


def test_differences_are_paired_by_image_and_copies_do_not_narrow_them(tmp_path):
    sets = scored(tmp_path)
    table = sets[RENDERED].table()
    one = table.compare("OCRRules ppocr6", "OCRRules ppocr4")
    assert one is not None and one.n == 40
    same = table.compare("Random", "BlindText")  # the same reader under two seeds: close, and no interval of zero width
    assert same is not None and same.interval[0] < 0 < same.interval[1]
    doubled = type(table)(table.models, 2 * table.sums)
    assert doubled.compare("OCRRules ppocr6", "OCRRules ppocr4") == one


def test_a_corrected_share_is_nothing_at_chance_and_all_for_the_oracle(tmp_path):
    table = scored(tmp_path, per_task=50)[RENDERED].table()
    sums = table.sums.sum(axis=0)
    for group in ("choice", "object box", "text box", "grounding"):
        assert table.corrected("Oracle", group, "ConstantBox")(sums) == pytest.approx(1)
    assert table.corrected("ConstantBox", "object box", "ConstantBox")(sums) == 0
    assert abs(table.corrected("Random", "choice", "ConstantBox")(sums)) < 0.15
    assert np.isnan(table.share("Random", "object box")(np.zeros_like(sums)))
