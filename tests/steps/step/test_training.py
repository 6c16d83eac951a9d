"""The training loop, against the same updates written out, and the loops that evaluate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from steps.step.run import Diverged, Run
from steps.step.training import Batch, TrainingParams, autocast, linear_decay, mean_loss, predict, train


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run("paper", "step", out=tmp_path)


@pytest.fixture
def data() -> TensorDataset:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(40) % 3
    return TensorDataset(torch.randn(40, 5, generator=generator) + 3 * nn.functional.one_hot(labels, 5), labels)


def model() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(5, 3)


def loss(called: Any, batch: Batch) -> torch.Tensor:
    x, labels = batch
    return nn.functional.cross_entropy(called(x), labels)


def test_training_is_adamw_with_clipped_gradients_and_a_rate_that_falls(run: Run, data: TensorDataset) -> None:
    trained = train(
        run,
        model(),
        data,
        loss,
        TrainingParams(updates=5, batch_size=8),
        name="arm",
        learning_rate=0.1,
        order="order",
        weight_decay=0.01,
        largest_norm=0.5,
    )
    other = model()
    optimiser = torch.optim.AdamW(other.parameters(), lr=0.1, weight_decay=0.01, fused=True)
    batches = Run("paper", "step", out=run.out).batches(data, 8, "order")
    for update in range(5):
        for group in optimiser.param_groups:
            group["lr"] = 0.1 * (1 - update / 5)
        loss(other, tuple(next(batches))).backward()
        nn.utils.clip_grad_norm_(other.parameters(), 0.5)
        optimiser.step()
        optimiser.zero_grad()
    torch.testing.assert_close(trained.weight, other.weight, rtol=0, atol=0)


def test_only_what_the_model_leaves_trainable_changes(run: Run, data: TensorDataset) -> None:
    frozen = model()
    frozen.bias.requires_grad_(False)
    training = TrainingParams(updates=20, batch_size=100)  # more than there is: each batch is all of the data
    trained = train(run, frozen, data, loss, training, name="arm", learning_rate=0.1, order="order")
    assert trained is frozen and not trained.training
    assert torch.equal(trained.bias, model().bias) and not torch.equal(trained.weight, model().weight)
    losses = [entry["arm/loss"] for entry in run.history]
    assert len(losses) == 10 and losses[-1] < losses[0]


def test_a_schedule_of_one_s_own_is_followed(run: Run, data: TensorDataset) -> None:
    seen = []

    def schedule(done: float) -> float:
        seen.append(done)
        return 0.0

    training = TrainingParams(updates=4, batch_size=8)
    trained = train(run, model(), data, loss, training, name="arm", learning_rate=1.0, order="o", schedule=schedule)
    assert torch.equal(trained.weight, model().weight) and seen == [0, 0.25, 0.5, 0.75, 1]
    assert [linear_decay(done) for done in seen] == [1, 0.75, 0.5, 0.25, 0]


def test_a_loss_that_is_not_finite_stops_the_training(run: Run, data: TensorDataset) -> None:
    training = TrainingParams(updates=3, batch_size=8)
    with pytest.raises(Diverged, match="arm/loss = nan at update 1"):
        train(
            run,
            model(),
            data,
            lambda called, batch: loss(called, batch) * torch.nan,
            training,
            name="arm",
            learning_rate=0.1,
            order="order",
        )


@pytest.fixture
def new_precision() -> Iterator[None]:
    """A process has one precision, and this one has had another."""
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(True)
    yield
    AcceleratorState._reset_state(True)


@pytest.mark.usefixtures("new_precision")
def test_mixed_precision_ends_with_the_training(run: Run, data: TensorDataset) -> None:
    training = TrainingParams(updates=2, batch_size=8, mixed_precision="bf16")
    trained = train(run, model(), data, loss, training, name="arm", learning_rate=0.1, order="order")
    assert "forward" not in trained.__dict__
    assert trained(data.tensors[0]).dtype is torch.float32
    for precision, kind in (("bf16", torch.bfloat16), ("no", torch.float32)):
        with autocast("cpu", precision):
            assert trained(data.tensors[0]).dtype is kind


@pytest.mark.parametrize("size", [1, 7, 40, 100])
def test_evaluation_does_not_depend_on_how_many_are_taken_at_a_time(data: TensorDataset, size: int) -> None:
    called = model().eval()
    x, labels = data.tensors
    found, right = predict(called, data, lambda model, x: model(x), size)
    assert np.array_equal(found, called(x).argmax(dim=-1).numpy()) and np.array_equal(right, labels.numpy())
    assert mean_loss(called, data, loss, size) == pytest.approx(float(loss(called, (x, labels)).detach()), rel=1e-6)
