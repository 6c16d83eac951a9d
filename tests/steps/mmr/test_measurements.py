"""Measurements of the claims: planted effects turn each of them the right way, and their absence turns it back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.report.claims import load_claims
from flows.report.verdicts import Verdict, judge
from steps.mmr.item_sets import OFFICIAL, RENDERED, read_sets
from steps.mmr.measurements import all_measurements
from steps.mmr.replies import read_replies
from steps.mmr.scored import ScoredSet, score_sets
from tenfold.metrics.measurement import Measurement
from tests.steps.mmr.planted import (
    BLIND,
    PERFECT,
    READS,
    TALKS,
    USUAL,
    Planted,
    Reader,
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


def test_every_measurement_that_a_claim_names_is_there(tmp_path):
    found = measured(tmp_path)
    named = {name for entry in CLAIMS.entries for test in entry.tests or () for name in test.measurements}
    assert named <= set(found)
    for name, one in found.items():
        if one.interval is not None:
            assert one.n and one.n > 1 and "images" in one.detail, name


@pytest.mark.parametrize("own", ["rendered", "receipts"])
def test_models_that_stand_in_their_order_reproduce_m1(tmp_path, own):
    assert verdict(f"M1-{own}", measured(tmp_path, per_task=40)) is Verdict.REPRODUCED


@pytest.mark.parametrize(
    "planted",
    [
        {"OCRRules ppocr6": ("rules", PERFECT, {"engine": "ppocr6"})},
        {"OCRRules ppocr6": ("rules", TALKS, {"engine": "ppocr6"})},
        {"SmolLM2 ppocr6": ("language", READS, {"engine": "ppocr6"})},
        {"BlindText": ("blind", READS)},
    ],
    ids=["rules at the ceiling", "rules like the language model", "a language model like rules", "blindness that pays"],
)
def test_models_out_of_order_contradict_m1(tmp_path, planted):
    assert verdict("M1-rendered", measured(tmp_path, planted, per_task=40)) is Verdict.CONTRADICTED


def test_an_oracle_without_all_points_is_a_bug_of_ours_and_decides_nothing(tmp_path):
    found = measured(tmp_path, {"Oracle": ("oracle", READS)}, per_task=40)
    assert verdict("M1-rendered", found) is Verdict.INCONCLUSIVE
    assert verdict("F7", found) is Verdict.FAILS


def test_weak_boxes_of_texts_reproduce_m3_and_strong_ones_contradict_it(tmp_path):
    weak = Reader(0.8, 0.8, 0.8, 0.6, 0.05)
    models: Planted = {"Seer": ("pretrained", weak, {}), "Looker": ("pretrained", weak, {})}
    found = measured(tmp_path / "weak", models, per_task=40)
    assert found["rendered_others_minus_text_box"].bounds[0] > 0 < found["rendered_choice_minus_grounding"].bounds[0]
    assert verdict("M3-rendered", found) is Verdict.REPRODUCED
    one_strong = models | {"Looker": ("pretrained", Reader(0.5, 0.5, 0.3, 0.8, 0.95), {})}
    assert verdict("M3-rendered", measured(tmp_path / "strong", one_strong, per_task=40)) is Verdict.CONTRADICTED
    unread: Planted = models | {"OCRRules ppocr6": ("rules", BLIND, {"engine": "ppocr6"})}
    assert verdict("M3-rendered", measured(tmp_path / "unread", unread, per_task=40)) is Verdict.INCONCLUSIVE
    assert verdict("M3-rendered", measured(tmp_path / "handed", per_task=40)) is Verdict.NOT_TESTABLE


@pytest.mark.parametrize("strength", [BLIND, Reader(0.5, 0.5, 0.3, 0.8, 0.95), PERFECT])
def test_a_model_trained_here_is_shown_and_judges_nothing(tmp_path, strength):
    models: Planted = {"Tiny": ("trained", strength, {})}
    without, beside = measured(tmp_path / "without", per_task=20), measured(tmp_path / "beside", models, per_task=20)
    assert beside == without
    alone = verdict("M3-rendered", beside), verdict("M3", beside), verdict("M1", beside)
    assert set(alone) == {Verdict.NOT_TESTABLE}


def test_blindness_above_chance_contradicts_m5_and_at_chance_it_does_not(tmp_path):
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
    assert verdict("M5", both) is Verdict.CONTRADICTED
    forged = both | {"rendered_blind_minus_chance": both["official_blind_minus_chance"]}
    assert verdict("M5", forged) is Verdict.INCONCLUSIVE  # a blind model that gains where nothing can be gained


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
    short = measured(tmp_path / "short", {"PageDump ppocr6": ("dump", Reader(text=0.9))})
    assert verdict("F4", short) is Verdict.NOT_CONFIRMED


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
