"""Weights under other names: every name is accounted for."""

from __future__ import annotations

import pytest
import torch

from tenfold.models.folder import InvalidModel
from tenfold.nn.errors import UnknownWeights
from tenfold.nn.weight_names import fill, layers, renamed, rows, same

TABLE = layers({"0": "first"}) | {"1.weight": (rows, ("q", "k")), "1.bias": (same, ("b",))}
THEIRS = {
    "first.weight": torch.ones(2, 3),
    "first.bias": torch.zeros(2),
    "q": torch.full((1, 2), 2.0),
    "k": torch.full((1, 2), 3.0),
    "b": torch.ones(2),
}


def network() -> torch.nn.Sequential:
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 2))


def test_weights_land_under_our_names():
    made = network()
    fill(made, renamed({**THEIRS, "step": torch.ones(())}, TABLE, ignored=lambda name: name == "step"), whole=True)
    assert made[1].weight.tolist() == [[2, 2], [3, 3]] and made[0].bias.tolist() == [0, 0]


def test_names_that_are_missing_or_unknown_are_listed():
    others = {("Q" if name == "q" else name): tensor for name, tensor in THEIRS.items()}
    with pytest.raises(UnknownWeights, match=r"1 missing \(q\), 1 unknown \(Q\)"):
        renamed(others, TABLE)


def test_weights_that_do_not_fit_are_named():
    with pytest.raises(InvalidModel, match="do not fit the configuration"):
        fill(network(), {"0.weight": torch.ones(3, 3)}, whole=False)
    with pytest.raises(InvalidModel, match="are not given"):
        fill(network(), {"0.weight": torch.ones(2, 3)}, whole=True)
    fill(network(), {"0.weight": torch.ones(2, 3)}, whole=False)
