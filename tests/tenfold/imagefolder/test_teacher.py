"""The teacher: learns without labels, then stays as it is whatever is done with it."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from tenfold.imagefolder.teacher import (
    FrozenTeacher,
    OracleTeacher,
    SSLTeacher,
    effective_rank,
    nt_xent,
    train_oracle_teacher,
    train_teacher,
    vicreg,
)
from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.pixels import to_tensor
from tenfold.metrics.bootstrap import InvalidSamples
from tenfold.metrics.probes import linear_probe
from tenfold.nn.convnet import ConvNetConfig
from tenfold.nn.errors import InvalidConfig, InvalidLabels, NotFinite
from tenfold.nn.pretrained import weights_sha256
from tenfold.nn.seeding import seeded

CONFIG = ConvNetConfig(widths=(8, 16, 32), features=16)
DIGITS = load_digits()
PIXELS = np.kron(np.round(DIGITS.images * 255 / 16).astype(np.uint8), np.ones((1, 3, 3), np.uint8))  # 24×24
LABELS = DIGITS.target
IMAGES = to_tensor(PIXELS, size=32)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def teacher() -> SSLTeacher:
    model = seeded(SSLTeacher, CONFIG, 1)
    losses = train_teacher(model, IMAGES[:1200], 80, draws(), batch_size=64, learning_rate=3e-3)
    assert np.mean(losses[-5:]) < losses[0] - 0.3
    return model


def accuracy(model: SSLTeacher) -> float:
    features = model.predict(PIXELS)
    return linear_probe(features[:1200], LABELS[:1200], features[1200:], LABELS[1200:]).accuracy


def test_it_learns_more_than_a_random_network_and_less_than_an_oracle(teacher):
    oracle = seeded(OracleTeacher, CONFIG, 1)
    labels = torch.from_numpy(LABELS[:1200])
    train_oracle_teacher(oracle, IMAGES[:1200], labels, 80, draws(), batch_size=64, learning_rate=3e-3)
    random = seeded(SSLTeacher, CONFIG, 1)
    assert accuracy(random) + 0.03 < accuracy(teacher) < accuracy(oracle)
    assert oracle.frozen and 3 < effective_rank(teacher.predict(PIXELS)) <= 16


def test_its_training_has_no_place_for_labels():
    assert not {"labels", "targets"} & set(inspect.signature(train_teacher).parameters)


def test_use_changes_neither_parameters_nor_batch_norms(teacher):
    before = weights_sha256(teacher)
    student = torch.nn.Conv2d(1, 1, 3, padding=1)
    optimiser = torch.optim.SGD([*student.parameters(), *teacher.parameters()], lr=0.1)
    teacher.train()
    torch.nn.ModuleList([student, teacher]).train()
    for _ in range(3):
        loss = (teacher(student(IMAGES[:32])) - teacher(IMAGES[:32])).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert student.weight.grad.abs().sum() > 0 and all(p.grad is None for p in teacher.parameters())
    assert weights_sha256(teacher) == before and not any(m.training for m in teacher.modules())
    with pytest.raises(FrozenTeacher, match="train a new one"):
        train_teacher(teacher, IMAGES, 1, draws())


def test_the_hash_sees_a_batch_norm_statistic(teacher):
    other = SSLTeacher(CONFIG)
    other.load_state_dict(teacher.state_dict())
    assert weights_sha256(other) == weights_sha256(teacher)
    other.train()(IMAGES[:8])
    assert weights_sha256(other) != weights_sha256(teacher)


def test_it_comes_back_frozen_and_not_as_another_kind(teacher, tmp_path):
    again = SSLTeacher.from_pretrained(teacher.save_pretrained(tmp_path / "teacher"))
    assert again.frozen and not again.train().training
    assert np.array_equal(again.predict(PIXELS[:9]), teacher.predict(PIXELS[:9]))
    with pytest.raises(ValueError, match=r"not a .*OracleTeacher"):
        OracleTeacher.from_pretrained(tmp_path / "teacher")


def test_the_contrast_is_the_formula():
    first, second = torch.randn(4, 3, generator=draws()), torch.randn(4, 3, generator=draws(1))
    z = torch.nn.functional.normalize(torch.cat([first, second]), dim=1).double()
    terms = []
    for i in range(8):
        others = [torch.exp(z[i] @ z[k] / 0.2) for k in range(8) if k != i]
        terms.append(-torch.log(torch.exp(z[i] @ z[(i + 4) % 8] / 0.2) / sum(others)))
    assert nt_xent(first, second, 0.2).item() == pytest.approx(torch.stack(terms).mean().item(), rel=1e-5)


def vicreg_by_loops(first: np.ndarray, second: np.ndarray) -> float:
    """Compute the loss as the paper's text puts it, one number after the other."""
    B, D = first.shape
    total = 25 * sum((first[i, j] - second[i, j]) ** 2 for i in range(B) for j in range(D)) / (B * D)
    for z in (first, second):
        means = [sum(z[i, j] for i in range(B)) / B for j in range(D)]
        covariance = [
            [sum((z[i, j] - means[j]) * (z[i, k] - means[k]) for i in range(B)) / (B - 1) for k in range(D)]
            for j in range(D)
        ]
        total += 25 * sum(max(0.0, 1 - (covariance[j][j] + 1e-4) ** 0.5) for j in range(D)) / D
        total += sum(covariance[j][k] ** 2 for j in range(D) for k in range(D) if j != k) / D
    return total


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])  # below the hinge, about it, and above
def test_vicreg_is_the_formula(scale):
    first = scale * torch.randn(7, 4, generator=draws()).double() @ torch.randn(4, 4, generator=draws(1)).double()
    second = first + 0.2 * torch.randn(7, 4, generator=draws(2))
    assert vicreg(first, second).item() == pytest.approx(vicreg_by_loops(first.numpy(), second.numpy()), rel=1e-5)
    assert vicreg(first, second).item() == pytest.approx(vicreg(second, first).item(), rel=1e-6)


def test_vicreg_asks_nothing_of_equal_views_without_correlation_and_of_variance_one():
    z, _ = torch.linalg.qr(torch.cat([torch.ones(64, 1), torch.randn(64, 5, generator=draws())], dim=1))
    z = 63**0.5 * z[:, 1:].clone()  # columns without mean, orthogonal, of variance 1
    assert vicreg(z, z).item() == pytest.approx(0, abs=1e-4)
    z.requires_grad_()
    vicreg(z, z).backward()
    assert z.grad.abs().max() < 1e-4


def test_vicreg_punishes_each_way_to_collapse():
    z, _ = torch.linalg.qr(torch.cat([torch.ones(64, 1), torch.randn(64, 4, generator=draws())], dim=1))
    z = 63**0.5 * z[:, 1:]
    constant, same = torch.full_like(z, 0.7), z[:, :1].expand(-1, 4)
    assert vicreg(constant, constant).item() == pytest.approx(2 * 25 * (1 - 0.01), rel=1e-4)  # the variances are 0
    assert vicreg(same, same).item() == pytest.approx(2 * 12 / 4, rel=1e-3)  # twelve covariances of 1
    assert vicreg(z, z.roll(1, 0)).item() > 25 > 0.01 > vicreg(z, z).item()  # views of other images
    near = (constant + 1e-3 * torch.randn(64, 4, generator=draws())).requires_grad_()
    vicreg(near, near).backward()
    centred = near.detach() - near.detach().mean(0)
    assert (near.grad * centred).sum() < 0  # a step downhill spreads them


def test_vicreg_teaches_too_and_does_not_collapse():
    wide = ConvNetConfig(widths=(16, 32, 64), features=64)  # it takes more features and updates than SimCLR does
    model, random = seeded(SSLTeacher, wide, 1), seeded(SSLTeacher, wide, 1).eval()
    losses = train_teacher(model, IMAGES[:1200], 300, draws(), batch_size=64, learning_rate=3e-3, method="vicreg")
    assert np.mean(losses[-5:]) < losses[0] - 10 and model.frozen
    spreads = [one.projector(one(IMAGES[1200:]).relu()).std(dim=0).min().item() for one in (random, model)]
    assert spreads[0] < 0.01 and spreads[1] > 0.3  # on its way to 1
    assert effective_rank(model.predict(PIXELS)) > 5
    assert accuracy(model) > accuracy(random) + 0.02


def test_simclr_is_what_is_trained_unless_said_otherwise(teacher):
    named = seeded(SSLTeacher, CONFIG, 1)
    train_teacher(named, IMAGES[:1200], 80, draws(), batch_size=64, learning_rate=3e-3, method="simclr")
    assert weights_sha256(named) == weights_sha256(teacher)


def test_what_does_not_fit_is_named(teacher):
    for words, pixels in {
        "no images": PIXELS[:0],
        "uint8": PIXELS / 255,
        "reads images": np.zeros((2, 8, 8, 3), "u1"),
    }.items():
        with pytest.raises(InvalidImages, match=words):
            teacher.predict(pixels)
    with pytest.raises(NotFinite, match="at update 1"):
        train_teacher(SSLTeacher(CONFIG), IMAGES[:9] * torch.nan, 1, draws())
    with pytest.raises(InvalidConfig, match="by simclr or vicreg, not by 'byol'; choose one"):
        train_teacher(SSLTeacher(CONFIG), IMAGES[:9], 1, draws(), method="byol")
    with pytest.raises(InvalidLabels, match="one per image"):
        train_oracle_teacher(OracleTeacher(CONFIG), IMAGES[:9], torch.zeros(8, dtype=torch.int64), 1, draws())
    with pytest.raises(InvalidSamples, match="NaN"):
        effective_rank(np.full((3, 2), np.nan))


def test_the_rank_counts_directions():
    rows = np.random.default_rng(0).standard_normal((2000, 4))
    assert effective_rank(rows) == pytest.approx(4, abs=0.05)
    assert effective_rank(rows[:, :1] * np.ones(4)) == pytest.approx(1, abs=1e-6)
