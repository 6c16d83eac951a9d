"""Tiny models that are made once: 8×8 images, three scales, two branches."""

from __future__ import annotations

import pytest
import torch

from tenfold.imagefolder.config import GeneratorConfig, TokenizerConfig
from tenfold.imagefolder.generator import FoldedGenerator
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imagefolder.unfolded import UnfoldedGenerator

SIZES = dict(
    image_size=8,
    channels=1,
    patch_size=4,
    width=16,
    depth=1,
    heads=2,
    sides=(1, 2, 3),
    branches=2,
    codebook_size=16,
    code_dim=4,
    quantizer_dropout=0.5,
    start_drop=2,
    teacher_dim=16,
)


@pytest.fixture(scope="session")
def config() -> TokenizerConfig:
    return TokenizerConfig.from_dict(SIZES)


@pytest.fixture
def tokenizer(config) -> Tokenizer:
    torch.manual_seed(0)
    return Tokenizer(config).eval()


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(12, 1, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1


def lively(generator):
    """Give a generator weights that matter: gates that start near zero would hide every mistake."""
    draws = torch.Generator().manual_seed(2)
    for parameter in generator.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape, generator=draws)
    return generator.eval().double()


@pytest.fixture(params=[FoldedGenerator, UnfoldedGenerator], ids=["folded", "unfolded"])
def generator(request, config):
    settings = GeneratorConfig.for_tokenizer(config, classes=3, width=16, depth=2, heads=2)
    return lively(request.param(settings))
