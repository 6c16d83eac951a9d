"""What is timed is the same images: the naive way differs by rounding alone, and in how often the text module runs."""

from __future__ import annotations

import pytest
import torch

from tenfold.artist.cost import flops_of
from tenfold.artist.errors import InvalidSampling
from tenfold.artist.noising import small_scheduler
from tenfold.artist.sampling import SamplingConfig, sample
from tenfold.artist.speed import (
    ALONE,
    LOCK_STEP,
    METHODS,
    NAIVE,
    ONCE,
    compile_blocks,
    made_up_conditions,
    sample_naively,
    timed,
    untrained,
)
from tenfold.nn.errors import InvalidConfig
from tests.tenfold.artist.toys import filled

SCHEDULER = small_scheduler()
GUIDED = SamplingConfig(num_inference_steps=3, guidance_scale=3.0)


@pytest.fixture
def subject():
    found = timed("tiny", SCHEDULER, 2)
    filled(found.artist.injector)
    return found


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_naive_sampling_gives_the_same_images(subject, scale):
    config = SamplingConfig(num_inference_steps=3, guidance_scale=scale)
    for one, other in zip(subject.call(LOCK_STEP, config)(), subject.call(NAIVE, config)(), strict=True):
        assert torch.allclose(one, other, atol=1e-4), (one - other).abs().max()


def test_how_often_each_module_computes_an_image(subject):
    """Guidance doubles the visual batch; the text module computes B in lock-step, 2B naively, B once in all."""
    seen = {"text": [], "visual": []}
    for name, module in (("text", subject.artist.text), ("visual", subject.artist.visual)):
        module.register_forward_hook(lambda _, given, __, name=name: seen[name].append(len(given[0])))
    counts = {}
    for method in METHODS:
        subject.call(method, GUIDED)()
        counts[method] = {name: sum(found) for name, found in seen.items()}
        for found in seen.values():
            found.clear()
    assert counts == {
        LOCK_STEP: {"text": 6, "visual": 12},
        NAIVE: {"text": 12, "visual": 12},
        ONCE: {"text": 2, "visual": 12},
        ALONE: {"text": 0, "visual": 0},  # of a network of its own
    }
    flops = {method: flops_of(subject.call(method, GUIDED)) for method in METHODS}
    assert flops[ALONE] < flops[ONCE] < flops[LOCK_STEP] < flops[NAIVE]


def test_compiled_blocks_leave_the_injection_where_it_is(subject):
    before = sample(subject.artist, SCHEDULER, subject.conditions, GUIDED)[0]
    compile_blocks(subject.artist, backend="eager")
    after = sample(subject.artist, SCHEDULER, subject.conditions, GUIDED)[0]
    assert torch.allclose(before, after, atol=1e-5) and subject.artist.injector.attached
    with torch.no_grad():
        for parameter in subject.artist.injector.parameters():
            parameter.zero_()
    assert not torch.allclose(sample(subject.artist, SCHEDULER, subject.conditions, GUIDED)[0], after, atol=1e-3)


def test_half_precision_runs():
    found = timed("tiny", SCHEDULER, 2, half=True).call(LOCK_STEP, GUIDED)()[0]
    assert found.dtype == torch.bfloat16 and bool(found.isfinite().all())


def test_conditions_of_stable_diffusion_are_of_its_size():
    found = made_up_conditions("stable_diffusion", 2)
    assert found.mask.shape == (2, 1, 64, 64) and found.prompt_states.shape == (2, 77, 768)


def test_what_is_not_timed_is_refused(subject):
    with pytest.raises(InvalidSampling, match="unknown method"):
        subject.call("fast", GUIDED)
    with pytest.raises(InvalidSampling, match="both modules"):
        sample_naively(subject.alone, SCHEDULER, subject.conditions, GUIDED)
    with pytest.raises(InvalidConfig, match="not 'large'"):
        untrained("large")
