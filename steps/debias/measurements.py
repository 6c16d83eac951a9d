"""Measurements of the claims about debiasing by conversation, from the answers that the steps wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from steps.debias.answer_sets import VARIED, AnswerSets, spoke
from steps.debias.estimates import (
    BEST_SINGLE,
    BIAS,
    CENTRALIZED,
    CONTROL,
    DECENTRALIZED,
    GOLD,
    GOLD_AGAIN,
    MAGNITUDE,
    PREFERENCE,
    SINGLE,
    UNITS,
    VOTE,
    difference,
    gold_beside,
    score_of,
)
from steps.debias.measured_words import (
    ACCURACY,
    AMBIGUOUS,
    MEANT,
    ROTATED,
    SILENT,
    interval_of,
    said,
    that_of,
    why_not,
)
from steps.debias.planted_peers import planted_measurements
from steps.debias.rule_following import changes_made, unasked_changes
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import estimated, measured, unavailable

COMPARED = {"single": SINGLE, "control": CONTROL, "vote": VOTE, "best_single": BEST_SINGLE}
TARGETS = ("proposal", "majority", GOLD, "none")
TWO_ROUNDS = f"{VARIED}rounds=2"  # the ablation in which followers are heard: the centre decides once more after them
NOT_HARD = "no question was hard: none that enough agents missed in the run of its own"
UNHEARD = "in one round the centre decides before its followers answer, whom nobody hears; two rounds were not held"
UNKNOWN_PEERS = "which questions were put side by side, and so whose answers shuffled peers gave, was not recorded"
NO_PEERS_ALIKE = "no question had shuffled peers from a question of its own condition"


def regime_measurements(prefix: str, sets: AnswerSets | None, reason: str = "") -> dict[str, Measurement]:
    """Return the measurements of one regime, named ``<prefix>_…``; where there are no answers, why not.

    ``…_bias`` is s_AMB × 100 of ambiguous questions, signed; ``…_minus_…`` of bias is of |s_AMB| × 100, since a score
    below 0 is a bias, too: the mean over agents of each one's. Accuracy is that of disambiguated questions unless it is
    called ambiguous. The control is the one of self-refinement, self-consistency, the silent rounds and shuffled peers
    that has the least |s_AMB|, the best single agent the one that has it alone, both chosen in each seed and resample.
    ``matched`` are the questions whose shuffled peers come from a question of the same condition: peers that answered
    one which says who it was rarely say unknown. ``heard`` are conversations of two rounds or more, in which the centre
    hears its followers; what they are compared with has as many calls where it is a control.
    """
    hard = None if sets is None or not sets.hard.any() else sets.only(sets.hard)
    no_hard = reason or NOT_HARD
    found = _scores(prefix, sets, reason)
    for part, asked, why in (("", sets, reason), ("hard_", hard, no_hard)):
        for conversation in (DECENTRALIZED, CENTRALIZED):
            for name, first in COMPARED.items():
                own = _difference(asked, first, conversation, MAGNITUDE, why)
                found[f"{prefix}_{part}{name}_minus_{conversation}"] = own
        matched = _matched(asked, CONTROL, DECENTRALIZED, why)
        found[f"{prefix}_{part}matched_control_minus_{DECENTRALIZED}"] = matched
    for conversation in (DECENTRALIZED, CENTRALIZED):
        for name, statistic in (("accuracy", ACCURACY), ("ambiguous_accuracy", AMBIGUOUS)):
            accurate = _difference(sets, conversation, SINGLE, statistic, reason)
            found[f"{prefix}_{name}_{conversation}_minus_single"] = accurate
    for other in (VOTE, SILENT):
        own = _difference(sets, DECENTRALIZED, other, ACCURACY, reason)
        found[f"{prefix}_accuracy_{DECENTRALIZED}_minus_{other}"] = own
    between = _difference(sets, CENTRALIZED, DECENTRALIZED, MAGNITUDE, reason)
    return (
        found
        | {f"{prefix}_heard_{name}": one for name, one in _heard(sets, reason)}
        | {
            f"{prefix}_centralized_minus_decentralized": between,
            f"{prefix}_hard_single_bias": _score(hard, SINGLE, BIAS, no_hard),
            f"{prefix}_hard_share": _hard_share(sets if hard is not None else None, no_hard),
        }
    )


def _heard(sets: AnswerSets | None, reason: str) -> Iterator[tuple[str, Measurement]]:
    """Yield the measurements of conversations in which followers are heard, by the end of their names."""
    rounds = None if sets is None else two_rounds(sets)
    asked, why = (None, reason or UNHEARD) if rounds is None else (sets, reason)
    talk, control = f"{CENTRALIZED}{rounds or ''}", f"{CONTROL}{rounds or ''}"
    decentralized = f"{DECENTRALIZED}{rounds or ''}"
    for name, first in (COMPARED | {"control": control}).items():
        yield f"{name}_minus_{CENTRALIZED}", _difference(asked, first, talk, MAGNITUDE, why)
    yield f"matched_control_minus_{CENTRALIZED}", _matched(asked, control, talk, why)
    yield f"single_minus_{DECENTRALIZED}", _difference(asked, SINGLE, decentralized, MAGNITUDE, why)
    yield f"centralized_minus_{DECENTRALIZED}", _difference(asked, talk, decentralized, MAGNITUDE, why)
    yield f"accuracy_{CENTRALIZED}_minus_single", _difference(asked, talk, SINGLE, ACCURACY, why)


def two_rounds(sets: AnswerSets) -> str | None:
    """Return what stands behind the names of conversations of two rounds or more; None where none was held."""
    held = [sets.rounds[label].shape[1] - 1 for label in sets.labels(CENTRALIZED) if label in sets.rounds]
    if max(held, default=0) > 1:
        return ""
    return TWO_ROUNDS if sets.labels(f"{CENTRALIZED}{TWO_ROUNDS}") else None


def _matched(sets: AnswerSets | None, first: str, second: str, reason: str) -> Measurement:
    """Return |s_AMB| of ``first`` less that of ``second`` where shuffled peers answered a question of its condition."""
    if sets is None:
        return unavailable(reason)
    if sets.alike is None:
        return unavailable(UNKNOWN_PEERS)
    found = _difference(sets.only(sets.alike), first, second, MAGNITUDE, "") if sets.alike.any() else None
    if found is None or found.unavailable:
        return found or unavailable(NO_PEERS_ALIKE)
    return found.model_copy(update={"detail": f"{found.detail}; shuffled peers from questions of the same condition"})


def _scores(prefix: str, sets: AnswerSets | None, reason: str) -> dict[str, Measurement]:
    return {
        f"{prefix}_single_bias": _score(sets, SINGLE, BIAS, reason),
        f"{prefix}_single_magnitude": _score(sets, SINGLE, MAGNITUDE, reason),
        f"{prefix}_single_accuracy": _score(sets, SINGLE, ACCURACY, reason),
        f"{prefix}_decentralized_bias": _score(sets, DECENTRALIZED, BIAS, reason),
        f"{prefix}_centralized_bias": _score(sets, CENTRALIZED, BIAS, reason),
        f"{prefix}_control_bias": _score(sets, CONTROL, BIAS, reason),
        f"{prefix}_preference_single": _score(sets, SINGLE, PREFERENCE, reason),
        f"{prefix}_preference_decentralized": _score(sets, DECENTRALIZED, PREFERENCE, reason),
        f"{prefix}_preference_decentralized_minus_single": _difference(sets, DECENTRALIZED, SINGLE, PREFERENCE, reason),
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
        hard = None if sets is None or not sets.hard.any() else sets.only(sets.hard)
        found[f"{prefix}_least_gain_of_a_seed"] = _least_gain(sets, reason)
        found[f"{prefix}_hard_least_gain_of_a_seed"] = _least_gain(hard, reason or NOT_HARD)
        found[f"{prefix}_changes_made"] = _changes(sets, target, reason, asked=True)
        found[f"{prefix}_unasked_changes"] = _changes(sets, target, reason, asked=False)
    return found | _gold_again(of_target)


def _gold_again(of_target: Mapping[str, AnswerSets]) -> dict[str, Measurement]:
    """Return what agents that are taught the right answer and hear of nobody have more bias than those of proposals."""
    sets, gold = of_target.get("proposal"), of_target.get(GOLD)
    reason = f"this profile has no agents of the target {'proposal' if sets is None else GOLD}"
    asked = None if sets is None or gold is None else gold_beside(sets, gold)
    hard = None if asked is None or not asked.hard.any() else asked.only(asked.hard)
    rounds = None if asked is None else two_rounds(asked)
    few = NOT_HARD if asked is not None else reason
    heard = reason if asked is None else UNHEARD
    talk = f"{CENTRALIZED}{rounds or ''}"
    return {
        "micro_proposal_gold_again_minus_decentralized": _gold_less(asked, DECENTRALIZED, reason),
        "micro_proposal_hard_gold_again_minus_decentralized": _gold_less(hard, DECENTRALIZED, few),
        "micro_proposal_heard_gold_again_minus_centralized": _gold_less(None if rounds is None else asked, talk, heard),
    }


def _gold_less(sets: AnswerSets | None, conversation: str, reason: str) -> Measurement:
    return _difference(sets, GOLD_AGAIN, conversation, MAGNITUDE, reason)


def _least_gain(sets: AnswerSets | None, reason: str) -> Measurement:
    """Return the smallest over seeds of what decentralized conversation gains, each on its own test questions."""
    if sets is None:
        return unavailable(reason)
    parts = sets.by_seed()
    gains = [difference(one, SINGLE, DECENTRALIZED, MAGNITUDE) for one in parts]
    known = [gain.value for gain in gains if gain is not None]
    if len(known) < sets.seeds:
        return unavailable(f"of a seed: {why_not(sets, [SINGLE, DECENTRALIZED], MAGNITUDE)}")
    detail = f"{said(MAGNITUDE, SINGLE)} less {that_of(DECENTRALIZED)}, the smallest over seeds"
    return measured(min(known), UNITS[MAGNITUDE], f"{detail}, each on its own test questions", seeds=sets.seeds)


def _changes(sets: AnswerSets | None, target: str, reason: str, *, asked: bool) -> Measurement:
    if sets is None or target == "none":
        return unavailable(reason or "these agents were never taught a rule that asks for a change")
    found = (changes_made if asked else unasked_changes)(sets, target)
    what = "asks for a change" if asked else "asks for none"
    if found is None:
        return unavailable(f"no answer after the first round of {MEANT[DECENTRALIZED]} where the rule {target} {what}")
    detail = (
        "changes of answer that the rule {} asks for, made" if asked else "answers that the rule {} lets stand, changed"
    )
    said = f"{detail.format(target)} in round 1 of {MEANT[DECENTRALIZED]}, {interval_of(sets)}"
    return estimated(found, "share", said, seeds=sets.seeds)


def live_measurements(
    sets: AnswerSets | None, about: Mapping[str, Any] | None = None, planted: AnswerSets | None = None
) -> dict[str, Measurement]:
    """Return the measurements of the pretrained models, what the claims name among them.

    ``about``: what the run says of its models, with a list of them where there may be several. ``planted``: what they
    answered beside planted peers.
    """
    reason = "" if sets is not None else "this profile has no pretrained model"
    found = regime_measurements("live", sets, reason)
    models = {row["model"] for row in (about or {}).get("models", ())} or {(about or {}).get("name")}
    talk = None if sets is None else sets.rounds.get(DECENTRALIZED)
    counted = {
        "models": None if about is None else (len(models), "different models among the agents"),
        "agents": None if talk is None else (len(spoke(talk)), f"agents of {MEANT[DECENTRALIZED]}"),
        "rounds": None if talk is None else (talk.shape[1] - 1, f"rounds of {MEANT[DECENTRALIZED]} after the first"),
    }
    missing = reason or f"nothing is known of the models, or of the rounds of {MEANT[DECENTRALIZED]}"
    return (
        found
        | planted_measurements(planted, reason)
        | {
            f"live_{name}": unavailable(missing) if of is None else measured(of[0], name, of[1])
            for name, of in counted.items()
        }
        | {
            "live_rotated_bias": _score(sets, ROTATED, BIAS, reason),
            "live_disambiguated_accuracy": found["live_single_accuracy"],
            "live_least_gain_of_a_seed": unavailable(reason or "the pretrained model was run once: it has no seeds"),
            "live_changes_made": unavailable(
                reason or "the pretrained model was taught no rule that asks for a change"
            ),
        }
    )


def _score(sets: AnswerSets | None, name: str, statistic: str, reason: str) -> Measurement:
    if sets is None:
        return unavailable(reason)
    found = score_of(sets, name, statistic)
    if found is None:
        return unavailable(why_not(sets, [name], statistic))
    detail = f"{said(statistic, name)}, {interval_of(sets)}"
    return estimated(found, UNITS.get(statistic, "accuracy"), detail, seeds=sets.seeds)


def _difference(sets: AnswerSets | None, first: str, second: str, statistic: str, reason: str) -> Measurement:
    if sets is None:
        return unavailable(reason)
    found = difference(sets, first, second, statistic)
    if found is None:
        return unavailable(why_not(sets, [first, second], statistic))
    detail = f"{said(statistic, first)} less {that_of(second)}, {interval_of(sets)}"
    return estimated(found, UNITS.get(statistic, "accuracy"), detail, seeds=sets.seeds)
