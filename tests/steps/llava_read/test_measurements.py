"""Measurements of the claims: planted effects turn each of them the right way, and their absence turns it back."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.report.claims import load_claims
from flows.report.verdicts import Verdict, judge
from steps.llava_read.estimates import Asked, contrast, difference, share, with_seeds
from steps.llava_read.facts import containment, cut_texts, preparation, simulation
from steps.llava_read.measurements import AmbiguousArm, answer_measurements
from steps.llava_read.probe_measurements import common_cells, pages_of, probe_measurements
from steps.llava_read.stage_one import read_losses, stage_one_learnt
from steps.step.json_files import write_json
from tenfold.metrics.bootstrap import Estimate
from tenfold.metrics.measurement import Measurement
from tenfold.ocr.page import Page, Word
from tests.steps.llava_read.planted import (
    LATER,
    READS,
    SEES,
    USUAL,
    Model,
    Reads,
    asked,
    drawn,
    history,
    misread,
    noise_of,
    probe_about,
    recall_table,
    write_history,
)

CLAIMS = load_claims(Path("steps/llava_read/claims.yaml"))


def measured(planted: Mapping[str, Model] | None = None, **options: Any) -> dict[str, Measurement]:
    test, arms = asked(planted, **options)
    return answer_measurements(test, arms) | LEARNT | cut_texts(arms, {page.id: page.truth for page in drawn(8)})


def verdict(name: str, found: Mapping[str, Measurement]) -> Verdict:
    return judge(next(entry for entry in CLAIMS.entries if entry.id == name), found).verdict


def reason(name: str, found: Mapping[str, Measurement]) -> str:
    return judge(next(entry for entry in CLAIMS.entries if entry.id == name), found).reason


INCONCLUSIVE = Verdict.INCONCLUSIVE


LEARNT = {"stage_one_learnt": Measurement(value=0.4, interval=(0.3, 0.5), seeds=3, unit="share", detail="planted")}
READS_LARGE = {"both_resolutions": Model("A2", {**SEES, "large": 0.5})}  # and nothing else


def one_seed(models: Sequence[str]) -> dict[str, Model]:
    return {name: replace(USUAL[name], seeds=(0,)) for name in models}


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Measurement]:
    root = tmp_path_factory.mktemp("usual")
    write_json(root / "about.json", {"overlaps": {"words": 0, "images": 0}})
    write_json(root / "noise.json", {"model": noise_of(drawn(60)).to_json()})
    test, arms = asked(count=240)
    read = {page.id: misread(page) for page in drawn(240)}
    return (
        answer_measurements(test, arms)
        | probe_measurements(recall_table(), probe_about())
        | stage_one_learnt(read_losses(write_history(root, history())))
        | containment(test, read)
        | preparation(root)
        | simulation(root, drawn(240), read)
        | cut_texts(arms, read)
    )


def test_every_measurement_that_a_claim_names_is_there(usual):
    named = {name for entry in CLAIMS.entries for test in entry.tests or () for name in test.measurements}
    assert named <= set(usual)
    for entry in CLAIMS.entries:
        for test in entry.tests or ():
            for name in test.measurements:
                one = usual[name]
                assert (one.interval is not None) == (test.over is not None), name
                if test.training:
                    assert one.seeds == 3 and (test.over == "seeds" or str(test.over) in one.detail), name


def test_what_was_planted_holds_everywhere(usual):
    verdicts = {entry.id: judge(entry, usual).verdict for entry in CLAIMS.entries}
    assert verdicts.pop("C6") is Verdict.NOT_TESTABLE
    assert {verdicts.pop(f"F{number}") for number in range(1, 6)} == {Verdict.HOLDS}
    assert set(verdicts.values()) == {Verdict.REPRODUCED}, verdicts


@pytest.mark.parametrize(
    ("claim", "planted"),
    [
        ("C2", {"full": Model("A5", {**SEES, "text_rich": 0.02}, "ppocr6")}),
        ("C2-pattern", {"ocr_only": Model("A6", {**SEES, **READS}, "ppocr6")}),
        ("C2-pattern", {"full": Model("A5", {"sight": 0.2, **READS}, "ppocr6")}),
        ("C2-pattern", {"both_resolutions": Model("A2", {**SEES, "text_rich": 0.9})}),
        ("C2-language", {"language_ocr": Model("language", {**SEES, **READS}, "ppocr6")}),
        ("C3", {"low_only": Model("A1", {"sight": 0.6, "large": 0.6, "between_sizes": 0.7})}),
        ("C4", {"plain_order": Model("A3", {**SEES, **READS, "layout": 0.8}, "ppocr6")}),
        ("C4-spaces", {"xy_cut": Model("A4", {**SEES, "text_rich": 0.85}, "ppocr6")}),
        ("C5", {"without_stage_one": Model("A7", {**SEES, "text_rich": 0.8}, "ppocr6")}),
        ("C5-layout", {"without_T4": Model("A8", {**SEES, "text_rich": 0.85}, "ppocr6")}),
    ],
    ids=lambda value: value if isinstance(value, str) else ", ".join(value),
)
def test_the_opposite_contradicts(claim, planted):
    assert verdict(claim, measured(planted, count=240)) is Verdict.CONTRADICTED


@pytest.mark.parametrize(
    ("claims", "planted", "why"),
    [
        (("C2", "C2-pattern"), {"both_resolutions": Model("A2", {"sight": 0.1})}, "colour_both_minus_naming"),
        (("C2", "C2-pattern"), {"both_resolutions": Model("A2", {**SEES, "object": 0.36})}, "object_both_minus_naming"),
        (("C2", "C2-pattern"), {"ocr_only": Model("A6", {"text_rich": 0.1}, "ppocr6")}, "text_ocr_only"),
        (("C2", "C2-pattern", "F3"), {"blind": Model("question only", {"all": 0.5})}, "blind_minus_chance"),
        (("C2", "C2-pattern", "C3"), {"both_resolutions": Model("A2", SEES)}, "large_both"),
        (("C2-language",), {"language_vision": Model("language", SEES)}, "language_large_vision"),
        (("C4", "C4-spaces"), {"full": Model("A5", {**SEES, **READS, "layout": 0.2}, "ppocr6")}, "layout_full"),
        (("C5", "C5-layout"), {"full": Model("A5", {**SEES, "text_rich": 0.2}, "ppocr6")}, "text_rich_full"),
        (("C2",), {"full": Model("A5", {**SEES, "text_rich": 0.25}, "ppocr6"), **READS_LARGE}, "text_rich_full"),
        (("C3",), {"both_resolutions": Model("A2", SEES), "low_only": Model("A1", SEES)}, "large_both"),
        (("C3",), {"low_only": Model("A1", {"sight": 0.6, "text_rich": 0.95})}, "between_sizes_low"),
        (("C4", "C4-spaces"), {"full": Model("A5", SEES, "ppocr6")}, "layout_full"),
        (("C5",), {"full": Model("A5", SEES, "ppocr6")}, "text_rich_full"),
        (("C2",), one_seed(["low_only", "both_resolutions", "full", "ocr_only", "blind"]), "seeds_of_arms"),
        (("C3",), one_seed(["low_only", "both_resolutions"]), "seeds_of_resolutions"),
        (("C2-language",), one_seed(["language_full", "language_vision", "language_ocr"]), "seeds_of_language"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_without_power_nothing_is_decided(claims, planted, why):
    found = measured(planted, count=240)
    for claim in claims:
        entry = next(entry for entry in CLAIMS.entries if entry.id == claim)
        judged = judge(entry, found)
        assert judged.verdict is (Verdict.FAILS if claim.startswith("F") else Verdict.INCONCLUSIVE)
        assert why in judged.reason


def test_a_rate_at_the_edge_of_its_grid_decides_nothing():
    for rate in ({"grid": [1, 2, 3], "chosen": 3}, {"grid": [2], "chosen": 2}):
        found = measured({"full": replace(USUAL["full"], about={"rate": rate})})
        assert found["rates_at_an_edge_of_arms"].value == 1
        assert "full" in found["rates_at_an_edge_of_arms"].detail
        assert verdict("C2", found) is Verdict.INCONCLUSIVE


def test_a_rate_of_the_question_only_arm_or_of_one_not_compared_stands_in_no_way():
    edge = {"rate": {"grid": [1, 2, 3], "chosen": 3}}
    blind = measured({"blind": replace(USUAL["blind"], about=edge)}, count=240)
    assert blind["rates_at_an_edge_of_arms"].value == 0 and verdict("C2", blind) is Verdict.REPRODUCED
    other = measured({"ocr_only": replace(USUAL["ocr_only"], about=edge)}, count=240)
    assert verdict("C2", other) is Verdict.INCONCLUSIVE and verdict("C3", other) is Verdict.REPRODUCED


def test_arms_with_a_pretrained_decoder_are_judged_on_the_pages_that_they_were_asked_about():
    test, arms = asked(count=40)
    (own,) = (one for one in test.answers if one.arm == "language_full")
    pages = {page.id for page in drawn(10)}
    some = tuple(one for one in test.questions if one.page in pages)
    fewer = {seed: {one.id: given[one.id] for one in some} for seed, given in own.replies.items()}
    part = Asked("part", some, (replace(own, replies=fewer),), test.naming)
    found = answer_measurements(replace(test, answers=tuple(one for one in test.answers if one is not own)), arms, part)
    everywhere = answer_measurements(test, arms)
    assert found["language_text_rich_full"].n == 10 and everywhere["language_text_rich_full"].n == 40
    assert found["text_rich_full"] == everywhere["text_rich_full"]


def test_arms_with_more_updates_are_a_bug_of_ours_and_decide_nothing():
    found = measured({"full": replace(USUAL["full"], about={"updates": 101})})
    assert found["updates_apart_of_arms"].value == 1 and verdict("C2", found) is Verdict.INCONCLUSIVE


def test_ocr_text_in_the_prompt_of_the_arm_without_it_is_found():
    found = measured({"full": replace(USUAL["full"], source="none")})
    assert found["prompts_changed_by_ocr"].value == 0 and verdict("F1", found) is Verdict.FAILS


def test_claims_wait_for_arms_that_a_profile_has_not():
    lacking = [name for name in USUAL if name.startswith("language")] + ["plain_order", "without_stage_one"]
    found = measured(without=lacking, count=40)
    for claim in ("C2-language", "C4", "C5"):
        assert verdict(claim, found) is Verdict.NOT_TESTABLE
    assert "no arm without_stage_one" in (found["text_rich_full_minus_without_stage_one"].unavailable or "")
    assert found["text_rich_full_minus_both"].value is not None


def test_the_full_arm_of_the_comparison_is_judged_and_its_later_twins_are_not():
    found = measured({**LATER, "again": replace(LATER["again"], right={})}, count=60)
    assert found["text_rich_full"].value > 50 and "A5" in found["text_rich_full"].detail
    edge = {"updates": 7, "rate": {"grid": [1, 2, 3], "chosen": 3}}
    found = measured({"again": replace(LATER["again"], about=edge)}, count=240)
    for name in ("arms", "layouts", "stage_one", "layout_task"):
        assert found[f"rates_at_an_edge_of_{name}"].value == found[f"updates_apart_of_{name}"].value == 0
    assert verdict("C2", found) is verdict("C4", found) is Verdict.REPRODUCED
    twice = {"other": Model("A5", READS, "tesseract", arm="full"), "full": replace(USUAL["full"], source="oracle")}
    with pytest.raises(AmbiguousArm, match="oracle, tesseract"):
        measured(twice, count=20)


def test_an_interval_over_pages_is_widened_by_what_seeds_differ_by():
    pages = Estimate(10.0, (7.0, 13.0), 50)
    assert with_seeds(pages, [10.0]) == with_seeds(pages, [10.0, 10.0]).__class__(10.0, (7.0, 13.0), 50, 1)
    half = 4.302652729911275 * 5 / np.sqrt(3)  # Student's of three seeds with a standard deviation of 5
    found = with_seeds(pages, [5.0, 10.0, 15.0])
    assert found.seeds == 3 and found.interval == pytest.approx((10 - np.hypot(3, half), 10 + np.hypot(3, half)))
    test, _ = asked({"full": replace(USUAL["full"], noise=0.2)}, count=60)
    models = {one.arm: one for one in test.answers}
    noisy = difference(test, models["full"], models["both_resolutions"], test.group("text_rich"))
    assert noisy is not None and noisy.seeds == 3 and noisy.n == 60


def test_copies_of_questions_on_a_page_do_not_narrow_an_interval():
    pages = np.array([f"page {number}" for number in range(40)])
    scores = np.random.default_rng(0).random((1, 40))
    one = contrast(pages, [(1.0, scores, np.ones(40, dtype=bool))])
    four = contrast(np.repeat(pages, 4), [(1.0, np.repeat(scores, 4, axis=1), np.ones(160, dtype=bool))])
    assert one is not None and four is not None
    assert four.value == pytest.approx(one.value) and four.interval == pytest.approx(one.interval)
    assert one.n == four.n == 40


def test_a_contrast_is_the_naive_difference_of_means_of_means():
    generator = np.random.default_rng(1)
    pages = generator.choice([f"p{number}" for number in range(20)], 90)
    scores, part = generator.random((3, 90)), generator.random(90) < 0.5
    found = contrast(pages, [(1.0, scores, part), (-1.0, scores, ~part)])
    naive = 100 * (np.mean([row[part].mean() for row in scores]) - np.mean([row[~part].mean() for row in scores]))
    assert found is not None and found.value == pytest.approx(naive)
    assert found.interval[0] < naive < found.interval[1]
    assert contrast(pages, [(1.0, scores, pages == "p0")]) is None


def test_chance_is_the_commonest_answer_of_each_stratum():
    test, _ = asked(count=160)
    assert test.chance[test.group("colour")].max() < 0.25 and test.chance[test.group("text")].max() < 0.1
    always = {"blind": Model("question only", {})}
    fixed, _ = asked(always)
    blind = next(one for one in fixed.answers if one.arm == "blind")
    found = share(fixed, blind, fixed.group("sight"))
    assert found is not None and found.value < 20


@pytest.mark.parametrize("name", ["low", "merged"])
def test_a_reader_that_small_type_hurts_more_reproduces_c1_and_one_that_it_does_not_contradicts(name):
    claim = {"low": "C1", "merged": "C1-high"}[name]
    assert verdict(claim, probe_measurements(recall_table(), probe_about())) is Verdict.REPRODUCED
    even = recall_table({name: Reads(0.6, 0.02, -0.05)})
    assert verdict(claim, probe_measurements(even, probe_about())) is Verdict.CONTRADICTED
    deaf = recall_table({name: Reads(0.05, 0.02, 0.0)})
    assert verdict(claim, probe_measurements(deaf, probe_about())) is Verdict.INCONCLUSIVE
    assert f"probe_{name}_legible_along_text_size" in reason(claim, probe_measurements(deaf, probe_about()))
    worse = recall_table({"ppocr6": Reads(0.5, 0.2, 0.0, seeds=(0,))})
    assert verdict(claim, probe_measurements(worse, probe_about())) is Verdict.INCONCLUSIVE
    alone = recall_table({name: Reads(0.5, 0.2, -0.05, seeds=(0,))})
    assert verdict(claim, probe_measurements(alone, probe_about())) is Verdict.INCONCLUSIVE
    edge = probe_measurements(recall_table(), probe_about(chosen=1e-2))
    assert edge[f"probe_{name}_rates_at_an_edge"].value == 3 and verdict(claim, edge) is Verdict.INCONCLUSIVE


def test_words_that_crowd_a_reader_reproduce_c1_words_and_words_that_do_not_contradict_it():
    assert verdict("C1-words", probe_measurements(recall_table(), probe_about())) is Verdict.REPRODUCED
    even = recall_table({"merged": Reads(0.6, 0.15, 0.0)})
    assert verdict("C1-words", probe_measurements(even, probe_about())) is Verdict.CONTRADICTED
    small = recall_table({"merged": Reads(0.25, 0.7, 0.0)})  # large type alone, which is not compared
    found = probe_measurements(small[small.text_size != 24], probe_about())
    assert found["probe_merged_legible_along_text_size"].number > 90 and verdict("C1-words", found) is INCONCLUSIVE
    assert "probe_merged_legible_along_words" in reason("C1-words", found)


def test_slopes_are_of_cells_that_are_there_all_along_the_axis():
    table = recall_table()
    pages = pages_of(table)
    assert set(pages[common_cells(pages, "text_size")]["words"]) == {1, 4}
    assert set(pages[common_cells(pages, "words")]["text_size"]) == {8, 12, 16, 24}
    found = probe_measurements(table, probe_about())["probe_low_minus_ocr_letters_per_doubling_of_text_size"]
    assert found.value == pytest.approx(19, abs=1.5) and found.bounds[0] < 19 < found.bounds[1]
    assert found.n == len(pages[common_cells(pages, "text_size")]) and found.seeds == 3


def test_a_claim_about_reading_waits_for_an_engine():
    table = recall_table()
    found = probe_measurements(table[table.reader != "ppocr6"], probe_about())
    assert verdict("C1", found) is Verdict.NOT_TESTABLE
    assert "ppocr6" in (found["probe_ocr_legible_along_words"].unavailable or "")


def test_a_dump_of_all_text_is_right_by_containment_alone():
    test, _ = asked(count=40)
    found = containment(test, {page.id: misread(page) for page in drawn(40)})
    assert found["dump_contained"].bounds[0] > 50 and found["dump_exact"].value == 0
    assert found["dump_anls_lmms"].number < 10
    blank = containment(test, {page.id: misread(page, 0.9) for page in drawn(40)})
    assert verdict("F4", blank) is Verdict.FAILS
    assert containment(test, {})["dump_contained"].unavailable


def test_what_two_parts_share_is_said(tmp_path):
    write_json(tmp_path / "about.json", {"overlaps": {"words": 3, "images": 0}})
    assert verdict("F2", preparation(tmp_path)) is Verdict.FAILS


def run_together(page: Page) -> Page:
    """Return a page as an engine reads it that drops all spaces."""
    words = tuple(Word(line.text.replace(" ", ""), line.box, 1.0, number) for number, line in enumerate(page.lines))
    return replace(page, words=words)


def test_a_simulation_that_misreads_more_or_keeps_spaces_that_the_engine_drops_fails(tmp_path):
    pages = drawn(60)
    read = {page.id: misread(page) for page in pages}
    write_json(tmp_path / "noise.json", {"model": noise_of(pages).to_json()})
    assert verdict("F5", simulation(tmp_path, pages, read)) is Verdict.HOLDS
    found = simulation(tmp_path, pages, {name: run_together(page) for name, page in read.items()})
    assert found["noise_model_lost_to_spaces_error"].bounds[1] < -2 < found["noise_model_recall_spaceless_error"].number
    assert verdict("F5", found) is Verdict.FAILS and "runs words together" in reason("F5", found)
    write_json(tmp_path / "noise.json", {"model": noise_of(pages, 0.3).to_json()})
    off = simulation(tmp_path, pages, read)
    assert off["noise_model_recall_words_error"].bounds[1] < -10 and verdict("F5", off) is Verdict.FAILS
    assert simulation(tmp_path, pages, {})["noise_model_recall_words_error"].unavailable


def test_a_model_that_names_any_figure_of_the_page_sees_nothing_that_claims_rest_on(usual):
    test, arms = asked(count=240)
    pages = {page.id: page for page in drawn(240)}
    generator = np.random.default_rng(0)

    def named(question: Any, reply: str) -> str:
        if question.stratum not in ("colour", "object", "bar colour"):
            return reply
        facts = pages[question.page].description["facts"]
        things = facts.get("bars") or facts["figures"]
        return things[generator.integers(len(things))]["shape" if question.stratum == "object" else "colour"]

    (seeing,) = (one for one in test.answers if one.arm == "both_resolutions")
    replies = {
        seed: {one.id: named(one, given[one.id]) for one in test.questions} for seed, given in seeing.replies.items()
    }
    answers = tuple(replace(one, replies=replies) if one is seeing else one for one in test.answers)
    found = answer_measurements(replace(test, answers=answers), arms)
    for name in ("colour", "object"):
        low, high = found[f"{name}_both_minus_naming"].bounds
        assert low < 0 < high < 10
        for claim in ("C2", "C2-pattern"):
            assert verdict(claim, found) is INCONCLUSIVE and f"{name}_both_minus_naming" in reason(claim, found)
    for claim, model in (("C2-pattern", ""), ("C2-language", "language_")):
        for name, of in itertools.product(("colour", "object"), ("full",)):
            key = f"{model}{name}_{of}_minus_naming"
            none = usual | {key: usual[key].model_copy(update={"value": 0.0, "interval": (-4.0, 4.0)})}
            assert verdict(claim, usual) is Verdict.REPRODUCED and verdict(claim, none) is INCONCLUSIVE
            assert key in reason(claim, none)


def test_one_kind_of_question_that_gives_its_answers_away_is_found(usual):
    test, arms = asked(count=240)
    (blind,) = (one for one in test.answers if one.arm == "blind")
    told = [one for one in test.questions if one.stratum == "extreme"]
    del told[::4]
    replies = {seed: {**given, **{one.id: one.answers[0] for one in told}} for seed, given in blind.replies.items()}
    answers = tuple(replace(one, replies=replies) if one is blind else one for one in test.answers)
    found = answer_measurements(replace(test, answers=answers), arms)
    assert found["blind_minus_chance"].bounds[1] < 5 and verdict("F3", usual) is Verdict.HOLDS
    leak = found["blind_largest_stratum_minus_chance"]
    assert "(extreme)" in leak.detail and leak.bounds[0] > 25 and verdict("F3", found) is Verdict.FAILS


def test_texts_that_the_budget_cuts_in_one_layout_alone_decide_nothing_of_layouts():
    assert verdict("C4", measured(count=240)) is verdict("C4-spaces", measured(count=240)) is Verdict.REPRODUCED
    found = measured({"full": replace(USUAL["full"], about={"budget": 128})}, count=240)
    assert (
        found["texts_cut_of_layouts"].number > 0
        and "0.0 of plain_order at 1024" in found["texts_cut_of_layouts"].detail
    )
    for claim in ("C4", "C4-spaces"):
        assert verdict(claim, found) is INCONCLUSIVE and "texts_cut_of_layouts" in reason(claim, found)
    assert cut_texts([], {})["texts_cut_of_layouts"].unavailable


@pytest.mark.parametrize("claim", ["C5", "C5-layout"])
def test_a_first_stage_that_taught_nothing_is_no_evidence(claim, usual, tmp_path):
    idle = stage_one_learnt(read_losses(write_history(tmp_path, history({"T3": 0.02}))))
    assert idle["stage_one_learnt"].bounds[1] < 0.1 and verdict(claim, usual | idle) is INCONCLUSIVE
    other = "without_stage_one" if claim == "C5" else "without_T4"
    better = measured({other: Model("A7" if claim == "C5" else "A8", {**SEES, "text_rich": 0.82}, "ppocr6")}, count=240)
    assert verdict(claim, better) is Verdict.CONTRADICTED and verdict(claim, better | idle) is INCONCLUSIVE
    before = [row for row in history() if row["update"]]  # as it was written before losses were measured twice
    older = stage_one_learnt(read_losses(write_history(tmp_path, before)))
    assert older["stage_one_learnt"].unavailable and verdict(claim, usual | older) is INCONCLUSIVE
    alone = stage_one_learnt(read_losses(write_history(tmp_path, history(seeds=(0,)))))
    assert alone["stage_one_learnt"].value == pytest.approx(0.4) and verdict(claim, usual | alone) is INCONCLUSIVE


def test_what_a_stage_taught_is_the_least_of_its_tasks_by_seed(tmp_path):
    losses = read_losses(write_history(tmp_path, history({"T2": 0.15})))
    assert len(losses) == 2 * 3 * 4 and (losses.before == 2).all()
    found = stage_one_learnt(losses)["stage_one_learnt"]
    assert found.value == pytest.approx(0.16) and found.seeds == 3 and found.bounds[0] == pytest.approx(0.135, abs=1e-3)
    gone = losses[losses.task != "T4"]
    assert "T4" in (stage_one_learnt(gone)["stage_one_learnt"].unavailable or "")
