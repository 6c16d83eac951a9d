"""What each ablation differs by from the main run, on the same questions, with p-values for all of them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from steps.debias.answer_sets import PARTS, VARIED, AnswerSets
from steps.debias.estimates import (
    DECIMALS,
    LEAST_TEMPLATES,
    MAGNITUDE,
    adjusted_p_values,
    difference,
    differences_by_seed,
    draws,
)
from tenfold.metrics.bootstrap import Estimate

STATISTICS = (MAGNITUDE, "accuracy_dis")


@dataclass(frozen=True)
class AblationDifference:
    """An ablation of a regime less the protocol ``main``; the p-value by Holm's rule, NaN for few templates."""

    regime: str
    name: str
    main: str
    statistic: str
    difference: Estimate
    adjusted_p_value: float


def ablation_differences(of_regime: Mapping[str, AnswerSets]) -> list[AblationDifference]:
    """Return every ablation of every regime less its main protocol; those without a defined difference are left out."""
    rows = []
    for regime, sets in of_regime.items():
        for name, main in _ablations(sets):
            for statistic in STATISTICS:
                found = difference(sets, name, main, statistic)
                if found is not None:
                    enough = found.n >= LEAST_TEMPLATES
                    p_value = _p_value(sets, name, main, statistic) if enough else np.nan
                    rows.append(AblationDifference(regime, name, main, statistic, found, p_value))
    adjusted = adjusted_p_values([row.adjusted_p_value for row in rows])
    return [replace(row, adjusted_p_value=p_value) for row, p_value in zip(rows, adjusted, strict=True)]


def beside_main(parts: Mapping[str, AnswerSets], main: AnswerSets) -> dict[str, AnswerSets]:
    """Return each part of one run beside the main answers to the same questions, by the name of the part.

    A label of a part that names no ablation gets the part's kind behind it: ``decentralized:always_biased@planted``.
    """
    found = {}
    for part, sets in parts.items():
        asked = main.only(np.isin(_keys(main), _keys(sets)))
        if _keys(asked) == _keys(sets):
            own = {_varied(label): answers for label, answers in sets.answers.items()}
            kept = {label: answers for label, answers in asked.answers.items() if VARIED not in label}
            found[part] = replace(asked, answers=kept | own, rounds={})
    return found


def _keys(sets: AnswerSets) -> list[str]:
    return [item.key for item in sets.items.rows]


def _varied(label: str) -> str:
    kind = PARTS.get(label.partition(":")[2])
    return label if kind is None else f"{label}{VARIED}{kind}"


def _ablations(sets: AnswerSets) -> Iterator[tuple[str, str]]:
    """Yield each ablation, of all agents that stand out in turn, and its main protocol, where both have answers."""
    names = {}
    for label in sets.answers:
        head, at, varied = label.partition(VARIED)
        protocol, _, kind = head.partition(":")
        if at and sets.labels(protocol):
            names[label if kind in PARTS else f"{protocol}{at}{varied}"] = protocol
    yield from names.items()


def _p_value(sets: AnswerSets, name: str, main: str, statistic: str) -> float:
    """Return the two-sided p-value: that of the bootstrap, or of several seeds Student's if it is larger."""
    spread = np.round(draws(sets, name, statistic) - draws(sets, main, statistic), DECIMALS)
    kept = spread[~np.isnan(spread)]
    sides = (1 + np.count_nonzero(kept <= 0), 1 + np.count_nonzero(kept >= 0))
    of_templates = float(min(1.0, 2 * min(sides) / (1 + len(kept))))
    values = differences_by_seed(sets, name, main, statistic)
    if len(values) < 2 or np.ptp(values) == 0:
        return of_templates
    return max(of_templates, float(stats.ttest_1samp(values, 0.0).pvalue))
