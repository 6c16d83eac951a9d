"""Measurements of the planners: which wanted words they find, and what is read on images of what they planned.

Real prompts that differ by their wanted words alone are one cluster, which counts once: GlyphControl has hundreds of
prompts of one template. Values are × 100.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from steps.artist.arm_setup import ARTIST
from steps.artist.compared_arms import Key
from steps.artist.estimates import ENGINE, Estimated, Evidence, contrast
from steps.artist.measurements import UNIT, arm_of, told
from steps.artist.plan import CHAT, FORMS, PLANNERS, QUOTED, REAL, REGEX, TAGGER, TEST, UNQUOTED, WORDLESS
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import estimated, measured, unavailable

Rows = Sequence[Mapping[str, Any]]
Score = Callable[[Mapping[str, Any]], float | None]
TEMPLATES, IMAGES = "templates and seeds", "prompts and seeds"


def recall(row: Mapping[str, Any]) -> float | None:
    """Return the share of a prompt's wanted words that were found; None where none is wanted."""
    return row["hits"] / len(row["wanted"]) if row["wanted"] else None


def precision(row: Mapping[str, Any]) -> float | None:
    """Return the share of the words that were found that are wanted; None where none was found."""
    return row["hits"] / len(row["found"]) if row["found"] else None


def alarm(row: Mapping[str, Any]) -> float:
    """Return 1 if words were found in a prompt."""
    return float(bool(row["found"]))


def planner_estimate(
    plans: Rows, planner: str, form: str, score: Score, *, less: str | None = None, name: str = REAL
) -> Estimated | None:
    """Return a planner's mean score × 100 on one set in one form, less that of another planner on the same prompts.

    Scores are averaged within templates. None for fewer than two templates.
    """
    first = _table(plans, planner, form, score, name)
    if first is None:
        return None
    terms = [(1.0, first)]
    if less is not None:
        asked = {row["number"] for row in plans if (row["planner"], row["set"]) == (planner, name)}
        own = [row for row in plans if row["number"] in asked]  # a language model plans some prompts alone
        second = _table(own, less, form, score, name)
        if second is None or second.shape[1] != first.shape[1]:
            return None
        terms.append((-1.0, np.broadcast_to(second.mean(axis=0), first.shape)))
    return contrast(terms, lambda sums: _mean(np.asarray(sums)))


def _table(plans: Rows, planner: str, form: str, score: Score, name: str) -> Float[np.ndarray, "S T 2"] | None:
    """Return by seed and template the mean score and 1, or 0 twice where no prompt of it has a score."""
    own = [row for row in plans if (row["planner"], row["form"], row["set"]) == (planner, form, name)]
    seeds, templates = sorted({row["seed"] for row in own}), sorted({row["template"] for row in own})
    if len(templates) < 2:
        return None
    kept: dict[tuple[int, str], list[float]] = {}
    for row in own:
        if (value := score(row)) is not None:
            kept.setdefault((row["seed"], row["template"]), []).append(value)
    table = np.zeros((len(seeds), len(templates), 2))
    for (seed, template), values in kept.items():
        table[seeds.index(seed), templates.index(template)] = (np.mean(values), 1)
    return table if kept else None


def _mean(sums: np.ndarray) -> np.ndarray:
    return np.divide(sums[..., 0], sums[..., 1], out=np.full(sums.shape[:-1], np.nan), where=sums[..., 1] > 0)


def planning_measurements(plans: Rows, evidence: Evidence, stage: str, size: int) -> dict[str, Measurement]:
    """Return every measurement about planners, by name; images are ARTIST's of one stage and size."""
    found: dict[str, Measurement] = {}
    for form in FORMS:
        found[f"recall_tagger_minus_regex_{form}"] = _planner(plans, TAGGER, form, recall, less=REGEX)
        found[f"recall_chat_minus_regex_{form}"] = _planner(plans, CHAT, form, recall, less=REGEX)
        for planner in (TAGGER, CHAT):
            found[f"precision_{planner}_{form}"] = _planner(plans, planner, form, precision)
    found["regex_quoted_recall"] = _planner(plans, REGEX, QUOTED, recall)
    found["recall_tagger_test"] = _planner(plans, TAGGER, UNQUOTED, recall, name=TEST)
    found["alarms_tagger"] = _planner(plans, TAGGER, UNQUOTED, alarm, name=WORDLESS)
    found["seeds_tagger"] = measured(
        len({row["seed"] for row in plans if row["planner"] == TAGGER}), "seeds", "taggers that were trained"
    )
    chats = [row for row in plans if row["planner"] == CHAT]
    failed = f"plans of the language model × 100 that were no JSON of the contract, of {len(chats)}"
    found["chat_failed"] = (
        measured(100 * float(np.mean([row["fallback"] for row in chats])), UNIT, failed, n=len(chats))
        if chats
        else unavailable("this profile has no plans by a language model")
    )
    return found | end_to_end(evidence, stage, size)


def _planner(plans: Rows, planner: str, form: str, score: Score, **options: Any) -> Measurement:
    found = planner_estimate(plans, planner, form, score, **options)
    if found is None:
        return unavailable(f"this profile has no {form} prompts that {planner} has planned, of two templates at least")
    less = f" less that of {options['less']}" if "less" in options else ""
    what = f"{score.__name__} of words × 100, {planner}{less}, {options.get('name', REAL)} prompts, {form}"
    return estimated(found, UNIT, f"{what}, over {TEMPLATES}", seeds=found.seeds)


def end_to_end(evidence: Evidence, stage: str, size: int) -> dict[str, Measurement]:
    """Return how often exactly the wanted words are read on images of a plan, and what planners differ by.

    A plan without words gives a plain image, on which no box is read: it has 0.
    """
    names = {
        "end_to_end_regex_quoted": [(1.0, REGEX, QUOTED)],
        "end_to_end_tagger_unquoted": [(1.0, TAGGER, UNQUOTED)],
        "end_to_end_tagger_minus_regex_unquoted": [(1.0, TAGGER, UNQUOTED), (-1.0, REGEX, UNQUOTED)],
        "end_to_end_tagger_unquoted_minus_quoted": [(1.0, TAGGER, UNQUOTED), (-1.0, TAGGER, QUOTED)],
    }
    arm = arm_of(evidence, Key(ARTIST, stage, size))
    found: dict[str, Measurement] = {}
    for name, terms in names.items():
        known = None if arm is None else end_to_end_estimate(evidence, [arm.name(seed) for seed in arm.seeds], terms)
        said = " less ".join(f"{planner} on {form} prompts" for _, planner, form in terms)
        detail = f"images × 100 whose planned boxes hold exactly the wanted words, {said}, {stage}, over {IMAGES}"
        found[f"{name}_{stage}"] = (
            unavailable(f"this profile has no planned images of {told(Key(ARTIST, stage, size))}")
            if known is None
            else estimated(known, UNIT, detail, seeds=known.seeds)
        )
    return found


def end_to_end_estimate(
    evidence: Evidence, models: Sequence[str], terms: Sequence[tuple[float, str, str]]
) -> Estimated | None:
    """Return the weighted sum of shares of right images, over the prompts that all terms have."""
    tables = [[_right(evidence, model, f"{planner}-{form}") for model in models] for _, planner, form in terms]
    if not all(table for of_term in tables for table in of_term):
        return None
    numbers = sorted(set.intersection(*(set(table) for of_term in tables for table in of_term)))
    if len(numbers) < 2:
        return None
    arrays = [
        (weight, np.array([[[table[number], 1.0] for number in numbers] for table in of_term]))
        for (weight, _, _), of_term in zip(terms, tables, strict=True)
    ]
    return contrast(arrays, lambda sums: _mean(np.asarray(sums)))


def _right(evidence: Evidence, model: str, images: str) -> dict[int, float]:
    """Return by prompt whether exactly the wanted words are read, in any order."""
    rows = evidence.readings(model, engine=ENGINE, layouts=images)
    return {row["prompt"]: float(_words(row["wanted"]) == _words(row["read"])) for row in rows}


def _words(texts: Sequence[str]) -> Counter[str]:
    return Counter(word for text in texts for word in text.casefold().split())


def planners_of(plans: Rows) -> list[str]:
    """Return the planners that have planned real prompts, in order."""
    return [name for name in PLANNERS if any(row["planner"] == name and row["set"] == REAL for row in plans)]
