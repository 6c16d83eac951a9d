"""Components are disjoint, complete and by module path; optimiser groups keep them apart."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tenfold.commit_tuning import (
    Components,
    InvalidComponents,
    component_table,
    known_components,
    linear_paths,
    optimiser_groups,
    parameters_by_component,
    part_counts,
)
from tests.tenfold.commit_tuning.small_models import COMPONENTS, small


@pytest.mark.parametrize("group", ["encoder", "llm", "own"])
def test_every_parameter_is_in_one_component(group):
    model = small()
    components = Components(encoder=["encoder"], projector=["projector"], llm=["llm"], projector_group=group)
    found = parameters_by_component(model, components)
    listed = [name for named in found.values() for name in named]
    assert sorted(listed) == sorted(name for name, _ in model.named_parameters())
    owner = next(component for component, named in found.items() if "projector.weight" in named)
    assert owner == {"own": "projector"}.get(group, group)
    assert set(found) == {"encoder", "llm"} | ({"projector"} if group == "own" else set())


def test_what_belongs_to_nothing_and_what_is_tied_across_is_refused():
    model = small()
    with pytest.raises(InvalidComponents, match=r"2 parameters belong to no group, projector\.weight"):
        parameters_by_component(model, Components(encoder=("encoder",), llm=("llm",)))
    model.llm["mix"].weight = model.projector.weight
    with pytest.raises(InvalidComponents, match=r"projector\.weight and llm\.mix\.weight are one tensor"):
        parameters_by_component(model, COMPONENTS)
    same = Components(encoder=("encoder",), projector=("projector",), llm=("llm",), projector_group="llm")
    assert len(parameters_by_component(model, same)["llm"]) == 6  # tied within one component is all right


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"encoder": (), "llm": ("llm",)}, "both the encoder and the LLM"),
        ({"encoder": "encoder", "llm": ("llm",)}, "tuple of module paths"),
        ({"encoder": ("encoder",), "llm": ("llm",), "projector_group": "both"}, "encoder, llm or own"),
    ],
)
def test_components_that_are_none_are_refused(settings, words):
    with pytest.raises(InvalidComponents, match=words):
        Components(**settings)


def test_an_unknown_class_says_what_to_give():
    with pytest.raises(InvalidComponents, match=r"parts of a Small are not known .* encoder, projector, llm"):
        known_components(small())


def test_optimiser_groups_are_named_rated_and_hold_what_is_trained():
    model = small()
    model.llm["embed"].requires_grad_(False)
    groups = optimiser_groups(model, COMPONENTS, {"encoder": 0.1, "llm": 0.2}, weight_decay=0.5)
    assert [(group["name"], group["lr"], group["weight_decay"]) for group in groups] == [
        ("encoder", 0.1, 0.5),
        ("encoder/no_decay", 0.1, 0.0),
        ("llm", 0.2, 0.5),
        ("llm/no_decay", 0.2, 0.0),
    ]
    held = {id(one) for group in groups for one in group["params"]}
    assert held == {id(one) for one in model.parameters() if one.requires_grad}
    assert all(one.ndim < 2 for group in groups[1::2] for one in group["params"])
    assert [group["name"] for group in optimiser_groups(model, COMPONENTS, 0.1)] == ["encoder", "llm"]
    with pytest.raises(InvalidComponents, match="llm has no rate"):
        optimiser_groups(model, COMPONENTS, {"encoder": 0.1})


class Towers(nn.Module):
    """Two towers whose attention has one name, as CLIP's and Llama's."""

    def __init__(self) -> None:
        super().__init__()
        for tower in ("eye", "mind"):
            attention = nn.ModuleDict({"self_attn": nn.ModuleDict({"q_proj": nn.Linear(4, 4)}), "mlp": nn.Linear(4, 4)})
            self.add_module(tower, attention)

    def forward(self, x):
        for tower in (self.eye, self.mind):
            x = tower["mlp"](tower["self_attn"]["q_proj"](x))
        return x


def test_lora_by_a_piece_of_a_name_is_seen_in_both_towers_and_by_paths_in_one():
    from peft import LoraConfig, get_peft_model

    plain = Components(encoder=("eye",), llm=("mind",))
    wrapped = Components(encoder=("base_model.model.eye",), llm=("base_model.model.mind",))
    by_name = get_peft_model(Towers(), LoraConfig(r=2, target_modules=["q_proj"]))
    lora = {name: sum(one.lora for one in parts.values()) for name, parts in part_counts(by_name, wrapped).items()}
    assert lora == {"encoder": 16, "llm": 16}
    model = Towers()
    paths = linear_paths(model, plain, "llm")
    assert paths == ["mind.self_attn.q_proj", "mind.mlp"]
    by_path = get_peft_model(model, LoraConfig(r=2, target_modules=paths))
    assert component_table(by_path, wrapped).splitlines() == [
        "encoder   base_model.model.eye: 0 values trained in 0 tensors (0 of LoRA), 40 frozen",
        "llm       base_model.model.mind: 32 values trained in 4 tensors (32 of LoRA), 40 frozen",
    ]
    groups = optimiser_groups(by_path, wrapped, 0.1)
    assert [group["name"] for group in groups] == ["llm"]


def test_a_compiled_or_wrapped_model_has_the_paths_of_its_own():
    model = small()
    compiled = torch.compile(model, backend="eager")
    assert parameters_by_component(compiled, COMPONENTS).keys() == {"encoder", "llm"}
