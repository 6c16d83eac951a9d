"""The arms of a comparison: every method at every learning rate of its grid, then the chosen rate from more seeds.

An arm is a method in a setting. In the setting "searched" a method has the rate of its own grid that did best on
validation from the first seed; in the setting "paper" it has the published rate, where its grid holds that. The test
scores of the other rates are written down and never used to choose.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from steps.step.params import Count, Params
from steps.step.run import Run


class SearchParams(Params):
    """The grids of learning rates, by method or kind of method, and from how many seeds the chosen rate is trained."""

    rates: dict[str, list[float]]
    seeds: Count


@dataclass(frozen=True)
class Trained:
    """What one training gave: the last loss on the training data, both scores, and what the test items say one by one.

    ``parameters`` counts the numbers that were trained; ``items`` (N,) holds whether each test item is right, or its
    loss.
    """

    parameters: int
    train_loss: float
    validation_score: float
    test_score: float
    items: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """The arms (one row per task, method, setting and seed), the search (one row per rate), and the arms' test items.

    ``items`` is keyed by ``item_key``. ``origins`` says where data of the hub came from.
    """

    arms: pd.DataFrame
    search: pd.DataFrame
    items: dict[str, np.ndarray]
    origins: list[dict[str, Any]] = field(default_factory=list)


def item_key(task: str, method: str, setting: str, seed: int) -> str:
    """Return the name under which an arm's test items are kept."""
    return f"{task}|{method}|{setting}|{seed}"


def compare(
    run: Run,
    task: str,
    grids: Mapping[str, Sequence[float]],
    train: Callable[[str, float, int], Trained],
    *,
    seeds: int,
    metric: str = "accuracy",
    lower_is_better: bool = False,
    paper_rate: float | None = None,
    paper_seeds: int | None = None,
) -> Comparison:
    """Compare methods on one task: ``grids`` has the rates of each; ``train(method, rate, seed)`` trains and scores.

    ``paper_seeds`` is the number of seeds of the setting "paper" where it differs from ``seeds``.
    """
    arms, search, items = [], [], {}
    better = min if lower_is_better else max
    for method, grid in grids.items():
        tried = {rate: train(method, rate, 0) for rate in grid}
        best = better(tried, key=lambda rate: tried[rate].validation_score)
        search += [_search_row(task, method, rate, result, rate == best) for rate, result in tried.items()]
        done = {(rate, 0): result for rate, result in tried.items()}
        settings = {"searched": (best, seeds)}
        if paper_rate is not None and paper_rate in tried:
            settings["paper"] = (paper_rate, seeds if paper_seeds is None else paper_seeds)
        for setting, (rate, count) in settings.items():
            for seed in range(count):
                if (rate, seed) not in done:
                    done[rate, seed] = train(method, rate, seed)
                result = done[rate, seed]
                arms.append(_arm_row(task, method, setting, seed, rate, result, metric))
                items[item_key(task, method, setting, seed)] = result.items
        run.say(f"{task}: {method} {tried[best].test_score:.4f} at {best:g}, {tried[best].parameters} parameters")
    return Comparison(pd.DataFrame(arms), pd.DataFrame(search), items)


def _search_row(task: str, method: str, rate: float, result: Trained, chosen: bool) -> dict[str, Any]:
    return {
        "task": task,
        "method": method,
        "learning_rate": rate,
        "chosen": chosen,
        "parameters": result.parameters,
        "train_loss": result.train_loss,
        "validation_score": result.validation_score,
        "test_score": result.test_score,
    }


def _arm_row(
    task: str, method: str, setting: str, seed: int, rate: float, result: Trained, metric: str
) -> dict[str, Any]:
    return {
        "task": task,
        "method": method,
        "setting": setting,
        "seed": seed,
        "learning_rate": rate,
        "trainable_parameters": result.parameters,
        "validation_score": result.validation_score,
        "test_score": result.test_score,
        "metric": metric,
    }


def write_arms(out: Path, comparisons: Iterable[Comparison]) -> None:
    """Write arms.csv, search.csv and items.npz of all tasks, and origins.json where data came from the hub."""
    found = list(comparisons)
    pd.concat([each.arms for each in found]).to_csv(out / "arms.csv", index=False, float_format="%.6g")
    pd.concat([each.search for each in found]).to_csv(out / "search.csv", index=False, float_format="%.6g")
    items = {name: values for each in found for name, values in each.items.items()}
    np.savez_compressed(out / "items.npz", allow_pickle=False, **items)
    origins = [origin for each in found for origin in each.origins]
    if origins:
        content = json.dumps(origins, indent=1, ensure_ascii=False)
        (out / "origins.json").write_text(content + "\n", encoding="utf-8")


def read_arms(folder: Path) -> Comparison:
    """Return what ``write_arms`` wrote to a folder."""
    with np.load(folder / "items.npz") as data:
        items = {name: data[name] for name in data.files}
    origins = folder / "origins.json"
    return Comparison(
        pd.read_csv(folder / "arms.csv"),
        pd.read_csv(folder / "search.csv"),
        items,
        json.loads(origins.read_text(encoding="utf-8")) if origins.exists() else [],
    )
