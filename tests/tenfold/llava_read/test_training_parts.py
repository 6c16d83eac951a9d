"""What is frozen is the same to the bit after an update, what is trained moves, and LoRA through peft is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tenfold.llava_read.errors import InvalidParts
from tenfold.llava_read.training_parts import (
    add_lora,
    load_trained,
    merge_lora,
    part_paths,
    save_trained,
    set_trained,
)
from tenfold.multimodal import parameters_by_group
from tests.tenfold.llava_read.small_models import drawn_model, stirred


def updated(model, processor, asked):
    """Return the paths' parts whose values one update moved."""
    groups = parameters_by_group(model, part_paths(model))
    before = {name: one.detach().clone() for name, one in model.state_dict().items()}
    model.train()
    batch = processor.supervised([[*one, {"role": "assistant", "content": "yes"}] for one in asked])
    optimiser = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], lr=0.5)
    model(**batch).loss.backward()
    optimiser.step()
    after = model.state_dict()
    moved = {name for name, one in after.items() if not torch.equal(one, before[name])}
    return {part for part, named in groups.items() if moved & set(named)}, moved


@pytest.mark.parametrize(
    "vision, decoder, expected",
    [
        ("frozen", "frozen", {"projector"}),  # Stage I
        ("frozen", "full", {"projector", "decoder"}),
        ("adapters", "full", {"adapters", "projector", "decoder"}),
        ("full", "full", {"low", "high", "adapters", "projector", "decoder"}),
    ],
)
def test_one_update_moves_what_is_trained_and_nothing_else(vision, decoder, expected, processor, asked):
    model = stirred(drawn_model())
    sizes = set_trained(model, vision=vision, decoder=decoder)
    assert set(sizes) == expected and all(sizes.values())
    parts, moved = updated(model, processor, asked)
    assert parts == expected
    if vision == "full":
        assert {"vision.low.blocks.0.attention.qkv.weight", "vision.high.stages.0.0.weight"} <= moved


def test_the_parts_are_disjoint_and_complete():
    model = drawn_model(feature_layer=-2, merge_layers=[1])
    groups = parameters_by_group(model, part_paths(model))
    listed = [name for named in groups.values() for name in named]
    assert sorted(listed) == sorted(name for name, _ in model.named_parameters())
    assert all(name.startswith("vision.low.blocks.2.") for name in groups["unused"])


def test_what_no_token_passes_through_is_never_trained(processor, asked):
    model = drawn_model(feature_layer=-2, merge_layers=[1])
    set_trained(model, vision="full")
    model.train()
    batch = processor.supervised([[*asked[0], {"role": "assistant", "content": "yes"}]])
    model(**batch).loss.backward()
    assert all((one.grad is not None) == one.requires_grad for one in model.parameters())


def test_a_frozen_encoder_leaves_the_training_mode():
    model = drawn_model()
    set_trained(model, vision="frozen")
    model.train()
    assert model.training and not model.vision.low.training and not model.vision.high.training
    set_trained(model, vision="full")
    model.train()
    assert model.vision.low.training and model.vision.high.training


def test_lora_starts_as_nothing_trains_alone_and_merges(processor, asked):
    model = stirred(drawn_model())
    prompts = processor.prompts(asked)
    with torch.inference_mode():
        before = model(**prompts).logits
    add_lora(model, rank=4, alpha=8)
    set_trained(model, vision="adapters", decoder="lora")
    model.eval()
    with torch.inference_mode():
        assert torch.allclose(model(**prompts).logits, before, atol=1e-5)
    _, moved = updated(model, processor, asked)
    assert any(".lora_" in name for name in moved)
    assert not any(name.startswith("language_model") and ".lora_" not in name for name in moved)
    model.eval()
    with torch.inference_mode():
        trained = model(**prompts).logits
        assert (trained - before).abs().max() > 1e-3
        merge_lora(model)
        assert torch.allclose(model(**prompts).logits, trained, atol=1e-4)
    assert not any(".lora_" in name for name, _ in model.named_parameters())


def test_what_is_trained_is_kept_apart_and_put_back(processor, asked, tmp_path):
    model = stirred(drawn_model())
    add_lora(model, rank=4)
    set_trained(model, vision="adapters", decoder="lora")
    updated(model, processor, asked)
    save_trained(model, tmp_path / "trained")
    again = stirred(drawn_model())
    load_trained(again, tmp_path / "trained")
    prompts = processor.prompts(asked)
    model.eval(), again.eval()
    with torch.inference_mode():
        assert torch.equal(model(**prompts).logits, again(**prompts).logits)
    replies = (one.generate(**prompts, max_new_tokens=4, do_sample=False) for one in (model, again))
    assert torch.equal(*replies)
    with pytest.raises(FileExistsError):
        save_trained(model, tmp_path / "trained")


def test_what_makes_no_sense_is_refused(tmp_path):
    model = drawn_model(merge="sum")
    with pytest.raises(InvalidParts, match="has no adapters to train"):
        set_trained(model, vision="adapters")
    with pytest.raises(InvalidParts, match="vision is frozen, adapters or full"):
        set_trained(model, vision="some")
    with pytest.raises(InvalidParts, match="call add_lora first"):
        set_trained(model, decoder="lora")
    with pytest.raises(InvalidParts, match="no LoRA"):
        merge_lora(model)
    with pytest.raises(InvalidParts, match="save_pretrained"):
        save_trained(model, tmp_path / "nothing")
    add_lora(model)
    with pytest.raises(InvalidParts, match="LoRA already"):
        add_lora(model)
    with pytest.raises(InvalidParts, match="merge it"):
        set_trained(model, decoder="full")
    with pytest.raises(InvalidParts, match="merge_lora"):
        model.save_pretrained(tmp_path / "whole")
    assert not list(tmp_path.iterdir())


def test_a_folder_for_another_model_leaves_this_one_as_it_was(processor, asked, tmp_path):
    model = drawn_model()
    add_lora(model, rank=4)
    set_trained(model, decoder="lora")
    save_trained(model, tmp_path / "trained")
    other = drawn_model(merge="none")
    with pytest.raises(InvalidParts, match=r"does not fit the model: vision\.sum"):
        load_trained(other, tmp_path / "trained")
    with pytest.raises(InvalidParts, match=r"holds no trained\.safetensors"):
        load_trained(other, tmp_path)
    assert not any(".lora_" in name for name, _ in other.named_parameters())


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-40])


def of_other_shapes(path):
    tensors = {name: one.repeat(2, 2) for name, one in load_file(path).items()}
    save_file(tensors, path)


def with_one_less(path):
    tensors = load_file(path)
    save_file({name: tensors[name] for name in sorted(tensors)[1:]}, path)


@pytest.mark.parametrize(
    ("file", "broken", "message"),
    [
        ("adapter_model.safetensors", Path.unlink, r"holds no adapter_model\.safetensors"),
        ("adapter_config.json", Path.unlink, r"holds no adapter_config\.json"),
        ("adapter_config.json", lambda path: path.write_text("{"), "holds no LoRA for this decoder"),
        ("adapter_model.safetensors", cut_off, r"adapter_model\.safetensors cannot be read"),
        ("trained.safetensors", cut_off, r"trained\.safetensors cannot be read"),
        ("adapter_model.safetensors", of_other_shapes, "holds no LoRA for this decoder: .*size mismatch"),
        ("adapter_model.safetensors", with_one_less, "1 tensors are in one of them alone"),
    ],
)
@pytest.mark.filterwarnings("ignore:Found missing adapter keys")
def test_a_broken_folder_leaves_the_model_as_it_was(processor, asked, tmp_path, file, broken, message):
    model = stirred(drawn_model())
    add_lora(model, rank=4)
    set_trained(model, decoder="lora")
    updated(model, processor, asked)
    save_trained(model, tmp_path / "trained")
    save_trained(model, tmp_path / "whole")
    broken(tmp_path / "trained" / file)
    other = stirred(drawn_model())
    before = {name: (one.detach().clone(), one.requires_grad) for name, one in other.named_parameters()}
    modules = [type(one) for one in other.modules()]
    with pytest.raises(InvalidParts, match=message):
        load_trained(other, tmp_path / "trained")
    after = dict(other.named_parameters())
    assert list(after) == list(before) and [type(one) for one in other.modules()] == modules
    assert all(torch.equal(after[name], one) for name, (one, _) in before.items())
    assert all(after[name].requires_grad == trained for name, (_, trained) in before.items())
    load_trained(other, tmp_path / "whole")
    model.eval(), other.eval()
    with torch.inference_mode():
        prompts = processor.prompts(asked)
        assert torch.equal(model(**prompts).logits, other(**prompts).logits)
