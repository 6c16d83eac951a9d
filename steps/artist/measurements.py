"""Measurements of the claims about what is written on images. Shares are × 100: points of a hundred."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from steps.artist.arm_setup import ARTIST, VISUAL_ONLY
from steps.artist.compared_arms import (
    COMPUTE,
    EQUAL,
    GLYPHS,
    RANDOM,
    SENTENCE_ONLY,
    WORD_ONLY,
    Arm,
    Budget,
    Key,
    common_seeds,
)
from steps.artist.estimates import (
    MAIN,
    MEASURES,
    OVER,
    SAID,
    Estimated,
    Evidence,
    Measure,
    accuracy,
    contrast,
    difference,
)
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import estimated, measured, unavailable

STAGES = ("grey", "colour")
UNIT = "points of 100"
LEAST_GRID = 3  # learning rates, below which every winner is at an edge
PAIRS: dict[str, tuple[str, Budget, str]] = {  # name -> (second arm, its budget, group of prompts); the first is ARTIST
    "visual_paper": (VISUAL_ONLY, "equal", MAIN),
    "visual_compute": (VISUAL_ONLY, "compute", MAIN),
    "random": (RANDOM, "equal", MAIN),
    "word_only": (WORD_ONLY, "equal", "two_words"),
    "sentence_only": (SENTENCE_ONLY, "equal", "two_words"),
}


def arm_measurements(evidence: Evidence, size: int) -> dict[str, Measurement]:
    """Return every measurement about arms with a visual set of ``size`` images, by name, for every stage."""
    found: dict[str, Measurement] = {}
    for stage in STAGES:
        found |= _stage_measurements(evidence, stage, size)
        found |= _shrinking(evidence, stage)
    return found


def _stage_measurements(evidence: Evidence, stage: str, size: int) -> dict[str, Measurement]:
    first, found = Key(ARTIST, stage, size), dict[str, Measurement]()
    for name, (arm, budget, group) in PAIRS.items():
        second = Key(arm, stage, size, budget)
        for measure in MEASURES:
            key = f"{measure}_artist_minus_{name}_{stage}"
            found[key] = _difference(evidence, first, second, measure, group)
        for kind, pick in (("least", min), ("most", max)):
            found[f"{kind}_of_ceiling_{name}_{stage}"] = _of_ceiling(evidence, (first, second), pick, kind, group)
        found[f"seeds_{name}_{stage}"] = _seeds(evidence, first, second)
        searched = (first, second) if arm == VISUAL_ONLY else (first,)  # controls learn at a rate of ARTIST's grid
        found[f"rates_at_an_edge_{name}_{stage}"] = _edges(evidence, *searched)
        found[f"rates_apart_{name}_{stage}"] = _rates_apart(evidence, first, second)
        if budget == EQUAL:
            found[f"updates_apart_{name}_{stage}"] = _apart(evidence, first, second)
    found[f"ceiling_{stage}"] = _ceiling(evidence, stage)
    found[f"two_word_prompts_{stage}"] = measured(
        int(evidence.group("two_words").sum()), "prompts", "test prompts of two words"
    )
    for name, arm_key in (("glyph_image", Key(GLYPHS, stage, size)), ("artist", first)):
        found[f"{name}_of_ceiling_{stage}"] = _of_ceiling(evidence, (arm_key,), min, name, MAIN)
    learnt = Key(VISUAL_ONLY, stage, size, "compute")
    found[f"visual_learns_{stage}"] = _of_ceiling(evidence, (learnt,), min, "the longer visual_only", MAIN, "letters")
    found[f"compute_short_{stage}"] = _compute_short(evidence, first, learnt)
    found[f"text_used_{stage}"] = _text_used(evidence, first)
    found[f"text_module_changed_{stage}"] = _changed(evidence, first)
    return found


def _lacks(evidence: Evidence, *keys: Key) -> str:
    missing = [told(key) for key in keys if key not in evidence.arms or not evidence.was_read(evidence.arms[key])]
    return f"this profile has no {', no '.join(missing)}" if missing else ""


def told(key: Key) -> str:
    """Return an arm in words."""
    more = ", equal compute" if key.budget == COMPUTE else ""
    return f"{key.arm} ({key.stage}, {key.size} images{more})"


def _measurement(found: Estimated | None, detail: str, lacking: str) -> Measurement:
    if found is None:
        return unavailable(lacking)
    return estimated(found, UNIT, f"{detail}, × 100, over {OVER}", seeds=found.seeds)


def _difference(evidence: Evidence, first: Key, second: Key, measure: Measure, group: str) -> Measurement:
    if problem := _lacks(evidence, first, second):
        return unavailable(problem)
    found = difference(evidence, evidence.arms[first], evidence.arms[second], measure, group=group)
    detail = f"{SAID[measure]}, {told(first)} less {told(second)}, {group.replace('_', ' ')} prompts"
    return _measurement(found, detail, f"no common seed, or fewer than two {group.replace('_', ' ')} prompts")


def _of_ceiling(
    evidence: Evidence, keys: Sequence[Key], pick: Any, kind: str, group: str, measure: Measure = "words"
) -> Measurement:
    """Return the least or the most of what is read of several arms, in hundredths of the reader's ceiling."""
    stage = keys[0].stage
    ceiling = evidence.ceiling(stage, measure=measure, group=group)
    if problem := _lacks(evidence, *keys):
        return unavailable(problem)
    values = [accuracy(evidence, evidence.arms[key], measure, group=group) for key in keys]
    known = [one.value for one in values if one is not None]
    if len(known) < len(keys) or ceiling is None or not ceiling.value:
        return unavailable(f"no ceiling on {stage} composites, or fewer than two prompts of {group}")
    detail = f"{SAID[measure]}, {kind} of {', '.join(map(told, keys))}, in hundredths of the reader's ceiling"
    return measured(100 * pick(known) / ceiling.value, UNIT, detail, n=len(evidence.prompts))


def _ceiling(evidence: Evidence, stage: str) -> Measurement:
    found = evidence.ceiling(stage)
    if found is None:
        return unavailable(f"this profile has no {stage} composites that were read")
    (row, *_) = evidence.readings(f"real-{stage}")
    detail = f"words read on real {stage} composites × 100, {row['version']}, {row['how']}"
    return measured(found.value, UNIT, detail, n=found.n)  # what this reader reads of these very words: no noise


def _seeds(evidence: Evidence, *keys: Key) -> Measurement:
    if problem := _lacks(evidence, *keys):
        return unavailable(problem)
    shared = common_seeds(*(evidence.arms[key] for key in keys))
    return measured(len(shared), "seeds", f"seeds that {' and '.join(map(told, keys))} have")


def _edges(evidence: Evidence, *keys: Key) -> Measurement:
    """Return how many arms have no search of their learning rate, or a winner at the grid's edge."""
    if problem := _lacks(evidence, *keys):
        return unavailable(problem)
    edged = [key for key in keys if any(at_an_edge(row) for row in evidence.arms[key].rows.values())]
    names = ", ".join(map(told, edged)) or "none"
    detail = f"arms whose learning rate was not searched, or won at the grid's edge: {names}"
    return measured(len(edged), "arms", detail, n=len(keys))


def at_an_edge(row: Mapping[str, Any]) -> bool:
    """Say whether a model's learning rate was not searched, or is the least or the largest of its grid."""
    grid = [float(rate) for rate in row.get("searched") or {}]
    return bool(row.get("at_edge")) or len(grid) < LEAST_GRID or row["learning_rate"] in (min(grid), max(grid))


def _rates_apart(evidence: Evidence, *keys: Key) -> Measurement:
    if problem := _lacks(evidence, *keys):
        return unavailable(problem)
    rates = [row["learning_rate"] for key in keys for row in evidence.arms[key].rows.values()]
    return measured(max(rates) / min(rates), "ratio", f"largest over least rate of {' and '.join(map(told, keys))}")


def _apart(evidence: Evidence, *keys: Key) -> Measurement:
    if problem := _lacks(evidence, *keys):
        return unavailable(problem)
    rows = [row for key in keys for row in evidence.arms[key].rows.values()]
    spread = max(
        max(row[name] for row in rows) - min(row[name] for row in rows) for name in ("updates", "samples_seen")
    )
    return measured(spread, "updates or samples", f"largest less least, of {' and '.join(map(told, keys))}")


def _compute_short(evidence: Evidence, first: Key, second: Key) -> Measurement:
    """Return by how much the second arm's operations fall short of the first one's with its text module, in per cent.

    Not positive where the second has had as many or more.
    """
    if problem := _lacks(evidence, first, second):
        return unavailable(problem)
    one, other = evidence.arms[first], evidence.arms[second]
    short = max(
        100 * (1 - other.rows[seed]["total_flops_with_text"] / one.rows[seed]["total_flops_with_text"])
        for seed in common_seeds(one, other)
    )
    return measured(short, "per cent", f"operations that {told(second)} has had fewer than {told(first)} with its text")


def _text_used(evidence: Evidence, key: Key) -> Measurement:
    """Return by how much the validation loss rises with other letters, in per cent, the least of the seeds."""
    if problem := _lacks(evidence, key):
        return unavailable(problem)
    rows = evidence.arms[key].rows.values()
    rise = min(100 * (row["validation_loss_permuted_letters"] / row["validation_loss"] - 1) for row in rows)
    detail = f"rise of the validation loss of {told(key)} when letters are exchanged, the least of its seeds"
    return measured(rise, "per cent", detail, seeds=len(rows))


def _changed(evidence: Evidence, key: Key) -> Measurement:
    if problem := _lacks(evidence, key):
        return unavailable(problem)
    rows = evidence.arms[key].rows.values()
    changed = sum(row["text_sha256_before"] != row["text_sha256_after"] for row in rows)
    return measured(changed, "text modules", f"whose sha256 after the training of {told(key)} is another", n=len(rows))


def _shrinking(evidence: Evidence, stage: str) -> dict[str, Measurement]:
    """Return the slope of ARTIST's lead along doublings of the visual set, and how many sizes and seeds there are."""
    pairs = {
        key.size: (arm, evidence.arms[other])
        for key, arm in evidence.arms.items()
        if (key.arm, key.stage) == (ARTIST, stage)
        and (other := Key(VISUAL_ONLY, stage, key.size)) in evidence.arms
        and not _lacks(evidence, key, other)
    }
    names = {"slope": f"letters_lead_per_doubling_{stage}", "sizes": f"sizes_{stage}"}
    found = {names["sizes"]: measured(len(pairs), "sizes", f"visual sets of {stage} images with both arms")}
    seeds = common_seeds(*(arm for pair in pairs.values() for arm in pair)) if pairs else ()
    if len(pairs) < 2 or not seeds:
        return found | {names["slope"]: unavailable(f"this profile has {len(pairs)} sizes of the visual set ({stage})")}
    doublings = np.log2(np.array(list(pairs), dtype=float))
    weights = (doublings - doublings.mean()) / ((doublings - doublings.mean()) ** 2).sum()  # of least squares
    chosen = evidence.group(MAIN)
    terms = [
        (float(sign * weight), evidence.sums(arm, seeds)[:, chosen])
        for weight, pair in zip(weights, pairs.values(), strict=True)
        for sign, arm in zip((1, -1), pair, strict=True)
    ]
    detail = f"letters read right, ARTIST less visual_only ({stage}), change per doubling of the visual set"
    return found | {
        names["slope"]: _measurement(contrast(terms, MEASURES["letters"]), detail, "fewer than two prompts")
    }


def arm_of(evidence: Evidence, key: Key) -> Arm | None:
    """Return an arm whose images were read; None where there is none."""
    return None if _lacks(evidence, key) else evidence.arms[key]
