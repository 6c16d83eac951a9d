"""Training: losses, averages, exact resume, and what stops it by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from accelerate import Accelerator

from steps.step import checkpoint
from tenfold.imagefolder.config import GeneratorConfig
from tenfold.imagefolder.errors import CodebookCollapsed
from tenfold.imagefolder.training import (
    GeneratorTraining,
    TokenizerTraining,
    TrainingSettings,
    evaluate_generator,
    parameter_groups,
)
from tenfold.nn.errors import NotFinite

SETTINGS = TrainingSettings(updates=8, learning_rate=3e-3, max_grad_norm=1.0, weight_decay=0.05)


@pytest.fixture(scope="module")
def accelerator() -> Accelerator:
    return Accelerator(cpu=True)


def tokenizer_training(config, accelerator, settings=SETTINGS, **parts) -> TokenizerTraining:
    return TokenizerTraining(config, settings, accelerator, seed=3, **parts)


def teacher(images: torch.Tensor) -> torch.Tensor:
    return images.flatten(1)[:, :16]


def test_a_tokenizer_resumed_in_the_middle_ends_with_the_same_bytes(config, accelerator, images, tmp_path):
    config = replace(config, drop_path=0.3)  # what draws from torch's own generator, too
    whole = tokenizer_training(config, accelerator, teacher=teacher)
    logged = [whole.update(number, images) for number in range(1, 9)]
    first = tokenizer_training(config, accelerator, teacher=teacher)
    for number in range(1, 5):
        first.update(number, images)
    checkpoint.save(tmp_path / "middle.safetensors", checkpoint.state_of(first.state))
    second = tokenizer_training(config, accelerator, teacher=teacher)
    torch.rand(17)  # another process would stand elsewhere
    checkpoint.restore(second.state, checkpoint.load(tmp_path / "middle.safetensors"))
    assert [second.update(number, images) for number in range(5, 9)] == logged[4:]
    for name, tensor in whole.averaged.state_dict().items():
        assert torch.equal(tensor, second.averaged.state_dict()[name]), name


@pytest.fixture
def generator_training(config, tokenizer, accelerator):
    settings = GeneratorConfig.for_tokenizer(config, classes=3, width=16, depth=1, heads=2, drop_path=0.2)
    return lambda: GeneratorTraining(settings, SETTINGS, accelerator, tokenizer=tokenizer, seed=3)


def test_a_generator_resumed_in_the_middle_ends_with_the_same_bytes(generator_training, tokenizer, images, tmp_path):
    indices, labels = tokenizer.encode(images), torch.arange(12) % 3
    whole, first, second = generator_training(), generator_training(), generator_training()
    logged = [whole.update(number, indices, labels) for number in range(1, 9)]
    for number in range(1, 4):
        first.update(number, indices, labels)
    checkpoint.save(tmp_path / "middle.safetensors", checkpoint.state_of(first.state))
    checkpoint.restore(second.state, checkpoint.load(tmp_path / "middle.safetensors"))
    assert [second.update(number, indices, labels) for number in range(4, 9)] == logged[3:]
    for name, tensor in whole.averaged.state_dict().items():
        assert torch.equal(tensor, second.averaged.state_dict()[name]), name


def test_training_learns(generator_training, config, tokenizer, accelerator, images):
    settings = replace(SETTINGS, updates=60, learning_rate=1e-2)
    run = tokenizer_training(replace(config, quantizer_dropout=0.0), accelerator, settings)
    losses = [run.update(number, images)["mse"] for number in range(1, 61)]
    assert losses[-1] < 0.7 * losses[0]
    indices, labels = tokenizer.encode(images), torch.arange(12) % 3
    training = generator_training()
    before = evaluate_generator(training.averaged, tokenizer, indices, labels)
    for number in range(1, 41):
        training.update(number, indices, labels)
    after = evaluate_generator(training.averaged, tokenizer, indices, labels)
    assert before.shape == (2, 14) and after.mean() < before.mean()


def test_parts_of_a_batch_sum_to_the_batch(generator_training, tokenizer, images):
    indices, labels = tokenizer.encode(images), torch.arange(12) % 3
    found = []
    for parts in (1, 3):
        training = generator_training()
        training.settings = replace(SETTINGS, micro_batches=parts)
        training.model.config = replace(training.model.config, class_dropout=0.0)
        for block in training.model.blocks:
            block.drop_path.share = 0.0
        training.update(1, indices, labels)
        found.append(training.model.head.weight.detach().clone())
    assert torch.allclose(*found, atol=1e-6)


def test_the_rate_warms_up_stays_and_falls():
    settings = TrainingSettings(updates=100, learning_rate=1.0, warmup=0.1, flat=0.1, floor=0.01, decay="linear")
    assert settings.rate(5) == pytest.approx(0.5) and settings.rate(15) == 1.0
    assert settings.rate(61) == pytest.approx(0.505) and settings.rate(100) < 0.03
    cosine = replace(settings, decay="cosine")
    assert cosine.rate(61) == pytest.approx(0.505) and cosine.rate(40) > settings.rate(40)


def test_only_matrices_decay(tokenizer):
    decayed, plain = parameter_groups(tokenizer, 0.05)
    assert {p.ndim for p in decayed["params"]} == {2} and plain["weight_decay"] == 0
    assert len(decayed["params"]) + len(plain["params"]) == len(list(tokenizer.parameters()))


def test_not_a_number_is_named(config, accelerator, images):
    run = tokenizer_training(config, accelerator)
    images[0, 0, 0, 0] = torch.nan
    with pytest.raises(NotFinite, match="mse = nan at update 1"):
        run.update(1, images)


def test_a_collapsed_codebook_is_named(config, accelerator, images):
    config = replace(config, sides=(3,), start_drop=1)  # one scale: no residual leads to another code
    run = tokenizer_training(config, accelerator, replace(SETTINGS, collapse_check=4, learning_rate=0.0))
    codebook, projection = run.model.quantizer.codebook.data, run.model.projection
    codebook[1, 0] = codebook[0, 0]
    codebook[:, 1:] = -codebook[:, :1]
    projection.weight.data.zero_()
    projection.bias.data = codebook[0, 0].clone()  # every latent is code 0
    for number in range(1, 4):
        run.update(number, images)
    with pytest.raises(CodebookCollapsed, match="practically one code"):
        run.update(4, images)


def test_the_teacher_is_left_as_it_is(config, accelerator, images):
    frozen = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 16), torch.nn.BatchNorm1d(16)).eval()
    before = {name: tensor.clone() for name, tensor in frozen.state_dict().items()}
    run = tokenizer_training(config, accelerator, teacher=frozen)
    for number in range(1, 4):
        losses = run.update(number, images)
    assert losses["semantic"] > 0
    assert all(torch.equal(tensor, before[name]) for name, tensor in frozen.state_dict().items())
