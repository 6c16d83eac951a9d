"""The comparison of arms: rates chosen on validation, more seeds, and what is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from steps.step.arms import Comparison, Trained, compare, item_key, read_arms, write_arms
from steps.step.run import Run

SCORES = {1e-3: (0.9, 0.1), 1e-2: (0.5, 1.0)}  # validation and test by rate


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run("paper", "step", out=tmp_path)


class Trainer:
    """Scores by the rate alone, and remembers what was trained."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, float, int]] = []

    def __call__(self, method: str, rate: float, seed: int) -> Trained:
        self.calls.append((method, rate, seed))
        validation, test = SCORES[rate]
        return Trained(10, 0.25, validation, test, np.full(4, 10 * rate + seed))


def test_the_rate_is_chosen_on_validation_alone(run: Run) -> None:
    found = compare(run, "task", {"ours": [1e-3, 1e-2]}, Trainer(), seeds=1)
    assert (found.arms.learning_rate == 1e-3).all() and set(found.search.test_score) == {0.1, 1.0}
    assert found.search.set_index("learning_rate").chosen.to_dict() == {1e-3: True, 1e-2: False}


def test_less_is_better_where_it_is_said_to_be(run: Run) -> None:
    grids = {"ours": [1e-3, 1e-2]}
    found = compare(run, "task", grids, Trainer(), seeds=1, metric="perplexity", lower_is_better=True, paper_rate=1e-3)
    assert found.arms.set_index("setting").learning_rate.to_dict() == {"searched": 1e-2, "paper": 1e-3}
    assert set(found.arms.metric) == {"perplexity"}


def test_each_rate_is_tried_once_and_the_chosen_one_from_more_seeds(run: Run) -> None:
    train = Trainer()
    grids = {"first": [1e-3, 1e-2], "second": [1e-2]}
    found = compare(run, "task", grids, train, seeds=3, paper_rate=1e-2, paper_seeds=2)
    assert train.calls == [
        ("first", 1e-3, 0),
        ("first", 1e-2, 0),
        ("first", 1e-3, 1),
        ("first", 1e-3, 2),
        ("first", 1e-2, 1),
        ("second", 1e-2, 0),
        ("second", 1e-2, 1),
        ("second", 1e-2, 2),
    ]
    counts = found.arms.groupby(["method", "setting"]).seed.apply(list).to_dict()
    assert counts == {
        ("first", "searched"): [0, 1, 2],
        ("first", "paper"): [0, 1],
        ("second", "searched"): [0, 1, 2],
        ("second", "paper"): [0, 1],
    }
    assert found.items[item_key("task", "first", "searched", 2)][0] == pytest.approx(2.01)


def test_a_grid_without_the_published_rate_has_no_such_arm(run: Run) -> None:
    found = compare(run, "task", {"ours": [1e-2]}, Trainer(), seeds=1, paper_rate=1e-3)
    assert set(found.arms.setting) == {"searched"}


def test_what_is_written_is_read_again(run: Run, tmp_path: Path) -> None:
    first, second = (compare(run, task, {"ours": [1e-3]}, Trainer(), seeds=2) for task in ("one", "two"))
    origin = {"source": "someone/some", "commit": "c0ffee"}
    write_arms(tmp_path, [first, Comparison(second.arms, second.search, second.items, [origin])])
    found = read_arms(tmp_path)
    pd.testing.assert_frame_equal(found.arms, pd.concat([first.arms, second.arms], ignore_index=True))
    pd.testing.assert_frame_equal(found.search, pd.concat([first.search, second.search], ignore_index=True))
    assert found.items.keys() == first.items.keys() | second.items.keys() and found.origins == [origin]
    assert all(np.array_equal(found.items[key], first.items[key]) for key in first.items)


def test_without_data_of_the_hub_no_origins_are_written(run: Run, tmp_path: Path) -> None:
    write_arms(tmp_path, [compare(run, "one", {"ours": [1e-3]}, Trainer(), seeds=1)])
    assert not (tmp_path / "origins.json").exists() and read_arms(tmp_path).origins == []
