"""Sampling: DDIM against a loop by hand, lock-step against replay, guidance, and the same bytes for the same seed."""

from __future__ import annotations

import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler

from tenfold.artist.denoiser import Denoiser
from tenfold.artist.errors import InvalidSampling
from tenfold.artist.noising import small_scheduler
from tenfold.artist.sampling import IMAGE, SamplingConfig, sample, start_noise
from tenfold.artist.sampling import TEXT as TEXT_BRANCH
from tenfold.artist.variants import build
from tests.tenfold.artist.toys import TEXT, VISUAL, H, W, batch, conditions, filled

SCHEDULER = small_scheduler()
LOCK, REPLAY = SamplingConfig(num_inference_steps=4), SamplingConfig(num_inference_steps=4, order="replay")


@pytest.fixture(scope="module")
def model():
    artist = build("artist", VISUAL, TEXT, Denoiser.new(TEXT, seed=0), seed=1).eval()
    filled(artist.injector)
    return artist


def noise(count, channels, branch, seed=0, first=0):
    return start_noise(count, (channels, H, W), seed=seed, first=first, branch=branch)


@torch.no_grad()
def by_hand(model, found, *, seed, updates, guidance_scale=1.0):
    """DDIM with η = 0 written out: x_0 clipped, ε from the clipped x_0 not taken again, one t after the other."""
    images, text = noise(len(found), 12, IMAGE, seed), noise(len(found), 4, TEXT_BRANCH, seed)
    times = [round(1000 - i * 1000 / updates) - 1 for i in range(updates)]
    alphas = SCHEDULER.alphas_cumprod
    for t, then in zip(times, [*times[1:], None], strict=True):
        a, b = alphas[t], torch.tensor(1.0) if then is None else alphas[then]
        moved = []
        batch_t = torch.full((len(found),), t)
        read = model.text(text, batch_t, found)
        for x, e in ((text, read), (images, _guided(model, images, batch_t, found, guidance_scale))):
            x0 = ((x - (1 - a).sqrt() * e) / a.sqrt()).clamp(-1, 1)
            moved.append(b.sqrt() * x0 + (1 - b).sqrt() * e)
        text, images = moved
    return images, text


def _guided(model, images, t, found, scale):
    with_prompt = model.visual(images, t, found)
    if scale == 1:
        return with_prompt
    without = model.visual(images, t, found.without_prompt())
    return without + scale * (with_prompt - without)


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_against_ddim_by_hand(model, scale):
    """Trap 10, and symptom 7 in the sampler: guidance in one batch of 2B is two passes of B."""
    found = conditions(3)
    wanted = by_hand(model, found, seed=4, updates=4, guidance_scale=scale)
    mine = sample(model, SCHEDULER, found, SamplingConfig(num_inference_steps=4, guidance_scale=scale), seed=4)
    for one, other in zip(mine, wanted, strict=True):
        assert torch.allclose(one, other, atol=2e-5), (one - other).abs().max()


def test_replay_gives_what_lock_step_gives(model):
    found = conditions(3)
    for one, other in zip(*(sample(model, SCHEDULER, found, c) for c in (LOCK, REPLAY)), strict=True):
        assert torch.equal(one, other)


def test_the_same_seed_gives_the_same_and_the_clock_nothing(model):
    """Symptom 5: torch's own generator neither matters nor moves."""
    found = conditions(2)
    torch.manual_seed(11)
    state = torch.get_rng_state()
    first = sample(model, SCHEDULER, found, LOCK, seed=3)[0]
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(12)
    assert torch.equal(sample(model, SCHEDULER, found, LOCK, seed=3)[0], first)
    assert not torch.equal(sample(model, SCHEDULER, found, LOCK, seed=4)[0], first)


def test_how_many_are_sampled_at_a_time_draws_nothing_else(model):
    found = conditions(4)
    whole = sample(model, SCHEDULER, found, LOCK)[0]
    parts = [sample(model, SCHEDULER, found.at(slice(i, i + 2)), LOCK, first=i)[0] for i in (0, 2)]
    assert torch.allclose(torch.cat(parts), whole, atol=1e-5)
    streams = [noise(1, 4, branch, seed, first) for branch in (0, 1) for seed in (0, 1) for first in (0, 1)]
    assert len({float(one.sum()) for one in streams}) == 8


def test_a_given_text_image_takes_the_place_of_a_sampled_one(model):
    found, text = conditions(2), batch(2).text
    images, read = sample(model, SCHEDULER, found, LOCK, text=text)
    assert torch.equal(read, text)
    assert not torch.equal(images, sample(model, SCHEDULER, found, LOCK, text=-text)[0])
    assert torch.equal(images, sample(model, SCHEDULER, found, REPLAY, text=text)[0])


def test_a_clean_text_branch_gives_one_set_of_features(model):
    config = SamplingConfig(num_inference_steps=3, order="replay", text_input="clean")
    seen = []
    handle = model.text.register_forward_hook(lambda module, args, out: seen.append((args[0], int(args[1][0]))))
    _, text = sample(model, SCHEDULER, conditions(2), config)
    assert [t for _, t in seen] == [999, 666, 332, 0] and torch.equal(seen[-1][0], text)
    seen.clear()
    sample(model, SCHEDULER, conditions(2), config, text=text)
    handle.remove()
    assert [t for _, t in seen] == [0]


def test_injection_into_the_pass_with_the_prompt_alone_is_another(model):
    found = conditions(2)
    both, one = (
        sample(model, SCHEDULER, found, SamplingConfig(num_inference_steps=2, guidance_scale=3.0, injected=where))[0]
        for where in ("both", "with_prompt")
    )
    assert not torch.allclose(both, one)


@pytest.mark.parametrize("kind", [DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler])
def test_other_schedulers_keep_their_memory_apart(model, kind):
    scheduler, found = kind.from_config(SCHEDULER.config), conditions(2)
    one, same = (sample(model, scheduler, found, config)[0] for config in (LOCK, LOCK))
    assert torch.equal(one, same) and bool(torch.isfinite(one).all())
    if kind is DPMSolverMultistepScheduler:  # one that remembers, and draws nothing
        assert torch.equal(one, sample(model, scheduler, found, REPLAY)[0])


def test_a_visual_module_alone(model):
    alone = build("visual_only", VISUAL, TEXT, seed=1).eval()
    images, text = sample(alone, SCHEDULER, conditions(2), LOCK)
    assert images.shape == (2, 12, H, W) and text is None
    with pytest.raises(InvalidSampling, match="no text module to read it"):
        sample(alone, SCHEDULER, conditions(2), LOCK, text=batch(2).text)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"num_inference_steps": 0}, "num_inference_steps"),
        ({"guidance_scale": float("nan")}, "guidance_scale"),
        ({"order": "first"}, "order is one of lock_step, replay"),
        ({"text_input": "clean"}, "set order to replay"),
        ({"injected": "with_prompt"}, "without guidance there is one pass"),
    ],
)
def test_settings_that_cannot_be_followed(settings, says):
    with pytest.raises(InvalidSampling, match=says):
        SamplingConfig(**settings)


def test_a_model_in_training_mode_is_refused(model):
    model.train()
    with pytest.raises(InvalidSampling, match="call eval"):
        sample(model, SCHEDULER, conditions(1), LOCK)
    model.eval()
