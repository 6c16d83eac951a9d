"""Sampling: cache and prefix agree, branches are independent, filters and guidance do what they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from tenfold.imagefolder.config import GeneratorConfig
from tenfold.imagefolder.errors import InvalidSampling
from tenfold.imagefolder.generator import FoldedGenerator
from tenfold.imagefolder.layout import sequence_inputs
from tenfold.imagefolder.sampling import best_first, draw, filtered, guidance_at, joint_sample, sample
from tenfold.imagefolder.scales import slices

LABELS = torch.arange(30) % 3


def test_the_cache_changes_nothing(generator, tokenizer):
    tokenizer = tokenizer.double()
    settings = dict(guidance_scale=2.0, top_k=9, top_p=0.9, seed=4)
    cached = sample(generator, tokenizer, LABELS, **settings)
    assert torch.equal(cached, sample(generator, tokenizer, LABELS, **settings, cache=False))
    assert torch.equal(cached, sample(generator, tokenizer, LABELS, **settings))
    assert not torch.equal(cached, sample(generator, tokenizer, LABELS, **{**settings, "seed": 5}))


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiled_blocks_draw_the_same(generator, tokenizer, backend):
    tokenizer = tokenizer.double()
    settings = dict(guidance_scale=2.0, top_k=9, top_p=0.9, seed=4)
    drawn = sample(generator, tokenizer, LABELS, **settings)
    torch.compiler.reset()
    for block in generator.blocks:
        block.compile(backend=backend, dynamic=True)
    assert torch.equal(sample(generator, tokenizer, LABELS, **settings), drawn)
    torch.compiler.reset()


def test_half_precision_draws_tokens_and_images_like_float32_s(generator, tokenizer):
    generator = generator.float()
    drawn = sample(generator, tokenizer, LABELS, top_k=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        halved = sample(generator, tokenizer, LABELS, top_k=1)
        decoded = tokenizer.decode(drawn)
        encoded = tokenizer.encode(tokenizer.decode(drawn).float())
    assert halved.shape == drawn.shape and (halved == drawn)[:, :, 0].float().mean() > 0.9
    assert decoded.dtype == torch.bfloat16 and encoded.shape == drawn.shape
    assert torch.allclose(decoded.float(), tokenizer.decode(drawn), atol=0.05)


def test_the_best_codes_of_sampling_are_the_best_of_the_full_forward(generator, tokenizer):
    tokenizer = tokenizer.double()
    indices = sample(generator, tokenizer, LABELS, top_k=1)
    with torch.no_grad():
        logits = generator(sequence_inputs(tokenizer.quantizer, indices, generator.layout), LABELS)
    assert torch.equal(generator.token_logits(logits).argmax(dim=-1), indices)


def test_one_branch_draws_the_same_whatever_the_other_does(config, tokenizer):
    """The first scale's head of branch 1 is permuted; branch 0 must not notice."""
    torch.manual_seed(0)
    generator = FoldedGenerator(GeneratorConfig.for_tokenizer(config, classes=3, width=16, depth=1, heads=2))
    before = sample(generator, tokenizer, LABELS, seed=1)
    V = config.codebook_size
    order = torch.randperm(V, generator=torch.Generator().manual_seed(0))
    for parameter in (generator.head.weight, generator.head.bias):
        parameter.data[V:] = parameter.data[V:][order]
    after = sample(generator, tokenizer, LABELS, seed=1)
    assert torch.equal(before[:, 0, 0], after[:, 0, 0]) and not torch.equal(before[:, 1, 0], after[:, 1, 0])


def test_drawing_jointly_is_drawing_each_branch():
    logits = torch.randn(1, 2, 6, generator=torch.Generator().manual_seed(0)).expand(20000, -1, -1)
    pairs = joint_sample(logits, 5, 0.9, torch.Generator().manual_seed(1))
    shares = filtered(logits[0].double(), 5, 0.9).softmax(dim=-1)
    expected = (shares[0][:, None] * shares[1]).flatten()
    counts = np.bincount((6 * pairs[:, 0] + pairs[:, 1]).numpy(), minlength=36)
    allowed = (expected > 0).numpy()
    assert counts[~allowed].sum() == 0
    wanted = expected.numpy()[allowed] / expected.sum().item() * 20000
    assert chisquare(counts[allowed], wanted * counts.sum() / wanted.sum()).pvalue > 1e-4
    alone = draw(shares[0].expand(20000, -1), torch.rand(20000, generator=torch.Generator().manual_seed(2)))
    single = np.bincount(alone.numpy(), minlength=6)[shares[0].numpy() > 0]
    assert chisquare(single, shares[0][shares[0] > 0].numpy() * 20000).pvalue > 1e-4


def test_filters_keep_what_they_say():
    logits = torch.tensor([[0.5, 0.25, 0.15, 0.1]]).log()

    def kept(k, p):
        return torch.isfinite(filtered(logits, k, p))[0].tolist()

    assert kept(0, 1.0) == kept(4, 1.0) == [True] * 4
    assert kept(2, 1.0) == [True, True, False, False]
    assert kept(0, 0.6) == [True, True, False, False]  # the second crosses 0.6 and stays
    assert kept(0, 1e-9) == [True, False, False, False]
    assert kept(1, 0.99) == [True, False, False, False]
    assert torch.equal(filtered(logits, 0, 1.0), logits)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_best_come_first_as_torch_has_them(dtype):
    logits = torch.randn(5, 3, 40, generator=torch.Generator().manual_seed(0), dtype=dtype)
    for count in (1, 7, 40):
        assert torch.equal(best_first(logits, count), logits.topk(count, dim=-1).values)


def test_ties_at_the_last_place_all_stay():
    logits = torch.tensor([[0.4, 0.2, 0.2, 0.2]]).log()
    for k, p in ((2, 1.0), (0, 0.5), (4, 0.7)):
        assert torch.isfinite(filtered(logits, k, p)).all()


def test_guidance_grows_from_none_at_the_first_scale(generator, tokenizer):
    assert [guidance_at(3.25, i, 10) for i in (0, 9)] == [0.0, 3.25] and guidance_at(3.0, 0, 1) == 0
    tokenizer = tokenizer.double()
    plain, guided = (sample(generator, tokenizer, LABELS, scale, seed=2) for scale in (0.0, 3.0))
    first = slices(tokenizer.config.sides)[0]
    assert torch.equal(plain[..., first], guided[..., first]) and not torch.equal(plain, guided)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"top_k": -1}, "top_k"),
        ({"top_k": 17}, "top_k from 1 to 16"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"temperature": 0.0}, "temperature"),
        ({"guidance_scale": -1.0}, "guidance_scale"),
        ({"guidance_scale": float("nan")}, "guidance_scale"),
        ({"seed": -1}, "seed"),
        ({"labels": torch.tensor([4])}, "outside 0 … 3"),
        ({"labels": torch.tensor([])}, "whole numbers"),
    ],
)
def test_an_argument_out_of_range_is_named(generator, tokenizer, change, words):
    with pytest.raises(InvalidSampling, match=words):
        sample(generator, tokenizer, **{"labels": LABELS, **change})


def test_parts_of_different_models_are_refused(config, tokenizer):
    other = FoldedGenerator(GeneratorConfig.for_tokenizer(config, codebook_size=8, width=16, heads=2))
    with pytest.raises(InvalidSampling, match="codebook_size is 8"):
        sample(other, tokenizer, LABELS)
