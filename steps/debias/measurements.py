"""Measurements of the claims and findings about debiasing by conversation, from the answers that the steps wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from steps.debias.answer_sets import AnswerSets
from steps.debias.estimates import (
    BEST_SINGLE,
    BIAS,
    CENTRALIZED,
    CONTROL,
    CONTROLS,
    DECENTRALIZED,
    MAGNITUDE,
    PREFERENCE,
    SINGLE,
    UNITS,
    VOTE,
    difference,
    draws,
    score_of,
)
from steps.debias.rule_following import changes_made
from tenfold.debias.published import DIFFERING, UNIFIEDQA
from tenfold.debias.scores import score_groups
from tenfold.metrics.bootstrap import Estimate
from tenfold.metrics.intervals import CONFIDENCE
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import estimated, measured, unavailable

FORMATS = ("arc", "race", "qonly")  # the prompt formats whose answers were recorded
PLURALITY = "plurality"  # what the names of votes over formats begin with, the rule for ties behind it
RANDOM_TIES = "plurality_random"
RECORDED = (
    "recorded_plurality_minus_best_single",
    "recorded_plurality_minus_mean_single",
    "recorded_scores_compared",
    "recorded_largest_deviation_elsewhere",
    "recorded_deviation_physical_appearance",
)
COMPARED = {"single": SINGLE, "control": CONTROL, "vote": VOTE, "best_single": BEST_SINGLE}
TARGETS = ("proposal", "majority", "none")
CLUSTERED = "bootstrap over templates"
OVER_SEEDS = "mean over seeds, the outer ends of Student's interval over seeds and the bootstrap over templates"
MEANT = {
    SINGLE: "a single agent (mean over agents)",
    DECENTRALIZED: "decentralized conversation",
    CENTRALIZED: "centralized conversation (mean over centres)",
    VOTE: "the vote of the first answers",
    CONTROL: "the control with the least |s_AMB|",
    BEST_SINGLE: "the single agent with the least |s_AMB|",
}
ACCURACY, AMBIGUOUS = "accuracy_dis", "accuracy_amb"
MEASURED = {
    BIAS: "s_AMB × 100",
    MAGNITUDE: "|s_AMB| × 100",
    PREFERENCE: "preference for the target × 100",
    ACCURACY: "accuracy on disambiguated questions",
    AMBIGUOUS: "accuracy on ambiguous questions",
}
WANTED = {ACCURACY: "is to a disambiguated question", AMBIGUOUS: "is to an ambiguous question"}


def regime_measurements(prefix: str, sets: AnswerSets | None, reason: str = "") -> dict[str, Measurement]:
    """Return the measurements of one regime, named ``<prefix>_…``; where there are no answers, why not.

    ``…_bias`` is s_AMB × 100 of ambiguous questions, signed; ``…_minus_…`` of bias is of |s_AMB| × 100, since a score
    below 0 is a bias, too: the mean over agents of each one's. Accuracy is that of disambiguated questions unless it is
    called ambiguous. The control is the one of self-refinement, self-consistency, the silent rounds and shuffled peers
    that has the least |s_AMB|, the best single agent the one that has it alone, both chosen in each seed and resample.
    """
    hard = None if sets is None or not sets.hard.any() else sets.only(sets.hard)
    no_hard = reason or "no question was hard: none that enough agents missed in the run of its own"
    asked = ((sets, reason), (hard, no_hard))
    found = _scores(prefix, sets, reason)
    for conversation in (DECENTRALIZED, CENTRALIZED):
        for name, first in COMPARED.items():
            all_, few = (_difference(of, first, conversation, MAGNITUDE, why) for of, why in asked)
            found[f"{prefix}_{name}_minus_{conversation}"] = all_
            found[f"{prefix}_hard_{name}_minus_{conversation}"] = few
        for name, statistic in (("accuracy", ACCURACY), ("ambiguous_accuracy", AMBIGUOUS)):
            accurate = _difference(sets, conversation, SINGLE, statistic, reason)
            found[f"{prefix}_{name}_{conversation}_minus_single"] = accurate
    between = _difference(sets, CENTRALIZED, DECENTRALIZED, MAGNITUDE, reason)
    return found | {
        f"{prefix}_centralized_minus_decentralized": between,
        f"{prefix}_hard_single_bias": _score(hard, SINGLE, BIAS, no_hard),
        f"{prefix}_hard_share": _hard_share(sets if hard is not None else None, no_hard),
    }


def _scores(prefix: str, sets: AnswerSets | None, reason: str) -> dict[str, Measurement]:
    return {
        f"{prefix}_single_bias": _score(sets, SINGLE, BIAS, reason),
        f"{prefix}_single_accuracy": _score(sets, SINGLE, ACCURACY, reason),
        f"{prefix}_decentralized_bias": _score(sets, DECENTRALIZED, BIAS, reason),
        f"{prefix}_centralized_bias": _score(sets, CENTRALIZED, BIAS, reason),
        f"{prefix}_control_bias": _score(sets, CONTROL, BIAS, reason),
        f"{prefix}_preference_single": _score(sets, SINGLE, PREFERENCE, reason),
        f"{prefix}_preference_decentralized": _score(sets, DECENTRALIZED, PREFERENCE, reason),
    }


def _hard_share(sets: AnswerSets | None, reason: str) -> Measurement:
    if sets is None:
        return unavailable(reason)
    hard = sets.hard[sets.items.ambiguous]
    return measured(hard.mean(), "share", "hard questions among the ambiguous ones", seeds=sets.seeds, n=len(hard))


def micro_measurements(of_target: Mapping[str, AnswerSets]) -> dict[str, Measurement]:
    """Return the measurements of agents with a declared bias, for each target of deliberation."""
    found: dict[str, Measurement] = {}
    for target in TARGETS:
        reason = "" if target in of_target else f"this profile has no agents of the target {target}"
        sets, prefix = of_target.get(target), f"micro_{target}"
        found |= regime_measurements(prefix, sets, reason)
        found[f"{prefix}_least_gain_of_a_seed"] = _least_gain(sets, reason)
        found[f"{prefix}_changes_made"] = _changes_made(sets, target, reason)
    return found


def _least_gain(sets: AnswerSets | None, reason: str) -> Measurement:
    """Return the smallest over seeds of what decentralized conversation gains, each on its own test questions."""
    if sets is None:
        return unavailable(reason)
    gains = [difference(one, SINGLE, DECENTRALIZED, MAGNITUDE) for one in sets.by_seed()]
    known = [gain.value for gain in gains if gain is not None]
    if len(known) < len(gains):
        return unavailable(f"of a seed: {_why_not(sets, [SINGLE, DECENTRALIZED], MAGNITUDE)}")
    detail = f"{MEASURED[MAGNITUDE]} of {MEANT[SINGLE]} less that of {MEANT[DECENTRALIZED]}, the smallest over seeds"
    return measured(min(known), UNITS[MAGNITUDE], f"{detail}, each on its own test questions", seeds=sets.seeds)


def _changes_made(sets: AnswerSets | None, target: str, reason: str) -> Measurement:
    if sets is None or target == "none":
        return unavailable(reason or "these agents were never taught a rule that asks for a change")
    found = changes_made(sets, target)
    if found is None:
        return unavailable(
            f"no answer after the first round of {MEANT[DECENTRALIZED]} where the rule {target} asks for a change"
        )
    detail = f"changes of answer that the rule {target} asks for, made in round 1 of {MEANT[DECENTRALIZED]}"
    return estimated(found, "share", f"{detail}, {_interval_of(sets)}", seeds=sets.seeds)


def live_measurements(sets: AnswerSets | None) -> dict[str, Measurement]:
    """Return the measurements of the pretrained model, what the claims name among them."""
    reason = "" if sets is not None else "this profile has no pretrained model"
    found = regime_measurements("live", sets, reason)
    return found | {
        "live_disambiguated_accuracy": found["live_single_accuracy"],
        "live_least_gain_of_a_seed": unavailable(reason or "the pretrained model was run once: it has no seeds"),
        "live_changes_made": unavailable(reason or "the pretrained model was taught no rule that asks for a change"),
    }


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


def _score(sets: AnswerSets | None, name: str, statistic: str, reason: str) -> Measurement:
    if sets is None:
        return unavailable(reason)
    found = score_of(sets, name, statistic)
    if found is None:
        return unavailable(_why_not(sets, [name], statistic))
    detail = f"{MEASURED[statistic]} of {MEANT[name]}, {_interval_of(sets)}"
    return estimated(found, UNITS.get(statistic, "accuracy"), detail, seeds=sets.seeds)


def _difference(sets: AnswerSets | None, first: str, second: str, statistic: str, reason: str) -> Measurement:
    if sets is None:
        return unavailable(reason)
    found = difference(sets, first, second, statistic)
    if found is None:
        return unavailable(_why_not(sets, [first, second], statistic))
    detail = f"{MEASURED[statistic]} of {MEANT[first]} less that of {MEANT[second]}, {_interval_of(sets)}"
    return estimated(found, UNITS.get(statistic, "accuracy"), detail, seeds=sets.seeds)


def _interval_of(sets: AnswerSets) -> str:
    return CLUSTERED if sets.seeds == 1 else OVER_SEEDS


def _why_not(sets: AnswerSets, names: list[str], statistic: str) -> str:
    for name in names:
        wanted = {CONTROL: CONTROLS, BEST_SINGLE: (SINGLE,)}.get(name, (name,))
        if not any(sets.labels(protocol) for protocol in wanted):
            return f"this profile has no answers of {MEANT[name]}"
    if len(np.unique(sets.items.templates)) < 2:
        return "all questions share one template"
    what = WANTED.get(statistic, "names a person")
    where = "in fewer than two templates" if sets.seeds == 1 else "in fewer than two templates, or in none of a seed,"
    return f"{where} an answer of {' or '.join(MEANT[name] for name in names)} {what}"
