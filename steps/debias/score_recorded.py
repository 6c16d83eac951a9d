"""Score the recorded answers of a real model, alone and voted on: bias with headroom, and no conversation."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np

from steps.step.json_files import read_json, write_json
from steps.step.params import Count, Params
from steps.step.run import Run
from tenfold.debias.bbq import NAMES, read_bbq
from tenfold.debias.intervals import compare, compare_groups, estimate_groups, estimate_score
from tenfold.debias.items import Items, write_items
from tenfold.debias.published import UNIFIEDQA
from tenfold.debias.recorded import FORMATS, RULES, Recorded, agree_else_unknown, plurality, read_recorded
from tenfold.debias.scores import score, score_groups
from tenfold.debias.variants import variants
from tenfold.metrics.bootstrap import Estimate
from tenfold.metrics.clustered import Difference

CONTEXT_FREE = "qonly"  # was asked without the context: whatever uses it is scored on ambiguous questions only
STATISTICS = ("s_amb", "s_dis", "accuracy_amb", "accuracy_dis", "cost_of_nonalignment")


class Drawn(TypedDict):
    """How intervals are drawn."""

    seed: int
    resamples: int


class ScoreRecordedParams(Params):
    """How many resamples an interval is of."""

    resamples: Count


def score_recorded(bbq: Path, bbq_recorded: Path, *, out: Path, params: ScoreRecordedParams, run: Run) -> None:
    """Score each prompt format, the plurality of all by each rule for ties, and the agreement of each two.

    Scores are shares, not ×100. Intervals are over templates; comparisons are paired with the least biased format, and
    by group adjusted by Holm's rule. ``drawn`` below is the seed and the number of resamples.

    Reads   bbq/: the questions; bbq_recorded/: a model's answers to some of them
    Writes  items.jsonl: the questions that were answered; answers.npz: an int8 array (N,) per system, −1 for none;
            scores.json: per system pooled and by group, both as ours and as the authors drop unparsed replies;
            variants by other evaluations; comparisons; published figures beside ours
    Raises  NoQuestions, InvalidItem, InvalidMetadata, InvalidAnswers
    """
    recorded = read_recorded(bbq_recorded)
    every = read_bbq(bbq)
    items = every.only(np.array([item.key in recorded.answers[FORMATS[0]] for item in every.rows], dtype=bool))
    systems = all_systems(recorded, items)
    drawn = Drawn(seed=run.seed, resamples=params.resamples)
    write_items(items, out / "items.jsonl")
    np.savez(out / "answers.npz", **{name: answers.astype(np.int8) for name, answers in systems.items()})  # type: ignore[arg-type]
    scored = {name: scored_system(name, items, answers, **drawn) for name, answers in systems.items()}
    content = {
        **{name: read_json(bbq_recorded / "source.json")[name] for name in ("origin", "stand_in", "detail")},
        "questions": len(items),
        "templates": len(np.unique(items.templates)),
        "systems": scored,
        "variants": {form: [vars(one) for one in variants(items, systems[form])] for form in FORMATS[:2]},
        "comparisons": compared(items, systems, **drawn),
        "published": beside_published(items, systems),
    }
    write_json(out / "scores.json", content)
    for name, one in scored.items():
        run.say(f"{name}: s_AMB {100 * one['pooled']['s_amb']:.1f} of {one['pooled']['rows']} questions")


def all_systems(recorded: Recorded, items: Items) -> dict[str, np.ndarray]:
    """Return the answers (N,) of each format, of their plurality by each rule, and of each two that agree."""
    alone = {form: recorded.array(items, form) for form in FORMATS}
    votes = np.stack([alone[form] for form in FORMATS])  # (K, N)
    pluralities = {f"plurality_{tie}": plurality(votes, items, tie=tie) for tie in RULES}
    agreed = {
        f"agree_{first}_{second}": agree_else_unknown(alone[first], alone[second], items)
        for first, second in combinations(FORMATS, 2)
    }
    return alone | pluralities | agreed


def sees_context(name: str) -> bool:
    """Return whether every answer that a system is made of was given with the context in sight."""
    return CONTEXT_FREE not in name and not name.startswith("plurality")


def scored_system(name: str, items: Items, answers: np.ndarray, **drawn: Unpack[Drawn]) -> dict[str, Any]:
    """Return a system's scores pooled and by group; those of disambiguated questions only if it saw the contexts."""
    if not sees_context(name):
        items, answers = items.only(items.ambiguous), answers[items.ambiguous]
    pooled = score(items, answers).described() | {
        f"{statistic}_interval": _ends(estimate_score(items, answers, statistic, **drawn)) for statistic in STATISTICS
    }
    ends = {statistic: estimate_groups(items, answers, statistic, **drawn) for statistic in ("s_amb", "s_dis")}
    groups = {
        group: one.described() | {f"{statistic}_interval": _ends(ends[statistic][group]) for statistic in ends}
        for group, one in score_groups(items, answers).items()
    }
    dropped = score_groups(items, answers, unparsed="dropped")
    return {
        "sees_context": sees_context(name),
        "pooled": pooled,
        "groups": groups,
        "unparsed_dropped": {
            "pooled": score(items, answers, unparsed="dropped").described(),
            "groups": {group: one.described() for group, one in dropped.items()},
        },
    }


def compared(items: Items, systems: dict[str, np.ndarray], **drawn: Unpack[Drawn]) -> dict[str, Any]:
    """Return s_AMB of each system less that of the least biased format, paired; by group with Holm's p-values."""
    ambiguous = items.only(items.ambiguous)
    own = {name: answers[items.ambiguous] for name, answers in systems.items()}
    best = min(FORMATS, key=lambda form: abs(score(ambiguous, own[form]).s_amb))
    found: dict[str, Any] = {"best_single": best, "s_amb_minus_best_single": {}}
    for name in own:
        if name == best:
            continue
        by_group = compare_groups(ambiguous, own[name], own[best], "s_amb", **drawn)
        found["s_amb_minus_best_single"][name] = {
            "pooled": _difference(compare(ambiguous, own[name], own[best], "s_amb", **drawn)),
            "groups": {
                group: None if one.difference is None else _difference(one.difference) | {"holm": one.adjusted_p_value}
                for group, one in by_group.items()
            },
        }
    return found


def beside_published(items: Items, systems: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """Return the figures that BBQ's authors print beside what their own predictions give, ×100, one decimal."""
    rows = []
    for form, published in UNIFIEDQA.items():
        ours = score_groups(items, systems[form], unparsed="dropped")
        for group, (s_amb, s_dis) in published.items():
            if group in ours and not group.endswith(NAMES):
                found = (round(100 * ours[group].s_amb, 1), round(100 * ours[group].s_dis, 1))
                figures = {"s_amb": found[0], "s_amb_published": s_amb, "s_dis": found[1], "s_dis_published": s_dis}
                rows.append({"format": form, "group": group, **figures, "same": found == (s_amb, s_dis)})
    return rows


def _ends(estimate: Estimate | None) -> list[float] | None:
    return None if estimate is None else list(estimate.interval)


def _difference(found: Difference | None) -> dict[str, Any]:
    if found is None:
        return {"value": None}
    return {"value": found.value, "interval": list(found.interval), "p_value": found.p_value, "templates": found.n}
