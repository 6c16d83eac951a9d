"""Measurements of the claims about what is written on images. Shares are × 100: points of a hundred."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
    TOGETHER,
    Estimated,
    Evidence,
    Measure,
    accuracy,
    contrast,
    difference,
)
from steps.artist.read import TEST_LAYOUTS
from steps.artist.sample import CASCADE, GIVEN
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import estimated, measured, unavailable

STAGES = ("grey",)  # of the measurements: no profile trains three seeds on colour, which tables alone tell of
UNIT = "points of 100"
LEAST_GRID = 3  # learning rates, below which every winner is at an edge


@dataclass(frozen=True)
class Pair:
    """What ARTIST is set against, on which prompts and images; ``asked``: the lead that the claim asks for."""

    arm: str
    asked: float
    budget: Budget = "equal"
    group: str = MAIN
    layouts: tuple[str, str] = (TEST_LAYOUTS, TEST_LAYOUTS)


PAIRS = {
    "visual_paper": Pair(VISUAL_ONLY, 5.0),
    "visual_compute": Pair(VISUAL_ONLY, 1.0, "compute"),
    "random": Pair(RANDOM, 10.0, layouts=(GIVEN, GIVEN)),
    "word_only": Pair(WORD_ONLY, 1.0, group=TOGETHER),
    "sentence_only": Pair(SENTENCE_ONLY, 1.0, group=TOGETHER),
    "cascade": Pair(GLYPHS, 0.0, layouts=(TEST_LAYOUTS, CASCADE)),
}


def arm_measurements(evidence: Evidence, size: int, *, text_searched: bool = False) -> dict[str, Measurement]:
    """Return every measurement about arms with a visual set of ``size`` images, by name.

    ``text_searched`` says whether the text module's learning rate was searched.
    """
    found: dict[str, Measurement] = {}
    for stage in STAGES:
        found |= _stage_measurements(evidence, stage, size, text_searched)
        found |= _of_sizes(evidence, stage)
    return found


def _stage_measurements(evidence: Evidence, stage: str, size: int, text_searched: bool) -> dict[str, Measurement]:
    first, found = Key(ARTIST, stage, size), dict[str, Measurement]()
    for name, pair in PAIRS.items():
        second = Key(pair.arm, stage, size, pair.budget)
        leads = {measure: _difference(evidence, first, second, measure, pair) for measure in MEASURES}
        found |= {f"{measure}_artist_minus_{name}_{stage}": lead for measure, lead in leads.items()}
        sides = list(zip((first, second), pair.layouts, strict=True))
        for kind, pick in (("least", min), ("most", max)):
            found[f"{kind}_of_ceiling_{name}_{stage}"] = _of_ceiling(evidence, sides, pick, kind, pair.group)
        found[f"seeds_{name}_{stage}"] = _seeds(evidence, first, second)
        found[f"rates_unsearched_{name}_{stage}"] = _unsearched(evidence, first, second)
        found[f"text_rate_in_doubt_{name}_{stage}"] = _text_rate_in_doubt(leads.values(), pair.asked, text_searched)
        if pair.budget == EQUAL:
            found[f"updates_apart_{name}_{stage}"] = _apart(evidence, first, second)
    found[f"ceiling_{stage}"] = _ceiling(evidence, stage)
    found[f"two_word_prompts_{stage}"] = measured(
        int(evidence.group("two_words").sum()), "prompts", "test prompts of two words"
    )
    for name, arm_key in (("glyph_image", Key(GLYPHS, stage, size)), ("artist", first)):
        found[f"{name}_of_ceiling_{stage}"] = _of_ceiling(evidence, [(arm_key, TEST_LAYOUTS)], min, name, MAIN)
    learnt = Key(VISUAL_ONLY, stage, size, "compute")
    found[f"visual_learns_{stage}"] = _of_ceiling(
        evidence, [(learnt, TEST_LAYOUTS)], min, "the longer visual_only", MAIN, "letters"
    )
    found[f"compute_short_{stage}"] = _compute_short(evidence, first, learnt)
    found[f"text_used_{stage}"] = _text_used(evidence, first)
    found[f"text_module_changed_{stage}"] = _changed(evidence, first)
    return found


def _lacks(evidence: Evidence, *keys: Key, layouts: Sequence[str] = ()) -> str:
    sides = zip(keys, layouts or [TEST_LAYOUTS] * len(keys), strict=True)
    missing = [
        f"{told(key)}{'' if taken == TEST_LAYOUTS else f' with images of {taken} text'}"
        for key, taken in sides
        if key not in evidence.arms or not evidence.was_read(evidence.arms[key], layouts=taken)
    ]
    return f"this profile has no {', no '.join(missing)}" if missing else ""


def told(key: Key) -> str:
    """Return an arm in words."""
    more = ", equal compute" if key.budget == COMPUTE else ""
    return f"{key.arm} ({key.stage}, {key.size} images{more})"


def _measurement(found: Estimated | None, detail: str, lacking: str) -> Measurement:
    if found is None:
        return unavailable(lacking)
    return estimated(found, UNIT, f"{detail}, × 100, over {OVER}", seeds=found.seeds)


def _difference(evidence: Evidence, first: Key, second: Key, measure: Measure, pair: Pair) -> Measurement:
    if problem := _lacks(evidence, first, second, layouts=pair.layouts):
        return unavailable(problem)
    arms, group = (evidence.arms[first], evidence.arms[second]), pair.group
    found = difference(evidence, *arms, measure, group=group, layouts=pair.layouts)
    how = {GIVEN: ", the right text image given to both", CASCADE: " given ARTIST's finished text image"}
    said = f"{SAID[measure]}, {told(first)} less {told(second)}{how.get(pair.layouts[1], '')}"
    prompts = group.replace("_", " ")
    return _measurement(found, f"{said}, {prompts} prompts", f"no common seed, or fewer than two {prompts} prompts")


def _of_ceiling(
    evidence: Evidence,
    sides: Sequence[tuple[Key, str]],
    pick: Any,
    kind: str,
    group: str,
    measure: Measure = "words",
) -> Measurement:
    """Return the least or the most of what is read of several arms, in hundredths of the reader's ceiling."""
    keys, layouts = [key for key, _ in sides], [taken for _, taken in sides]
    stage = keys[0].stage
    ceiling = evidence.ceiling(stage, measure=measure, group=group)
    if problem := _lacks(evidence, *keys, layouts=layouts):
        return unavailable(problem)
    values = [accuracy(evidence, evidence.arms[key], measure, group=group, layouts=taken) for key, taken in sides]
    known = [one.value for one in values if one is not None]
    if len(known) < len(keys) or ceiling is None or not ceiling.value:
        return unavailable(f"no ceiling on {stage} composites, or fewer than two prompts of {group}")
    detail = f"{SAID[measure]}, {kind} of {', '.join(map(told, keys))}, in hundredths of the reader's ceiling"
    return measured(100 * pick(known) / ceiling.value, UNIT, detail, n=int(evidence.group(group).sum()))


def _ceiling(evidence: Evidence, stage: str) -> Measurement:
    found = evidence.ceiling(stage)
    if found is None:
        return unavailable(f"this profile has no {stage} composites that were read")
    (row, *_) = evidence.readings(f"real-{stage}")
    detail = f"words read on real {stage} composites × 100, {row['version']}, {row['how']}"
    return measured(found.value, UNIT, detail, n=found.n)  # of these very composites: no noise


def _seeds(evidence: Evidence, *keys: Key) -> Measurement:
    if problem := _lacks(evidence, *keys):
        return unavailable(problem)
    shared = common_seeds(*(evidence.arms[key] for key in keys))
    return measured(len(shared), "seeds", f"seeds that {' and '.join(map(told, keys))} have")


def _unsearched(evidence: Evidence, *keys: Key) -> Measurement:
    """Return how many arms have no search of their own rate at their own length, or a winner at the grid's edge."""
    if problem := _lacks(evidence, *keys):
        return unavailable(problem)
    found = [key for key in keys if any(unsearched(row, key.budget) for row in evidence.arms[key].rows.values())]
    names = ", ".join(map(told, found)) or "none"
    detail = f"arms whose learning rate was not searched at their length, or won at the grid's edge: {names}"
    return measured(len(found), "arms", detail, n=len(keys))


def unsearched(row: Mapping[str, Any], budget: str = EQUAL) -> bool:
    """Say whether a model's rate was not searched at its number of updates, or is the least or largest of its grid.

    ``train_visual`` searches at ARTIST's updates: a longer training has that search alone unless its row says
    ``searched_at``.
    """
    grid = [float(rate) for rate in row.get("searched") or {}]
    elsewhere = budget == COMPUTE and row.get("searched_at") != row["updates"]
    edge = len(grid) < LEAST_GRID or row["learning_rate"] in (min(grid), max(grid))
    return bool(row.get("at_edge")) or edge or elsewhere


def _text_rate_in_doubt(leads: Iterable[Measurement], asked: float, text_searched: bool) -> Measurement:
    """Return how many leads wholly below what is asked may come from a text module whose rate was never searched."""
    known = [one for one in leads if one.unavailable is None]
    if not known:
        return unavailable("there is no lead to be doubted")
    below = 0 if text_searched else sum(one.bounds[1] < asked for one in known)
    searched = "was searched" if text_searched else "was not searched, which stands in the way of a contradiction"
    detail = f"leads below {asked:g} points; the learning rate of ARTIST's text module {searched}"
    return measured(below, "leads", detail, n=len(known))


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


def _of_sizes(evidence: Evidence, stage: str) -> dict[str, Measurement]:
    """Return the slope of ARTIST's lead along doublings of the visual set, how many sizes, and the other arm's room."""
    pairs = {
        key.size: (arm, evidence.arms[other])
        for key, arm in evidence.arms.items()
        if (key.arm, key.stage, key.budget) == (ARTIST, stage, EQUAL)
        and (other := Key(VISUAL_ONLY, stage, key.size)) in evidence.arms
        and not _lacks(evidence, key, other)
    }
    slope, lacking = f"letters_lead_per_doubling_{stage}", f"{len(pairs)} sizes of the visual set ({stage})"
    found = {f"sizes_{stage}": measured(len(pairs), "sizes", f"visual sets of {stage} images with both arms")}
    sides = [(other.key, TEST_LAYOUTS) for _, other in pairs.values()]
    for kind, pick in (("least", min), ("most", max)) if sides else ():
        found[f"{kind}_of_ceiling_visual_sizes_{stage}"] = _of_ceiling(evidence, sides, pick, kind, MAIN, "letters")
    seeds = common_seeds(*(arm for pair in pairs.values() for arm in pair)) if pairs else ()
    if len(pairs) < 2 or not seeds:
        missing = [f"{kind}_of_ceiling_visual_sizes_{stage}" for kind in ("least", "most") if not sides]
        return found | dict.fromkeys([slope, *missing], unavailable(f"this profile has {lacking}"))
    doublings = np.log2(np.array(list(pairs), dtype=float))
    weights = (doublings - doublings.mean()) / ((doublings - doublings.mean()) ** 2).sum()  # of least squares
    chosen = evidence.group(MAIN)
    terms = [
        (float(sign * weight), evidence.sums(arm, seeds)[:, chosen])
        for weight, pair in zip(weights, pairs.values(), strict=True)
        for sign, arm in zip((1, -1), pair, strict=True)
    ]
    detail = f"letters read right, ARTIST less visual_only ({stage}), change per doubling of the visual set"
    return found | {slope: _measurement(contrast(terms, MEASURES["letters"]), detail, "fewer than two prompts")}


def arm_of(evidence: Evidence, key: Key) -> Arm | None:
    """Return an arm whose images were read; None where there is none."""
    return None if _lacks(evidence, key) else evidence.arms[key]
