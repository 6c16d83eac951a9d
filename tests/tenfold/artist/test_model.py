"""Training: what is frozen, what is trained, what is averaged; and whether what was learnt uses its condition."""

from __future__ import annotations

import pytest
import torch

from tenfold.artist.denoiser import Denoiser
from tenfold.artist.errors import FrozenChanged, InvalidInjection
from tenfold.artist.losses import control_loss, draw, text_loss, visual_losses
from tenfold.artist.model import Artist, unchanged
from tenfold.artist.noising import small_scheduler
from tenfold.artist.sampling import SamplingConfig, sample
from tenfold.artist.variants import VARIANTS, build, objective
from tenfold.nn.errors import InvalidConfig
from tests.tenfold.artist.toys import TEXT, VISUAL, W, batch, conditions, filled

SCHEDULER = small_scheduler("v_prediction")


def trained(parameters, loss, updates, rate=4e-3):
    optimiser = torch.optim.AdamW(list(parameters), lr=rate)
    for _ in range(updates):
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()


@pytest.fixture(scope="module")
def text():
    """A text module that has learnt its two letters."""
    module, data = Denoiser.new(TEXT, seed=0), batch(64)
    generator = torch.Generator().manual_seed(0)

    def loss():
        part = data.at(torch.randint(64, (16,), generator=generator))
        return text_loss(module, SCHEDULER, part, draw(part, generator))

    trained(module.parameters(), loss, 150)
    return module.freeze()


@pytest.fixture(scope="module")
def artist(text):
    """A visual module without letters of its own that has learnt to use the text module."""
    model, data = build("artist", VISUAL, TEXT, text, seed=1), batch(64)
    generator = torch.Generator().manual_seed(1)

    def loss():
        part = data.at(torch.randint(64, (16,), generator=generator))
        part = type(part)(part.conditions.without_prompt(), part.images, part.text)
        return visual_losses(model, SCHEDULER, part, draw(part, generator))["visual"]

    with unchanged(text):
        trained(model.trained().parameters(), loss, 150)
    return model.eval()


def held_out(count=64):
    data = batch(count, seed=7)
    return data, draw(data, torch.Generator().manual_seed(5))


def test_the_text_module_uses_its_letters(text):
    """Trap 4."""
    right, other = (control_loss(text, SCHEDULER, *held_out(), permuted=which) for which in ("nothing", "letters"))
    assert other > 1.5 * right, (right, other)
    with pytest.raises(InvalidInjection, match="one branch"):
        control_loss(text, SCHEDULER, *held_out(), permuted="text_times")


def test_the_visual_module_reads_text_of_its_own_time(artist):
    """Trap 3: other times in the text branch, or other letters, make it worse; letters reach it by injection alone."""
    data, draws = held_out()
    data = type(data)(data.conditions.without_prompt(), data.images, data.text)
    losses = {
        which: control_loss(artist, SCHEDULER, data, draws, permuted=which)
        for which in ("nothing", "letters", "text_times")
    }
    assert losses["text_times"] > 1.01 * losses["nothing"], losses
    assert losses["letters"] > 1.01 * losses["nothing"], losses


def test_another_word_changes_the_text_inside_its_box(text):
    """Trap 5: the same noise, one word in the left half exchanged."""
    artist = Artist(text).eval()  # sampled alone
    here = conditions(8, seed=3, box=(0, 0, 4, 4))
    there = here.with_other_letters(torch.Generator().manual_seed(0))
    one, other = (sample(artist, SCHEDULER, c, SamplingConfig(num_inference_steps=8))[0] for c in (here, there))
    change = (one - other).abs().mean(dim=(0, 1, 2))  # (w,)
    assert change[: W // 2].mean() > 3 * change[W // 2 :].mean(), change


def test_moving_a_box_changes_both_places(text):
    """Symptom 1: the layout reaches the model."""
    artist = Artist(text).eval()
    left, right = (conditions(8, seed=3, box=box) for box in ((0, 0, 4, 4), (4, 0, 8, 4)))
    one, other = (sample(artist, SCHEDULER, c, SamplingConfig(num_inference_steps=8))[0] for c in (left, right))
    change = (one - other).abs().mean(dim=(0, 1, 2))
    assert change[:4].mean() > 0.3 and change[4:].mean() > 0.3
    shift = (one[..., :4] - other[..., 4:]).abs().mean()  # what was drawn has moved along
    assert shift < (one[..., :4] - other[..., :4]).abs().mean()


def test_frozen_means_outside_of_everything(text):
    """Trap 2."""
    model = build("artist", VISUAL, TEXT, text, seed=0).train()
    assert model.visual.training and not any(module.training for module in text.modules())
    assert not any(parameter.requires_grad for parameter in text.parameters())
    frozen = {id(parameter) for parameter in text.parameters()}
    average = model.average(0.9)
    for module in (model.trained(), average.model):
        assert frozen.isdisjoint(map(id, module.parameters()))
        assert not any(name.startswith("text") for name, _ in module.named_parameters())
    with unchanged(text) as digest:
        assert len(digest) == 64
        data, draws = held_out(4)
        visual_losses(model, SCHEDULER, data, draws)["visual"].backward()
        assert all(parameter.grad is None for parameter in text.parameters())


def test_a_changed_weight_is_noticed():
    module = Denoiser.new(TEXT, seed=0)
    with pytest.raises(FrozenChanged, match="sha256"), unchanged(module), torch.no_grad():
        next(module.parameters()).flatten()[0] += 1e-6


def test_dropout_of_the_frozen_module_is_off(text):
    config = {**TEXT.unet().config, "dropout": 0.5}
    unet = type(text.unet).from_config(config)
    module = Denoiser(unet, text.characters).freeze()
    model = Artist(Denoiser.new(VISUAL, seed=0)).train()
    model.text = module
    model.train()
    noisy, t, found = torch.randn(2, 4, 4, 8), torch.tensor([5, 5]), conditions(2)
    assert torch.equal(module(noisy, t, found), module(noisy, t, found))


def test_the_average_is_a_model_of_its_own(text):
    model = build("artist", VISUAL, TEXT, text, seed=0)
    average = model.average(0.5)
    assert model.injector.attached
    filled(model.injector)
    average.update(model.trained())
    averaged = model.averaged(average)
    assert averaged.text is text and averaged.injector is not model.injector
    mine, theirs = averaged.injector.convolutions[0].weight, model.injector.convolutions[0].weight
    assert torch.allclose(mine, theirs * (1 - 2 / 11))
    data, draws = held_out(2)
    losses = [float(visual_losses(one.eval(), SCHEDULER, data, draws)["visual"].detach()) for one in (model, averaged)]
    assert losses[0] != losses[1]


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_each_arm_takes_an_update(text, name):
    model = build(name, VISUAL, TEXT, text, seed=0).train()
    if model.injector is not None:
        filled(model.injector)
    data, draws = held_out(4)
    found = data.conditions
    if VARIANTS[name].glyphs:
        found = type(found)(found.mask, found.letters, found.places, found.sequence, glyphs=data.text)
        data = type(data)(found, data.images, data.text)
    losses = visual_losses(model, SCHEDULER, data, draws)
    assert ("text" in losses) == (name in ("joint", "unfrozen"))
    objective(VARIANTS[name], losses).backward()
    assert all(parameter.grad is not None for parameter in model.visual.unet.parameters())
    trains = model.text is not None and not model.text.frozen
    assert trains == (name in ("joint", "unfrozen"))
    wanted = losses["visual"] + losses["text"] if name == "joint" else losses["visual"]
    assert torch.equal(objective(VARIANTS[name], losses), wanted)
    if trains:
        assert model.text.unet.conv_in.weight.grad.abs().max() > 0
        assert model.text is not text and all(not parameter.requires_grad for parameter in text.parameters())
    assert (model.text is text) == (name in ("artist", "inject_mid", "inject_up", "skip_injection"))


def test_arms_begin_with_the_same_visual_weights(text):
    names = ("artist", "visual_only", "random_text_module", "skip_injection")
    states = [build(name, VISUAL, TEXT, text, seed=3).visual.state_dict() for name in names]
    for state in states[1:]:
        assert all(torch.equal(state[name], states[0][name]) for name in state)


def test_what_does_not_fit_is_refused(text):
    with pytest.raises(InvalidConfig, match="unknown arm 'nope'; there are artist"):
        build("nope", VISUAL, TEXT, seed=0)
    with pytest.raises(InvalidConfig, match="needs a trained text module"):
        build("artist", VISUAL, TEXT, seed=0)
    alone = build("visual_only", VISUAL, TEXT, seed=0)
    data, draws = held_out(2)
    with pytest.raises(InvalidInjection, match="exactly where there is a text module"):
        alone(data.images, draws.t, data.conditions, data.text)
    with pytest.raises(InvalidInjection, match="come together"):
        Artist(alone.visual, text)
    with pytest.raises(InvalidInjection, match="visual module alone has no text branch"):
        control_loss(alone, SCHEDULER, data, draws, permuted="text_times")
    with pytest.raises(InvalidInjection, match="reads images, which the batch does not hold"):
        visual_losses(alone, SCHEDULER, type(data)(data.conditions), draws)


def test_arms_draw_the_same(text):
    data, _ = held_out(4)
    one, same = (draw(data, torch.Generator().manual_seed(2), prompt_drop=0.5) for _ in range(2))
    for name in ("t", "noise", "text_noise", "dropped"):
        assert torch.equal(getattr(one, name), getattr(same, name))
    assert not torch.equal(one.noise[:, :4], one.text_noise)


def test_a_clean_text_branch_is_read_at_time_zero(text):
    model = build("artist", VISUAL, TEXT, text, seed=0)
    filled(model.injector)
    data, draws = held_out(3)
    seen = []
    handle = text.register_forward_hook(lambda module, args, out: seen.append((args[0], args[1])))
    visual_losses(model, SCHEDULER, data, draws, text_input="clean")
    handle.remove()
    assert torch.equal(seen[0][0], data.text) and not seen[0][1].any()
