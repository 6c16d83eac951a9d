"""The tokenizer: the way there and back, the semantic loss, odd configurations, images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as functional

from tenfold.imagefolder.errors import CodebookCollapsed, InvalidTokens, ProjectionCollapsed
from tenfold.imagefolder.grids import interpolation, scale_strips
from tenfold.imagefolder.semantic import info_nce
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imagefolder.usage import check_collapse, code_counts, perplexity, usage
from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.pixels import to_pixels


def test_decoding_the_indices_gives_the_training_reconstruction(tokenizer, images):
    output = tokenizer(images)
    assert output.indices.shape == (12, 2, 14)
    assert torch.equal(tokenizer.encode(images), output.indices)
    assert torch.allclose(tokenizer.decode(output.indices), output.reconstruction, atol=1e-5)
    assert torch.allclose(tokenizer.features(images), output.branch_features, atol=1e-5)


def test_encoding_drops_nothing_even_in_training_mode(tokenizer, images):
    assert torch.equal(tokenizer.train().encode(images), tokenizer.eval().encode(images))


def test_many_images_at_once_give_what_each_gives_alone(tokenizer, images, monkeypatch):
    monkeypatch.setattr("tenfold.imagefolder.tokenizer.CACHED", 5 * 4 * 16 * (1 + 4 + 18))
    with torch.no_grad():
        indices = tokenizer.quantizer(tokenizer.latents(images), dropout=False).indices
        decoded = tokenizer.decoder(tokenizer.quantizer.running_sums(indices)[-1])
    found = []
    whole = torch.get_num_threads()
    torch.set_num_threads(1)
    tokenizer.encoder.register_forward_pre_hook(lambda _, inputs: found.append(len(inputs[0])))
    assert torch.equal(tokenizer.encode(images), indices) and found == [5, 5, 2]
    assert torch.allclose(tokenizer.decode(indices), decoded, atol=1e-5)
    torch.set_num_threads(whole)


def test_fewer_scales_decode_the_earlier_sums(tokenizer, images):
    indices = tokenizer.encode(images)
    expected = tokenizer.decoder(tokenizer.quantizer.running_sums(indices)[1])
    assert torch.equal(tokenizer.decode(indices, 2), expected)
    assert torch.equal(tokenizer.decode(indices, 3), tokenizer.decode(indices))
    with pytest.raises(InvalidTokens, match="from 1 to 3"):
        tokenizer.decode(indices, 4)


def test_the_semantic_loss_reads_the_last_branch_of_samples_that_kept_all_scales(config, images):
    torch.manual_seed(0)
    tokenizer = Tokenizer(config).train()
    teacher = torch.randn(12, 16)
    output = tokenizer(images, torch.Generator().manual_seed(1), teacher)
    whole = output.kept == 3
    assert 6 <= whole.sum() < 12
    student, target = output.branch_features[whole, -1], tokenizer.projection(teacher[whole])
    logits, own = student @ target.T, torch.arange(int(whole.sum()))
    expected = (functional.cross_entropy(logits, own) + functional.cross_entropy(logits.T, own)) / 2
    assert output.losses["semantic"].item() == pytest.approx(expected.item(), rel=1e-5)
    reached = torch.autograd.grad(output.losses["semantic"], output.branch_features, allow_unused=True)[0]
    assert reached[:, 0].abs().sum() == 0 and reached[~whole].abs().sum() == 0 and reached[whole, 1].abs().sum() > 0


@pytest.mark.parametrize("branches", [1, 2, 3])
@pytest.mark.parametrize("semantic", ["none", "one", "all"])
def test_any_number_of_branches_goes_with_any_semantic_loss(config, images, branches, semantic):
    tokenizer = Tokenizer(replace(config, branches=branches, semantic_branches=semantic, teacher_dim=5))
    output = tokenizer(images, None, torch.randn(12, 5))
    assert ("semantic" in output.losses) == (semantic != "none")
    sum(output.losses.values()).backward()


def test_a_teacher_projected_to_one_point_is_named():
    with pytest.raises(ProjectionCollapsed, match="one point"):
        info_nce(torch.randn(4, 3), torch.ones(4, 3))


def test_without_quantisation_the_latents_go_straight_through(config, images):
    torch.manual_seed(0)
    free = Tokenizer(replace(config, quantize=False))
    output = free(images)
    assert torch.equal(output.reconstruction, free.decoder(free.latents(images)))
    assert float(output.losses["codebook"]) == float(output.losses["commitment"]) == 0
    assert torch.equal(free.eval().reconstruct(images), free.reconstruct(images, bypass=True))


def test_images_of_another_shape_are_named(tokenizer):
    with pytest.raises(InvalidImages, match="1, 8, 8"):
        tokenizer(torch.zeros(2, 3, 8, 8))


def test_usage_counts_what_could_be_used():
    indices = torch.tensor([[[0, 0, 1, 2, 3]], [[0, 1, 1, 1, 1]]])  # N=2, P=1, sides 1 and 2
    counts = code_counts(indices, (1, 2), 8)
    assert usage(counts)[:, 0].tolist() == [1 / 2, 4 / 8]  # two tokens can use two codes; eight, all eight
    assert perplexity(counts)[0, 0].item() == pytest.approx(1.0)
    check_collapse(counts)
    with pytest.raises(CodebookCollapsed, match="branch 0"):
        check_collapse(code_counts(torch.zeros(4, 1, 5, dtype=torch.long), (1, 2), 8))


def test_grids_show_each_scale_and_both_ends(tokenizer, images):
    strips = scale_strips(tokenizer, images[:2])
    assert strips.shape == (16, 32)
    assert np.array_equal(strips[:8, 24:], to_pixels(images[:1])[0])
    whole = to_pixels(tokenizer.reconstruct(images[:2]))
    assert np.array_equal(strips[8:, 16:24], whole[1])
    between = interpolation(tokenizer, images[:1], images[1:2], columns=4)
    assert np.array_equal(between[:, :8], whole[0]) and np.array_equal(between[:, 24:], whole[1])
