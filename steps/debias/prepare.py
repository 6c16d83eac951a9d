"""Bring BBQ's questions to one form, and cut their templates into splits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from steps.step.json_files import read_json, write_json
from steps.step.params import Count, Params
from steps.step.run import Run
from tenfold.data.archive_members import read_members
from tenfold.debias.bbq import read_bbq, redrawn_groups
from tenfold.debias.items import NONE, Items, write_items
from tenfold.debias.subsets import SPLITS, limit_per_group, template_splits

ARCHIVE = "templates_and_licence.tar.gz"
TEMPLATE = re.compile(r"(?:.*/)?(?:new_templates ?- ?)?(\w+\.csv)")  # Age.csv of "templates/new_templates - Age.csv"


class PrepareParams(Params):
    """How many questions per group (all, where it is null), and how often the splits are turned."""

    limit_per_group: Count | None
    folds: Count


def prepare(bbq: Path, *, out: Path, params: PrepareParams, run: Run) -> None:
    """Write the questions, the splits of their templates by fold, and the templates themselves.

    Reads   bbq/: questions by category, the targets, templates where they are there; source.json
    Writes  items.jsonl; splits.json: for each fold the templates of train, deliberation and test, which share no
            context; templates/<category>.csv and vocabulary*.csv where the source has them; meta.json
    Raises  NoQuestions, InvalidItem or InvalidMetadata if the source is not BBQ's; CorruptArchive
    """
    items = read_bbq(bbq)
    every = len(items)
    if params.limit_per_group is not None:
        items = limit_per_group(items, params.limit_per_group, seed=run.seed)
    write_items(items, out / "items.jsonl")
    splits = [split_names(items, fold=fold, folds=params.folds, seed=run.seed) for fold in range(params.folds)]
    write_json(out / "splits.json", splits)
    count = _copy_templates(bbq, out / "templates")
    write_json(out / "meta.json", _meta(bbq, items, every, count))
    origin = read_json(bbq / "source.json")["origin"]
    run.say(f"{len(items)} of {every} questions ({origin}), {len(np.unique(items.templates))} templates")


def split_names(items: Items, *, fold: int, folds: int, seed: int) -> dict[str, list[str]]:
    """Return the names of the templates of each split."""
    masks = template_splits(items, fold=fold, folds=folds, seed=seed)
    return {name: sorted(set(items.templates[masks[name]].tolist())) for name in SPLITS}


def _copy_templates(bbq: Path, into: Path) -> int:
    """Write the templates and vocabularies under short names; return how many there are."""
    found = {path.name: path.read_bytes() for path in sorted(bbq.glob("*.csv"))}
    if (bbq / ARCHIVE).is_file():
        found = read_members(bbq / ARCHIVE, suffix=".csv")
    into.mkdir()
    count = 0
    for name, content in found.items():
        short = TEMPLATE.fullmatch(name)
        if short and "additional_metadata" not in name:
            (into / short[1]).write_bytes(content)
            count += 1
    return count


def _meta(bbq: Path, items: Items, every: int, templates: int) -> dict[str, Any]:
    record = read_json(bbq / "source.json")
    groups, counts = np.unique(items.groups, return_counts=True)
    return {
        "origin": record["origin"],
        "stand_in": record["stand_in"],
        "detail": record["detail"],
        "redrawn": list(redrawn_groups(bbq)),
        "questions": len(items),
        "of": every,
        "groups": {str(group): int(count) for group, count in zip(groups, counts, strict=True)},
        "without_target": int((items.target == NONE).sum()),
        "template_files": templates,
    }
