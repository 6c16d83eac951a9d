"""What the released annotations, the scorer and the leaderboard say by themselves: constants, references, sums.

Counts of the annotations bear no noise: they are all there is. What is fitted is fitted to other images or rows than it
answers, unless its name says "best": the best constant of the items that count is a floor of theirs, and is above
chance where there is nothing to be had.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations

import numpy as np
from scipy.stats import chisquare

from steps.mmr.estimates import GROUPS
from steps.mmr.item_sets import UNUSED
from steps.mmr.scored import ScoredSet
from tenfold.metrics.clustered import holm
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import measured, unavailable
from tenfold.mmr.alignment import ABOVE, pnls
from tenfold.mmr.baselines import ConstantIndex
from tenfold.mmr.items import Item, ItemSet
from tenfold.mmr.option_lines import split_options
from tenfold.mmr.parsing import official_choice
from tenfold.mmr.published import LEADERBOARD
from tenfold.mmr.tasks import CHOICE, COLUMNS, RECOGNITION, Column, Task

EXACT = 9  # characters: references of at most as many must be met exactly to be above 0.9
INDICES = "1234"
SPLITS, FOLDS = 20, 5  # of images: what a constant index is fitted to, and answers
DRAWS = 10_000  # of right indices by chance
SIGNIFICANT = 0.05
COUNTS = (
    "official_oracle_points",
    "official_best_index",
    "official_best_index_of_chance",
    "official_uneven_tasks",
    "official_uneven_p_font_size",
    "official_uneven_p_spatial_tt",
    "official_fitted_index",
    "official_fitted_index_font_size",
    "official_fitted_index_spatial_tt",
    "official_unused_object_box",
    "official_unused_text_box",
    "official_short_references",
    "official_short_replaced_right",
    "official_short_deleted_right",
    "official_short_added_right",
    "official_options_with_digits",
    "official_option_words_no_choice",
    "official_option_words_no_option",
    "official_option_words_other_option",
    "official_option_words_right",
)


def measurements(official: ScoredSet) -> dict[str, Measurement]:
    """Return the measurements of the official annotations, where they are not made up, and of the leaderboard."""
    found = _of_the_leaderboard()
    if official.source.stand_in:
        reason = "the official annotations are made up, to try the steps out"
        return found | dict.fromkeys(COUNTS, unavailable(reason))
    items = official.source.items
    return found | _points(official) | _indices(items) | _short_references(items) | _option_words(items)


def _of_the_leaderboard() -> dict[str, Measurement]:
    wrong = [row for row in LEADERBOARD if not row.columns_add_up]
    detail = f"published rows whose columns do not add up to their total: {', '.join(row.model for row in wrong)}"
    mending = [
        f"{column} of {one.model} and {two.model}"
        for one, two in combinations(wrong, 2)
        for column in COLUMNS
        if (more := two.columns[column] - one.columns[column])
        and one.summed + more == one.total
        and two.summed - more == two.total
    ]
    exchange = f"columns of which two cells, exchanged, mend two rows: {'; '.join(mending)}"
    return {
        "published_rows_that_do_not_add_up": measured(len(wrong), "rows", detail, n=len(LEADERBOARD)),
        "published_cells_whose_exchange_mends": measured(len(mending), "columns", exchange),
    }


def _points(official: ScoredSet) -> dict[str, Measurement]:
    """Return points of models that have no image, on the items that count."""
    by_model = {one.entry.named: one.official.columns() for one in official.plain}

    def points(name: str, model: str, *columns: Column) -> dict[str, Measurement]:
        if model not in by_model:
            return {name: unavailable(f"official: this profile has no {model}")}
        own = by_model[model]
        value = sum(own[column] for column in columns or COLUMNS)
        return {name: measured(value, "points", f"{model}: {', '.join(columns) or 'all columns'}")}

    return {
        **points("official_oracle_points", "Oracle"),
        **points("official_best_index", "ConstantIndex", *GROUPS["choice"]),
        **points("official_unused_object_box", UNUSED, "grounding_o"),
        **points("official_unused_text_box", UNUSED, "grounding_t box"),
    }


def _indices(items: ItemSet) -> dict[str, Measurement]:
    """Return how unevenly right indices are spread, and what a constant index that was fitted to other images has."""
    choices = items.only(np.isin(items.tasks, CHOICE))
    counts = {task: _counts(choices, task) for task in CHOICE if task in set(choices.tasks.tolist())}
    p_values = dict(zip(counts, holm([float(chisquare(own).pvalue) for own in counts.values()]), strict=True))
    uneven = [task for task, p_value in p_values.items() if p_value < SIGNIFICANT]
    detail = f"choice tasks whose right indices are not even, χ² with Holm's rule: {', '.join(uneven) or 'none'}"
    by_chance = sum(_best_by_chance(int(own.sum())) for own in counts.values())
    found = {
        "official_uneven_tasks": measured(len(uneven), "tasks", detail, n=len(counts)),
        "official_best_index_of_chance": measured(
            by_chance, "points", f"best constant index of each task where right ones are drawn, mean of {DRAWS} draws"
        ),
    }
    fitted = fitted_index_points(choices)
    means = {task: float(np.mean([own[task] for own in fitted])) for task in counts}
    over = f"constant index fitted to other images, mean of {SPLITS} splits into {FOLDS} parts"
    found["official_fitted_index"] = measured(sum(means.values()), "points", over, n=len(choices))
    for task in ("font_size", "spatial_tt"):
        lacking = unavailable(f"official: no item of {task}")
        found[f"official_uneven_p_{task}"] = (
            measured(p_values[task], "p-value", f"χ² of the right indices of {task}, {counts[task].tolist()}, Holm")
            if task in counts
            else lacking
        )
        found[f"official_fitted_index_{task}"] = (
            measured(means[task], "points", f"{over}: {task}", n=int(counts[task].sum())) if task in counts else lacking
        )
    return found


def _counts(items: ItemSet, task: Task) -> np.ndarray:
    """Return how often each index is right (4,)."""
    found = Counter(item.answer for item in items.rows if item.task == task)
    return np.array([found[index] for index in INDICES])


def _best_by_chance(count: int) -> float:
    """Return the mean of the greatest number of equal indices among ``count`` drawn ones."""
    drawn = np.random.default_rng(0).multinomial(count, np.full(len(INDICES), 1 / len(INDICES)), size=DRAWS)
    return float(drawn.max(axis=1).mean())


def fitted_index_points(choices: ItemSet) -> list[dict[Task, int]]:
    """Return, for each split of the images, the points by task of constant indices fitted to the other parts."""
    names = sorted(set(choices.images.tolist()))
    folds = min(FOLDS, len(names))
    found = []
    for split in range(SPLITS):
        order = np.random.default_rng(split).permutation(len(names))
        part = {names[place]: number % folds for number, place in enumerate(order)}
        own = np.array([part[image] for image in choices.images.tolist()])
        points = dict.fromkeys(CHOICE, 0)
        for number in range(folds):
            index = ConstantIndex.fitted(choices.only(own != number))
            for item in choices.only(own == number).rows:
                points[item.task] += index.numbers[item.task] == item.answer
        found.append(points)
    return found


def _short_references(items: ItemSet) -> dict[str, Measurement]:
    """Return how the scorer takes replies that miss a short reference by one character."""
    recognition = [item.answer.replace('"', "") for item in items.rows if item.task in RECOGNITION]
    short = [text for text in recognition if len(text) <= EXACT]
    name = f"recognition items whose reference has at most {EXACT} characters"
    found = {"official_short_references": measured(len(short), "items", name, n=len(recognition))}
    ways = {"replaced": replaced, "deleted": deleted, "added": added}
    said = {
        "replaced": "replies with one character replaced by another",
        "deleted": "replies that lack one character",
        "added": "replies with a letter before or after the reference",
    }
    for way, vary in ways.items():
        pairs = [(text, reply) for text in short for reply in vary(text)]
        scores = pnls([one for one, _ in pairs], [reply for _, reply in pairs])
        right = [text for (text, _), score in zip(pairs, scores, strict=True) if score > ABOVE]
        which = f" ({', '.join(sorted(set(right)))})" if 0 < len(set(right)) < len(set(short)) else ""
        detail = f"{said[way]} of at most {EXACT} characters that the released scorer takes as right{which}"
        found[f"official_short_{way}_right"] = (
            measured(len(right), "replies", detail, n=len(pairs)) if pairs else unavailable("no short reference")
        )
    return found


def replaced(text: str) -> list[str]:
    """Return a text with each of its characters replaced by a letter that it does not hold."""
    return [text[:place] + _letter(text) + text[place + 1 :] for place in range(len(text))]


def deleted(text: str) -> list[str]:
    """Return a text without each of its characters."""
    return [text[:place] + text[place + 1 :] for place in range(len(text))]


def added(text: str) -> list[str]:
    """Return a text with a letter that it does not hold before it, and after it."""
    return [_letter(text) + text, text + _letter(text)]


def _letter(text: str) -> str:
    return next(letter for letter in "qzxjkvwybcdfghlmnprtaeious" if letter not in text.lower())


def _option_words(items: ItemSet) -> dict[str, Measurement]:
    """Return what the released parser reads in replies with the words of the right option in place of its number."""
    asked = [item for item in items.rows if item.task in CHOICE and has_digits_in_options(item)]
    read = Counter(read_of_option_words(item) for item in asked)
    what = {
        "no_choice": "read as no choice",
        "no_option": "read as a number that no option has",
        "other_option": "read as another option",
        "right": "read as the right option",
    }
    detail = "choice questions with a digit in the text of an option"
    found = {"official_options_with_digits": measured(len(asked), "items", detail, n=_choices(items))}
    for name, said in what.items():
        words = f"replies with the right option's words, where an option holds digits: {said}"
        found[f"official_option_words_{name}"] = measured(read[name], "replies", words, n=len(asked) or None)
    return found


def _choices(items: ItemSet) -> int | None:
    return sum(item.task in CHOICE for item in items.rows) or None


def read_of_option_words(item: Item) -> str:
    """Return what the released parser makes of the right option's words: the end of a measurement's name."""
    _, options = split_options(item.question)
    read = official_choice(options[int(item.answer) - 1])
    if read is None:
        return "no_choice"
    if read == item.answer:
        return "right"
    return "other_option" if read in list(INDICES) else "no_option"


def has_digits_in_options(item: Item) -> bool:
    """Return whether the text of an option of a choice question holds a digit."""
    _, options = split_options(item.question)
    return any(re.search(r"\d", option) for option in options)
