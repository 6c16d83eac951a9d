"""Measurements of the claims and findings about debiasing by conversation, from the answers that the steps wrote."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from steps.debias.answer_sets import AnswerSets
from steps.debias.estimates import (
    CENTRALIZED,
    CONTROL,
    CONTROLS,
    DECENTRALIZED,
    DECIMALS,
    SINGLE,
    UNITS,
    VOTE,
    difference,
    draws,
    score_of,
)
from tenfold.debias.published import DIFFERING, UNIFIEDQA
from tenfold.debias.scores import score_groups
from tenfold.metrics.bootstrap import Estimate
from tenfold.metrics.intervals import CONFIDENCE
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import estimated, measured, unavailable

FORMATS = ("arc", "race", "qonly")  # the prompt formats whose answers were recorded
PLURALITY = "plurality"  # what the names of votes over formats begin with, the rule for ties behind it
RECORDED = (
    "recorded_plurality_minus_best_single",
    "recorded_largest_deviation_elsewhere",
    "recorded_deviation_physical_appearance",
)
TARGETS = ("proposal", "majority", "none")
CLUSTERED = "bootstrap over templates"
MEANT = {
    SINGLE: "a single agent (mean over agents)",
    DECENTRALIZED: "decentralized conversation",
    CENTRALIZED: "centralized conversation (mean over centres)",
    VOTE: "the vote of the first answers",
    CONTROL: "the control with the lowest score",
}
BIAS, ACCURACY = "s_amb", "accuracy_dis"
MEASURED = {BIAS: "s_AMB × 100", ACCURACY: "accuracy on disambiguated questions"}


def regime_measurements(prefix: str, sets: AnswerSets | None, reason: str = "") -> dict[str, Measurement]:
    """Return the measurements of one regime, named ``<prefix>_…``; where there are no answers, why not.

    Bias is s_AMB × 100 of ambiguous questions, accuracy that of disambiguated ones. The control is the one of
    self-refinement, self-consistency, the silent rounds and shuffled peers that has the lowest score, chosen in each
    resample.
    """
    hard = None if sets is None or not sets.hard.any() else sets.only(sets.hard)
    no_hard = reason or "no question was hard: none that enough agents missed in the run of its own"
    found = _scores(prefix, sets, reason)
    for conversation in (DECENTRALIZED, CENTRALIZED):
        for name, first in (("single", SINGLE), ("control", CONTROL), ("vote", VOTE)):
            found[f"{prefix}_{name}_minus_{conversation}"] = _difference(sets, first, conversation, BIAS, reason)
            found[f"{prefix}_hard_{name}_minus_{conversation}"] = _difference(hard, first, conversation, BIAS, no_hard)
        accurate = _difference(sets, conversation, SINGLE, ACCURACY, reason)
        found[f"{prefix}_accuracy_{conversation}_minus_single"] = accurate
    between = _difference(sets, CENTRALIZED, DECENTRALIZED, BIAS, reason)
    return found | {
        f"{prefix}_centralized_minus_decentralized": between,
        f"{prefix}_hard_single_bias": _score(hard, SINGLE, BIAS, no_hard),
    }


def _scores(prefix: str, sets: AnswerSets | None, reason: str) -> dict[str, Measurement]:
    return {
        f"{prefix}_single_bias": _score(sets, SINGLE, BIAS, reason),
        f"{prefix}_single_accuracy": _score(sets, SINGLE, ACCURACY, reason),
        f"{prefix}_decentralized_bias": _score(sets, DECENTRALIZED, BIAS, reason),
        f"{prefix}_centralized_bias": _score(sets, CENTRALIZED, BIAS, reason),
        f"{prefix}_control_bias": _score(sets, CONTROL, BIAS, reason),
    }


def micro_measurements(of_target: Mapping[str, AnswerSets]) -> dict[str, Measurement]:
    """Return the measurements of agents with a declared bias, for each target of deliberation."""
    found: dict[str, Measurement] = {}
    for target in TARGETS:
        reason = "" if target in of_target else f"this profile has no agents of the target {target}"
        found |= regime_measurements(f"micro_{target}", of_target.get(target), reason)
    return found


def live_measurements(sets: AnswerSets | None) -> dict[str, Measurement]:
    """Return the measurements of the pretrained model, what the claims name among them."""
    found = regime_measurements("live", sets, "" if sets is not None else "this profile has no pretrained model")
    return found | {"live_disambiguated_accuracy": found["live_single_accuracy"]}


def recorded_measurements(sets: AnswerSets, *, stand_in: bool = False) -> dict[str, Measurement]:
    """Return what the recorded answers say: the plurality against the best format, and ours against what is printed.

    Answers that stand in for a model's say nothing of it.
    """
    if stand_in:
        return dict.fromkeys(RECORDED, unavailable("the recorded answers are a stand-in, not a model's"))
    forms = [form for form in FORMATS if form in sets.answers]
    elections = [label for label in sets.answers if label.startswith(PLURALITY)]
    deviations = published_deviations(sets)
    own = [abs(deviation) for group, *_, deviation in deviations if group == DIFFERING]
    elsewhere = [abs(deviation) for group, *_, deviation in deviations if group != DIFFERING]
    found = (_plurality_minus_best(sets, forms, elections), _largest(elsewhere, "other categories"))
    return dict(zip(RECORDED, (*found, _largest(own, "Physical appearance")), strict=True))


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
    """Return the least biased plurality over the tie rules, less the least biased format, chosen in each resample."""
    values = {name: score_of(sets, name, BIAS) for name in (*forms, *elections)}
    if len(forms) < 2 or not elections or None in values.values():
        return unavailable("fewer than two prompt formats, or no plurality, have a bias score")
    known = {name: found.value for name, found in values.items() if found is not None}
    drawn = {name: draws(sets, name, BIAS) for name in known}
    value = min(known[name] for name in elections) - min(known[name] for name in forms)
    spread = np.fmin.reduce([drawn[name] for name in elections]) - np.fmin.reduce([drawn[name] for name in forms])
    tails = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(spread, [tails, 1 - tails])
    detail = (
        f"least biased plurality of {len(forms)} formats over {len(elections)} tie rules less the least biased format"
    )
    ends = (float(low.round(DECIMALS)), float(high.round(DECIMALS)))
    n = min(found.n for found in values.values() if found is not None)
    estimate = Estimate(round(value, DECIMALS), ends, n)
    return estimated(estimate, UNITS[BIAS], f"{MEASURED[BIAS]}, {detail}, {CLUSTERED}")


def _score(sets: AnswerSets | None, name: str, statistic: str, reason: str) -> Measurement:
    if sets is None:
        return unavailable(reason)
    found = score_of(sets, name, statistic)
    if found is None:
        return unavailable(_why_not(sets, [name], statistic))
    detail = f"{MEASURED[statistic]} of {MEANT[name]}, {CLUSTERED}"
    return estimated(found, UNITS.get(statistic, "accuracy"), detail, seeds=sets.seeds)


def _difference(sets: AnswerSets | None, first: str, second: str, statistic: str, reason: str) -> Measurement:
    if sets is None:
        return unavailable(reason)
    found = difference(sets, first, second, statistic)
    if found is None:
        return unavailable(_why_not(sets, [first, second], statistic))
    detail = f"{MEASURED[statistic]} of {MEANT[first]} less that of {MEANT[second]}, {CLUSTERED}"
    return estimated(found, UNITS.get(statistic, "accuracy"), detail, seeds=sets.seeds)


def _why_not(sets: AnswerSets, names: list[str], statistic: str) -> str:
    for name in names:
        wanted = CONTROLS if name == CONTROL else (name,)
        if not any(sets.labels(protocol) for protocol in wanted):
            return f"this profile has no answers of {MEANT[name]}"
    if len(np.unique(sets.items.templates)) < 2:
        return "all questions share one template"
    what = "name a person" if statistic == BIAS else "are to disambiguated questions"
    return f"answers of {' or '.join(MEANT[name] for name in names)} {what} in fewer than two templates"
