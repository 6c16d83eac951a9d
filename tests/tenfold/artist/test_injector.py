"""The injector on real U-Nets of diffusers: places, types, zero start, batches, checkpointing, FreeU, copies."""

from __future__ import annotations

import copy

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import nn

from tenfold.artist.errors import BatchMismatch, CopiedWhileAttached, InvalidInjection
from tenfold.artist.features import Features
from tenfold.artist.hooks import replaced
from tenfold.artist.injector import Injector
from tenfold.artist.taps import taps
from tenfold.nn.seeding import drawn_from
from tests.tenfold.artist.toys import TEXT, VISUAL, H, W, filled

KINDS = [("layer", "both"), ("layer", "mid"), ("layer", "up"), ("block", "both"), ("layer", "skip")]


@pytest.fixture
def text():
    with drawn_from(1):
        return TEXT.unet().eval()


@pytest.fixture
def visual():
    with drawn_from(2):
        return VISUAL.unet().eval()


def inputs(unet, batch=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    sample = torch.randn(batch, unet.config.in_channels, H, W, generator=generator)
    return {
        "sample": sample,
        "timestep": torch.full((batch,), 300),
        "encoder_hidden_states": torch.randn(batch, 3, 8, generator=generator),
    }


def run(unet, **kwargs):
    return unet(**inputs(unet, **kwargs)).sample


def stable_diffusion_unet():
    """The U-Net of Stable Diffusion 1.5 by its published configuration, without memory for its weights."""
    with torch.device("meta"):
        return UNet2DConditionModel(
            sample_size=64, block_out_channels=(320, 640, 1280, 1280), cross_attention_dim=768, attention_head_dim=8
        )


def test_stable_diffusion_has_thirteen_places():
    unet = stable_diffusion_unet()
    found = taps(unet)
    assert [place.channels for place in found] == [1280] * 7 + [640] * 3 + [320] * 3
    assert [place.name for place in found[:5]] == ["mid_block", *(f"up_blocks.0.resnets.{j}" for j in range(3)),
                                                   "up_blocks.1.attentions.0"]  # fmt: skip
    assert [place.channels for place in taps(unet, tap="block", inject="up")] == [1280, 1280, 640, 320]
    assert len(taps(unet, inject="mid")) == 1 and len(taps(unet, inject="up")) == 12
    skips = taps(unet, inject="skip")  # ControlNet's twelve and the mid block
    assert [place.channels for place in skips[1:]] == [320] * 4 + [640] * 3 + [1280] * 5


def test_stable_diffusion_feature_sizes():
    """Sizes at 512²: 64² latents; whole blocks come after the upsampler."""
    unet, seen = stable_diffusion_unet(), {}
    for kind in ("layer", "block"):
        for place in taps(unet, tap=kind):

            def note(module, arguments, output, name=place.name):  # fmt: skip
                seen[name] = tuple((output if isinstance(output, torch.Tensor) else output[0]).shape[1:3])

            place.module.register_forward_hook(note)
    with torch.device("meta"):
        unet(torch.randn(1, 4, 64, 64), torch.zeros(1), torch.randn(1, 77, 768))
    assert [seen[place.name] for place in taps(unet)] == (
        [(1280, 8)] * 4 + [(1280, 16)] * 3 + [(640, 32)] * 3 + [(320, 64)] * 3
    )
    assert [seen[f"up_blocks.{i}"] for i in range(4)] == [(1280, 16), (1280, 32), (640, 64), (320, 64)]


def test_the_small_setting_is_of_the_measured_size():
    from tenfold.artist.denoiser import DenoiserConfig

    unet = DenoiserConfig(latent_channels=12).unet()
    assert sum(parameter.numel() for parameter in unet.parameters()) == 990_348  # "1.0 M"
    assert len(taps(unet)) == 5


@pytest.mark.parametrize(("tap", "inject"), KINDS)
@pytest.mark.parametrize("kernel_size", [1, 3])
def test_zero_convolutions_change_nothing_and_learn(text, visual, tap, inject, kernel_size):
    """Trap 1."""
    alone = run(visual)
    injector = Injector.between(text, visual, tap=tap, inject=inject, kernel_size=kernel_size).attach(text, visual)
    run(text)
    found = run(visual)
    assert torch.equal(found, alone)
    found.square().mean().backward()
    for name, convolution in zip(injector.names, injector.convolutions, strict=True):
        assert convolution.weight.grad.abs().max() > 0 and convolution.bias.grad.abs().max() > 0, name


class Added(nn.Module):
    """The naive oracle: a layer whose output has something added, put in the layer's place by hand."""

    def __init__(self, layer, addition):
        super().__init__()
        self.layer, self.addition = layer, addition

    def __getattr__(self, name):
        return super().__getattr__(name) if name == "layer" else getattr(super().__getattr__("layer"), name)

    def forward(self, *args, **kwargs):
        out = self.layer(*args, **kwargs)
        return (
            out + self.__dict__["addition"] if isinstance(out, torch.Tensor) else (out[0] + self.__dict__["addition"],)
        )


@pytest.mark.parametrize(("tap", "inject"), KINDS[:4])
def test_against_layers_replaced_by_hand(text, visual, tap, inject):
    injector = filled(Injector.between(text, visual, tap=tap, inject=inject)).attach(text, visual)
    with torch.no_grad():
        run(text)
        found, additions = run(visual), injector(injector.features)
        injector.detach()
        assert not torch.equal(found, run(visual))
        for name, addition in zip(injector.names, additions, strict=True):
            parent, _, child = name.rpartition(".")
            holder = visual.get_submodule(parent)
            if child.isdigit():
                holder[int(child)] = Added(holder[int(child)], addition)
            else:
                setattr(holder, child, Added(getattr(holder, child), addition))
        assert torch.equal(found, run(visual))


def test_skip_injection_against_the_arguments_of_controlnet(text, visual):
    injector = filled(Injector.between(text, visual, inject="skip")).attach(text, visual)
    with torch.no_grad():
        run(text)
        found = run(visual)
        mid, *down = injector(injector.features)
        injector.detach()
        wanted = visual(
            **inputs(visual), mid_block_additional_residual=mid, down_block_additional_residuals=tuple(down)
        ).sample
    assert torch.equal(found, wanted) and not torch.equal(found, run(visual))


def test_types_are_kept():
    one = torch.ones(1)
    assert torch.equal(replaced(one, lambda h: h + 1), one + 1)
    changed = replaced((one, "rest"), lambda h: h + 1)
    assert type(changed) is tuple and torch.equal(changed[0], one + 1) and changed[1] == "rest"
    with pytest.raises(InvalidInjection, match="dict"):
        replaced({"sample": one}, lambda h: h)


def test_guidance_doubles_the_batch(text, visual):
    """Symptom 7: features are repeated to 2B; 2B against B raises with both numbers."""
    injector = filled(Injector.between(text, visual)).attach(text, visual)
    with torch.no_grad():
        run(text, batch=2)
        with pytest.raises(BatchMismatch, match=r"2 images against a batch of 4.*repeated\(2\)"):
            run(visual, batch=4)
        single, twice = inputs(visual), inputs(visual)
        twice = {name: torch.cat([part, part]) for name, part in twice.items()}
        wanted = visual(**single).sample
        features = injector.features
        injector.use(features.repeated(2))
        assert torch.allclose(visual(**twice).sample, torch.cat([wanted, wanted]), atol=1e-6)
        injector.use(features.repeated(2, silent=1))
        silent, loud = visual(**twice).sample.chunk(2)
        injector.detach()
        assert torch.allclose(loud, wanted, atol=1e-6)
        assert torch.allclose(silent, visual(**single).sample, atol=1e-6)
    with pytest.raises(InvalidInjection, match="3 silent copies of 2"):
        features.repeated(2, silent=3)


@pytest.mark.parametrize("tap", ["layer", "block"])
def test_gradient_checkpointing_takes_the_features_of_its_own_call(text, visual, tap):
    """Two calls before one backward pass: what is computed again must not take the second call's features."""
    injector = filled(Injector.between(text, visual, tap=tap)).attach(text, visual)

    def gradients():
        visual.zero_grad()
        injector.zero_grad()
        loss = torch.zeros(())
        for seed in (0, 1):
            with torch.no_grad():
                run(text, seed=seed)
            loss = loss + run(visual, seed=seed).square().mean()
        loss.backward()
        return [parameter.grad.clone() for net in (visual, injector) for parameter in net.parameters()]

    visual.train()
    plain = gradients()
    visual.enable_gradient_checkpointing()
    for one, other in zip(gradients(), plain, strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    injector.detach()
    assert not any("Features" in type(block._gradient_checkpointing_func).__name__ for block in visual.up_blocks)


def test_freeu_acts_beside_the_injection(text, visual):
    settings = {"s1": 0.9, "s2": 0.2, "b1": 1.5, "b2": 1.6}
    plain = run(visual)
    visual.enable_freeu(**settings)
    alone = run(visual)
    injector = Injector.between(text, visual).attach(text, visual)
    run(text)
    taken = injector.features.maps
    assert torch.equal(run(visual), alone) and not torch.equal(alone, plain)
    filled(injector)
    injected = run(visual)
    visual.disable_freeu()
    assert not torch.equal(injected, alone) and not torch.equal(injected, run(visual))
    run(text)
    assert all(torch.equal(one, other) for one, other in zip(taken, injector.features.maps, strict=True))


def test_what_does_not_fit_is_refused(text, visual):
    injector = Injector.between(text, visual)
    with pytest.raises(InvalidInjection, match="itself"):
        injector.attach(visual, visual)
    with pytest.raises(InvalidInjection, match="no features yet"):
        run(injector.attach(text, visual) and visual)
    with pytest.raises(InvalidInjection, match="another injector"):
        Injector.between(text, visual).attach(text, visual)
    deeper = UNet2DConditionModel.from_config({**visual.config, "layers_per_block": 2})
    with pytest.raises(InvalidInjection, match=r"5 places against 7.*up_blocks.0.attentions.2"):
        Injector.between(text, deeper)
    with pytest.raises(InvalidInjection, match="features at 1 places for an injector of 5"):
        injector.use(Features((torch.ones(1, 1, 1, 1),)))
    run(text)
    with pytest.raises(InvalidInjection, match=r"mid_block: \(1, 2\) places.*against \(2, 4\)"):
        injector.use(Features(tuple(one[..., ::2, ::2] for one in injector.features.maps)))
        run(visual)
    with pytest.raises(InvalidInjection, match="tap is one of"):
        taps(visual, tap="neck")
    with pytest.raises(InvalidInjection, match="kernel_size is 1 or 3"):
        Injector.between(text, visual, kernel_size=5)


def test_other_channels_are_refused(text, visual):
    other = UNet2DConditionModel.from_config({**visual.config, "block_out_channels": (8, 32)})
    with pytest.raises(InvalidInjection, match="channels; the injector has"):
        Injector.between(text, visual).attach(text, other)


def test_hooks_are_not_copied_and_go_when_detached(text, visual):
    injector = Injector.between(text, visual).attach(text, visual).attach(text, visual)  # again: no second set
    for net in (text, visual):
        with pytest.raises(CopiedWhileAttached, match="detach it, copy"):
            copy.deepcopy(net)
    injector.detach()
    copy.deepcopy(visual)
    assert not injector.attached
    for net in (text, visual):
        assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


def test_one_text_module_serves_two_visual_ones(text, visual):
    with drawn_from(9):
        other = VISUAL.unet().eval()
    first = filled(Injector.between(text, visual), 1).attach(text, visual)
    second = filled(Injector.between(text, other), 2).attach(text, other)
    run(text)
    assert torch.equal(first.features.maps[0], second.features.maps[0])
    assert run(visual).shape == run(other).shape
    assert {id(parameter) for parameter in first.parameters()}.isdisjoint(map(id, visual.parameters()))
