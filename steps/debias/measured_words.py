"""What measurements of bias are called in words: what was measured, of whom, over what, and why it could not be."""

from __future__ import annotations

import numpy as np

from steps.debias.answer_sets import VARIED, AnswerSets
from steps.debias.estimates import (
    BEST_SINGLE,
    BIAS,
    CENTRALIZED,
    CONTROL,
    DECENTRALIZED,
    GOLD_AGAIN,
    MAGNITUDE,
    PREFERENCE,
    SINGLE,
    VOTE,
    named,
)

CLUSTERED = "bootstrap over templates"
OVER_SEEDS = "mean over seeds, the outer ends of Student's interval over seeds and the bootstrap over templates"
SILENT, ROTATED = "silent", "rotated"
ACCURACY, AMBIGUOUS = "accuracy_dis", "accuracy_amb"
MEANT = {
    SINGLE: "a single agent",
    DECENTRALIZED: "decentralized conversation",
    CENTRALIZED: "centralized conversation",
    VOTE: "the vote of the first answers",
    SILENT: "the silent rounds",
    CONTROL: "the control with the least mean of its agents' |s_AMB|",
    BEST_SINGLE: "the single agent with the least |s_AMB|",
    GOLD_AGAIN: "agents taught the right answer, asked again without peers, where the mean of their |s_AMB| is least",
    ROTATED: "the likeliest option over all orders of the options",
}
OF_EACH = {SINGLE: "the mean of the single agents'", CENTRALIZED: "the mean of the centres'"}
MEASURED = {
    BIAS: "signed s_AMB × 100",
    MAGNITUDE: "|s_AMB| × 100",
    PREFERENCE: "preference for the target × 100",
    ACCURACY: "accuracy on disambiguated questions",
    AMBIGUOUS: "accuracy on ambiguous questions",
}
WANTED = {ACCURACY: "is to a disambiguated question", AMBIGUOUS: "is to an ambiguous question"}


def said(statistic: str, name: str) -> str:
    """Return a statistic of what a name stands for, where agents take turns that it is the mean of each one's own."""
    stem, varied, _ = name.partition(VARIED)
    if stem in OF_EACH:
        return f"{OF_EACH[stem]} {MEASURED[statistic]}{' in two rounds' if varied else ''}"
    return f"{MEASURED[statistic]} of {meant(name)}"


def that_of(name: str) -> str:
    """Return what stands behind ``less`` for a name: "that of …", or the mean of several."""
    stem, varied, _ = name.partition(VARIED)
    return f"{OF_EACH[stem]}{' in two rounds' if varied else ''}" if stem in OF_EACH else f"that of {meant(name)}"


def meant(name: str) -> str:
    """Return what a name stands for in words, with how many rounds it has where that is not the usual number."""
    stem, varied, _ = name.partition(VARIED)
    return f"{MEANT[stem]}{' in two rounds' if varied else ''}"


def interval_of(sets: AnswerSets) -> str:
    """Return what the interval of a measurement is over."""
    return CLUSTERED if sets.seeds == 1 else OVER_SEEDS


def why_not(sets: AnswerSets, names: list[str], statistic: str) -> str:
    """Return why a statistic of some names, or their difference, could not be measured."""
    for name in names:
        if named(sets, [name]) is None:
            return f"this profile has no answers of {meant(name)}"
    if len(np.unique(sets.items.templates)) < 2:
        return "all questions share one template"
    what = WANTED.get(statistic, "names a person")
    where = "in fewer than two templates" if sets.seeds == 1 else "in fewer than two templates, or in none of a seed,"
    return f"{where} an answer of {' or '.join(map(meant, names))} {what}"
