"""Measurements of the facts about a real model's recorded answers: votes over prompt formats, and printed scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from steps.debias.answer_sets import AnswerSets
from steps.debias.estimates import BIAS, MAGNITUDE, UNITS, draws, score_of
from steps.debias.measured_words import ACCURACY, CLUSTERED, MEASURED
from tenfold.debias.published import DIFFERING, UNIFIEDQA
from tenfold.debias.scores import score_groups
from tenfold.metrics.bootstrap import Estimate
from tenfold.metrics.intervals import CONFIDENCE
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import estimated, measured, unavailable

FORMATS = ("arc", "race", "qonly")  # the prompt formats whose answers were recorded; the last shows no context
PLURALITY = "plurality"  # what the names of votes over formats begin with, the rule for ties behind it
RANDOM_TIES = "plurality_random"
AGREEMENT = "agree_arc_race"  # the two formats that show the context
AGREEMENT_MEANT = "what the two formats that show the context agree on, unknown where they differ"
NO_AGREEMENT = unavailable("no answers on which the two formats that show the context agree")
RECORDED = (
    "recorded_plurality_minus_best_single",
    "recorded_plurality_minus_mean_single",
    "recorded_agreement_minus_best_single",
    "recorded_agreement_accuracy",
    "recorded_scores_compared",
    "recorded_largest_deviation_elsewhere",
    "recorded_deviation_physical_appearance",
)


def recorded_measurements(sets: AnswerSets, *, stand_in: bool = False) -> dict[str, Measurement]:
    """Return what the recorded answers say: the plurality against the formats, and our scores against the printed.

    Answers that stand in for a model's say nothing of it.
    """
    if stand_in:
        return dict.fromkeys(RECORDED, unavailable("the recorded answers are a stand-in, not a model's"))
    forms = [form for form in FORMATS if form in sets.answers]
    elections = [label for label in sets.answers if label.startswith(PLURALITY)]
    deviations = published_deviations(sets)
    own = [abs(deviation) for group, *_, deviation in deviations if group == DIFFERING]
    elsewhere = [abs(deviation) for group, *_, deviation in deviations if group != DIFFERING]
    found = (
        _plurality_minus_best(sets, forms, elections),
        _plurality_minus_mean(sets, forms),
        _agreement_minus_best(sets, forms),
        _agreement_accuracy(sets),
        _compared(len(deviations)),
        _largest(elsewhere, "other categories"),
        _largest(own, "Physical appearance"),
    )
    return dict(zip(RECORDED, found, strict=True))


def _compared(scores: int) -> Measurement:
    if not scores:
        return unavailable("no recorded answers to questions whose scores are printed")
    return measured(scores, "scores", "printed scores that ours are compared with")


def _largest(deviations: list[float], where: str) -> Measurement:
    if not deviations:
        return unavailable(f"{where}: no recorded answers to questions whose scores are printed")
    detail = f"largest difference between our score × 100 and the printed one, {where}, {len(deviations)} scores"
    return measured(max(deviations), UNITS[BIAS], detail, n=len(deviations))


def published_deviations(sets: AnswerSets) -> list[tuple[str, str, str, float, float]]:
    """Return (group, format, score, printed × 100, ours less the printed) wherever both are known."""
    rows = []
    for form, by_group in UNIFIEDQA.items():
        if form not in sets.answers:
            continue
        ours = score_groups(sets.items, sets.answers[form], unparsed="dropped")
        for group, printed in by_group.items():
            if group in ours:
                for statistic, value in zip(("s_amb", "s_dis"), printed, strict=True):
                    rows.append((group, form, statistic, value, 100 * getattr(ours[group], statistic) - value))
    return rows


def _plurality_minus_best(sets: AnswerSets, forms: list[str], elections: list[str]) -> Measurement:
    """Return the least |s_AMB| of a plurality over the tie rules, less that of a format, chosen in each resample."""
    detail = (
        f"least biased plurality of {len(forms)} formats over {len(elections)} tie rules less the least biased format"
    )
    return _recorded_difference(sets, elections, forms, np.min, detail)


def _plurality_minus_mean(sets: AnswerSets, forms: list[str]) -> Measurement:
    """Return |s_AMB| of the plurality with ties broken at random, less the mean of the formats' own."""
    detail = f"plurality of {len(forms)} formats, ties at random, less the mean of the formats"
    return _recorded_difference(sets, [RANDOM_TIES], forms, np.mean, detail)


def _agreement_minus_best(sets: AnswerSets, forms: list[str]) -> Measurement:
    """Return |s_AMB| of what both formats with the context agree on, less that of the best format."""
    detail = f"{AGREEMENT_MEANT}, less the least biased of {len(forms)} formats"
    return _recorded_difference(sets, [AGREEMENT], forms, np.min, detail) if AGREEMENT in sets.answers else NO_AGREEMENT


def _agreement_accuracy(sets: AnswerSets) -> Measurement:
    found = score_of(sets, AGREEMENT, ACCURACY)
    if found is None:
        return NO_AGREEMENT
    return estimated(found, "accuracy", f"{MEASURED[ACCURACY]} of {AGREEMENT_MEANT}, {CLUSTERED}")


def _recorded_difference(
    sets: AnswerSets, elections: Sequence[str], forms: Sequence[str], joined: Any, detail: str
) -> Measurement:
    names = [*elections, *forms]
    values = {name: score_of(sets, name, MAGNITUDE) for name in names}
    if len(forms) < 2 or not elections or None in values.values():
        return unavailable("fewer than two prompt formats, or no plurality, have a bias score")
    columns = [np.append(draws(sets, name, MAGNITUDE), found.value) for name, found in values.items() if found]
    table = np.stack(columns)  # (names, R + 1), the value last
    spread = joined(table[: len(elections)], axis=0) - joined(table[len(elections) :], axis=0)
    tails = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(spread[:-1], [tails, 1 - tails])
    n = min(found.n for found in values.values() if found is not None)
    estimate = Estimate(float(spread[-1]), (float(low), float(high)), n)
    return estimated(estimate, UNITS[MAGNITUDE], f"{MEASURED[MAGNITUDE]}, {detail}, {CLUSTERED}")
