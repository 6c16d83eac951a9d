"""What the released annotations and the leaderboard say by themselves: constants, short references, sums."""

from __future__ import annotations

import re

from steps.mmr.estimates import GROUPS
from steps.mmr.item_sets import Source
from steps.mmr.scored import ScoredSet
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import measured, unavailable
from tenfold.mmr.items import Item
from tenfold.mmr.predictions import prediction_of
from tenfold.mmr.published import LEADERBOARD
from tenfold.mmr.scores import OFFICIAL, score
from tenfold.mmr.tasks import CHOICE, COLUMNS, RECOGNITION, Column

BOX = "[0.15, 0.30, 0.80, 0.95]"  # the constant box whose points are known
EXACT = 9  # characters: references of at most as many must be met exactly to be above 0.9
OPTION = re.compile(r"^\s*[1-4][.)]\s*(.*)$")
COUNTS = (
    "official_oracle_points",
    "official_best_index",
    "official_best_index_font_size",
    "official_best_index_spatial_tt",
    "official_known_box",
    "official_constant_object_box",
    "official_unused_object_box",
    "official_constant_text_box",
    "official_constants",
    "official_constants_minus_lowest_published",
    "official_short_references",
    "official_digits_in_options",
)


def measurements(official: ScoredSet) -> dict[str, Measurement]:
    """Return the measurements of the official annotations, where they are not made up, and of the leaderboard."""
    wrong = [row.model for row in LEADERBOARD if not row.columns_add_up]
    detail = f"published rows whose columns do not add up to their total: {', '.join(wrong)}"
    found = {"published_rows_that_do_not_add_up": measured(len(wrong), "rows", detail, n=len(LEADERBOARD))}
    if official.source.stand_in:
        reason = "the official annotations are made up, to try the steps out"
        return found | dict.fromkeys(COUNTS, unavailable(reason))
    return found | _points(official) | _of_the_rows(official.source)


def _points(official: ScoredSet) -> dict[str, Measurement]:
    """Return points of models that have no image, on the items that count."""
    by_model = {one.entry.named: one.official.columns() for one in official.plain}

    def points(name: str, model: str, *columns: Column) -> dict[str, Measurement]:
        if model not in by_model:
            return {name: unavailable(f"official: this profile has no {model}")}
        own = by_model[model]
        value = sum(own[column] for column in columns or COLUMNS)
        return {name: measured(value, "points", f"{model}: {', '.join(columns) or 'all columns'}")}

    found = {
        **points("official_oracle_points", "Oracle"),
        **points("official_best_index", "ConstantIndex", *GROUPS["choice"]),
        **points("official_best_index_font_size", "ConstantIndex", "font_size"),
        **points("official_best_index_spatial_tt", "ConstantIndex", "spatial_tt"),
        **points("official_constant_object_box", "ConstantBox", "grounding_o"),
        **points("official_unused_object_box", "ConstantBox of the unused rows", "grounding_o"),
        **points("official_constant_text_box", "ConstantBox", "grounding_t box"),
        **points("official_constants", "Constants"),
    }
    return found | {"official_constants_minus_lowest_published": _beside_the_lowest(found["official_constants"])}


def _beside_the_lowest(constants: Measurement) -> Measurement:
    lowest = min(LEADERBOARD, key=lambda row: row.total)
    if constants.value is None:
        return constants
    detail = f"points of the best constant index of each task and the best constant boxes less those of {lowest.model}"
    return measured(constants.value - lowest.total, "points", detail)


def _of_the_rows(source: Source) -> dict[str, Measurement]:
    """Return what can be counted in the annotations, no model being asked."""
    objects = source.items.only(source.items.tasks == "grounding_o")
    known = score(objects, [prediction_of(item.key, BOX) for item in objects.rows], OFFICIAL)
    recognition = [item for item in source.items.rows if item.task in RECOGNITION]
    short = sum(len(item.answer.replace('"', "")) <= EXACT for item in recognition)
    choices = [item for item in source.items.rows if item.task in CHOICE]
    digits = sum(has_digits_in_options(item) for item in choices)
    return {
        "official_known_box": measured(known.total, "points", f"object boxes that {BOX} meets", n=len(objects)),
        "official_short_references": measured(
            short, "items", f"recognition items whose reference has at most {EXACT} characters", n=len(recognition)
        ),
        "official_digits_in_options": measured(
            digits, "items", "choice questions with a digit in the text of an option", n=len(choices)
        ),
    }


def has_digits_in_options(item: Item) -> bool:
    """Return whether the text of an option of a choice question holds a digit."""
    options = (OPTION.match(line) for line in item.question.splitlines())
    return any(re.search(r"\d", option[1]) for option in options if option)
