"""What the steps of the embedded agents share: their names, BBQ-micro's size, and where their models stand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from steps.step.params import Count, Params
from tenfold.debias.items import Items, read_items
from tenfold.debias.micro import micro_items
from tenfold.debias.subsets import template_splits

AGENTS = ("a0", "a1", "a2")
ITEMS = "micro.jsonl"
FOLDS = 3  # what seeds go round: over three seeds every template is tested


class MicroParams(Params):
    """BBQ-micro: contexts per template, and the groups that it is not made of."""

    contexts: Count
    without: list[str]


def micro_of(prepared: Path, params: MicroParams, seed: int) -> Items:
    """Return BBQ-micro made of prepared/items.jsonl. Raises InvalidItem if nothing is left of it."""
    items = read_items(prepared / "items.jsonl")
    groups = set(items.groups.tolist()) - set(params.without)
    return micro_items(items, contexts=params.contexts, seed=seed, groups=groups)


def split_of(items: Items, seed: int, name: str) -> np.ndarray:
    """Return the places in ``items`` of one of the splits ``train``, ``deliberation`` and ``test`` of a seed."""
    return np.flatnonzero(template_splits(items, fold=seed % FOLDS, folds=FOLDS)[name])


def model_name(agent: str, seed: int, target: str | None = None) -> str:
    """Return the name of an agent's model, after stage 1 or after it was taught to deliberate towards ``target``."""
    return f"{agent}-{seed}" if target is None else f"{agent}-{target}-{seed}"
