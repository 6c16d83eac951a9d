"""Measurements of the claims: planted effects turn each of them the right way, and their absence turns it back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from steps.debias import tables
from steps.debias.ablation_differences import ablation_differences, beside_main
from steps.debias.answer_sets import AnswerSets, MissingAnswers, read_answer_sets, read_one_run, targets_of
from steps.debias.estimates import CONTROL, difference, draws, group_differences, score_of
from steps.debias.measurements import live_measurements, micro_measurements
from steps.debias.recorded_measurements import recorded_measurements
from tenfold.debias.items import Item, Items
from tenfold.debias.scores import score
from tenfold.metrics.intervals import student
from tenfold.metrics.measurement import Measurement
from tests.steps.debias.planted import (
    BIASED,
    FAIR,
    TARGET,
    UNKNOWN,
    Reader,
    answered,
    questions,
    write_conversed,
    write_live,
    write_recorded,
)

CONTROLS = ("self_refine", "self_consistency", "silent", "shuffled_peers")
OF_REGIME = (
    "single_bias",
    "single_accuracy",
    "single_minus_decentralized",
    "control_minus_decentralized",
    "single_minus_centralized",
    "control_minus_centralized",
    "centralized_minus_decentralized",
    "accuracy_decentralized_minus_single",
    "accuracy_centralized_minus_single",
    "hard_single_minus_decentralized",
    "hard_control_minus_decentralized",
    "hard_single_bias",
    "best_single_minus_decentralized",
    "best_single_minus_centralized",
    "ambiguous_accuracy_decentralized_minus_single",
    "ambiguous_accuracy_centralized_minus_single",
    "preference_single",
    "preference_decentralized",
    "preference_decentralized_minus_single",
)


def measured(folder, *, seeds: int = 1, control: Reader = BIASED, **readers: Reader) -> dict[str, Measurement]:
    """Return the measurements of one target, ``proposal``, whose protocols are biased unless others are given."""
    by_protocol = {name: BIASED for name in ("single", "vote", "decentralized", "centralized")}
    by_protocol |= dict.fromkeys(CONTROLS, control) | readers
    write_conversed(folder, {"proposal": by_protocol}, seeds=seeds)
    return micro_measurements({"proposal": read_answer_sets(folder, "proposal")})


def ends(found: dict[str, Measurement], name: str) -> tuple[float, float]:
    return found[f"micro_proposal_{name}"].bounds


@pytest.mark.parametrize("conversation", ["decentralized", "centralized"])
def test_a_conversation_that_debiases_lies_below_the_single_agent_and_the_controls(tmp_path, conversation):
    better = measured(tmp_path / "better", **{conversation: FAIR})
    worse = measured(tmp_path / "worse", **{conversation: Reader(0.95, 0.02)})
    for name in (f"single_minus_{conversation}", f"control_minus_{conversation}", f"hard_single_minus_{conversation}"):
        assert ends(better, name)[0] > 0 and ends(worse, name)[1] < 0
    for found, low in ((better, True), (worse, False)):
        apart = ends(found, "centralized_minus_decentralized")
        assert apart[0] > 0 if (conversation == "decentralized") == low else apart[1] < 0


def test_one_control_as_good_as_the_conversation_takes_its_gain_away(tmp_path):
    found = measured(tmp_path, decentralized=FAIR, silent=FAIR)
    assert ends(found, "single_minus_decentralized")[0] > 0
    assert ends(found, "control_minus_decentralized")[0] <= 0


def test_accuracy_that_a_conversation_costs_shows(tmp_path):
    sure = Reader(0.5, 0.1, 0.98)
    same = measured(tmp_path / "same", single=sure, decentralized=sure, centralized=sure)
    dear = measured(tmp_path / "dear", single=sure, decentralized=Reader(0.1, 0.1, 0.8), centralized=sure)
    assert ends(same, "accuracy_decentralized_minus_single")[0] > -0.05
    assert ends(dear, "accuracy_decentralized_minus_single")[1] < -0.05
    assert ends(dear, "accuracy_centralized_minus_single")[0] > -0.05
    assert ends(same, "single_accuracy") == pytest.approx((0.98, 0.98), abs=0.02)


def test_headroom_is_seen_where_it_is(tmp_path):
    biased, fair = measured(tmp_path / "biased"), measured(tmp_path / "fair", single=FAIR)
    for name in ("single_bias", "hard_single_bias"):
        assert ends(biased, name)[0] > 5 and ends(fair, name)[0] < 5


def test_every_measurement_that_a_claim_names_is_there_with_seeds_and_templates(tmp_path):
    found = measured(tmp_path, seeds=3)
    for name in OF_REGIME:
        own = found[f"micro_proposal_{name}"]
        assert own.interval is not None and own.seeds == 3 and own.n == 30 and "templates" in own.detail
        assert "no agents of the target none" in (found[f"micro_none_{name}"].unavailable or "")
    live = live_measurements(None)
    assert all("no pretrained model" in (one.unavailable or "") for one in live.values())
    others = ("disambiguated_accuracy", "least_gain_of_a_seed", "changes_made", "hard_share")
    assert {f"live_{name}" for name in (*OF_REGIME, *others)} <= set(live)


def test_a_missing_protocol_and_a_lack_of_hard_questions_are_named(tmp_path):
    readers = {name: BIASED for name in ("single", "decentralized")}
    write_conversed(tmp_path, {"none": readers}, hard=0)
    found = micro_measurements({"none": read_answer_sets(tmp_path, "none")})
    assert "centralized" in (found["micro_none_single_minus_centralized"].unavailable or "")
    assert "control with the least mean of its agents' |s_AMB|" in (
        found["micro_none_control_minus_decentralized"].unavailable or ""
    )
    assert "no question was hard" in (found["micro_none_hard_single_bias"].unavailable or "")
    assert found["micro_none_single_minus_decentralized"].interval is not None


def test_a_live_model_is_measured_without_its_planted_peers(tmp_path):
    able, unable = (Reader(0.3, 0.3, right) for right in (0.9, 0.4))
    for name, reader in (("able", able), ("unable", unable)):
        write_live(tmp_path / name, reader)
        parts = read_one_run(tmp_path / name)
        found = live_measurements(parts[""])
        low, high = found["live_disambiguated_accuracy"].bounds
        assert low > 0.6 if name == "able" else high < 0.6
        assert found["live_single_bias"].bounds[0] > -10 and found["live_single_bias"].bounds[1] < 10
        assert found["live_single_minus_decentralized"].interval and found["live_control_minus_decentralized"].interval
        assert parts["planted"].labels("decentralized") == ["decentralized:always_biased"]
        assert parts["free"].labels("single") == ["single:free"] and len(parts["free"].items) == 7
        assert "single:free" not in parts[""].answers and list(parts[""].rounds) == ["decentralized"]


def test_a_vote_is_compared_with_the_least_biased_format(tmp_path):
    formats = {"arc": Reader(0.6, 0.1), "race": Reader(0.35, 0.2), "qonly": Reader(0.6, 0.1)}
    for name, votes, holds in (("biased", Reader(0.6, 0.1), True), ("debiased", FAIR, False)):
        write_recorded(tmp_path / name, formats, votes)
        own = recorded_measurements(read_one_run(tmp_path / name)[""])["recorded_plurality_minus_best_single"]
        assert own.bounds[0] > 0 if holds else own.bounds[1] < 0
        mean = recorded_measurements(read_one_run(tmp_path / name)[""])["recorded_plurality_minus_mean_single"]
        assert mean.bounds[1] > 0 if holds else mean.bounds[1] < -10
        sets = read_one_run(tmp_path / name)[""]
        by_hand = [abs(score(sets.items, sets.answers[form]).s_amb) for form in ("plurality_random", *formats)]
        assert mean.number == pytest.approx(100 * (by_hand[0] - np.mean(by_hand[1:])))
    made_up = recorded_measurements(read_one_run(tmp_path / "biased")[""], stand_in=True)
    assert len(made_up) == 7 and all("stand-in" in (one.unavailable or "") for one in made_up.values())


def test_printed_scores_are_compared_category_by_category(tmp_path):
    def sets(group: str, biased: int) -> AnswerSets:
        """Ten ambiguous questions that are all answered wrong, ``biased`` of them by the target: s_AMB is known."""
        items = [
            Item(f"{group}{n}", "Who?", ("u", "t", "o"), "", 0, group, f"{n % 5}", "neg", "ambig", UNKNOWN, TARGET)
            for n in range(200)
        ]
        answers = np.where(np.arange(200) < biased, TARGET, 2)
        return AnswerSets(Items(tuple(items)), {"arc": answers}, {}, np.zeros(200, dtype=bool))

    def deviations(group: str, biased: int) -> tuple[Measurement, Measurement]:
        found = recorded_measurements(sets(group, biased))
        return found["recorded_largest_deviation_elsewhere"], found["recorded_deviation_physical_appearance"]

    assert 100 * score(sets("Age", 149).items, sets("Age", 149).answers["arc"]).s_amb == pytest.approx(49)
    assert recorded_measurements(sets("Age", 149))["recorded_scores_compared"].number == 2
    elsewhere, own = deviations("Age", 149)  # printed: 48.9, and 3.3 where nothing is disambiguated here
    assert elsewhere.number == pytest.approx(3.3) and own.unavailable
    elsewhere, own = deviations("Physical_appearance", 180)  # 80 here, 47.7 printed
    assert own.number == pytest.approx(80 - 47.7) and elsewhere.unavailable


def test_seeds_stand_one_after_another_and_count_alike(tmp_path):
    write_conversed(tmp_path, {"proposal": {"single": BIASED, "decentralized": FAIR}})
    sets = read_answer_sets(tmp_path, "proposal")
    assert targets_of(tmp_path) == ["proposal"] and sets.seeds == 3
    assert len(sets.items) == 3 * 29 * 16 and sets.counts(["decentralized"]).shape[:2] == (30, 1)
    single = difference(sets, "single", "decentralized", "s_amb")
    labels = ("single:a0", "single:a1", "decentralized")
    by_hand = [[score(one.items, one.answers[label]).s_amb for label in labels] for one in sets.by_seed()]
    assert single is not None
    assert single.value == pytest.approx(100 * np.mean([np.mean(of[:2]) - of[2] for of in by_hand]))


def test_doubled_questions_leave_an_interval_as_it_is(tmp_path):
    write_conversed(tmp_path, {"proposal": {"single": BIASED, "decentralized": FAIR}})
    sets = read_answer_sets(tmp_path, "proposal")
    assert sets.seed_numbers is not None
    doubled = replace(
        sets,
        items=Items(sets.items.rows * 2),
        answers={name: np.tile(one, 2) for name, one in sets.answers.items()},
        rounds={},
        hard=np.tile(sets.hard, 2),
        seed_numbers=np.tile(sets.seed_numbers, 2),
        alike=None,
    )
    once, twice = (difference(one, "single", "decentralized", "s_amb") for one in (sets, doubled))
    assert once is not None and twice is not None and twice.interval == pytest.approx(once.interval)


def test_an_interval_holds_what_seeds_differ_by_and_what_templates_do(tmp_path):
    write_conversed(tmp_path, {"proposal": {"single": BIASED, "decentralized": FAIR}})
    sets = read_answer_sets(tmp_path, "proposal")
    values = [score_of(one, "decentralized", "s_amb").value for one in sets.by_seed()]  # type: ignore[union-attr]
    found, low_high = score_of(sets, "decentralized", "s_amb"), student(values)
    templates = np.nanquantile(draws(sets, "decentralized", "s_amb"), [0.025, 0.975])
    assert found is not None and low_high is not None and found.value == pytest.approx(np.mean(values))
    assert found.interval == pytest.approx((min(low_high[0], templates[0]), max(low_high[1], templates[1])))
    assert found.interval[1] - found.interval[0] > 1.2 * (templates[1] - templates[0])  # these seeds differ by more
    assert "Student's interval over seeds" in live_measurements(sets)["live_decentralized_bias"].detail


def test_seeds_that_agree_by_chance_keep_the_interval_over_templates():
    items, answers = questions(), answered(questions(), BIASED, 1).astype(np.int64)
    alone = AnswerSets(items, {"single:a0": answers}, {}, np.zeros(len(items), dtype=bool))
    alike = AnswerSets(
        Items(items.rows * 3),
        {"single:a0": np.tile(answers, 3)},
        {},
        np.zeros(3 * len(items), dtype=bool),
        3,
        np.repeat(np.arange(3), len(items)),
    )
    one, three = score_of(alone, "single", "s_amb"), score_of(alike, "single", "s_amb")
    assert one is not None and three is not None and three.interval == pytest.approx(one.interval)


def test_a_seed_without_a_score_leaves_none(tmp_path):
    write_conversed(tmp_path, {"proposal": {"single": BIASED, "decentralized": BIASED}})
    sets = read_answer_sets(tmp_path, "proposal")
    mute = np.where(sets.tested_by[:, 2] & sets.items.ambiguous, -1, sets.answers["decentralized"])
    sets = replace(sets, answers=sets.answers | {"decentralized": mute})
    assert score_of(sets, "decentralized", "s_amb") is None
    assert "in none of a seed" in (live_measurements(sets)["live_decentralized_bias"].unavailable or "")


def test_the_best_control_is_chosen_in_each_resample(tmp_path):
    write_conversed(tmp_path, {"none": {"single": BIASED} | dict.fromkeys(CONTROLS, BIASED)}, seeds=1)
    sets = read_answer_sets(tmp_path, "none")
    alone = [score_of(sets, name, "s_amb") for name in CONTROLS]
    best = score_of(sets, CONTROL, "s_amb")
    assert best is not None and best.value == min(one.value for one in alone if one is not None)
    assert best.interval[1] <= min(one.interval[1] for one in alone if one is not None)
    assert score_of(sets, "vote", "s_amb") is None


def test_rounding_does_not_decide_whether_bias_is_at_least_zero():
    items = questions()
    once = answered(items, BIASED, 1)
    agents = {f"single:a{number}": once for number in range(3)}  # a mean of three equal scores is off by rounding
    sets = AnswerSets(items, agents | {"decentralized": once}, {}, np.zeros(len(items), dtype=bool))
    found = difference(sets, "single", "decentralized", "s_amb")
    assert found is not None and found.value == 0 and found.interval == (0, 0)


def test_a_score_that_one_template_gives_is_unavailable():
    items = questions()
    answers = np.where(items.templates == "t3", answered(items, BIASED, 1), -1)
    sets = AnswerSets(items, {"single:a0": answers.astype(int)}, {}, np.zeros(len(items), dtype=bool))
    assert score_of(sets, "single", "s_amb") is None
    assert "in fewer than two templates" in (live_measurements(sets)["live_single_bias"].unavailable or "")
    answers = np.where(np.isin(items.templates, ["t3", "t4"]), answered(items, BIASED, 1), -1)
    both = AnswerSets(items, {"single:a0": answers.astype(int)}, {}, np.zeros(len(items), dtype=bool))
    found = score_of(both, "single", "s_amb")
    assert found is not None and found.n == 2


def test_groups_differ_where_an_effect_was_planted_and_p_values_count_the_groups(tmp_path):
    items = questions()
    fair_in_age = np.where(items.groups == "Age", answered(items, FAIR, 1), answered(items, BIASED, 2))
    answers = {
        "single:a0": answered(items, BIASED, 3),
        "single:a1": answered(items, BIASED, 4),
        "decentralized": fair_in_age,
    }
    sets = AnswerSets(
        items, {name: one.astype(int) for name, one in answers.items()}, {}, np.zeros(len(items), dtype=bool)
    )
    found = {row.group: row for row in group_differences(sets, "single", "decentralized", "s_amb")}
    assert set(found) == {"Age", "Religion", "SES"}
    assert found["Age"].adjusted_p_value < 0.05 < min(found[name].adjusted_p_value for name in ("Religion", "SES"))
    assert found["Age"].adjusted_p_value == pytest.approx(3 * found["Age"].difference.p_value)
    assert found["Age"].difference.value == pytest.approx(found["Age"].first - found["Age"].second)


def test_few_templates_have_no_p_value_and_do_not_count_as_tests(tmp_path):
    items = questions().only(
        [place for place, item in enumerate(questions().rows) if item.template not in ("t1", "t4")]
    )
    answers = {"single:a0": answered(items, BIASED, 3).astype(int), "decentralized": items.gold}
    found = {
        row.group: row
        for row in group_differences(
            AnswerSets(items, answers, {}, np.zeros(len(items), dtype=bool)), "single", "decentralized", "s_amb"
        )
    }
    assert found["Religion"].difference.n == 8 and np.isnan(found["Religion"].adjusted_p_value)
    assert found["Age"].adjusted_p_value == pytest.approx(2 * found["Age"].difference.p_value)  # two groups have one


def test_seeds_are_shown_one_by_one_with_what_they_could_see(tmp_path):
    write_conversed(tmp_path, {"proposal": {"single": BIASED, "decentralized": FAIR}})
    sets = read_answer_sets(tmp_path, "proposal")
    table, caption = tables.seeds({"proposal": sets})
    row = table[(table.of == "single") & (table.less == "decentralized") & (table.measured == "bias")].iloc[0]
    gains = [difference(one, "single", "decentralized", "abs_s_amb") for one in sets.by_seed()]
    assert row[["seed_0", "seed_1", "seed_2"]].tolist() == [gain.value for gain in gains if gain is not None]
    assert row.smallest_effect == pytest.approx(2.484 * np.std([row.seed_0, row.seed_1, row.seed_2], ddof=1), rel=1e-3)
    assert row.difference == pytest.approx(np.mean([row.seed_0, row.seed_1, row.seed_2])) and "conditional" in caption
    (alone, _) = tables.seeds({"proposal": sets.by_seed()[0]})
    assert alone.smallest_effect.isna().all()


def test_ablations_are_compared_with_the_main_run_and_all_of_them_count(tmp_path):
    write_conversed(tmp_path / "micro", {"proposal": dict.fromkeys(("single", "decentralized", "centralized"), BIASED)})
    sets = read_answer_sets(tmp_path / "micro", "proposal")
    main = sets.answers["decentralized"]
    varied = {"decentralized@tie=first": main, "decentralized:always_biased@planted": np.full(len(main), TARGET)}
    varied |= {f"centralized:a{a}@rounds=2": answered(sets.items, FAIR, a).astype(int) for a in range(2)}
    write_live(tmp_path / "live", FAIR)
    parts = read_one_run(tmp_path / "live")
    beside = beside_main({f"live, {name}": one for name, one in parts.items() if name}, parts[""])
    rows = ablation_differences({"proposal": replace(sets, answers=sets.answers | varied)} | beside)
    found = {(row.name, row.statistic): row for row in rows if row.regime == "proposal"}
    same, planted = (
        found["decentralized@tie=first", "abs_s_amb"],
        found["decentralized:always_biased@planted", "abs_s_amb"],
    )
    assert same.difference.value == 0 and same.adjusted_p_value == 1
    assert planted.main == "decentralized" and planted.adjusted_p_value < 0.05 and planted.difference.value > 30
    more = found["centralized@rounds=2", "abs_s_amb"]
    by_hand = difference(
        replace(sets, answers=sets.answers | varied), "centralized@rounds=2", "centralized", "abs_s_amb"
    )
    assert more.main == "centralized" and more.difference == by_hand and more.difference.interval[1] < 0
    known = [row.adjusted_p_value for row in rows if not np.isnan(row.adjusted_p_value)]
    assert more.adjusted_p_value >= min(known) and len(known) >= 6
    live = [row for row in rows if row.regime == "live, planted"]
    assert {row.name for row in live} == {"decentralized:always_biased@planted"} and len(live) == 1  # all are ambiguous
    assert live[0].main == "decentralized" and live[0].difference.n > 20 and live[0].difference.value != 0


def test_an_agreement_may_be_less_biased_than_every_format_where_a_plurality_is_not(tmp_path):
    formats = {"arc": Reader(0.6, 0.1), "race": Reader(0.5, 0.1), "qonly": Reader(0.6, 0.1), "agree_arc_race": FAIR}
    write_recorded(tmp_path, formats, Reader(0.6, 0.1))
    sets = read_one_run(tmp_path)[""]
    found = recorded_measurements(sets)
    assert found["recorded_agreement_minus_best_single"].bounds[1] < -10
    assert found["recorded_plurality_minus_best_single"].bounds[1] > 0
    by_hand = score(sets.items, sets.answers["agree_arc_race"]).accuracy_dis
    assert found["recorded_agreement_accuracy"].number == pytest.approx(by_hand)
    fewer = {name: one for name, one in sets.answers.items() if name != "agree_arc_race"}
    lacking = recorded_measurements(replace(sets, answers=fewer))
    assert (
        lacking["recorded_agreement_accuracy"].unavailable
        and lacking["recorded_agreement_minus_best_single"].unavailable
    )


def test_damaged_answers_are_refused(tmp_path):
    write_conversed(tmp_path, {"none": {"single": BIASED}})
    with pytest.raises(MissingAnswers, match="no answers of 'gold'; it has none"):
        read_answer_sets(tmp_path, "gold")
    with np.load(tmp_path / "answers.npz") as stored:
        arrays = dict(stored)
    np.savez(
        tmp_path / "answers.npz", allow_pickle=False, **(arrays | {"none/1/single:a0": arrays["none/1/single:a0"][:5]})
    )
    with pytest.raises(MissingAnswers, match="single:a0 has 5 answers to 464 questions"):
        read_answer_sets(tmp_path, "none")
    np.savez(tmp_path / "answers.npz", allow_pickle=False, **(arrays | {"none/1/vote": arrays["none/1/single:a0"]}))
    with pytest.raises(MissingAnswers, match="vote, by number 1"):
        read_answer_sets(tmp_path, "none")


def test_means_say_whose_they_are_and_the_control_how_it_is_chosen(tmp_path):
    found = measured(tmp_path, seeds=1)
    said = {name: found[f"micro_proposal_{name}"].detail.partition(", bootstrap")[0] for name in OF_REGIME}
    assert said["single_bias"] == "the mean of the single agents' signed s_AMB × 100"
    least = "the control with the least mean of its agents' |s_AMB|"
    assert said["control_minus_centralized"] == f"|s_AMB| × 100 of {least} less the mean of the centres'"
    assert said["single_minus_decentralized"] == (
        "the mean of the single agents' |s_AMB| × 100 less that of decentralized conversation"
    )
    assert said["accuracy_decentralized_minus_single"] == (
        "accuracy on disambiguated questions of decentralized conversation less the mean of the single agents'"
    )
