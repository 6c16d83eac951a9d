"""Measurements of the claims, findings and facts about the reading benchmark. Shares are × 100: points of a hundred."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from steps.mmr import official_annotations
from steps.mmr.estimates import ALL, Table, Value, largest, least, less, table_of
from steps.mmr.item_sets import OFFICIAL, RECEIPTS, RENDERED
from steps.mmr.replies import JUDGED, OTHER_IMAGE, SHUFFLED, SPLIT
from steps.mmr.scored import Scored, ScoredSet
from tenfold.metrics.bootstrap import Estimate
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import estimated, measured, unavailable
from tenfold.mmr.tasks import COLUMNS, Column

ORACLE, RANDOM, BLIND_TEXT, DUMP = "Oracle", "Random", "BlindText", "PageDump"
CONSTANT_INDEX, CONSTANT_BOX, CONSTANTS = "ConstantIndex", "ConstantBox", "Constants"
ENGINE = "ppocr6"  # the engine of the models that M1 compares
OWN_SETS = (RENDERED, RECEIPTS)
UNIT = "points of 100"
TEXT_BOX: Column = "grounding_t box"
WEAKNESSES = (
    "others_minus_text_box",
    "choice_minus_grounding",
    "corrected_others_minus_text_box",
    "corrected_choice_minus_grounding",
    "least_recognition",
)
SMALL, LARGE = 5.0, 13.0  # billions of parameters: at most, at least
NEEDS_MODELS = "needs the images of the hub's data set and models that see, by an endpoint or a GPU"
NEEDS_SIGHT = "needs a pretrained model that finds boxes by itself: OCR engines hand them over"
READS = 60.0  # points of 100 in recognition, of a model whose weakest column says something
NEEDS_READERS = f"needs a model that sees and has {READS:g} of 100 points in recognition"


def all_measurements(sets: Mapping[str, ScoredSet]) -> dict[str, Measurement]:
    """Return every measurement by name."""
    found = official_annotations.measurements(sets[OFFICIAL])
    found |= blind_measurements(sets[OFFICIAL]) | word_measurements(sets[OFFICIAL])
    found |= seeing_measurements(sets[OFFICIAL])
    for name in OWN_SETS:
        found |= spread_measurements(sets[name]) | blind_measurements(sets[name]) | dump_measurements(sets[name])
    for own in sets.values():
        found |= weakness_measurements(own, own.of_kind(JUDGED))
    return found


def spread_measurements(own: ScoredSet) -> dict[str, Measurement]:
    """Return what oracle, OCR with rules or a language model, and blindness differ by, as the release scores them.

    The headroom above the rules is that of the columns that are not about objects, of which rules know nothing.
    """
    rules, language = _first(own, "rules"), _first(own, "language")
    pairs = {
        "headroom": (ORACLE, rules, "without objects"),
        "rules_minus_language": (rules, language, ALL),
        "language_minus_blind": (language, BLIND_TEXT, ALL),
        "rules_minus_blind": (rules, BLIND_TEXT, ALL),
    }
    found = {f"{own.name}_{name}": _difference(own, *pair) for name, pair in pairs.items()}
    return found | {f"{own.name}_oracle": _share(own, ORACLE, interval=False), f"{own.name}_rules": _share(own, rules)}


def blind_measurements(own: ScoredSet) -> dict[str, Measurement]:
    """Return how far a model that has the words alone is above chance in choice questions."""
    name = f"{own.name}_blind_minus_chance"
    if problem := _lacks(own, BLIND_TEXT):
        return {name: unavailable(problem)}
    table = own.table()
    value = less(table.share(BLIND_TEXT, "choice"), _chance)
    detail = f"{BLIND_TEXT}: share of choices, less 25, {_over(table, own)}"
    return {name: _estimated(table, value, detail, "choice")}


def word_measurements(official: ScoredSet) -> dict[str, Measurement]:
    """Return what fits to the words of other images' questions have above chance in choices, mean over splits.

    Beside them, the same fits to answers that are shuffled within each task, and what the two differ by.
    """
    names = ("official_words_minus_chance", "official_shuffled_words_minus_chance", "official_words_minus_shuffled")
    fitted = {
        one.entry.variant: one for one in official.entries if one.entry.variant.startswith((f"{SPLIT} ", SHUFFLED))
    }
    right = [one for variant, one in fitted.items() if not variant.startswith(SHUFFLED)]
    shuffled = [one for variant, one in fitted.items() if variant.startswith(SHUFFLED)]
    problem = _lacks(official, BLIND_TEXT) or ("" if right and shuffled else "official: this profile has no such fits")
    if problem:
        return dict.fromkeys(names, unavailable(problem))
    means = {
        name: np.mean([one.official.points for one in chosen], axis=0)
        for name, chosen in (("right", right), ("shuffled", shuffled))
    }
    table = table_of(official.items, means)
    words, control = table.share("right", "choice"), table.share("shuffled", "choice")
    over = f"mean of {len(right)} splits of the images, {_over(table, official)}"
    said = f"{BLIND_TEXT} fitted to other images: share of choices"
    return {
        names[0]: _estimated(table, less(words, _chance), f"{said}, less 25, {over}", "choice"),
        names[1]: _estimated(
            table, less(control, _chance), f"{said}, fitted to shuffled answers, less 25, {over}", "choice"
        ),
        names[2]: _estimated(table, less(words, control), f"{said}, less fitted to shuffled answers, {over}", "choice"),
    }


def _chance(sums: Any) -> float:
    """Return the share of four options that chance gives, whatever the sums."""
    return 0.25


def dump_measurements(own: ScoredSet) -> dict[str, Measurement]:
    """Return what a dump of all text has in recognition, less what it has by a score that asks for no end.

    Also less what the dump of another image has, and less the very text that was asked for.
    """
    model = _first(own, "dump")
    other = next((one for one in own.entries if one.entry.variant == OTHER_IMAGE and one.entry.model == model), None)
    entry = next((one for one in own.plain if one.entry.named == model), None)
    asked = next((one for one in own.plain if one.entry.named == ORACLE), None)
    problem = _lacks(own, model) or ("" if other and asked else f"{own.name}: this profile has no dump of other images")
    ways = {
        "gain": ("mended", "with the length penalty"),
        "minus_other_image": ("other", "that of another image"),
        "minus_asked": ("asked", "the text that was asked for"),
    }
    if problem or entry is None or other is None or asked is None:
        return {f"{own.name}_dump_{name}": unavailable(problem) for name in ways}
    points = {
        "dump": entry.official.points,
        "mended": entry.mended.points,
        "other": other.official.points,
        "asked": asked.official.points,
    }
    table = table_of(own.items, points)
    dump = table.share("dump", "recognition")
    return {
        f"{own.name}_dump_{name}": _estimated(
            table,
            less(dump, table.share(beside, "recognition")),
            f"{model}: recognition as released, less {said}, {_over(table, own)}",
            "recognition",
        )
        for name, (beside, said) in ways.items()
    }


def weakness_measurements(own: ScoredSet, models: Sequence[Scored]) -> dict[str, Measurement]:
    """Return by how much the text's box, and grounding as a whole, are weaker than the rest, by the least over models.

    Judged are models that read: whose recognition is not too weak. The claim is about columns as they are; corrected
    ones, 0 being chance in choices and a box of other images in boxes, stand beside them.
    """
    names = [f"{own.name}_{name}" for name in WEAKNESSES]
    table = own.table()
    readers = [one.entry.named for one in models if _recognition(table, one.entry.named) >= READS]
    needs = NEEDS_READERS if models else NEEDS_MODELS if own.name == OFFICIAL else NEEDS_SIGHT
    problem = _lacks(own, BLIND_TEXT) or ("" if readers else f"{own.name}: {needs}")
    if problem:
        return dict.fromkeys(names, unavailable(problem))
    columns = [column for column in COLUMNS if column != TEXT_BOX and table.has(column)]
    groups = [group for group in ("recognition", "choice", "object box", "grounded text") if table.has(group)]
    of = f"least over {len(readers)} models that read, {_over(table, own)}"
    mended = f"corrected for chance and a box of other images, {of}"
    share, corrected = table.share, lambda model, group: table.corrected(model, group, BLIND_TEXT)

    def weakest(value: Callable[[str, str], Value], stronger: Sequence[str], weaker: str) -> Value:
        return least([less(value(one, group), value(one, weaker)) for one in readers for group in stronger])

    found = (
        (weakest(share, columns, TEXT_BOX), f"each other column less the text's box, {of}", TEXT_BOX),
        (weakest(share, ["choice"], "grounding"), f"choices less grounding, {of}", "grounding"),
        (weakest(corrected, groups, "text box"), f"{', '.join(groups)}, each less the text's box, {mended}", TEXT_BOX),
        (weakest(corrected, ["choice"], "grounding"), f"choices less grounding, {mended}", "grounding"),
        (least([share(one, "recognition") for one in readers]), f"recognition, {of}", "recognition"),
    )
    return {name: _estimated(table, *one) for name, one in zip(names, found, strict=True)}


def _recognition(table: Table, model: str) -> float:
    """Return a model's share × 100 in recognition."""
    return float(100 * table.share(model, "recognition")(table.sums.sum(axis=0)))


def seeing_measurements(official: ScoredSet) -> dict[str, Measurement]:
    """Return what M1, M2 and M4 are tested by, where models have seen the official images."""
    names = (
        "official_spread",
        "official_models",
        "official_best",
        "official_best_points",
        "official_best_recognition",
        "official_small_minus_large",
    )
    seeing = official.of_kind(JUDGED)
    if official.source.stand_in or not official.source.has_images or not seeing:
        return dict.fromkeys(names, unavailable(NEEDS_MODELS))
    table = official.table()
    shares = [table.share(one.entry.named) for one in seeing]
    over = _over(table, official)
    found = {
        "official_spread": _estimated(table, less(largest(shares), least(shares)), f"best less worst model, {over}"),
        "official_models": measured(len(seeing), "models", "models that saw the images"),
        "official_best": _estimated(table, largest(shares), f"best model, {over}"),
        "official_best_points": _points_of(table, largest(shares), official.items.points, f"best model, {over}"),
        "official_best_recognition": _estimated(
            table,
            largest([table.share(one.entry.named, "recognition") for one in seeing]),
            f"best model in recognition, {over}",
            "recognition",
        ),
    }
    small = [table.share(one.entry.named) for one in seeing if one.entry.size and one.entry.size <= SMALL]
    large = [table.share(one.entry.named) for one in seeing if one.entry.size and LARGE <= one.entry.size < LARGE + 1]
    if not small or not large:
        return found | {names[-1]: unavailable(f"needs a model of at most {SMALL:g} billion parameters and a 13B one")}
    detail = f"best of {len(small)} small models less best of {len(large)} 13B models, {over}"
    return found | {names[-1]: _estimated(table, less(largest(small), largest(large)), detail)}


def _first(own: ScoredSet, kind: str) -> str:
    """Return the first plain model of a kind, the one with M1's engine before others; "" where there is none."""
    found = [one.entry for one in own.plain if one.entry.kind == kind]
    return next((entry.named for entry in sorted(found, key=lambda entry: entry.engine != ENGINE)), "")


def _lacks(own: ScoredSet, model: str) -> str:
    """Return why a model says nothing of a set; "" where it does."""
    entry = next((one.entry for one in own.plain if one.entry.named == model), None)
    if own.source.stand_in:
        return f"{own.name}: the items are made up, to try the steps out"
    if entry is None:
        return f"{own.name}: this profile has no model of that kind"
    return f"{own.name}: {model} has made-up weights, to try the steps out" if entry.stand_in else ""


def _share(own: ScoredSet, model: str, *, interval: bool = True) -> Measurement:
    if problem := _lacks(own, model):
        return unavailable(problem)
    table = own.table()
    detail = f"{model}: share of the points, {_over(table, own)}"
    found = _estimated(table, table.share(model), detail)
    return found if interval or found.value is None else measured(found.value, UNIT, detail, n=found.n)


def _difference(own: ScoredSet, first: str, second: str, group: str = ALL) -> Measurement:
    if problem := _lacks(own, first) or _lacks(own, second):
        return unavailable(problem)
    table = own.table()
    found = table.compare(first, second, group)
    which = "" if group == ALL else f", columns: {group}"
    detail = f"{first} less {second}{which}, paired, {_over(table, own)}"
    return unavailable(f"{own.name}: fewer than two images") if found is None else estimated(found, UNIT, detail)


def _estimated(table: Table, value: Value, detail: str, group: str = ALL) -> Measurement:
    found = table.estimate(value, group)
    return unavailable(f"fewer than two images: {detail}") if found is None else estimated(found, UNIT, detail)


def _points_of(table: Table, value: Value, most: int, detail: str) -> Measurement:
    """Return a share of all points as points."""
    found = table.estimate(value)
    if found is None:
        return unavailable(f"fewer than two images: {detail}")
    low, high = (most * end / 100 for end in found.interval)
    return estimated(Estimate(most * found.value / 100, (low, high), found.n), f"points of {most}", detail)


def _over(table: Table, own: ScoredSet) -> str:
    return f"{len(own.items)} items, bootstrap over {table.images} images"
