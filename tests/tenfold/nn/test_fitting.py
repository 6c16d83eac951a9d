"""A short training: its rate, what it minimises, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tenfold.nn.errors import InvalidConfig, InvalidLabels, NotFinite
from tenfold.nn.fitting import check_labels, fit, one_cycle

HOW = {"updates": 200, "batch_size": 8, "learning_rate": 0.05, "weight_decay": 0.0}


def test_the_rate_rises_and_falls_straight():
    rates = [one_cycle(number, 10, 1.0) for number in range(1, 11)]
    assert rates[:2] == [0.5, 1.0] and rates[-1] == pytest.approx(0.1) and np.allclose(np.diff(rates[2:]), -0.125)


def test_a_mean_is_found():
    values, mean = torch.linspace(0, 2, 50), torch.nn.Parameter(torch.zeros(()))
    losses = fit([mean], lambda chosen: (values[chosen] - mean).square().mean(), 50, torch.Generator(), **HOW)
    assert mean.item() == pytest.approx(1.0, abs=0.15) and len(losses) == 200 and losses[0] > 2 * losses[-1]


def test_what_does_not_fit_is_named():
    weight = torch.nn.Parameter(torch.ones(()))
    for n, changes in ((0, {}), (9, {"updates": 0}), (9, {"batch_size": 1})):
        with pytest.raises(InvalidConfig, match="batches of at least 2"):
            fit([weight], lambda chosen: weight, n, torch.Generator(), **{**HOW, **changes})
    with pytest.raises(NotFinite, match="loss = nan at update 1"):
        fit([weight], lambda chosen: weight * torch.nan, 9, torch.Generator(), **HOW)
    wrong = {"one per image": torch.arange(3), "outside 0 … 1": torch.arange(4), "whole": torch.ones(4)}
    for words, labels in wrong.items():
        with pytest.raises(InvalidLabels, match=words):
            check_labels(labels, 4, 2)
