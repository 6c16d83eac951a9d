"""The published tables, each with its caption."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from steps.debias import rounds
from steps.debias.ablation_differences import ablation_differences
from steps.debias.answer_sets import VARIED, AnswerSets
from steps.debias.estimates import (
    BEST_SINGLE,
    CENTRALIZED,
    CONTROL,
    DECENTRALIZED,
    LEAST_TEMPLATES,
    MAGNITUDE,
    SINGLE,
    VOTE,
    difference,
    differences_by_seed,
    group_differences,
    score_of,
)
from steps.debias.recorded_measurements import published_deviations
from steps.step.publish import CaptionedTable
from tenfold.debias.scores import Scores, score, score_groups
from tenfold.metrics.bootstrap import Estimate
from tenfold.metrics.intervals import student

UNDEFINED = "A score is undefined, and its cell empty, where no answer names a person."
RIGHT = "Bias is 0 where every ambiguous answer is right; else empty, as preference is, where no answer names a person."
INTERVALS = (
    "Low and high: 95 %, bootstrap over templates; of several seeds the mean, and the outer ends of that and of "
    "Student's interval over seeds."
)
POOLED = "Counts of all seeds are pooled."

OF_SEEDS = (
    *(
        (first, second, MAGNITUDE)
        for second in (DECENTRALIZED, CENTRALIZED)
        for first in (SINGLE, CONTROL, VOTE, BEST_SINGLE)
    ),
    (CENTRALIZED, DECENTRALIZED, MAGNITUDE),
    *((talk, SINGLE, "accuracy_dis") for talk in (DECENTRALIZED, CENTRALIZED)),
)
MEASURED = {"s_amb": "bias", "preference": "preference", "accuracy_dis": "accuracy_disambiguated"}


def protocols(of_regime: Mapping[str, AnswerSets]) -> CaptionedTable:
    """Return bias and accuracy of each protocol of each regime, with intervals; ablations are left out."""
    rows = [
        {"regime": regime, "protocol": name, "seeds": sets.seeds} | _scores(sets, name) | _hard(sets)
        for regime, sets in of_regime.items()
        for name in sets.protocols
    ]
    return pd.DataFrame(rows), (
        "Bias (signed s_AMB × 100) and accuracy; where each agent answers for itself, or is the centre once, the mean "
        "over agents; preference: 2 · share of the target among persons that are named − 1, × 100, which accuracy does "
        "not scale; hard_share: of ambiguous questions, empty where none was hard; rotated: the likeliest option over "
        f"all orders of the options, one set of answers. {INTERVALS} {RIGHT}"
    )


def seeds(of_regime: Mapping[str, AnswerSets]) -> CaptionedTable:
    """Return the differences that claims rest on of each seed, and the least one that so many seeds could see."""
    rows = []
    for regime, sets in of_regime.items():
        for first, second, statistic in OF_SEEDS:
            values, found = (
                differences_by_seed(sets, first, second, statistic),
                difference(sets, first, second, statistic),
            )
            if found is None:
                continue
            between = student(values)
            least = np.nan if between is None else (between[1] - between[0]) / 2
            row: dict[str, Any] = {"regime": regime, "of": first, "less": second}
            row["measured"] = MEASURED.get(statistic, "bias")
            of_seeds = {f"seed_{number}": value for number, value in enumerate(values)}
            rows.append(row | {"smallest_effect": least} | _cells("difference", found) | of_seeds)
    columns = ["regime", "measured", "of", "less", "difference", "difference_low", "difference_high", "smallest_effect"]
    known = dict.fromkeys([*columns, *(name for row in rows for name in row)])
    return pd.DataFrame(rows, columns=list(known)), (
        "Differences that claims rest on, by seed: bias is |s_AMB| × 100, each seed on its own test questions. "
        "smallest_effect: half of Student's interval over these seeds, the least mean that they could tell from zero; "
        f"empty for one seed. {INTERVALS} Seeds share the rate that one of them chose, the widths, which agent is fair "
        "in which group, and a part of their templates: all is conditional on that."
    )


def ablations(of_regime: Mapping[str, AnswerSets]) -> CaptionedTable:
    """Return what each ablation differs by from the same protocol of the main run, on the same questions."""
    rows = [
        {"regime": row.regime, "ablation": row.name, "less": row.main, "measured": MEASURED.get(row.statistic, "bias")}
        | _cells("difference", row.difference)
        | {"p_holm": row.adjusted_p_value, "templates": row.difference.n}
        for row in ablation_differences(of_regime)
    ]
    columns = ["regime", "ablation", "less", "measured", "difference", "difference_low", "difference_high", "p_holm"]
    return pd.DataFrame(rows, columns=[*columns, "templates"]), (
        "What an ablation has more bias (|s_AMB| × 100) or accuracy than the same protocol as it usually is, on the "
        f"same questions. {INTERVALS} p: two-sided, by Holm's rule over this table, the larger of the bootstrap's "
        f"and, of several seeds, Student's; empty where fewer than {LEAST_TEMPLATES} templates define the difference."
    )


def agents(of_regime: Mapping[str, AnswerSets], calls: Sequence[Mapping[str, Any]]) -> CaptionedTable:
    """Return the scores of every set of answers, ablations too, in the order of the run.

    ``calls`` are rows of target, protocol, calls and calls_made per question, of each seed.
    """
    rows = []
    made = pd.DataFrame(calls, columns=["target", "protocol", "calls", "calls_made"])
    per_question = made.groupby(["target", "protocol"]).mean().to_dict("index")
    for regime, sets in of_regime.items():
        for label, answers in sets.answers.items():
            protocol, _, varied = label.partition(VARIED)
            spent = per_question.get((regime, label), {})
            found = score(sets.items, answers)
            rows.append({"regime": regime, "protocol": protocol, "varied": varied} | spent | _plain(found))
    return pd.DataFrame(rows), (
        "Every set of answers, each agent and each centre apart; order 1 to 3: the agents of the packaged model, which "
        "see the options in the order drawn, and turned by one place or two; always_biased and "
        "always_unknown: beside planted peers that say so; varied: what an ablation changes; calls "
        "per question, and those made, agreement ending a conversation. Bias scores × 100; "
        f"an answer that names no option is wrong and outside the persons. {POOLED} {UNDEFINED}"
    )


def unparsed(of_regime: Mapping[str, AnswerSets]) -> CaptionedTable:
    """Return the scores with the answers that name no option left out, as BBQ's authors have it."""
    rows = []
    for regime, sets in of_regime.items():
        for label, answers in sets.answers.items():
            protocol, _, varied = label.partition(VARIED)
            found = score(sets.items, answers, unparsed="dropped")
            rows.append({"regime": regime, "protocol": protocol, "varied": varied} | _plain(found))
    return pd.DataFrame(rows), f"The same with the answers that name no option left out. {UNDEFINED}"


def groups(of_regime: Mapping[str, AnswerSets], second: str = DECENTRALIZED) -> CaptionedTable:
    """Return by group what a single agent and the best control have more bias than a conversation."""
    rows = [
        {
            "regime": regime,
            "group": row.group,
            "less": second,
            "of": "single agent" if first == SINGLE else "best control",
            "bias": row.first,
            "bias_of_conversation": row.second,
            "difference": row.difference.value,
            "low": row.difference.interval[0],
            "high": row.difference.interval[1],
            "p_holm": row.adjusted_p_value,
            "templates": row.difference.n,
        }
        for regime, sets in of_regime.items()
        for first in (SINGLE, CONTROL)
        for row in group_differences(sets, first, second, MAGNITUDE)
    ]
    columns = ["regime", "group", "less", "of", "bias", "bias_of_conversation", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "p_holm", "templates"]), (
        f"Size of the bias (|s_AMB| × 100) by group, a single agent's or the best control's less that of {second} "
        "conversation. Low and high: 95 %, bootstrap over templates. p: two-sided, by Holm's rule over the groups; "
        f"empty where fewer than {LEAST_TEMPLATES} templates define the difference. The "
        f"control is the one that is least biased over all groups. {POOLED} What trainings differ by is in no interval "
        "here."
    )


def by_round(of_regime: Mapping[str, AnswerSets]) -> CaptionedTable:
    """Return bias and accuracy after each round."""
    tables = [rounds.by_round(sets).assign(regime=regime) for regime, sets in of_regime.items()]
    return _first(
        _joined(tables)
    ), f"Agents' answers after each round, means over agents; a conversation that agrees ends. {POOLED}"


def flips(of_regime: Mapping[str, AnswerSets]) -> CaptionedTable:
    """Return what the first answers became."""
    tables = [rounds.flips(sets).assign(regime=regime) for regime, sets in of_regime.items()]
    return _first(_joined(tables)), "Answers of all agents by kind, in the first round and in the last."


def recorded(sets: AnswerSets, *, stand_in: bool) -> CaptionedTable:
    """Return our scores of the recorded answers beside those that their authors print; no row for a stand-in."""
    rows = [
        {"group": group, "format": form, "score": statistic, "printed": printed, "ours": printed + deviation}
        for group, form, statistic, printed, deviation in ([] if stand_in else published_deviations(sets))
    ]
    return pd.DataFrame(rows, columns=["group", "format", "score", "printed", "ours"]), (
        "UnifiedQA-11B's recorded answers: scores × 100 that BBQ's authors print, and ours from those answers."
    )


def recorded_groups(sets: AnswerSets, seeing: Collection[str]) -> CaptionedTable:
    """Return the scores of the recorded answers by group and pooled, votes over formats among them.

    ``seeing`` are the sets whose answers were given with the context in sight: others have scores of ambiguous
    questions only.
    """
    ambiguous = sets.only(sets.items.ambiguous)
    rows = [
        {"answers": label, "group": group} | _plain(found)
        for label in sets.answers
        for of in (sets if label in seeing else ambiguous,)
        for group, found in {
            "all": score(of.items, of.answers[label]),
            **score_groups(of.items, of.answers[label]),
        }.items()
    ]
    return pd.DataFrame(rows), (
        "Recorded answers and votes over prompt formats, by group and pooled; what was asked without the context is "
        f"scored on ambiguous questions. {UNDEFINED}"
    )


def _scores(sets: AnswerSets, name: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for statistic, word in MEASURED.items():
        found |= _cells(word, score_of(sets, name, statistic))
    ambiguous = score_of(sets, name, "accuracy_amb")
    return found | {"accuracy_ambiguous": np.nan if ambiguous is None else ambiguous.value}


def _hard(sets: AnswerSets) -> dict[str, float]:
    return {"hard_share": sets.hard[sets.items.ambiguous].mean() if sets.hard.any() else np.nan}


def _cells(word: str, found: Estimate | None) -> dict[str, float]:
    value, (low, high) = (np.nan, (np.nan, np.nan)) if found is None else (found.value, found.interval)
    return {word: value, f"{word}_low": low, f"{word}_high": high}


def _plain(found: Scores) -> dict[str, float | int | None]:
    return {
        "bias": None if found.undefined_amb else 100 * found.s_amb,
        "s_dis": None if found.undefined_dis else 100 * found.s_dis,
        "accuracy_ambiguous": found.accuracy_amb,
        "accuracy_disambiguated": found.accuracy_dis,
        "cost_of_nonalignment": found.cost_of_nonalignment,
        "persons_ambiguous": found.n_persons_amb,
        "biased_ambiguous": found.n_biased_amb,
        "parsed": found.parse_rate,
        "questions": found.rows,
        "without_target": found.without_target,
    }


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"regime": []})


def _first(table: pd.DataFrame) -> pd.DataFrame:
    return table[["regime", *(name for name in table.columns if name != "regime")]]
