"""Divergences of answers: as defined, at the answers' positions alone, and right where they are tiny."""

from __future__ import annotations

import math

import pytest
import torch

from tenfold.commit_tuning import InvalidProbe, answer_distributions
from tenfold.commit_tuning.divergence import divergence
from tenfold.multimodal.labels import IGNORED


def naive(new, old, targets):
    """KL(new ‖ old) by its definition: over words, then the mean over positions of a row."""
    found = []
    for row in range(len(targets)):
        positions = []
        for place in range(targets.shape[1]):
            if targets[row, place] == IGNORED:
                continue
            p = [math.exp(float(one)) for one in new[row, place].double()]
            q = [math.exp(float(one)) for one in old[row, place].double()]
            p, q = [one / math.fsum(p) for one in p], [one / math.fsum(q) for one in q]
            positions.append(math.fsum(a * math.log(a / b) for a, b in zip(p, q, strict=True)))
        found.append(math.fsum(positions) / len(positions))
    return found


@pytest.fixture
def drawn():
    generator = torch.Generator().manual_seed(0)
    new, old = torch.randn(2, 4, 5, 7, generator=generator)
    targets = torch.randint(0, 7, (4, 5), generator=generator)
    targets[0, :4] = targets[1, ::2] = IGNORED  # rows with one, two and five positions
    return new, old, targets


def test_it_is_the_definition(drawn):
    new, old, targets = drawn
    found = divergence(answer_distributions(new, targets), answer_distributions(old, targets))
    assert found.tolist() == pytest.approx(naive(new, old, targets), rel=1e-12)


def test_positions_outside_of_answers_change_nothing(drawn):
    new, old, targets = drawn
    other = torch.where((targets == IGNORED)[..., None], torch.randn_like(new), new)
    at_old = answer_distributions(old, targets)
    assert torch.equal(
        divergence(answer_distributions(other, targets), at_old), divergence(answer_distributions(new, targets), at_old)
    )


def test_identical_states_diverge_by_exactly_nothing(drawn):
    new, _, targets = drawn
    same = answer_distributions(new, targets)
    assert divergence(same, answer_distributions(new.clone(), targets)).tolist() == [0.0] * 4


def shifted(size: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return float32 logits, the same with a shift, and ½·Var_p of the shift in float64."""
    generator = torch.Generator().manual_seed(1)
    old = 2 * torch.randn(1, 1, 1000, generator=generator)
    change = size * torch.randn(1, 1, 1000, generator=generator)
    new = old + change
    moved = new.double() - old.double()
    p = old.double().softmax(dim=-1)
    expected = 0.5 * ((p * moved.square()).sum() - (p * moved).sum().square())
    return old, new, expected


@pytest.mark.parametrize("size", [1e-1, 1e-3, 1e-4])
def test_a_small_shift_is_half_its_variance(size):
    old, new, expected = shifted(size)
    target = torch.zeros(1, 1, dtype=torch.int64)
    found = float(divergence(answer_distributions(new, target), answer_distributions(old, target)))
    assert found == pytest.approx(float(expected), rel=0.1 if size > 0.01 else 0.01)


def test_float32_would_lose_it():
    old, new, expected = shifted(1e-4)
    first, second = new.log_softmax(dim=-1), old.log_softmax(dim=-1)
    found = float((first.exp() * (first - second)).sum())
    assert abs(found - float(expected)) > 0.5 * float(expected)


def test_gradients_pass(drawn):
    new, old, targets = drawn
    new.requires_grad_()
    divergence(answer_distributions(new, targets), answer_distributions(old, targets)).mean().backward()
    assert float(new.grad[targets != IGNORED].abs().sum()) > 0
    assert float(new.grad[targets == IGNORED].abs().sum()) == 0


def test_what_is_no_answer_is_refused(drawn):
    new, old, targets = drawn
    with pytest.raises(InvalidProbe, match="expand the placeholders"):
        answer_distributions(new, targets[:, :4])
    empty = targets.clone()
    empty[2] = IGNORED
    with pytest.raises(InvalidProbe, match="row 2"):
        answer_distributions(new, empty)
    broken = new.clone()
    broken[3, 4, 0] = math.nan
    with pytest.raises(InvalidProbe, match="not finite"):
        answer_distributions(broken, targets)
    with pytest.raises(InvalidProbe, match="other positions"):
        divergence(answer_distributions(new, targets), answer_distributions(old, targets.clamp(min=0)))
