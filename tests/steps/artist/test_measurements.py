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
from steps.artist.measurements import arm_measurements, at_an_edge
from steps.artist.plan import CHAT, TAGGER
from steps.artist.planning_measurements import planner_estimate, planning_measurements, recall
from tenfold.artist.readings import letter_accuracy
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import measured
from tests.steps.artist.planted import PLANNERS, SIZE, USUAL, Model, Planner, changed, evidence, plans_of
from tests.steps.artist.rows import control, row_of

CLAIMS = load_claims(Path("steps/artist/claims.yaml"))
DRAWN = ("C3", "C3-colour", "F1", "F2", "F3", "F6", "F7")  # decided by images or clocks, in tests of their own


def found_in(
    models: Mapping[str, Model] | None = None,
    planners: Mapping[str, Planner] | None = None,
    text: Mapping[str, Any] | None = None,
    **options: Any,
) -> dict[str, Measurement]:
    known = evidence(models, **options)
    return (
        arm_measurements(known, SIZE)
        | planning_measurements(plans_of(planners), known, "grey", SIZE)
        | text_measurements([control(seed, **(text or {})) for seed in range(3)])
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
    decided = [entry for entry in CLAIMS.entries if entry.id not in DRAWN]
    verdicts = {entry.id: judge(entry, usual).verdict for entry in decided}
    assert {verdicts.pop(name) for name in ("F4", "F5")} == {Verdict.HOLDS}
    assert set(verdicts.values()) == {Verdict.REPRODUCED}, verdicts


@pytest.mark.parametrize(
    ("claim", "models", "planners"),
    [
        ("C1", {"artist": 0.5, "visual": 0.6}, {}),
        ("C1-colour", {"artist": 0.5, "visual": 0.6}, {}),
        ("C1-compute", {"artist": 0.5, "longer": 0.8}, {}),
        ("C1-compute-colour", {"artist": 0.5, "longer": 0.8}, {}),
        ("C1-data", {"visual_250": 0.5, "visual_4000": 0.2}, {}),
        ("C5", {"random": 0.8}, {}),
        ("C5-colour", {"random": 0.8}, {}),
        ("C4", {"word_only": Model("word_only", 0.88, stages=("grey",)), "artist": 0.6}, {}),
        ("C4", {"sentence_only": Model("sentence_only", 0.88, stages=("grey",)), "artist": 0.6}, {}),
        ("C2", {}, {TAGGER: Planner(0.05, seeds=(0, 1, 2))}),
        ("C2", {"artist": replace(USUAL["artist"], planned={**USUAL["artist"].planned, "tagger-unquoted": 0.2})}, {}),
        ("C2-language", {}, {CHAT: Planner(0.1, quoted=0.8)}),
    ],
    ids=lambda value: value if isinstance(value, str) else ", ".join(value),
)
def test_the_opposite_contradicts(claim, models, planners):
    assert verdict(claim, found_in(changed(**models), {**PLANNERS, **planners})) is Verdict.CONTRADICTED


ONE_SEED = {name: replace(model, seeds=(0,)) for name, model in USUAL.items()}
UNSEARCHED = {name: replace(model, about={"searched": {}, "at_edge": None}) for name, model in USUAL.items()}
AT_EDGE = replace(USUAL["artist"], about={"learning_rate": 4e-3, "at_edge": True})
ARMS = ("C1", "C1-compute", "C1-data", "C5", "C4")


@pytest.mark.parametrize(
    ("claims", "options", "why"),
    [
        (ARMS, {"ceiling": 0.9}, "ceiling_grey"),
        (ARMS, {"text": {"words": 0.3}}, "text_module_of_ceiling"),
        (ARMS, {"text": {"validation_loss_permuted_letters": 0.1}}, "text_module_letters_used"),
        (("C1",), {"models": changed(artist=0.99, visual=0.95)}, "least_of_ceiling_visual_paper_grey"),
        (("C1-compute",), {"models": changed(artist=0.99, longer=0.95)}, "least_of_ceiling_visual_compute_grey"),
        (("C1", "C5"), {"models": changed(artist=0.1, visual=0.0, random=0.0)}, "most_of_ceiling_visual_paper_grey"),
        (("C1-compute",), {"models": changed(glyphs=0.2)}, "glyph_image_of_ceiling_grey"),
        ((*ARMS, "C2"), {"models": ONE_SEED, "planners": {TAGGER: Planner(0.7)}}, "seeds_visual_paper_grey"),
        (ARMS, {"models": UNSEARCHED}, "rates_at_an_edge_visual_paper_grey"),
        (ARMS, {"models": changed(artist=AT_EDGE)}, "rates_at_an_edge_random_grey"),
        (("C2-language",), {"planners": {CHAT: Planner(0.6, failed=0.8)}}, "chat_failed"),
        (("C2",), {"models": changed(artist=replace(USUAL["artist"], planned={"quote_regex-quoted": 0.1}))}, ""),
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
        ("C1", {"longer": replace(USUAL["longer"], right=0.0)}, {}),  # the other arm never learns: a broken one?
        ("C2", {}, {TAGGER: Planner(0.7, others=5.0, seeds=(0, 1, 2))}),  # takes every word
        ("C5", {"random": replace(USUAL["random"], about={"learning_rate": 1e-5})}, {}),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_another_explanation_stands_in_the_way(claim, models, planners):
    if planners:
        planners = {**PLANNERS, **planners}
        rows = plans_of(planners)
        for row in rows:
            row["found"] = row["found"] + ["a", "b"] if row["planner"] == TAGGER else row["found"]
        known = evidence(changed(**models))
        found = found_in(changed(**models)) | planning_measurements(rows, known, "grey", SIZE)
    elif claim == "C1":
        longer = {**USUAL, **models}
        known = evidence(longer)
        readings = {
            key: [
                {**row, "exact": 0.0, "letters_right": 0.0, "similarity": 0.0} if "@1600" in row["model"] else row
                for row in value
            ]
            for key, value in known.rows.items()
        }
        found = found_in(longer) | arm_measurements(replace(known, rows=readings, _known={}), SIZE)
    else:
        found = found_in(changed(**models))
    assert verdict(claim, found) is Verdict.INCONCLUSIVE


def test_a_changed_text_module_or_fewer_updates_stop_every_verdict():
    moved = replace(USUAL["artist"], about={"text_sha256_after": "b" * 64})
    assert verdict("C5", found_in(changed(artist=moved))) is Verdict.INCONCLUSIVE
    fewer = replace(USUAL["visual"], updates=400, about={})
    assert verdict("C1", found_in(changed(visual=fewer))) is Verdict.INCONCLUSIVE
    cheap = replace(USUAL["longer"], about={"total_flops_with_text": 10**9})
    assert verdict("C1-compute", found_in(changed(longer=cheap))) is Verdict.INCONCLUSIVE


def test_a_profile_without_controls_tests_what_it_can():
    few = {name: USUAL[name] for name in ("artist", "visual", "longer")}
    few = {name: replace(model, stages=("grey",)) for name, model in few.items()}
    found = found_in(few, {name: PLANNERS[name] for name in PLANNERS if name != CHAT})
    untested = {"C1-colour", "C1-compute-colour", "C1-data", "C5", "C5-colour", "C4", "C2-language"}
    verdicts = {name: verdict(name, found) for name in untested}
    assert set(verdicts.values()) == {Verdict.NOT_TESTABLE}, verdicts
    assert verdict("C1", found) is Verdict.REPRODUCED


def test_intervals_cover_prompts_and_widen_with_what_seeds_differ_by():
    known = evidence()
    artist = known.arms[Key("artist", "grey", SIZE)]
    found = accuracy(known, artist, "words")
    assert abs(found.value - 80) < 10 and found.seeds == 3 and found.n == int(known.group("main").sum())
    noisy = evidence(changed(artist=replace(USUAL["artist"], noise=0.2)))
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
    assert at_an_edge({"searched": {"0.1": 1.0}, "learning_rate": 0.1, "at_edge": None})
    assert not at_an_edge(rows[0]) and at_an_edge({**rows[0], "learning_rate": 1e-3})


def test_images_that_were_not_read_are_missed():
    known = evidence()
    name = "artist-grey-1000-0@500"
    rows = {key: value[:5] if key[2] == name else value for key, value in known.rows.items()}
    with pytest.raises(MissingReadings, match=name):
        arm_measurements(replace(known, rows=rows, _known={}), SIZE)


@lru_cache
def c3(excess: float, low: float, high: float) -> dict[str, Measurement]:
    over = {"fd_bg_artist_excess_grey": measured(excess, "per cent", "over images and seeds", (low, high), seeds=3)}
    return over | {"fd_bg_sees_blur_grey": measured(1.0, "fd_bg", "over images", (0.5, 1.5))}


@pytest.mark.parametrize(
    ("excess", "wanted"),
    [
        ((-3.0, -8.0, 2.0), Verdict.REPRODUCED),
        ((50.0, 30.0, 70.0), Verdict.CONTRADICTED),
        ((5.0, -10.0, 20.0), Verdict.INCONCLUSIVE),
    ],
)
def test_the_verdict_on_backgrounds(usual, excess, wanted):
    assert verdict("C3", usual | c3(*excess)) is wanted
    blind = {"fd_bg_sees_blur_grey": measured(0.0, "fd_bg", "over images", (-0.5, 0.5))}
    assert verdict("C3", usual | c3(*excess) | blind) is Verdict.INCONCLUSIVE
