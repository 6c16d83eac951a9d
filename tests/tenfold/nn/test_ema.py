"""The average of a model's weights."""

from __future__ import annotations

import pytest
import torch

from tenfold.nn.ema import ExponentialMovingAverage


def test_the_average_holds_weights_and_copies_buffers():
    model = torch.nn.BatchNorm1d(2)
    average = ExponentialMovingAverage(model, 0.5)
    model.weight.data += 1
    model.running_mean += 5
    average.update(model)  # decay min(0.5, 2/11)
    assert average.model.weight.detach().tolist() == pytest.approx([1 + 9 / 11] * 2)
    assert average.model.running_mean.tolist() == [5, 5] and not average.model.training
