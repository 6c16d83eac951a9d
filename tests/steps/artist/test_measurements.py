"""Measurements of the claims: planted effects turn each of them the right way, and their absence turns it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.report.claims import load_claims
from flows.report.verdicts import Verdict, judge
from steps.artist.compared_arms import AmbiguousModel, Key, arms_of
from steps.artist.estimates import MissingReadings, accuracy, contrast, difference
from steps.artist.facts import text_measurements
from steps.artist.measurements import PAIRS, arm_measurements, unsearched
from steps.artist.plan import CHAT, TAGGER
from steps.artist.planning_measurements import planner_estimate, planning_measurements, recall
from tenfold.artist.readings import letter_accuracy
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import measured
from tests.steps.artist.planted import MENDED, PLANNERS, SIZE, USUAL, Model, Planner, changed, evidence, plans_of
from tests.steps.artist.rows import control, row_of

CLAIMS = load_claims(Path("steps/artist/claims.yaml"))
DRAWN = ("C3", "F1", "F2", "F3", "F6", "F7")  # decided by images or clocks, in tests of their own


def found_in(
    models: Mapping[str, Model] | None = None,
    planners: Mapping[str, Planner] | None = None,
    text: Mapping[str, Any] | None = None,
    text_searched: bool = True,
    **options: Any,
) -> dict[str, Measurement]:
    known = evidence(models, **options)
    kinds = ({}, {"kind": "sentences"})
    return (
        arm_measurements(known, SIZE, text_searched=text_searched)
        | planning_measurements(plans_of(planners), known, "grey", SIZE)
        | text_measurements([control(seed, **kind, **(text or {})) for seed in range(3) for kind in kinds])
    )


def verdict(name: str, found: Mapping[str, Measurement]) -> Verdict:
    return judge(next(entry for entry in CLAIMS.entries if entry.id == name), found).verdict


@pytest.fixture(scope="module")
def usual() -> dict[str, Measurement]:
    return found_in()


def test_every_measurement_that_a_claim_names_is_there(usual):
    for entry in CLAIMS.entries:
        for test in entry.tests or () if entry.id not in DRAWN else ():
            for name in test.measurements:
                one = usual[name]
                assert one.unavailable is None, (entry.id, name, one.unavailable)
                if test.over is not None:
                    assert one.interval is not None and test.over in one.detail, name
                if test.training:
                    assert one.seeds == 3, name


def test_what_was_planted_holds_everywhere(usual):
    decided = [entry for entry in CLAIMS.entries if entry.id not in DRAWN and entry.tests]
    verdicts = {entry.id: judge(entry, usual).verdict for entry in decided}
    assert {verdicts.pop(name) for name in ("F4", "F5")} == {Verdict.HOLDS}
    assert set(verdicts.values()) == {Verdict.REPRODUCED}, verdicts


@pytest.mark.parametrize(
    ("claim", "models", "planners"),
    [
        ("C1", {"artist": 0.5, "visual": 0.6}, {}),
        ("C1-compute", {"artist": 0.5, "longer": 0.8}, {}),
        ("C1-data", {"visual_250": 0.6, "visual_4000": 0.2}, {}),
        ("C5", {"random": replace(MENDED["random"], taken={"given": 0.8})}, {}),
        ("C4", {"word_only": Model("word_only", 0.88), "artist": 0.6}, {}),
        ("C4", {"sentence_only": Model("sentence_only", 0.88), "artist": 0.6}, {}),
        ("C2", {}, {TAGGER: Planner(0.05, seeds=(0, 1, 2))}),
        ("C2", {"artist": replace(MENDED["artist"], planned={**MENDED["artist"].planned, "tagger-unquoted": 0.2})}, {}),
        ("C2-language", {}, {CHAT: Planner(0.1, quoted=0.8)}),
    ],
    ids=lambda value: value if isinstance(value, str) else ", ".join(value),
)
def test_the_opposite_contradicts(claim, models, planners):
    assert verdict(claim, found_in(changed(**models), {**PLANNERS, **planners})) is Verdict.CONTRADICTED


ONE_SEED = {name: replace(model, seeds=(0,)) for name, model in MENDED.items()}
UNSEARCHED = {name: replace(model, about={"searched": {}, "at_edge": None}) for name, model in MENDED.items()}
AT_EDGE = replace(MENDED["artist"], about={"learning_rate": 4e-3, "at_edge": True})
AT_EQUAL_LENGTH = replace(MENDED["longer"], about={})
ARMS = ("C1", "C1-compute", "C1-data", "C5", "C4")


@pytest.mark.parametrize(
    ("claims", "options", "why"),
    [
        (ARMS, {"ceiling": 0.9}, "ceiling_grey"),
        (ARMS, {"text": {"words": 0.3}}, "text_module_of_ceiling"),
        (ARMS, {"text": {"validation_loss_permuted_letters": 0.1}}, "text_module_letters_used"),
        (("C1",), {"models": changed(artist=0.99, visual=0.95)}, "least_of_ceiling_visual_paper_grey"),
        (("C1-compute",), {"models": changed(longer=AT_EQUAL_LENGTH)}, "rates_unsearched_visual_compute_grey"),
        (("C1-compute",), {"models": changed(artist=0.5, longer=replace(AT_EQUAL_LENGTH, right=0.8))}, ""),
        (("C5",), {"models": changed(random=replace(MENDED["random"], about={"searched": {}}))}, ""),
        (("C4",), {"models": changed(word_only=replace(MENDED["word_only"], about={"searched": {}}))}, ""),
        (("C1",), {"models": changed(artist=0.5, visual=0.6), "text_searched": False}, "text_rate_in_doubt"),
        (("C1-data",), {"models": changed(visual_4000=0.97)}, "most_of_ceiling_visual_sizes_grey"),
        (("C4",), {"text": {"words": 0.3}}, "text_module_two_words_of_ceiling"),
        (("C2",), {"planners": {TAGGER: Planner(0.7, own=0.6, seeds=(0, 1, 2))}}, "recall_tagger_test"),
        (("C1-compute",), {"models": changed(artist=0.99, longer=0.95)}, "least_of_ceiling_visual_compute_grey"),
        (("C1",), {"models": changed(artist=0.1, visual=0.0)}, "most_of_ceiling_visual_paper_grey"),
        (("C1-compute",), {"models": changed(glyphs=0.2)}, "glyph_image_of_ceiling_grey"),
        ((*ARMS, "C2"), {"models": ONE_SEED, "planners": {TAGGER: Planner(0.7)}}, "seeds_visual_paper_grey"),
        (ARMS, {"models": UNSEARCHED}, "rates_unsearched_visual_paper_grey"),
        (ARMS, {"models": changed(artist=AT_EDGE)}, "rates_unsearched_random_grey"),
        (("C2-language",), {"planners": {CHAT: Planner(0.6, failed=0.8)}}, "chat_failed"),
        (("C2",), {"models": changed(artist=replace(MENDED["artist"], planned={"quote_regex-quoted": 0.1}))}, ""),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_without_power_nothing_is_decided(claims, options, why):
    own = dict(options)
    models, planners = own.pop("models", None), {**PLANNERS, **own.pop("planners", {})}
    found = found_in(models, planners, **own)
    for claim in claims:
        judged = judge(next(entry for entry in CLAIMS.entries if entry.id == claim), found)
        assert judged.verdict is Verdict.INCONCLUSIVE, (claim, judged)


@pytest.mark.parametrize(
    ("claim", "models", "planners"),
    [
        ("C1", {"longer": replace(MENDED["longer"], right=0.0)}, {}),  # the other arm never learns: a broken one?
        ("C2", {}, {TAGGER: Planner(0.7, others=5.0, seeds=(0, 1, 2))}),  # takes every word
        ("C1", {"glyphs": replace(MENDED["glyphs"], taken={"cascade": 0.8})}, {}),  # its finished image would do
        ("C1-compute", {"glyphs": replace(MENDED["glyphs"], taken={"cascade": 0.8})}, {}),
        ("C2", {}, {TAGGER: Planner(0.7, alarms=0.6, seeds=(0, 1, 2))}),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_another_explanation_stands_in_the_way(claim, models, planners):
    if planners and planners[TAGGER].alarms > 0.5:
        found = found_in(changed(**models), {**PLANNERS, **planners})
    elif planners:
        planners = {**PLANNERS, **planners}
        rows = plans_of(planners)
        for row in rows:
            row["found"] = row["found"] + ["a", "b"] if row["planner"] == TAGGER else row["found"]
        known = evidence(changed(**models))
        found = found_in(changed(**models)) | planning_measurements(rows, known, "grey", SIZE)
    elif "longer" in models:
        longer = {**MENDED, **models}
        known = evidence(longer)
        readings = {
            key: [
                {**row, "exact": 0.0, "letters_right": 0.0, "similarity": 0.0} if "@1600" in row["model"] else row
                for row in value
            ]
            for key, value in known.rows.items()
        }
        found = found_in(longer) | arm_measurements(replace(known, rows=readings, _known={}), SIZE, text_searched=True)
    else:
        found = found_in(changed(**models))
    assert verdict(claim, found) is Verdict.INCONCLUSIVE


def test_a_changed_text_module_or_fewer_updates_stop_every_verdict():
    moved = replace(MENDED["artist"], about={"text_sha256_after": "b" * 64})
    assert verdict("C5", found_in(changed(artist=moved))) is Verdict.INCONCLUSIVE
    fewer = replace(MENDED["visual"], updates=400, about={})
    assert verdict("C1", found_in(changed(visual=fewer))) is Verdict.INCONCLUSIVE
    cheap = replace(MENDED["longer"], about={"total_flops_with_text": 10**9, "searched_at": 1600})
    assert verdict("C1-compute", found_in(changed(longer=cheap))) is Verdict.INCONCLUSIVE


def test_a_profile_without_controls_tests_what_it_can():
    few = {name: MENDED[name] for name in ("artist", "visual", "longer")}
    found = found_in(few, {name: PLANNERS[name] for name in PLANNERS if name != CHAT})
    untested = {"C1-colour", "C1-data", "C5", "C4", "C2-language"}
    verdicts = {name: verdict(name, found) for name in untested}
    assert set(verdicts.values()) == {Verdict.NOT_TESTABLE}, verdicts
    assert verdict("C1", found) is Verdict.INCONCLUSIVE  # the text module's finished image might do as well


def test_what_extended_trains_decides_no_more_than_it_may():
    """Its controls have no search of their own, glyph_image one seed, and its text module one rate."""
    found = found_in(USUAL, text_searched=False)
    for name in ("C1", "C1-compute", "C5", "C4"):
        assert verdict(name, found) is Verdict.INCONCLUSIVE, name
    assert verdict("C1-data", found) is verdict("C2", found) is Verdict.REPRODUCED
    assert verdict("C1-colour", found) is Verdict.NOT_TESTABLE


def test_an_untrained_text_module_is_judged_by_what_it_does_with_the_right_text():
    same = replace(MENDED["random"], right=0.0, taken={"given": 0.8})
    found = found_in(changed(random=same))
    assert abs(found["words_artist_minus_random_grey"].value) < 10 and verdict("C5", found) is Verdict.CONTRADICTED


def test_the_leads_that_cast_doubt_are_those_that_claims_ask_for():
    for entry in CLAIMS.claims:
        for test in entry.tests or ():
            for name, pair in PAIRS.items():
                if test.measurement == f"letters_artist_minus_{name}_grey":
                    assert test.at_least == pair.asked, (entry.id, name)


def test_intervals_cover_prompts_and_widen_with_what_seeds_differ_by():
    known = evidence()
    artist = known.arms[Key("artist", "grey", SIZE)]
    found = accuracy(known, artist, "words")
    assert abs(found.value - 80) < 10 and found.seeds == 3 and found.n == int(known.group("main").sum())
    noisy = evidence(changed(artist=replace(MENDED["artist"], noise=0.2)))
    wider = accuracy(noisy, noisy.arms[Key("artist", "grey", SIZE)], "words")
    assert np.ptp(wider.interval) > 1.5 * np.ptp(found.interval)
    one = difference(known, artist, artist, "letters")
    assert one.value == 0 and one.interval == (0, 0)


def test_repeats_of_a_prompt_are_no_items_of_their_own():
    table = np.zeros((1, 20, 7))
    table[0, :, 2], table[0, :, 3] = 4, np.arange(20) % 5
    once = contrast([(1.0, table)], letter_accuracy)
    again = contrast([(1.0, 3 * table)], letter_accuracy)
    assert once == again


def test_a_template_counts_once_however_many_prompts_it_has():
    rows = [
        {
            "planner": TAGGER,
            "form": "unquoted",
            "set": "real",
            "seed": 0,
            "template": name,
            "wanted": ["a"],
            "hits": hit,
        }
        for name, hit, times in (("one", 1, 50), ("two", 0, 1), ("three", 0, 1), ("four", 1, 1))
        for _ in range(times)
    ]
    assert planner_estimate(rows, TAGGER, "unquoted", recall).value == 50


def test_budgets_are_told_by_updates_and_models_are_unique():
    rows = [row_of("artist", updates=5), row_of("visual_only", updates=5), row_of("visual_only", updates=16)]
    assert [(key.arm, key.budget) for key in arms_of(rows)] == [
        ("artist", "equal"),
        ("visual_only", "equal"),
        ("visual_only", "compute"),
    ]
    with pytest.raises(AmbiguousModel):
        arms_of([*rows, row_of("visual_only", updates=17)])
    assert unsearched({"searched": {"0.1": 1.0}, "learning_rate": 0.1, "at_edge": None})
    assert not unsearched(rows[0]) and unsearched({**rows[0], "learning_rate": 1e-3})


def test_images_that_were_not_read_are_missed():
    known = evidence()
    name = "artist-grey-1000-0@500"
    rows = {key: value[:5] if key[2] == name else value for key, value in known.rows.items()}
    with pytest.raises(MissingReadings, match=name):
        arm_measurements(replace(known, rows=rows, _known={}), SIZE)


@lru_cache
def c3(excess: float, low: float, high: float, photographs: int = 20, longer: float = 0.0) -> dict[str, Measurement]:
    ends, over = (low, high), "over images and seeds"
    return {
        "fd_bg_artist_excess_grey": measured(excess, "per cent", over, ends, seeds=3),
        "fd_bg_artist_excess_longer_grey": measured(longer, "per cent", over, (longer - 5, longer + 5), seeds=3),
        "fd_bg_half_width_grey": measured((high - low) / 2, "per cent", "what can be told"),
        "fd_bg_photographs_grey": measured(photographs, "photographs", "known"),
        "fd_bg_sees_blur_grey": measured(1.0, "fd_bg", "over images", (0.5, 1.5)),
    }


@pytest.mark.parametrize(
    ("excess", "wanted"),
    [
        ((-3.0, -8.0, 2.0), Verdict.REPRODUCED),
        ((50.0, 30.0, 70.0), Verdict.CONTRADICTED),
        ((5.0, -10.0, 20.0), Verdict.INCONCLUSIVE),
        ((-3.0, -8.0, 2.0, 0), Verdict.INCONCLUSIVE),  # nobody knows which photograph a background is of
        ((-3.0, -8.0, 2.0, 20, 40.0), Verdict.INCONCLUSIVE),  # the longer visual module is nearer
        ((-200.0, -300.0, -100.0), Verdict.INCONCLUSIVE),  # too wide to tell anything
    ],
)
def test_the_verdict_on_backgrounds(usual, excess, wanted):
    assert verdict("C3", usual | c3(*excess)) is wanted
    blind = {"fd_bg_sees_blur_grey": measured(0.0, "fd_bg", "over images", (-0.5, 0.5))}
    assert verdict("C3", usual | c3(*excess) | blind) is Verdict.INCONCLUSIVE
