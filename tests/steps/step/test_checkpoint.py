"""Checkpoints give back what was saved, to the bit, or say why they cannot."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from steps.step import checkpoint
from steps.step.checkpoint import CheckpointError

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**200), 2**200),
    st.floats(),
    st.text(),
    hnp.arrays(
        st.sampled_from([np.float64, np.float32, np.float16, np.int64, np.uint8, np.bool_]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0),
    ),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(st.text(max_size=3), st.integers()), inner, max_size=3),
    ),
    max_leaves=8,
)


def same(left, right) -> bool:
    """Equal in value, type, shape and dtype, NaN included."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, np.ndarray | np.generic):
        return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()
    if isinstance(left, torch.Tensor):
        return left.dtype == right.dtype and left.shape == right.shape and torch.equal(left, right)
    return left == right or (left != left and right != right)


@given(TREES)
def test_any_tree_comes_back(tmp_path_factory, tree):
    path = tmp_path_factory.getbasetemp() / "tree.safetensors"
    checkpoint.save(path, tree)
    assert same(checkpoint.load(path), tree)


def test_places_that_read_alike_are_kept_apart(tmp_path: Path):
    tree = {"a.b": np.zeros(2), "a": {"b": np.ones(3)}, 0: np.full(1, 2.0), "0": np.full(1, 3.0)}
    checkpoint.save(tmp_path / "c", tree)
    assert same(checkpoint.load(tmp_path / "c"), tree)


@pytest.mark.parametrize("scalar", [np.float32(0.1), np.float64(0.1), np.int32(7), np.bool_(True)])
def test_numpy_scalars_keep_their_precision(tmp_path: Path, scalar):
    checkpoint.save(tmp_path / "c", {"x": scalar})
    assert same(checkpoint.load(tmp_path / "c"), {"x": scalar})


@pytest.mark.parametrize(
    "tensor",
    [
        torch.linspace(0, 1, 7, dtype=torch.bfloat16).reshape(7, 1),
        torch.tensor(3.0),
        torch.zeros(0, 3),
        torch.arange(6).reshape(2, 3).T,
        torch.tensor([True, False]),
        torch.nn.Parameter(torch.ones(2)).detach(),
    ],
)
def test_tensors_keep_shape_and_type(tmp_path: Path, tensor):
    checkpoint.save(tmp_path / "c", [tensor])
    assert same(checkpoint.load(tmp_path / "c"), [tensor])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({1, 2}, "a set"),
        (b"raw", "a bytes"),
        (object(), "a object"),
        (lambda: 0, "a function"),
        ({(1, 2): 3}, r"keys must be strings or whole numbers, not \(1, 2\)"),
        ({1.5: 3}, "not 1.5"),
        ({True: 3}, "not True"),
        (np.array(["text"]), "an array of <U4"),
        (np.array([None]), "an array of object"),
        (np.ones(1, np.complex128), "complex128"),
        (np.ones(1, ">f4"), "an array of >f4"),
        (torch.ones(2).to_sparse(), "a tensor of torch.float32"),
        (torch.ones(1).to(torch.float8_e4m3fn), "float8"),
    ],
)
def test_what_it_cannot_hold_is_refused_by_place(tmp_path: Path, value, words):
    before = {"fine": 1}
    checkpoint.save(tmp_path / "c", before)
    with pytest.raises(CheckpointError, match=rf"state\.deep\.1: .*{words}"):
        checkpoint.save(tmp_path / "c", {"deep": [0, value]})
    assert checkpoint.load(tmp_path / "c") == before
    assert os.listdir(tmp_path) == ["c"]


@pytest.mark.parametrize("content", [b"", b"half", b"\x10\0\0\0\0\0\0\0{}"])
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, content):
    (tmp_path / "c").write_bytes(content)
    with pytest.raises(CheckpointError, match="delete it to start over"):
        checkpoint.load(tmp_path / "c")


def test_a_truncated_checkpoint_is_named(tmp_path: Path):
    checkpoint.save(tmp_path / "c", {"x": np.arange(1000)})
    whole = (tmp_path / "c").read_bytes()
    for length in range(0, len(whole), 251):
        (tmp_path / "c").write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="is not a checkpoint"):
            checkpoint.load(tmp_path / "c")


class Training:
    """A small network with everything that has a state: weights, optimiser, schedule, two generators."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 1))
        self.optimiser = torch.optim.AdamW(self.model.parameters(), lr=0.01)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimiser, 20)
        self.noise = torch.Generator().manual_seed(1)
        self.order = np.random.default_rng(2)

    @property
    def state(self) -> dict:
        return {name: getattr(self, name) for name in ("model", "optimiser", "schedule", "noise", "order")}

    def update(self) -> float:
        batch = torch.randn(16, 4, generator=self.noise) + float(self.order.normal())
        loss = (self.model(batch) ** 2).mean()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.schedule.step()
        return loss.item()


def test_training_goes_on_to_the_same_numbers(tmp_path: Path):
    undisturbed = Training()
    losses = [undisturbed.update() for _ in range(12)]
    first = Training()
    for _ in range(5):
        first.update()
    checkpoint.save(tmp_path / "c", checkpoint.state_of(first.state))
    second = Training()
    second.update()
    checkpoint.restore(second.state, checkpoint.load(tmp_path / "c"))
    assert [second.update() for _ in range(7)] == losses[5:]
    assert same(
        {name: value.clone() for name, value in second.model.state_dict().items()},
        {name: value.clone() for name, value in undisturbed.model.state_dict().items()},
    )


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_generators_of_every_kind(tmp_path: Path, kind):
    generator = np.random.Generator(kind(3))
    generator.normal(size=3)
    checkpoint.save(tmp_path / "c", checkpoint.state_of(generator))
    expected = generator.normal(size=5)
    other = np.random.Generator(kind(4))
    checkpoint.restore(other, checkpoint.load(tmp_path / "c"))
    assert (other.normal(size=5) == expected).all()


def test_a_stateless_object_is_refused():
    with pytest.raises(CheckpointError, match="list has no state_dict"):
        checkpoint.state_of({"model": [1, 2]})
