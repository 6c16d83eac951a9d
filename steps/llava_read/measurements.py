"""Measurements of the claims and facts about answers. Shares of exact answers are × 100: points of a hundred."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from steps.llava_read.estimates import (
    OVER,
    Asked,
    Estimated,
    above_chance,
    above_naming,
    common_seeds,
    difference,
    largest_above_chance,
    share,
)
from steps.llava_read.predictions import Answers
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import estimated, measured, unavailable

UNIT = "points of 100"
COUNTED = ("updates", "examples", "start_updates", "start_examples")
LEAST_GRID = 3  # learning rates, below which every winner is at an edge
LOW, BOTH, FULL, OCR_ONLY, BLIND = MAIN = ("low_only", "both_resolutions", "full", "ocr_only", "blind")
PLAIN, XY_CUT, WITHOUT_STAGE_ONE, WITHOUT_T4 = "plain_order", "xy_cut", "without_stage_one", "without_T4"
JUDGED_CODE = {FULL: "A5"}  # the full arm is trained once more as the reference of later ablations
LANGUAGE_FULL, LANGUAGE_VISION, LANGUAGE_OCR = LANGUAGE = ("language_full", "language_vision", "language_ocr")
COMPARED: dict[str, tuple[str, ...]] = {  # the arms that a group of claims compares
    "arms": MAIN,
    "resolutions": (LOW, BOTH),
    "layouts": (FULL, PLAIN, XY_CUT),
    "stage_one": (FULL, WITHOUT_STAGE_ONE),
    "layout_task": (FULL, WITHOUT_T4),
    "language": LANGUAGE,
}
DIFFERENCES: dict[str, tuple[str, str, str]] = {  # name -> (group of questions, first arm, second arm)
    "text_rich_full_minus_both": ("text_rich", FULL, BOTH),
    "dense_full_minus_both": ("dense", FULL, BOTH),
    "colour_full_minus_ocr_only": ("colour", FULL, OCR_ONLY),
    "object_full_minus_ocr_only": ("object", FULL, OCR_ONLY),
    "text_rich_full_minus_ocr_only": ("text_rich", FULL, OCR_ONLY),
    "sight_full_minus_both": ("sight", FULL, BOTH),
    "between_sizes_both_minus_low": ("between_sizes", BOTH, LOW),
    "layout_full_minus_plain": ("layout", FULL, PLAIN),
    "layout_full_minus_xy_cut": ("layout", FULL, XY_CUT),
    "text_rich_full_minus_without_stage_one": ("text_rich", FULL, WITHOUT_STAGE_ONE),
    "text_rich_full_minus_without_t4": ("text_rich", FULL, WITHOUT_T4),
    "language_text_rich_full_minus_vision": ("text_rich", LANGUAGE_FULL, LANGUAGE_VISION),
    "language_sight_full_minus_ocr": ("sight", LANGUAGE_FULL, LANGUAGE_OCR),
}
SHARES: dict[str, tuple[str, str]] = {  # name -> (group of questions, arm)
    "text_rich_full": ("text_rich", FULL),
    "text_rich_both": ("text_rich", BOTH),
    "text_ocr_only": ("text", OCR_ONLY),
    "large_both": ("large", BOTH),
    "large_low": ("large", LOW),
    "between_sizes_low": ("between_sizes", LOW),
    "layout_plain": ("layout", PLAIN),
    "layout_full": ("layout", FULL),
    "text_rich_without_stage_one": ("text_rich", WITHOUT_STAGE_ONE),
    "language_text_rich_full": ("text_rich", LANGUAGE_FULL),
    "language_text_ocr": ("text", LANGUAGE_OCR),
    "language_large_vision": ("large", LANGUAGE_VISION),
}
ABOVE_CHANCE: dict[str, tuple[str, str]] = {"blind_minus_chance": ("all", BLIND)}
ABOVE_NAMING: dict[str, tuple[str, str]] = {
    "colour_both_minus_naming": ("colour", BOTH),
    "object_both_minus_naming": ("object", BOTH),
    "colour_full_minus_naming": ("colour", FULL),
    "object_full_minus_naming": ("object", FULL),
    "language_colour_vision_minus_naming": ("colour", LANGUAGE_VISION),
    "language_object_vision_minus_naming": ("object", LANGUAGE_VISION),
    "language_colour_full_minus_naming": ("colour", LANGUAGE_FULL),
    "language_object_full_minus_naming": ("object", LANGUAGE_FULL),
}
WORDS = {
    "all": "all questions",
    "text": "text looked up",
    "text_rich": "questions about text",
    "dense": "questions about text of at most 12 px, charts included",
    "colour": "questions about colours",
    "object": "questions about shapes",
    "sight": "questions about colours and shapes",
    "layout": "relations and charts",
    "between_sizes": "texts of 10 to 20 px looked up",
    "large": "texts above 20 px looked up",
}


class AmbiguousArm(ValueError):
    """Two models are candidates for one place in the claims: a claim's arm is asked with one OCR source."""


def answer_measurements(
    test: Asked, arms: Sequence[Mapping[str, Any]], part: Asked | None = None
) -> dict[str, Measurement]:
    """Return every measurement about answers, by name; ``arms`` are the rows of all arms.json.

    ``part`` are the questions that arms with a pretrained decoder were asked, with their answers, where not all were.

    Raises AmbiguousArm if an arm of a claim was asked with several sources and none is the one it is judged by.
    """
    asked = dict.fromkeys((name for names in COMPARED.values() for name in names), test)
    asked |= dict.fromkeys(LANGUAGE, test if part is None else part)
    models = {name: _arm(own, name) for name, own in asked.items()}
    found = {name: _difference(asked[of[1]], models, *of) for name, of in DIFFERENCES.items()}
    found |= {name: _share(asked[arm], models, group, arm) for name, (group, arm) in SHARES.items()}
    found |= {name: _above_chance(asked[arm], models, group, arm) for name, (group, arm) in ABOVE_CHANCE.items()}
    found |= {name: _above_naming(asked[arm], models, group, arm) for name, (group, arm) in ABOVE_NAMING.items()}
    found["blind_largest_stratum_minus_chance"] = _largest_above_chance(test, models, BLIND)
    for name, compared in COMPARED.items():
        found[f"seeds_of_{name}"] = _seeds(models, compared)
        found[f"rates_at_an_edge_of_{name}"] = _edges(
            arms, [one for one in compared if one != BLIND]
        )  # at chance none is best
        found[f"updates_apart_of_{name}"] = _apart(arms, compared)
    return found | {"prompts_changed_by_ocr": _changed_prompts(test, models)}


def judged_source(candidates: Iterable[Answers]) -> list[Answers]:
    """Return the models that claims are about: asked without OCR text, or with what PP-OCRv6 read, where there is one.

    An arm that was asked with several sources is judged by the real engine; the others are ablations.
    """
    every = list(candidates)
    return [one for one in every if one.ocr_source in ("none", "ppocr6")] or every


def is_judged(arm: str, code: str) -> bool:
    """Say whether an arm of this code stands for the arm in the claims, and is no later twin of it."""
    return JUDGED_CODE.get(arm, code) == code


def _arm(test: Asked, name: str) -> Answers | None:
    own = judged_source(one for one in test.answers if one.arm == name and is_judged(name, one.code))
    if len(own) > 1:
        raise AmbiguousArm(f"{name!r} was asked with {', '.join(one.ocr_source for one in own)}: it is judged by one")
    return own[0] if own else None


def _lacks(models: Mapping[str, Answers | None], *names: str) -> str:
    missing = [name for name in names if models[name] is None]
    return f"this profile has no arm {', '.join(missing)}" if missing else ""


def _difference(test: Asked, models: Mapping[str, Answers | None], group: str, first: str, second: str) -> Measurement:
    one, other = models[first], models[second]
    if one is None or other is None:
        return unavailable(_lacks(models, first, second))
    if not common_seeds(one, other):
        return unavailable(f"{first} and {second} have no seed in common")
    chosen = test.group(group)
    detail = f"{_named(one)} less {_named(other)}, paired"
    return _measurement(difference(test, one, other, chosen), detail, group, chosen)


def _share(test: Asked, models: Mapping[str, Answers | None], group: str, arm: str) -> Measurement:
    model, chosen = models[arm], test.group(group)
    if model is None:
        return unavailable(_lacks(models, arm))
    return _measurement(share(test, model, chosen), _named(model), group, chosen)


def _above_chance(test: Asked, models: Mapping[str, Answers | None], group: str, arm: str) -> Measurement:
    model, chosen = models[arm], test.group(group)
    if model is None:
        return unavailable(_lacks(models, arm))
    detail = f"{_named(model)} less the commonest answer of each stratum"
    return _measurement(above_chance(test, model, chosen), detail, group, chosen)


def _above_naming(test: Asked, models: Mapping[str, Answers | None], group: str, arm: str) -> Measurement:
    model, chosen = models[arm], test.group(group)
    if model is None:
        return unavailable(_lacks(models, arm))
    detail = f"{_named(model)} less one of the page's figures or bars named at random"
    return _measurement(above_naming(test, model, chosen), detail, group, chosen)


def _largest_above_chance(test: Asked, models: Mapping[str, Answers | None], arm: str) -> Measurement:
    model = models[arm]
    if model is None:
        return unavailable(_lacks(models, arm))
    found = largest_above_chance(test, model)
    if found is None:
        return unavailable("there are no questions")
    estimate, stratum = found
    detail = f"exact answers × 100 of the stratum where {_named(model)} is furthest above its commonest answer"
    detail += f", less that ({stratum}); over pages, the ends by Bonferroni over strata"
    return estimated(estimate, UNIT, detail, seeds=len(model.seeds))


def _measurement(found: Estimated | None, detail: str, group: str, chosen: np.ndarray) -> Measurement:
    said = f"exact answers × 100, {WORDS[group]}: {detail}"
    if found is None:
        return unavailable(f"fewer than two pages: {said}")
    return estimated(found, UNIT, f"{said}; {int(chosen.sum())} questions, over {OVER}", seeds=found.seeds)


def _named(model: Answers) -> str:
    source = "no OCR text" if model.ocr_source == "none" else f"OCR text by {model.ocr_source}"
    return f"{model.code} {model.arm} ({source})"


def _seeds(models: Mapping[str, Answers | None], names: Sequence[str]) -> Measurement:
    own = [models[name] for name in names]
    if problem := _lacks(models, *names):
        return unavailable(problem)
    shared = common_seeds(*(one for one in own if one is not None))
    return measured(len(shared), "seeds", f"seeds that all of {', '.join(names)} have")


def _judged_rows(arms: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[Mapping[str, Any]]:
    return [row for row in arms if row["arm"] in names and is_judged(row["arm"], row["code"])]


def _edges(arms: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Measurement:
    """Return how many of the compared arms have no search of their learning rate, or a winner at the grid's edge."""
    own = _judged_rows(arms, names)
    if missing := sorted(set(names) - {row["arm"] for row in own}):
        return unavailable(f"this profile has no arm {', '.join(missing)}")
    edged = sorted({row["arm"] for row in own if at_an_edge(row["rate"])})
    detail = f"arms whose learning rate was not searched, or won at the grid's edge: {', '.join(edged) or 'none'}"
    return measured(len(edged), "arms", f"{detail}, of {', '.join(names)}", n=len(names))


def at_an_edge(rate: Mapping[str, Any]) -> bool:
    """Say whether a learning rate was not searched, or is the least or the largest of its grid."""
    grid = rate["grid"]
    return len(grid) < LEAST_GRID or rate["chosen"] in (min(grid), max(grid))


def _apart(arms: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Measurement:
    """Return by how many updates or examples the compared arms' trainings differ, at most."""
    own = _judged_rows(arms, names)
    if missing := sorted(set(names) - {row["arm"] for row in own}):
        return unavailable(f"this profile has no arm {', '.join(missing)}")
    spread = max(max(row[name] for row in own) - min(row[name] for row in own) for name in COUNTED)
    return measured(spread, "updates or examples", f"largest less least, of Stage II and of starts: {', '.join(names)}")


def _changed_prompts(test: Asked, models: Mapping[str, Answers | None]) -> Measurement:
    one, other = models[FULL], models[BOTH]
    if one is None or other is None:
        return unavailable(_lacks(models, FULL, BOTH))
    seeds = common_seeds(one, other)
    if not seeds:
        return unavailable(f"{FULL} and {BOTH} have no seed in common")
    changed = [
        one.prompts[seed][question.id] != other.prompts[seed][question.id]
        for seed in seeds
        for question in test.questions
    ]
    detail = f"questions × 100 whose prompt differs between {_named(one)} and {_named(other)}"
    return measured(100 * float(np.mean(changed)), UNIT, detail, n=len(changed))
