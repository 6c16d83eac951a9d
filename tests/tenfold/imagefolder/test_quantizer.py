"""The quantiser against its formulas: selection, residuals, straight-through gradients, dropped scales."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as functional

from tenfold.imagefolder.config import PAPER_SIDES, PAPER_TOKENIZER, InvalidConfig, TokenizerConfig
from tenfold.imagefolder.errors import InvalidTokens
from tenfold.imagefolder.quantizer import Quantizer, masked_mean
from tenfold.imagefolder.rows import SWEEP, ablation_rows, chosen_rows, sweep_rows
from tenfold.imagefolder.scales import nearest_tick, slices
from tenfold.imagefolder.tokenizer import Tokenizer


@pytest.fixture
def quantizer(config) -> Quantizer:
    torch.manual_seed(0)
    return Quantizer(config)


@pytest.fixture
def z() -> torch.Tensor:
    return torch.randn(10, 2, 4, 9, generator=torch.Generator().manual_seed(3))


def by_the_formulas(quantizer: Quantizer, z: torch.Tensor, branch: int) -> tuple[torch.Tensor, torch.Tensor, list]:
    """One branch, one scale and one position at a time."""
    config, K = quantizer.config, quantizer.side
    c, codes = config.code_dim, quantizer.codebook[branch]
    total, residual = torch.zeros(len(z), c, K, K), z[:, branch].view(-1, c, K, K).clone()
    found, running = [], []
    for i, side in enumerate(config.sides):
        small = functional.interpolate(residual, size=(side, side), mode="area")
        picked = torch.zeros(len(z), side, side, dtype=torch.long)
        for b in range(len(z)):
            for row in range(side):
                for column in range(side):
                    picked[b, row, column] = functional.cosine_similarity(small[b, :, row, column], codes).argmax()
        maps = codes[picked].permute(0, 3, 1, 2)
        if side != K:
            maps = functional.interpolate(maps, size=(K, K), mode="bicubic")
        part = slice(branch * c, (branch + 1) * c)
        tick = nearest_tick(i, len(config.sides), config.shared_convolutions)
        h = 0.5 * maps + 0.5 * functional.conv2d(
            maps, quantizer.kernels[tick, part], quantizer.biases[tick, part], padding=1
        )
        total, residual = total + h, residual - h
        found.append(picked.flatten(1))
        running.append(total.flatten(2))
    return torch.cat(found, dim=1), total.flatten(2), running


@torch.no_grad()
def test_all_branches_at_once_are_each_branch_by_the_formulas(quantizer, z):
    result = quantizer.eval()(z)
    for branch in range(2):
        indices, total, running = by_the_formulas(quantizer, z, branch)
        assert torch.equal(result.indices[:, branch], indices)
        assert torch.allclose(result.sums[-1, :, branch], total, atol=1e-5)
        again = quantizer.running_sums(result.indices)[:, :, branch]
        assert torch.allclose(again, torch.stack(running), atol=1e-5)


@torch.no_grad()
def test_the_residual_telescopes_and_does_not_explode(quantizer, z):
    result = quantizer.eval()(z)
    residual = z
    for i in range(3):
        codes = quantizer.embed(result.indices[:, :, slices(quantizer.config.sides)[i]])
        residual = residual - quantizer.refine(quantizer.up(codes, i), i)
    assert torch.allclose(z - residual, result.sums[-1], atol=1e-5)
    assert residual.norm() < 3 * z.norm()


def test_the_straight_through_gradient_is_the_identity_and_codes_learn_from_their_own_term(quantizer, z):
    z.requires_grad_()
    result = quantizer(z, torch.Generator().manual_seed(0))
    upstream = torch.randn_like(z)
    reached = torch.autograd.grad(
        (result.output * upstream).sum(),
        [z, quantizer.codebook, quantizer.kernels],
        retain_graph=True,
        allow_unused=True,
    )
    assert torch.equal(reached[0], upstream) and reached[1] is None and reached[2] is None
    own = torch.autograd.grad(result.codebook_loss, [quantizer.codebook, z], retain_graph=True, allow_unused=True)
    assert own[0].abs().sum() > 0 and own[1] is None
    other = torch.autograd.grad(result.commitment_loss, [z, quantizer.codebook], allow_unused=True)
    assert other[0].abs().sum() > 0 and other[1] is None


def test_dropped_scales_are_alike_in_all_branches_and_at_least_start_drop_stay(quantizer, z):
    result = quantizer.train()(z, torch.Generator().manual_seed(5))
    assert result.kept[5:].eq(3).all() and result.kept.min() >= 2  # half of the batch draws from 2 … 3
    assert result.kept[:5].lt(3).any()
    for b, kept in enumerate(result.kept.tolist()):
        for branch in range(2):
            assert torch.equal(result.sums[-1, b, branch], result.sums[kept - 1, b, branch])
    assert quantizer.eval()(z).kept.eq(3).all()
    assert quantizer.train()(z, dropout=False).kept.eq(3).all()


def test_losses_divide_by_the_samples_that_kept_the_scale(quantizer, z):
    result = quantizer.train()(z, torch.Generator().manual_seed(5))
    expected = []
    for scale in range(3):
        kept = result.kept > scale
        expected.append((result.sums[scale][kept] - z[kept]).square().mean())
    assert result.codebook_loss.item() == pytest.approx(torch.stack(expected).mean().item(), rel=1e-5)
    values, mask = torch.tensor([[1.0, 3.0], [5.0, 7.0]]), torch.tensor([[True, True], [False, True]])
    assert masked_mean(values, mask).item() == pytest.approx((2 + 7) / 2)


def test_the_successor_sums_the_commitment_over_scales(config, z):
    torch.manual_seed(0)
    mean = Quantizer(config).eval()(z).commitment_loss
    torch.manual_seed(0)
    summed = Quantizer(replace(config, commit_reduction="sum")).eval()(z).commitment_loss
    assert summed.item() == pytest.approx(3 * mean.item())


def test_selection_ignores_lengths_and_what_is_added_does_not(quantizer, z):
    before = quantizer.eval()(z)
    assert torch.equal(quantizer.nearest(7 * z), quantizer.nearest(z))
    quantizer.codebook.data *= 2
    assert torch.allclose(quantizer.embed(before.indices[..., :1]).norm(dim=2), torch.tensor(2.0))


@pytest.mark.parametrize("wrong", [-1, 16])
def test_a_token_outside_the_codebook_is_named(quantizer, z, wrong):
    indices = quantizer.eval()(z).indices
    indices[0, 0, 0] = wrong
    with pytest.raises(InvalidTokens, match="outside 0 … 15"):
        quantizer.running_sums(indices)
    with pytest.raises(InvalidTokens, match=r"\(B, 2, 14\)"):
        quantizer.running_sums(indices[:, :1])


def test_lengths_come_from_the_schedule_not_from_the_table():
    assert sum(side**2 for side in PAPER_SIDES) == 286
    assert [nearest_tick(i, 10, 4) for i in range(10)] == [0, 0, 1, 1, 1, 2, 2, 3, 3, 3]


def test_each_row_changes_what_its_title_says(config):
    rows = ablation_rows(config, (1, 2, 4))
    assert [row.tokenizer.branches for row in rows] == [1, 1, 1, 2, 2, 2, 2, 2]
    assert [row.tokenizer.quantizer_dropout for row in rows] == [0.0, *[0.5] * 7]
    assert [row.tokenizer.sides[-1] for row in rows] == [4, 4, *[3] * 6]
    assert [row.tokenizer.semantic_branches for row in rows] == ["none"] * 4 + ["all", "one", "one", "one"]
    assert [row.discriminator for row in rows] == ["none"] * 6 + ["features"] * 2
    assert [row.equilibrium for row in rows] == [False] * 7 + [True]
    assert rows[0].tokenizer == replace(rows[1].tokenizer, quantizer_dropout=0.0)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("branches_1", {"branches": 1}),
        ("branches_4", {"branches": 4}),
        ("codebook_half", {"codebook_size": 8}),
        ("codebook_double", {"codebook_size": 32}),
        ("codebook_fourfold", {"codebook_size": 64}),
        ("dropout_none", {"quantizer_dropout": 0.0}),
        ("dropout_quarter", {"quantizer_dropout": 0.25}),
        ("dropout_half", {"quantizer_dropout": 0.5}),
    ],
)
def test_each_row_of_the_sweep_is_row_6_but_for_one_size_and_trains(config, images, name, changes):
    config = replace(config, quantizer_dropout=0.1)
    rows = ablation_rows(config, (1, 2, 4)) + sweep_rows(config)
    assert len(rows) == len({row.number for row in rows}) == 8 + len(SWEEP)
    [row] = chosen_rows(rows, [name])
    assert row.tokenizer == replace(rows[5].tokenizer, **changes) and chosen_rows(rows, [row.number]) == [row]
    output = Tokenizer(row.tokenizer).train()(images, torch.Generator().manual_seed(0), torch.randn(12, 16))
    assert output.indices.shape == (12, row.tokenizer.branches, 14) and "semantic" in output.losses
    (output.reconstruction.square().mean() + sum(output.losses.values())).backward()


def test_a_row_that_does_not_exist_is_named(config):
    rows = ablation_rows(config, (1, 2, 4))
    assert [row.number for row in chosen_rows(rows, [6, 1])] == [1, 6] and chosen_rows(rows, []) == []
    with pytest.raises(InvalidConfig, match="no row 17, branches; there are 1, 2"):
        chosen_rows(rows, [1, 17, "branches"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sides": (3, 2)}, "shrink"),
        ({"branches": 0}, "branch"),
        ({"patch_size": 5}, "tile"),
        ({"heads": 3}, "heads"),
        ({"quantizer_dropout": 1.5}, "share"),
        ({"start_drop": 9}, "start_drop"),
        ({"colour": 1}, "has no colour"),
        ({"commit_reduction": "max"}, "commit_reduction"),
        ({"codebook_size": 1}, "two codes"),
    ],
)
def test_a_wrong_configuration_is_named(change, words):
    with pytest.raises(InvalidConfig, match=words):
        TokenizerConfig.from_dict(change)


def test_a_configuration_survives_its_dictionary():
    assert TokenizerConfig.from_dict(PAPER_TOKENIZER.to_dict()) == PAPER_TOKENIZER
