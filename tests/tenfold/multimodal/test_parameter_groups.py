"""Groups of parameters are disjoint and complete, and what is frozen does not move."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tenfold.multimodal import InvalidGroups, parameters_by_group, path_above, shared_between_groups, train_only

PATHS = {"tower": ["tower"], "adapter": ["tower.adapter"], "head": ["head"]}


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tower = nn.ModuleDict({"body": nn.Linear(3, 3), "adapter": nn.Linear(3, 3)})
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        return self.head(self.tower["adapter"](self.tower["body"](x)))


def test_every_parameter_is_in_the_group_of_its_longest_path():
    model = Model()
    groups = parameters_by_group(model, PATHS)
    listed = [name for group in groups.values() for name in group]
    assert sorted(listed) == sorted(name for name, _ in model.named_parameters())
    assert set(groups["adapter"]) == {"tower.adapter.weight", "tower.adapter.bias"}
    assert set(groups["tower"]) == {"tower.body.weight", "tower.body.bias"}
    assert groups["head"]["head.bias"] is model.head.bias


def test_a_path_is_a_path_of_modules_and_no_beginning_of_a_name():
    model = nn.ModuleDict({"head": nn.Linear(1, 1), "header": nn.Linear(1, 1)})
    groups = parameters_by_group(model, {"a": ["head"], "b": ["header"]})
    assert set(groups["a"]) == {"head.weight", "head.bias"}
    with pytest.raises(InvalidGroups, match=r"2 parameters belong to no group, header\.weight"):
        parameters_by_group(model, {"a": ["head"]})


@pytest.mark.parametrize(
    "paths, words",
    [
        ({"tower": ["tower"]}, "2 parameters belong to no group, head.weight"),
        (PATHS | {"again": ["head"]}, "head and again both name head"),
        (PATHS | {"nobody": ["neck"]}, "nothing lies below neck; the model has tower, head"),
    ],
)
def test_groups_that_overlap_or_leave_something_out_are_refused(paths, words):
    with pytest.raises(InvalidGroups, match=words):
        parameters_by_group(Model(), paths)


def test_one_update_moves_the_trained_groups_alone():
    torch.manual_seed(0)
    model = Model()
    before = {name: one.clone() for name, one in model.named_parameters()}
    assert train_only(model, PATHS, ["adapter"]) == {"adapter": 12}
    optimiser = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], lr=0.1)
    model(torch.randn(4, 3)).square().sum().backward()
    optimiser.step()
    moved = {name for name, one in model.named_parameters() if not torch.equal(one, before[name])}
    assert moved == {"tower.adapter.weight", "tower.adapter.bias"}


def test_an_unknown_group_leaves_the_model_as_it_was():
    model = Model()
    with pytest.raises(InvalidGroups, match="no group neck"):
        train_only(model, PATHS, ["head", "neck"])
    assert all(one.requires_grad for one in model.parameters())


def test_a_tensor_that_two_groups_share_is_found_and_one_within_a_group_is_none():
    model = Model()
    assert shared_between_groups(model, PATHS) == []
    model.tower["adapter"].weight = model.tower["body"].weight
    assert shared_between_groups(model, PATHS) == [("tower.body.weight", "tower.adapter.weight")]
    assert shared_between_groups(model, {"tower": ["tower"], "head": ["head"]}) == []


def test_the_path_above_is_the_longest():
    assert path_above("tower.adapter.weight", ["tower", "tower.adapter"]) == "tower.adapter"
    assert path_above("towers.weight", ["tower"]) is None
