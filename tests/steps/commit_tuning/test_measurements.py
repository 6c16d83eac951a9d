"""Measurements of the claims: planted effects turn each of them the right way, and their absence turns it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest

from flows.report.claims import load_claims
from flows.report.verdicts import Verdict, judge
from steps.commit_tuning.diagnosis import direction, learned_ratios, less_equal_rates, validity
from steps.commit_tuning.estimates import (
    Cell,
    Evidence,
    TooFewSeeds,
    TwoRuns,
    aggregate,
    difference,
)
from steps.commit_tuning.measurements import language_measurements, speed_measurements, tuning_measurements
from tenfold.metrics.intervals import student
from tenfold.metrics.measurement import Measurement
from tests.steps.commit_tuning.made_up_runs import (
    COST,
    GAINS,
    IMBALANCE,
    RATIOS,
    SEEDS,
    SPEED,
    TASKS,
    World,
    ablations,
    evidence,
    language,
    main_study,
    search,
)

CLAIMS = load_claims(Path("steps/commit_tuning/claims.yaml"))
ENTRIES = {entry.id: entry for entry in CLAIMS.entries}
MODALITIES = ("images", "audio")
REPRODUCED, CONTRADICTED, INCONCLUSIVE = Verdict.REPRODUCED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE


def measured(world: World | None = None, **chosen) -> dict[str, Measurement]:
    own = World() if world is None else world
    found = tuning_measurements(evidence(own, chosen)) | speed_measurements(SPEED)
    return found | language_measurements(Evidence.of(language(own)))


@lru_cache
def usual() -> Mapping[str, Measurement]:
    return measured()


def verdict(name: str, found: Mapping[str, Measurement]) -> Verdict:
    return judge(ENTRIES[name], found).verdict


def reason(name: str, found: Mapping[str, Measurement]) -> str:
    return judge(ENTRIES[name], found).reason


def test_what_was_planted_holds_everywhere():
    verdicts = {name: verdict(name, usual()) for name in ENTRIES}
    assert verdicts.pop("C6-theory") is Verdict.NOT_TESTABLE
    assert {verdicts.pop(f"C3-language-{one}") for one in MODALITIES} == {INCONCLUSIVE}  # no search, no headroom
    assert {verdicts.pop(f"F{number}") for number in range(1, 8)} == {Verdict.HOLDS}
    assert set(verdicts.values()) == {REPRODUCED}, {name: one for name, one in verdicts.items() if one != REPRODUCED}


def test_every_test_has_its_unit_and_its_seeds():
    for entry in CLAIMS.entries:
        for test in entry.tests or ():
            for name in test.measurements:
                one = usual()[name]
                if one.unavailable is None:
                    exact = name.startswith(("validity", "encoder_rate_raised"))  # the same from every seed here
                    assert (one.interval is not None) == (test.over is not None) or exact, name
                    assert not test.training or one.seeds in (3, len(SEEDS)), name


@pytest.mark.parametrize(
    ("claims", "planted"),
    [
        (("C1-{}",), {"imbalance": {0.1: 1.3, 0.3: 1.4, 1.0: 0.9, 3.0: 3.0, 10.0: 0.8}, "cost": {**COST, 10.0: 0.5}}),
        (("C1-{}",), {"cost": {0.1: 0.3, 0.3: 0.5, 1.0: 0.9, 3.0: 0.5, 10.0: 0.3}, "blind_loss": 3.0}),
        (("C2-{}", "C2-{}-1", "C6-{}-sgd", "C6-{}-adafactor", "C6-{}-lora", "C2-language-{}"), {"held": {"clr": 1.3}}),
        (("C2-{}-own",), {"held": {"clr": 0.4, "placebo": 0.2}}),
        (("C3-{}", "C3-{}-0.3", "C3-{}-0.1"), {"gains": {**GAINS, "commit": -0.3}}),
        (("C4-{}", "C4-{}-0.1", "C4-{}-loss", "C4-{}-0.1-loss"), {"gains": {**GAINS, "commit": -0.4}}),
        (("C4-{}", "C4-{}-loss"), {"gains": {**GAINS, "feature_cd": 2.0}}),
        (("C5-{}", "C5-{}-100", "C5-{}-10000"), {"gains": {**GAINS, "clr": 2.2}}),
    ],
    ids=lambda value: value[0].format("m") if isinstance(value, tuple) else "",
)  # fmt: skip
def test_the_opposite_contradicts(claims, planted):
    found = measured(World(**planted))
    for claim in claims:
        for modality in MODALITIES:
            assert verdict(claim.format(modality), found) is CONTRADICTED, (
                claim,
                reason(claim.format(modality), found),
            )


@pytest.mark.parametrize("commit", [1.2, -0.5])
def test_without_headroom_nothing_is_decided_either_way(commit):
    """A win and a loss alike: where the tuned constant is no better than the constant, the set-up has no power."""
    flat = World(cost=dict.fromkeys(COST, 0.2), gains={**GAINS, "tuned_constant": 0.0, "commit": commit})
    found = measured(flat)
    for modality in MODALITIES:
        for claim in (f"C3-{modality}", f"C3-{modality}-0.1", f"C4-{modality}", f"C4-{modality}-loss"):
            assert verdict(claim, found) is INCONCLUSIVE
            assert "headroom" in reason(claim, found) and "straddles" in reason(claim, found)


def test_a_constant_rate_that_is_the_tuned_one_has_no_headroom():
    """The tuned ratio is 1: both are one training, their difference is 0 exactly, and 0 is no headroom."""
    own = [one for one in main_study(World()) if one.method != "tuned_constant"]
    own += [replace(one, method="tuned_constant") for one in own if one.method == "constant" and one.ratio == 1]
    found = tuning_measurements(Evidence.of(own, evidence().chosen))
    assert found["headroom_images_at_1"].value == 0 and found["headroom_images_at_1"].interval is None
    assert verdict("C3-images", found) is INCONCLUSIVE and "headroom_images_at_1" in reason("C3-images", found)
    assert found["headroom_images_at_0_1"].number > 0.2  # of the tuned one at its own ratio


def test_a_win_that_does_not_reach_the_tuned_constant_is_what_tuning_buys():
    found = measured(World(gains={**GAINS, "commit": 0.5}))
    for modality in MODALITIES:
        for claim in (f"C3-{modality}", f"C3-{modality}-0.1"):
            assert verdict(claim, found) is INCONCLUSIVE
            assert "tuned_constant" in reason(claim, found) and "rules out another" in reason(claim, found)


@pytest.mark.parametrize("control", ["half_rate", "placebo"])
def test_a_win_that_a_control_has_too_is_not_of_coordination(control):
    found = measured(World(gains={**GAINS, control: 1.9}))
    assert verdict("C3-images", found) is INCONCLUSIVE and f"minus_{control}" in reason("C3-images", found)


def test_longer_coordinate_descent_that_wins_is_a_rival():
    runs = [replace(one, accuracy_names=0.99) if one.equal == "parameter_updates" else one for one in evidence().runs]
    found = tuning_measurements(Evidence.of(runs, evidence().chosen))
    assert verdict("C4-images", found) is INCONCLUSIVE and "equal_parameters" in reason("C4-images", found)


@pytest.mark.parametrize(
    ("claims", "planted", "why"),
    [
        (("C1-{}", "C2-{}", "C3-{}", "C4-{}", "C5-{}", "C6-{}-sgd"), {"skill": 0.01}, "names_above_blind"),
        (("C2-{}", "C2-{}-own", "C6-{}-lora"), {"imbalance": dict.fromkeys(IMBALANCE, 0.2)}, "imbalance_constant"),
        (("C2-{}", "C2-{}-own", "C2-{}-1", "C3-{}", "C4-{}", "C5-{}-100"), {"blind_loss": 1.0}, "loss_below_blind"),
        (
            ("C5-{}", "C5-{}-100", "C5-{}-10000"),
            {"reward_share": 0.001, "gains": {**GAINS, "commit": 1.0}, "noise": 0.02},
            "reward_share",
        ),
    ],
    ids=["learned nothing", "balanced already", "no better than blind", "inactive reward"],
)
def test_without_power_nothing_is_decided(claims, planted, why):
    found = measured(World(**planted))
    for claim in claims:
        for modality in MODALITIES:
            name = claim.format(modality)
            assert verdict(name, found) is INCONCLUSIVE and why in reason(name, found)


@pytest.mark.parametrize(("clr", "expected"), [(2.2, CONTRADICTED), (0.5, REPRODUCED)])
def test_a_small_share_decides_nothing_though_the_loss_differs(clr, expected):
    """A control that the outcome itself fulfils would be none."""
    found = measured(World(reward_share=0.001, gains={**GAINS, "clr": clr}))
    assert found["reward_felt_images_at_1"].value == 1
    assert verdict("C5-images", found) is INCONCLUSIVE and "reward_share" in reason("C5-images", found)
    assert verdict("C5-images", measured(World(reward_share=0.05, gains={**GAINS, "clr": clr}))) is expected


def test_a_relabelled_constant_keeps_nothing_in_balance():
    """CLR that is the constant pair at 0.3 in the place of that at 0.1: |log κ| is lower, and no scheduler did it."""
    own = evidence()
    like = {
        (run.task, run.value, run.seed): run.log_kappa_last
        for run in own.runs
        if (run.method, run.ratio) == ("constant", 0.3)
    }
    runs = [
        replace(run, log_kappa_last=like[run.task, run.value, run.seed])
        if (run.method, run.ratio) == ("clr", 0.1) and run.knob in (None, "optimiser", "adaptation")
        else run
        for run in own.runs
    ]
    relabelled = Evidence.of(runs, own.chosen, own.regimes)
    found = tuning_measurements(relabelled)
    for claim in ("C2-{}", "C6-{}-sgd", "C6-{}-lora"):
        for modality in MODALITIES:
            name = claim.format(modality)
            assert verdict(name, found) is INCONCLUSIVE and "minus_equal_rates" in reason(name, found)
    exact = less_equal_rates(relabelled, Cell("cifar10", "clr", 0.1), "log_kappa_last")
    assert exact.value == 0 and "constant at ratio 0.3" in exact.detail
    assert found["imbalance_clr_minus_constant_images_at_0_1"].number < -1


def test_a_placebo_that_does_as_well_is_a_rival_of_balance():
    found = measured(World(held={"clr": 0.4, "placebo": 0.4}))
    assert verdict("C2-audio", found) is INCONCLUSIVE and "minus_placebo" in reason("C2-audio", found)


def test_a_balance_that_is_above_0_everywhere_says_no_more_than_a_rule():
    cost = {0.1: 0.4, 0.3: 0.2, 1.0: 0.1, 3.0: 0.05, 10.0: 0.0}
    imbalance = {0.1: 4.0, 0.3: 1.8, 1.0: 0.9, 3.0: 0.8, 10.0: 0.2}
    found = measured(World(shift=5.0, cost=cost, imbalance=imbalance))
    assert found["direction_images"].number > 0.9
    assert verdict("C1-images", found) is INCONCLUSIVE and "balance_signs" in reason("C1-images", found)
    assert not found["direction_beyond_raising_images"].number >= 0.001
    for modality in MODALITIES:  # nor is a balance below 0 everywhere, where each raise lowers the loss, evidence
        found = measured(World(shift=-5.0))
        assert found[f"direction_{modality}"].number < -0.1
        assert verdict(f"C1-{modality}", found) is INCONCLUSIVE
        assert "balance_signs" in reason(f"C1-{modality}", found)


def test_ratios_that_teach_nothing_say_nothing_of_balance():
    """Beyond blind alone: 0.3, 1 and 3, whose order by |ℓ| is that of their losses."""
    own = evidence(World(noise=0.0, blind_loss=1.27))
    assert learned_ratios(own, "cifar10") in ([0.3, 1.0, 3.0], [1.0, 3.0], [0.3, 1.0, 3.0, 10.0])
    few = evidence(World(blind_loss=1.1))
    assert "beyond its questions" in (direction(few, "fsdd").unavailable or "")


def test_commits_own_rates_must_be_searched_and_be_those_that_it_had():
    assert usual()["method_rates_elsewhere_images"].value == 0  # another rate that is better by a hair is as good
    for own in ({"commit": {"0.001": 1.1, "0.003": 1.2}}, {"commit": {"0.001": 1.3, "0.003": None}}, {}):
        found = measured(validation_loss_by_rate_and_method=own)
        for claim in ("C3-images", "C4-audio", "C5-images"):
            assert verdict(claim, found) is INCONCLUSIVE and "method_rates_elsewhere" in reason(claim, found)


def test_another_optimisers_rates_must_be_searched_and_within_their_grid():
    own = evidence()
    edge = tuning_measurements(evidence(regime={"at_edge": True}))
    unsearched = tuning_measurements(Evidence.of(own.runs, own.chosen))
    for found in (edge, unsearched):
        for claim in ("C6-images-sgd", "C6-audio-lora"):
            assert verdict(claim, found) is INCONCLUSIVE and "rates_at_an_edge" in reason(claim, found)


def test_the_positive_control_is_at_the_ratio_that_validation_calls_worst():
    found = measured(validation_loss_by_ratio={"0.1": 1.2, "0.3": 1.4, "1": 1.2, "3": 1.1, "10": 1.3})
    assert "ratio 0.3" in found["headroom_worst_images"].detail
    assert "ratio 0.1" in usual()["headroom_worst_images"].detail


def test_a_rate_at_the_edge_of_its_grid_decides_nothing():
    found = measured(at_edge=True)
    for claim in ("C1-images", "C3-audio", "C4-images", "C5-audio"):
        assert verdict(claim, found) is INCONCLUSIVE and "rates_at_an_edge" in reason(claim, found)


@pytest.mark.parametrize("other", [{"ratio_chosen": 1.0}, {"rate_chosen": 1e-3}])
def test_a_choice_that_is_not_by_validation_is_a_bug_of_ours(other):
    found = measured(**other)
    assert found["choices_not_by_validation_images"].value == 1
    assert verdict("C3-images", found) is INCONCLUSIVE and verdict("F1", found) is Verdict.FAILS


def test_another_start_other_batches_or_more_updates_are_bugs_of_ours():
    for change in ({"start_sha256": "another"}, {"order_sha256": "others"}, {"updates": 41}):
        runs = [
            replace(one, **change) if (one.task, one.method, one.knob, one.seed) == ("fsdd", "commit", None, 3) else one
            for one in evidence().runs
        ]
        found = tuning_measurements(Evidence.of(runs, evidence().chosen))
        assert verdict("F2", found) is Verdict.FAILS and verdict("F1", found) is Verdict.HOLDS
        assert verdict("C3-audio", found) is INCONCLUSIVE and verdict("C3-images", found) is REPRODUCED


def test_one_seed_or_two_decide_nothing():
    for seeds in ((0,), (0, 1)):
        found = tuning_measurements(evidence(World(seeds=seeds)))
        for name, entry in ENTRIES.items():
            if name[0] == "C" and "language" not in name:
                assert judge(entry, found).verdict is Verdict.NOT_TESTABLE, name
        assert f"{len(seeds)} seeds where" in (found["headroom_images_at_1"].unavailable or "")
    with pytest.raises(TooFewSeeds, match="2 seeds where an average takes 3"):
        aggregate([1.0, 2.0], "loss")


def test_the_failure_at_ratio_10_is_told_from_its_absence():
    for part, value in (("kappa", -0.5), ("rate", 0.6), ("loss", -0.2)):
        found = measured(World(fast={"kappa": 0.5, "rate": 1.5, "loss": 0.2, part: value}))
        assert verdict("F3", found) is Verdict.FAILS, part


def test_an_average_within_the_clip_and_a_slow_estimator_are_told():
    found = measured(World(held={"clr": 0.1}))
    assert verdict("F4", found) is verdict("F5", found) is Verdict.FAILS
    assert verdict("F7", speed_measurements({**SPEED, "rows": SPEED["rows"][:3]})) is not Verdict.HOLDS  # type: ignore[index]
    slow = {**SPEED, "rows": [{**row, "share": 5 * row["share"]} for row in SPEED["rows"]]}  # type: ignore[index]
    assert verdict("F6", speed_measurements(slow)) is verdict("F7", speed_measurements(slow)) is Verdict.FAILS


def test_differences_are_paired_by_seed_and_have_students_interval():
    own = evidence()
    found = difference(own, Cell("cifar10", "commit", 0.1), Cell("cifar10", "constant", 0.1), "auc")
    one, other = (own.by_seed(Cell("cifar10", method, 0.1)) for method in ("commit", "constant"))
    naive = [one[seed].auc - other[seed].auc for seed in SEEDS]
    assert found.value == pytest.approx(sum(naive) / len(naive)) and found.interval == student(naive)
    assert found.seeds == len(SEEDS)
    unpaired = [run.auc for run in one.values()]
    ends = student(unpaired)
    assert ends and found.interval and found.interval[1] - found.interval[0] < (ends[1] - ends[0]) / 3
    shorter = Evidence.of([run for run in own.runs if run.method != "commit" or run.seed < 5])
    assert difference(shorter, Cell("cifar10", "commit", 0.1), Cell("cifar10", "constant", 0.1), "auc").seeds == 5


def test_validity_is_the_rank_correlation_of_each_seed():
    found = validity(evidence(World(noise=0.0)), "cifar10")
    # losses rank 0.1 > 10 > 0.3 > 1 > 3, and |ℓ| 0.1 > 0.3 > 10 > 1 > 3: one swap of neighbours
    assert found.value == pytest.approx(0.9) and found.seeds == len(SEEDS) and "0.1, 0.3, 1, 3, 10" in found.detail
    few = Evidence.of([run for run in evidence().runs if run.ratio in (0.1, 1.0)])
    assert "2 ratios at which" in (validity(few, "cifar10").unavailable or "")


def test_what_two_steps_trained_alike_counts_once_and_what_differs_is_refused():
    own = World()
    both = Evidence.of([*main_study(own), *search(own)])
    assert len(both.by_seed(Cell("cifar10", "constant", 1.0))) == len(SEEDS)
    assert both.ratios("cifar10") == list(RATIOS) and both.tasks() == list(TASKS)
    first = search(own)[0]
    with pytest.raises(TwoRuns, match="start apart"):
        Evidence.of([first, replace(first, start_sha256="another")])
    for change in ({"auc": 1.1 * first.auc}, {"updates": 41}):
        with pytest.raises(TwoRuns, match="go apart"):
            Evidence.of([first, replace(first, **change)])


def test_ablations_are_no_part_of_the_main_study():
    found = tuning_measurements(Evidence.of(ablations(World())))
    assert "no such training" in (found["imbalance_constant_images_at_0_1"].unavailable or "")
    assert found["imbalance_constant_images_sgd"].value is not None
