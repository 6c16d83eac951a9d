"""Measurements of the claims, findings and facts about the reading benchmark. Shares are × 100: points of a hundred."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from steps.mmr import official_annotations
from steps.mmr.estimates import ALL, Table, Value, largest, least, less, table_of
from steps.mmr.item_sets import OFFICIAL, RECEIPTS, RENDERED
from steps.mmr.replies import JUDGED
from steps.mmr.scored import Scored, ScoredSet
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import estimated, measured, unavailable

ORACLE, RANDOM, BLIND_TEXT, DUMP = "Oracle", "Random", "BlindText", "PageDump"
CONSTANT_INDEX, CONSTANT_BOX, CONSTANTS = "ConstantIndex", "ConstantBox", "Constants"
ENGINE = "ppocr6"  # the engine of the models that M1 compares
OWN_SETS = (RENDERED, RECEIPTS)
UNIT = "points of 100"
SMALL, LARGE = 5.0, 13.0  # billions of parameters: at most, at least
NEEDS_MODELS = "needs the images of the hub's data set and models that see, by an endpoint or a GPU"
NEEDS_SIGHT = "needs a pretrained model that finds boxes by itself: OCR engines hand them over"


def all_measurements(sets: Mapping[str, ScoredSet]) -> dict[str, Measurement]:
    """Return every measurement by name."""
    found = official_annotations.measurements(sets[OFFICIAL])
    found |= blind_measurements(sets[OFFICIAL]) | seeing_measurements(sets[OFFICIAL])
    for name in OWN_SETS:
        found |= order_measurements(sets[name]) | blind_measurements(sets[name]) | dump_measurements(sets[name])
    for own in sets.values():
        found |= weakness_measurements(own, own.of_kind(JUDGED))
    return found


def order_measurements(own: ScoredSet) -> dict[str, Measurement]:
    """Return what oracle, OCR with rules or a language model, and blindness differ by, as the release scores them."""
    rules, language = _first(own, "rules"), _first(own, "language")
    pairs = {
        "headroom": (ORACLE, rules),
        "rules_minus_language": (rules, language),
        "language_minus_blind": (language, BLIND_TEXT),
        "rules_minus_blind": (rules, BLIND_TEXT),
    }
    found = {f"{own.name}_{name}": _difference(own, *pair) for name, pair in pairs.items()}
    return found | {f"{own.name}_oracle": _share(own, ORACLE, interval=False), f"{own.name}_rules": _share(own, rules)}


def blind_measurements(own: ScoredSet) -> dict[str, Measurement]:
    """Return how far a model that has the words alone is above chance in choice questions."""
    name = f"{own.name}_blind_minus_chance"
    if problem := _lacks(own, BLIND_TEXT):
        return {name: unavailable(problem)}
    table = own.table()
    value = less(table.share(BLIND_TEXT, "choice"), lambda sums: 0.25)
    detail = f"{BLIND_TEXT}: share of choices, less 25, {_over(table, own)}"
    return {name: _estimated(table, value, detail, "choice")}


def dump_measurements(own: ScoredSet) -> dict[str, Measurement]:
    """Return what a dump of all text gains in recognition by a score that asks for no end."""
    name, model = f"{own.name}_dump_gain", _first(own, "dump")
    if problem := _lacks(own, model):
        return {name: unavailable(problem)}
    entry = next(one for one in own.plain if one.entry.named == model)
    table = table_of(own.items, {way: entry.by(way).points for way in ("official", "mended")})
    value = less(table.share("official", "recognition"), table.share("mended", "recognition"))
    detail = f"{model}: recognition as released, less with the length penalty, {_over(table, own)}"
    return {name: _estimated(table, value, detail, "recognition")}


def weakness_measurements(own: ScoredSet, models: Sequence[Scored]) -> dict[str, Measurement]:
    """Return by how much the text's box, and grounding as a whole, are weaker than the rest, by the least over models.

    All are corrected: 0 is chance in choices and the best constant box in boxes.
    """
    names = [f"{own.name}_choice_minus_grounding", f"{own.name}_others_minus_text_box"]
    problem = _lacks(own, CONSTANT_BOX) or (
        "" if models else f"{own.name}: {NEEDS_MODELS if own.name == OFFICIAL else NEEDS_SIGHT}"
    )
    if problem:
        return dict.fromkeys(names, unavailable(problem))
    table = own.table()
    groups = [group for group in ("recognition", "choice", "object box") if table.has(group)]

    def corrected(model: Scored, group: str) -> Value:
        return table.corrected(model.entry.named, group, CONSTANT_BOX)

    pooled = [less(corrected(one, "choice"), corrected(one, "grounding")) for one in models]
    text = [less(corrected(one, group), corrected(one, "text box")) for one in models for group in groups]
    of = f"least over {len(models)} models, each corrected for chance and the best constant box, {_over(table, own)}"
    return {
        names[0]: _estimated(table, least(pooled), f"choices less grounding, {of}", "grounding"),
        names[1]: _estimated(table, least(text), f"{', '.join(groups)}, each less the text's box, {of}", "text box"),
    }


def seeing_measurements(official: ScoredSet) -> dict[str, Measurement]:
    """Return what M1, M2 and M4 are tested by, where models have seen the official images."""
    names = (
        "official_spread",
        "official_models",
        "official_best",
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


def _difference(own: ScoredSet, first: str, second: str) -> Measurement:
    if problem := _lacks(own, first) or _lacks(own, second):
        return unavailable(problem)
    table = own.table()
    found = table.compare(first, second)
    detail = f"{first} less {second}, paired, {_over(table, own)}"
    return unavailable(f"{own.name}: fewer than two images") if found is None else estimated(found, UNIT, detail)


def _estimated(table: Table, value: Value, detail: str, group: str = ALL) -> Measurement:
    found = table.estimate(value, group)
    return unavailable(f"fewer than two images: {detail}") if found is None else estimated(found, UNIT, detail)


def _over(table: Table, own: ScoredSet) -> str:
    return f"{len(own.items)} items, bootstrap over {table.images} images"
