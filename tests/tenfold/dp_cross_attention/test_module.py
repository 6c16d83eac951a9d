"""Private cross-attention as a module, alone and in place of a real one."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from tenfold.dp_cross_attention import BudgetExceeded, PrivateCrossAttention, UnledgeredSketch, replace_cross_attention
from tenfold.dp_cross_attention.errors import BoundViolated, InvalidMemory, InvalidSetting
from tenfold.dp_cross_attention.replacement import fit_together, private_copy
from tenfold.privacy.account import NoAccount
from tenfold.privacy.gaussian import gaussian_mu

NO_NOISE = 1e15
FIT = {"delta": 1e-6, "radius": 2.0, "value_radius": 4.0, "degree": 6, "insecure_seed": 0}


@pytest.fixture
def module():
    torch.manual_seed(0)
    return PrivateCrossAttention(12, 10, heads=3, dim_head=4).double()


@pytest.fixture
def rows():
    return 0.5 * torch.randn(50, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def queries(batch=2, tokens=5, width=12):
    return 0.5 * torch.randn(batch, tokens, width, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def ordinary(module, hidden, rows):
    """Multi-head attention with the same weights, by torch."""
    q, k, v = module.to_q(hidden), module.to_k(rows)[None], module.to_v(rows)[None]
    heads = [part.unflatten(-1, (module.heads, module.dim_head)).transpose(1, 2) for part in (q, k, v)]
    heads[1:] = [part.expand(len(hidden), -1, -1, -1) for part in heads[1:]]
    joined = torch.nn.functional.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)
    return module.to_out[0](joined)


def test_without_noise_it_is_ordinary_cross_attention(module, rows):
    module.fit(rows, epsilon=NO_NOISE, **{**FIT, "degree": 12})
    hidden = queries()
    assert (module(hidden) - ordinary(module, hidden, rows)).abs().max() < 1e-5
    assert (module(hidden, torch.zeros(2, 7, 10)) - module(hidden)).abs().max() == 0  # zeros stand for the memory
    picture = queries(2, 12, 16).reshape(2, 12, 4, 4)  # (B, C, h, w)
    tokens = picture.flatten(2).transpose(1, 2)
    assert (module(picture) - module(tokens).transpose(1, 2).reshape(picture.shape)).abs().max() < 1e-12


def test_all_heads_together_spend_the_budget(module, rows):
    statement = module.fit(rows, epsilon=1.0, **FIT)
    (release,) = module.ledger.releases
    assert release.sketches == 3
    assert release.sensitivity == pytest.approx(3**0.5 * release.setting.sensitivity())
    assert release.mu == pytest.approx(gaussian_mu(1.0, 1e-6))
    assert statement.epsilon == pytest.approx(1.0) and statement.insecure_seed
    module.fit(rows, epsilon=1.0, **FIT)
    assert module.privacy.epsilon > 1.4


def test_it_answers_only_from_what_the_ledger_holds(module, rows):
    with pytest.raises(UnledgeredSketch, match="fit"):
        module(queries())
    module.fit(rows, epsilon=1.0, **FIT)
    module(queries())
    with pytest.raises(UnledgeredSketch, match="never released"):
        module(queries(), rows[None])
    with torch.no_grad():
        module.sketch[0, 0, 0] += 1  # a change in place
    with pytest.raises(UnledgeredSketch, match="fitted again"):
        module(queries())


def test_a_refit_beyond_the_budget_is_refused_and_changes_nothing(module, rows):
    module.fit(rows, epsilon=1.0, budget_epsilon=1.2, **FIT)
    before = module(queries())
    with pytest.raises(BudgetExceeded):
        module.fit(rows, epsilon=1.0, **FIT)
    assert torch.equal(module(queries()), before)


def test_bounds_are_kept_by_error_or_by_clipping(module, rows):
    with pytest.raises(BoundViolated):
        module.fit(100 * rows, epsilon=1.0, **FIT)
    module.fit(rows, epsilon=NO_NOISE, **FIT)
    with pytest.raises(BoundViolated, match="queries"):
        module(1000 * queries())
    module.on_violation = "clip"
    module.fit(100 * rows, epsilon=NO_NOISE, **FIT)
    assert torch.isfinite(module(1000 * queries())).all()
    with pytest.raises(InvalidMemory):
        module.fit(rows[None].expand(2, -1, -1), epsilon=1.0, **FIT)
    with pytest.raises(InvalidMemory, match="masked"):
        module(queries(), attention_mask=torch.tensor([0.0, -10_000.0]))
    with pytest.raises(InvalidSetting):
        module.fit(rows, epsilon=1.0, released="numerator", **FIT)
    with pytest.raises(InvalidSetting):
        module.fit(rows, epsilon=1.0, neighbours="add_remove", **FIT)


def test_state_dict_and_ledger_travel_in_safetensors(module, rows, tmp_path):
    module.fit(rows, epsilon=1.0, **FIT)
    save_file(module.state_dict(), tmp_path / "module.safetensors")
    other = PrivateCrossAttention(12, 10, heads=3, dim_head=4).double()
    other.load_state_dict(load_file(tmp_path / "module.safetensors"))
    assert torch.equal(other(queries()), module(queries()))
    assert other.ledger == module.ledger
    state = module.state_dict()
    state["sketch"] = state["sketch"] + 1
    other.load_state_dict(state)
    with pytest.raises(UnledgeredSketch):
        other(queries())


def test_a_state_dict_from_before_the_account_says_to_refit(module, rows):
    module.fit(rows, epsilon=1.0, **FIT)
    state = module.state_dict()
    ledger = json.loads(bytes(state["_extra_state"].tolist()))
    del ledger["account"]
    state["_extra_state"] = torch.tensor(list(json.dumps(ledger).encode()), dtype=torch.uint8)
    with pytest.raises(NoAccount, match=r"the state dict was saved before .* refit from the rows"):
        PrivateCrossAttention(12, 10, heads=3, dim_head=4).double().load_state_dict(state)


def test_the_sketch_stays_in_float64_whatever_the_module_becomes(module, rows):
    module.fit(rows, epsilon=NO_NOISE, **FIT)
    before = module(queries())
    low = module.to(torch.bfloat16)
    assert low.sketch.dtype == torch.float64
    after = low(queries().bfloat16())
    assert after.dtype == torch.bfloat16
    assert (after.double() - before).abs().max() < 0.05


def test_gradients_reach_the_queries(module, rows):
    module.fit(rows, epsilon=1.0, **FIT)
    hidden = queries().requires_grad_()
    module(hidden).square().sum().backward()
    assert hidden.grad.abs().max() > 0 and module.to_q.weight.grad.abs().max() > 0
    assert module.to_k.weight.grad is None  # the memory is fixed


@pytest.fixture(scope="module")
def unet():
    from diffusers import UNet2DConditionModel

    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(16, 16),
        norm_num_groups=8,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=12,
        attention_head_dim=4,
    ).eval()


@torch.no_grad()
def test_in_a_diffusers_unet(unet):
    import copy

    picture = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    text = torch.randn(1, 9, 12, generator=torch.Generator().manual_seed(4))
    ordinary = unet(picture, 10, text.expand(2, -1, -1)).sample
    private = copy.deepcopy(unet)
    modules = replace_cross_attention(private)
    assert len(modules) == 4 and all(name.endswith("attn2") for name in modules)
    public = {"radius": 2.5, "value_radius": 6.0, "degree": 12, "insecure_seed": 0}
    fit_together(modules, text, epsilon=NO_NOISE, delta=1e-6, **public)
    found = private(picture, 10, encoder_hidden_states=None).sample
    assert (found - ordinary).abs().max() < 1e-4
    shuffled = private(picture, 10, encoder_hidden_states=torch.zeros(2, 1, 12)).sample
    assert torch.equal(found, shuffled)
    with pytest.raises(UnledgeredSketch):
        private(picture, 10, encoder_hidden_states=text.expand(2, -1, -1))

    again = copy.deepcopy(unet)
    # The noise of one layer lengthens the queries of the next, by as much as chance has it: shortened, not refused.
    modules = replace_cross_attention(again, on_violation="clip")
    spent = fit_together(modules, text, epsilon=1.0, delta=1e-6, **public)
    assert spent == pytest.approx(1.0, rel=1e-6)
    noisy = again(picture, 10, encoder_hidden_states=None).sample
    assert torch.isfinite(noisy).all() and (noisy - ordinary).abs().max() > 1e-3


@torch.no_grad()
def test_in_an_encoder_decoder_of_transformers():
    from transformers import BartConfig, BartForConditionalGeneration

    torch.manual_seed(0)
    config = BartConfig(
        vocab_size=40,
        d_model=16,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=32,
        init_std=0.1,
    )
    model = BartForConditionalGeneration(config).eval()
    source, target = torch.arange(4, 24)[None], torch.arange(5, 12)[None]
    encoded = model.model.encoder(source).last_hidden_state
    ordinary = model(encoder_outputs=(encoded,), decoder_input_ids=target).logits
    modules = replace_cross_attention(model)
    assert len(modules) == 2
    public = {"radius": 2.0, "value_radius": 2.0, "degree": 12, "insecure_seed": 0}
    fit_together(modules, encoded, epsilon=NO_NOISE, delta=1e-6, **public)
    placeholder = torch.zeros(1, 1, 16)
    found = model(encoder_outputs=(placeholder,), decoder_input_ids=target).logits
    assert (found - ordinary).abs().max() < 1e-3
    with pytest.raises(UnledgeredSketch):
        model(encoder_outputs=(encoded,), decoder_input_ids=target)


def test_what_is_no_cross_attention_is_refused(unet):
    with pytest.raises(InvalidSetting, match="no attn2"):
        replace_cross_attention(torch.nn.Linear(2, 2))
    with pytest.raises(InvalidSetting, match="neither"):
        private_copy(torch.nn.Linear(2, 2))
    from diffusers.models.attention_processor import Attention

    with pytest.raises(InvalidSetting, match="norm_q"):
        private_copy(Attention(8, cross_attention_dim=8, heads=2, dim_head=4, qk_norm="layer_norm"))
    with pytest.raises(InvalidSetting, match="residual"):
        private_copy(Attention(8, cross_attention_dim=8, heads=2, dim_head=4, residual_connection=True))
    with pytest.raises(InvalidSetting, match="scaled"):
        private_copy(Attention(8, cross_attention_dim=8, heads=2, dim_head=4, scale_qk=False))


def test_a_ledger_is_kept_at_one_delta(module, rows):
    module.fit(rows, epsilon=1.0, **FIT)
    with pytest.raises(InvalidSetting, match="one δ"):
        module.fit(rows, epsilon=1.0, **{**FIT, "delta": 1e-5})
