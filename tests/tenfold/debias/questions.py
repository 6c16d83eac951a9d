"""Small questions in BBQ's form, made by hand, and readers that answer them by one rule."""

from __future__ import annotations

import numpy as np

from tenfold.debias.items import NONE, Item, Items

OPTIONS = ("The baker", "The joiner", "Not known")  # target 0 in negative questions, 1 in the others


def question(number: int, *, group="G", template="G/1", polarity="neg", condition="ambig", **changes) -> Item:
    """Return one question: in negative ones the baker is the target; told, the baker did it in even-numbered ones."""
    fields = {
        "key": f"{group}/{number}",
        "question": "Who did it?",
        "options": OPTIONS,
        "context": f"{template} {condition} {number}",
        "gold": 2 if condition == "ambig" else number % 2,
        "group": group,
        "template": template,
        "polarity": polarity,
        "condition": condition,
        "unknown": 2,
        "target": 0 if polarity == "neg" else 1,
    }
    return Item(**(fields | changes))


def balanced(per_cell: int = 5, *, groups=("G", "H"), templates: int = 3) -> Items:
    """Return as many questions of each group, template, polarity and condition."""
    rows = [
        question(number, group=group, template=f"{group}/{template}", polarity=polarity, condition=condition)
        for group in groups
        for number, (template, polarity, condition, _) in enumerate(
            (template, polarity, condition, again)
            for template in range(templates)
            for polarity in ("neg", "nonneg")
            for condition in ("ambig", "disambig")
            for again in range(per_cell)
        )
    ]
    return Items(tuple(rows))


def always_stereotype(items: Items) -> np.ndarray:
    return items.target


def always_against(items: Items) -> np.ndarray:
    return 1 - items.target


def always_unknown(items: Items) -> np.ndarray:
    return items.unknown


def garbage(items: Items) -> np.ndarray:
    return np.full(len(items), NONE)
