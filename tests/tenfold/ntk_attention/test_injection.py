"""Adapters inside transformers' models: exact, frozen, switchable, cached, padded."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tenfold.ntk_attention.config import NTKAttentionConfig, PrefixConfig, config_from_dict
from tenfold.ntk_attention.distillation import distil_prefix, require_equal_parameters
from tenfold.ntk_attention.errors import BudgetMismatch, InvalidAdapter, UnsupportedModel
from tenfold.ntk_attention.layer import parameter_count
from tenfold.ntk_attention.model import (
    adapter_modules,
    adapter_names,
    adapter_state_dict,
    disable_adapter,
    inject,
    set_adapter,
    trainable_parameters,
)
from tenfold.ntk_attention.save_and_load import from_pretrained, save_pretrained
from tests.tenfold.ntk_attention.models import CAUSAL, KINDS, inputs, tiny

NTK = NTKAttentionConfig()


def filled(model, name: str = "default"):
    """Give an adapter sums that matter."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for module in adapter_modules(model, name):
            for parameter in module.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return model


def logits(model, kind: str, **more) -> torch.Tensor:
    with torch.no_grad():
        return model(**(inputs(kind) | more)).logits


@pytest.mark.parametrize("kind", KINDS)
def test_marker_equals_eager_with_gradients(kind: str) -> None:
    found = {}
    for backend in ("eager", "marker", "merged"):
        model = filled(inject(tiny(kind), replace(NTK, backend=backend)))
        out = model(**inputs(kind)).logits
        out.square().sum().backward()
        found[backend] = out.detach(), [parameter.grad for parameter in trainable_parameters(model)]
        assert all(gradient.abs().max() > 0 for gradient in found[backend][1])
    for backend in ("marker", "merged"):
        torch.testing.assert_close(found[backend][0], found["eager"][0], rtol=0, atol=1e-6)
        for ours, theirs in zip(found[backend][1], found["eager"][1], strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("kind", "backend"), [*((kind, "merged") for kind in KINDS), ("llama", "marker")])
def test_a_model_compiles_as_one_graph_and_answers_the_same(kind: str, backend: str) -> None:
    model = filled(inject(tiny(kind), replace(NTK, backend=backend)))
    expected = model(**inputs(kind)).logits
    expected.square().sum().backward()
    gradients = [parameter.grad.clone() for parameter in trainable_parameters(model)]
    torch.compiler.reset()
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    torch.testing.assert_close(logits(compiled, kind), expected.detach(), rtol=0, atol=1e-6)
    model.zero_grad()
    compiled(**inputs(kind)).logits.square().sum().backward()
    for parameter, gradient in zip(trainable_parameters(model), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-5, atol=1e-6)
    torch.compiler.reset()


@pytest.mark.parametrize("kind", KINDS)
def test_a_zero_memory_and_a_disabled_one_change_nothing(kind: str) -> None:
    base = logits(tiny(kind), kind)
    zero = inject(tiny(kind), NTKAttentionConfig(init="zero", k_param="abs"))
    torch.testing.assert_close(logits(zero, kind), base, rtol=0, atol=1e-6)
    model = filled(inject(tiny(kind), NTK))
    assert (logits(model, kind) - base).abs().max() > 1e-5
    with disable_adapter(model):
        assert torch.equal(logits(model, kind), base)
    assert (logits(model, kind) - base).abs().max() > 1e-5


@pytest.mark.parametrize("kind", ["vit", "llama"])
@pytest.mark.parametrize("phi", ["elu1", "taylor1", "taylor2", "favor", "hedgehog"])
@pytest.mark.parametrize("rank", [None, 2])
def test_every_trained_number_gets_a_gradient_after_one_update(kind: str, phi: str, rank: int | None) -> None:
    model = inject(tiny(kind), NTKAttentionConfig(phi=phi, rank=rank))
    optimiser = torch.optim.SGD(trainable_parameters(model), lr=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        model(**inputs(kind)).logits.square().sum().backward()
        optimiser.step()
    assert all(parameter.grad.abs().max() > 0 for parameter in trainable_parameters(model))


def test_abs_from_zero_never_gets_a_gradient_which_is_why_it_is_not_the_default() -> None:
    """The released vision code: k = 0 and |k| leave the gradient of k at 0 for ever."""
    model = inject(tiny("vit"), NTKAttentionConfig(init="zero", k_param="abs"))
    for _ in range(2):
        model(**inputs("vit")).logits.square().sum().backward()
    assert all((module.k_raw.grad == 0).all() for module in adapter_modules(model))
    assert all(module.Z.grad.abs().max() > 0 for module in adapter_modules(model))


@pytest.mark.parametrize(
    "config",
    [
        NTK,
        NTKAttentionConfig(rank=2, phi="taylor2"),
        PrefixConfig(length=3),
        NTKAttentionConfig(phi="hedgehog", k_param="zero"),
        PrefixConfig(2, tied=True),
    ],
)
def test_only_the_adapter_is_trained_and_counted(config) -> None:
    model = inject(tiny("vit"), config)
    assert sum(p.numel() for p in trainable_parameters(model)) == parameter_count(config, 4, 4, 4, layers=2)
    state = adapter_state_dict(model)
    assert sum(tensor.numel() for tensor in state.values()) == parameter_count(config, 4, 4, 4, layers=2)


@pytest.mark.parametrize("kind", CAUSAL)
@pytest.mark.parametrize("backend", ["eager", "marker", "merged"])
def test_decoding_with_a_cache_equals_the_full_forward(kind: str, backend: str) -> None:
    from transformers import DynamicCache

    model, ids = filled(inject(tiny(kind), replace(NTK, backend=backend))), inputs(kind)["input_ids"]
    with torch.no_grad():
        full, cache = model(ids).logits, DynamicCache(config=model.config)
        parts = [
            model(ids[:, part], past_key_values=cache, use_cache=True).logits
            for part in (slice(0, 4), slice(4, 7), slice(7, 8), slice(8, 9))
        ]
    torch.testing.assert_close(torch.cat(parts, dim=1), full, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", CAUSAL)
def test_generation_with_and_without_a_cache_is_the_same(kind: str) -> None:
    model, prompt = filled(inject(tiny(kind), NTK)), inputs(kind)["input_ids"][:, :4]
    options = {"max_new_tokens": 6, "do_sample": False, "attention_mask": torch.ones_like(prompt), "pad_token_id": 0}
    cached, plain = (model.generate(prompt, use_cache=use, **options) for use in (True, False))
    assert torch.equal(cached, plain)


def test_a_sliding_window_stays_one() -> None:
    """With a window of 6, what happened 6 tokens ago reaches the last position through no more than two layers."""
    model, ids = filled(inject(tiny("mistral", num_hidden_layers=1), NTK)), inputs("mistral")["input_ids"]
    other = ids.clone()
    other[:, 0] = (ids[:, 0] + 3) % 25 + 2
    with torch.no_grad():
        before, after = (model(input_ids=x).logits for x in (ids, other))
    torch.testing.assert_close(before[:, 6:], after[:, 6:], rtol=0, atol=1e-6)
    assert (before[:, 5] - after[:, 5]).abs().max() > 1e-4


@pytest.mark.parametrize("kind", [*CAUSAL, "bert"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_nothing(kind: str, side: str) -> None:
    model, x = filled(inject(tiny(kind), NTK)), inputs(kind)
    ids, pad = x["input_ids"], torch.zeros(2, 3, dtype=torch.long)
    before = side == "left"
    padded = torch.cat([pad, ids] if before else [ids, pad], dim=1)
    mask = torch.cat([pad, torch.ones_like(ids)] if before else [torch.ones_like(ids), pad], dim=1)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    with torch.no_grad():
        plain = model(**x).logits
        found = model(input_ids=padded, attention_mask=mask, position_ids=positions).logits
    assert torch.isfinite(found).all()
    if kind == "bert":
        if side == "right":
            torch.testing.assert_close(found, plain, rtol=0, atol=1e-6)
        return
    kept = found[:, 3:] if before else found[:, :-3]
    torch.testing.assert_close(kept, plain, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", CAUSAL)
def test_a_later_token_changes_no_earlier_row(kind: str) -> None:
    model, ids = filled(inject(tiny(kind), NTK)), inputs(kind)["input_ids"]
    other = ids.clone()
    other[:, 6] = (ids[:, 6] + 3) % 25 + 2
    with torch.no_grad():
        before, after = (model(input_ids=x).logits for x in (ids, other))
    torch.testing.assert_close(before[:, :6], after[:, :6], rtol=0, atol=1e-6)
    assert (before[:, 6] - after[:, 6]).abs().max() > 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_answers_as_its_parts(kind: str) -> None:
    model, x = filled(inject(tiny(kind), NTK)), inputs(kind)
    with torch.no_grad():
        whole = model(**x).logits
        parts = torch.cat([model(**{name: part[i : i + 1] for name, part in x.items()}).logits for i in range(2)])
    torch.testing.assert_close(whole, parts, rtol=0, atol=1e-6)


def test_dropout_on_the_features_sleeps_in_evaluation_unless_it_is_the_released_code() -> None:
    quiet = filled(inject(tiny("vit"), NTKAttentionConfig(dropout=0.5)))
    assert torch.equal(logits(quiet, "vit"), logits(quiet, "vit"))
    restless = filled(inject(tiny("vit"), NTKAttentionConfig(dropout=0.5, dropout_mode="always")))
    assert not torch.equal(logits(restless, "vit"), logits(restless, "vit"))


def test_pre_rope_does_not_depend_on_the_position_and_post_rope_does() -> None:
    """With keys of one token only the memory can depend on where that token stands."""
    ids, moved = torch.tensor([[5]]), {}
    for pre in (True, False):
        model = filled(inject(tiny("llama"), NTKAttentionConfig(pre_rope=pre)))
        with torch.no_grad():
            at = [model(input_ids=ids, position_ids=torch.tensor([[place]])).logits for place in (0, 11)]
        moved[pre] = float((at[0] - at[1]).abs().max())
    assert moved[True] < 1e-5 < 1e-3 < moved[False]


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_checkpointing_and_bfloat16(kind: str) -> None:
    model = filled(inject(tiny(kind), NTK)).train()
    model(**inputs(kind)).logits.square().sum().backward()
    plain = [parameter.grad.clone() for parameter in trainable_parameters(model)]
    model.zero_grad()
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    model.eval().train()
    torch.manual_seed(0)
    model(**inputs(kind)).logits.square().sum().backward()
    if kind in ("llama", "mistral", "vit"):  # the others' dropout differs from pass to pass
        for ours, theirs in zip((p.grad for p in trainable_parameters(model)), plain, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
    half = tiny(kind).to(torch.bfloat16)
    filled(inject(half, NTK))
    x = {name: part.to(torch.bfloat16) if part.is_floating_point() else part for name, part in inputs(kind).items()}
    out = half(**x).logits
    assert out.dtype == torch.bfloat16 and torch.isfinite(out).all()
    exact = filled(inject(tiny(kind), NTK))(**inputs(kind)).logits
    assert (out.float() - exact).abs().max() < 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_an_adapter_comes_back_from_its_folder(kind: str, tmp_path: Path) -> None:
    head = {"vit": "classifier", "bert": "classifier"}.get(kind)
    config = NTKAttentionConfig(rank=2, modules_to_save=(head,) if head else ())
    model = filled(inject(tiny(kind), config))
    if head:
        with torch.no_grad():
            model.get_submodule(head).bias.fill_(1.5)
    save_pretrained(model, tmp_path / "adapter")
    assert sorted(path.name for path in (tmp_path / "adapter").iterdir()) == [
        "adapter.safetensors",
        "adapter_config.json",
    ]
    again = from_pretrained(tiny(kind), tmp_path / "adapter")
    assert torch.equal(logits(again, kind), logits(model, kind))


def test_adapters_are_switched_by_name() -> None:
    model = filled(inject(tiny("llama"), NTK, "first"), "first")
    first = logits(model, "llama")
    filled(inject(model, PrefixConfig(length=4), "second"), "second")
    second = logits(model, "llama")
    assert adapter_names(model) == ["first", "second"] and not torch.allclose(first, second)
    set_adapter(model, "first")
    assert torch.equal(logits(model, "llama"), first)
    trained = {id(p) for p in trainable_parameters(model)}
    assert trained == {id(p) for module in adapter_modules(model, "first") for p in module.parameters()}


def test_each_adapter_has_a_classifier_of_its_own_and_the_backbone_another() -> None:
    model = tiny("vit")
    base = logits(model, "vit")
    config = NTKAttentionConfig(modules_to_save=("classifier",))
    for name, bias in (("first", 1.0), ("second", 2.0)):
        inject(model, config, name)
        with torch.no_grad():
            model.classifier.bias.fill_(bias)
    optimiser = torch.optim.SGD(trainable_parameters(model), lr=0.1)
    model(**inputs("vit")).logits.sum().backward()
    optimiser.step()  # the parameters an optimiser holds are those that the model computes with
    assert (model.classifier.bias < 2).all()
    with disable_adapter(model):
        assert torch.equal(logits(model, "vit"), base)
    assert (model.classifier.bias > 1).all() and (model.classifier.bias < 2).all()
    set_adapter(model, "first")
    assert (model.classifier.bias == 1).all()
    assert (adapter_state_dict(model, "second")["classifier.bias"] > 1).all()
    assert (model.classifier.bias == 1).all()


def test_a_copy_of_a_model_keeps_its_own_query_before_rotation() -> None:
    model = filled(inject(tiny("llama"), NTKAttentionConfig(pre_rope=True)))
    twin = copy.deepcopy(model)
    assert torch.equal(logits(twin, "llama"), logits(model, "llama"))


def test_autocast_keeps_the_sums_in_float32() -> None:
    model = filled(inject(tiny("vit"), NTK))
    exact = logits(model, "vit")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = logits(model, "vit")
    assert torch.isfinite(found).all() and (found.float() - exact).abs().max() < 0.05


def test_a_mask_that_adds_to_the_logits_is_refused() -> None:
    model = filled(inject(tiny("llama"), NTK))
    ids = inputs("llama")["input_ids"]
    bias = torch.full((2, 1, 9, 9), 0.5)
    with pytest.raises(InvalidAdapter, match="adds to the logits"):
        model(input_ids=ids, attention_mask=bias)


def test_a_distilled_prefix_is_near_the_prefix_and_its_length_costs_nothing() -> None:
    model = inject(tiny("vit"), PrefixConfig(length=12, sd=0.3), "prefix")
    base = logits(tiny("vit"), "vit")
    target = logits(model, "vit")
    distil_prefix(model, NTKAttentionConfig(phi="taylor2"), prefix="prefix")
    found = logits(model, "vit")
    assert (found - target).abs().max() < 0.05 * (base - target).abs().max()
    assert adapter_modules(model, "distilled")[0].Z.shape == (4, 21, 4)
    with pytest.raises(InvalidAdapter, match="no prefix"):
        distil_prefix(model, NTK, prefix="distilled", adapter_name="again")


def test_from_a_prefix_elu1_needs_its_division_by_the_head_size() -> None:
    """Within a factor of two of the prefix's effect at small entries; without 1/d it is d times too much."""
    model = inject(tiny("vit"), PrefixConfig(length=6, sd=0.3), "prefix")
    effect = logits(model, "vit") - logits(tiny("vit"), "vit")
    distil_prefix(model, NTKAttentionConfig(), prefix="prefix")
    found = logits(model, "vit") - logits(tiny("vit"), "vit")
    assert 0.5 < float(found.norm() / effect.norm()) < 2


def test_a_clamped_denominator_is_counted() -> None:
    model = inject(tiny("vit"), NTKAttentionConfig(phi="taylor1"))
    with torch.no_grad():
        for module in adapter_modules(model):
            module.k_raw[:, 0], module.k_raw[:, 1:] = -20.0, 20.0
        model(pixel_values=5 * inputs("vit")["pixel_values"])
    assert sum(int(module.clamped) for module in adapter_modules(model)) > 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"phi": "relu"}, "choose one of"),
        ({"rank": 0}, "at least 1"),
        ({"dropout": 1.0}, "from 0 to below 1"),
        ({"feature_size": 3}, "favor"),
        ({"k_param": "exp"}, "softplus"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(settings, words: str) -> None:
    with pytest.raises(InvalidAdapter, match=words):
        NTKAttentionConfig(**settings)


def test_what_does_not_fit_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidAdapter, match="layers 0 … 1"):
        inject(tiny("vit"), NTKAttentionConfig(layers=(2,)))
    with pytest.raises(InvalidAdapter, match="not rotated"):
        inject(tiny("vit"), NTKAttentionConfig(pre_rope=True))
    with pytest.raises(InvalidAdapter, match="rank"):
        inject(tiny("vit"), NTKAttentionConfig(rank=9))
    with pytest.raises(InvalidAdapter, match="taken"):
        inject(inject(tiny("vit"), NTK), NTK)
    with pytest.raises(InvalidAdapter, match="no module"):
        inject(tiny("vit"), NTKAttentionConfig(modules_to_save=("head",)))
    with pytest.raises(UnsupportedModel, match="known class"):
        inject(torch.nn.Linear(2, 2), NTK)
    with pytest.raises(InvalidAdapter, match="missing"):
        from_pretrained(tiny("vit"), tmp_path)
    save_pretrained(inject(tiny("vit"), NTKAttentionConfig(rank=2)), tmp_path / "a")
    (tmp_path / "a" / "adapter.safetensors").write_bytes(b"torn")
    with pytest.raises(InvalidAdapter, match="cannot be read"):
        from_pretrained(tiny("vit"), tmp_path / "a")
    with pytest.raises(InvalidAdapter, match="unknown settings"):
        config_from_dict({"method": "ntk_attention", "colour": 1})
    with pytest.raises(BudgetMismatch, match="more than 5%"):
        require_equal_parameters({"lora": 100, "ntk": 106})
    require_equal_parameters({"lora": 100, "ntk": 104})


def test_peft_has_no_place_for_a_method_of_another_package() -> None:
    """Why this is no PEFT tuner: its registry takes names of its own enumeration alone."""
    from peft.utils import register_peft_method

    with pytest.raises(ValueError, match="add an entry"):
        register_peft_method(name="ntkattention", config_cls=NTKAttentionConfig, model_cls=object)
