"""Kind: one seed, one result: neither batch mates nor how many are computed at a time change it.

Two seeds give two results; wrong numbers are refused, and any precision will do.

Joins: everything that samples, and every model that computes in parts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tenfold.imagefolder.config import GeneratorConfig, TokenizerConfig
from tenfold.imagefolder.errors import InvalidSampling, InvalidTokens
from tenfold.imagefolder.generator import FoldedGenerator
from tenfold.imagefolder.pipeline import ImageFolder
from tenfold.imagefolder.sampling import sample
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imagefolder.unfolded import UnfoldedGenerator

SIZES = {"image_size": 8, "patch_size": 4, "width": 16, "depth": 1, "heads": 2, "sides": (1, 2), "code_dim": 4}
CONFIG = TokenizerConfig.from_dict({**SIZES, "codebook_size": 16, "teacher_dim": 16})
PIXELS = np.random.default_rng(0).integers(0, 256, (5, 8, 8), dtype=np.uint8)
DTYPES = [torch.bfloat16, torch.float16, torch.float64]


def pipeline(kind: Any = FoldedGenerator) -> ImageFolder:
    torch.manual_seed(0)
    settings = GeneratorConfig.for_tokenizer(CONFIG, classes=3, width=16, depth=1, heads=2)
    made = ImageFolder.of(Tokenizer(CONFIG), kind(settings))
    with torch.no_grad():
        for parameter in made.generator.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape))
    return made


@pytest.mark.parametrize("kind", [FoldedGenerator, UnfoldedGenerator])
def test_an_image_is_its_seed_number_and_class_alone(kind: Any) -> None:
    model = pipeline(kind).double()
    labels = np.array([0, 1, 2, 2, 1])
    whole = model.tokens(labels, seed=3, guidance_scale=1.5)
    for batch in (1, 2, 5):
        assert torch.equal(model.tokens(labels, seed=3, guidance_scale=1.5, batch=batch), whole)
    assert torch.equal(model.tokens(labels[:2], seed=3, guidance_scale=1.5), whole[:2])
    others = model.tokens(np.array([0, 2, 2, 2, 0]), seed=3, guidance_scale=1.5)
    assert torch.equal(others[[0, 2, 3]], whole[[0, 2, 3]])


def test_no_seed_repeats_anothers_stream() -> None:
    model = pipeline().double()
    labels = np.zeros(12, dtype=np.int64)
    found = [model.tokens(labels, seed=seed, batch=4) for seed in (0, 1, 2**20, 2**20 + 1, 2**21)]
    rows = {tuple(row.flatten().tolist()) for tokens in found for row in tokens}
    assert len(rows) > 0.9 * 5 * 12
    assert torch.equal(model.tokens(labels, seed=np.int64(1)), found[1])


@pytest.mark.parametrize("labels", [[0.9], [True], ["0"], [], [[0]], 0, [3.0]])
def test_labels_are_a_row_of_whole_numbers(labels: Any) -> None:
    model = pipeline()
    for call in (model.generate, model.predict, model.generator.predict):
        with pytest.raises(InvalidSampling, match="labels are a row of whole numbers"):
            call(labels)
    with pytest.raises(InvalidSampling, match="outside 0 … 3"):
        model.generator.predict([4])


@pytest.mark.parametrize(
    "setting", [{"temperature": 1e-40}, {"temperature": float("nan")}, {"batch": 0}, {"seed": 0.5}]
)
def test_settings_that_draw_nothing_are_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(InvalidSampling):
        pipeline().generate([0], **setting)


def test_a_temperature_near_0_draws_the_likeliest_codes() -> None:
    model = pipeline()
    labels = torch.tensor([0, 1, 2])
    likeliest = sample(model.generator, model.tokenizer, labels, top_k=1)
    assert torch.equal(sample(model.generator, model.tokenizer, labels, temperature=1e-30), likeliest)


def test_logits_that_are_nan_are_refused() -> None:
    model = pipeline()
    with torch.no_grad():
        model.generator.head.bias[3] = torch.nan
    with pytest.raises(InvalidSampling, match="NaN"):
        model.generate([0])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_model_in_another_precision_generates_and_predicts(dtype: torch.dtype) -> None:
    exact, model = pipeline(), pipeline().to(dtype)
    assert np.abs(model.generate([0, 1], top_k=1).astype(int) - exact.generate([0, 1], top_k=1)).max() < 60
    assert (model.tokenizer.predict(PIXELS) == exact.tokenizer.predict(PIXELS)).mean() > 0.8
    assert np.abs(model.generator.predict([0, 1]) - exact.generator.predict([0, 1])).max() < 0.05
    images = torch.rand(2, 1, 8, 8)
    assert model.tokenizer.reconstruct(images).shape == model.tokenizer.reconstruct(images, bypass=True).shape
    assert model.tokenizer(images).reconstruction.dtype == dtype
    assert model.tokenizer.quantizer.codebook.dtype == (dtype if dtype == torch.float64 else torch.float32)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_other_models_predict_in_any_precision(dtype: torch.dtype) -> None:
    from tenfold.imagefolder.teacher import SSLTeacher
    from tenfold.metrics.metric_classifier import MetricClassifier
    from tenfold.nn.convnet import ConvNetConfig
    from tenfold.ntk_attention.backbones import Backbone
    from tests.tenfold.ntk_attention.models import inputs, tiny

    config = ConvNetConfig(image_size=8, widths=(4, 8), features=6)
    for kind in (SSLTeacher, MetricClassifier):
        torch.manual_seed(0)
        model: Any = kind(config).eval()
        exact = model.predict(PIXELS)
        assert np.abs(model.to(dtype).predict(PIXELS) - exact).max() < 0.1
    images = inputs("vit")["pixel_values"].numpy()
    exact = Backbone(tiny("vit")).predict(images)
    assert np.abs(Backbone(tiny("vit").to(dtype)).predict(images) - exact).max() < 0.1


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.int32, torch.int64])
def test_tokens_decode_from_any_whole_numbers(dtype: torch.dtype) -> None:
    tokenizer = pipeline().tokenizer
    tokens = tokenizer.predict(PIXELS)
    expected = tokenizer.decode(torch.from_numpy(tokens))
    given = torch.from_numpy(tokens.astype(str(dtype).removeprefix("torch.")))
    assert torch.equal(tokenizer.decode(given), expected)
    for wrong in (given.float(), given.bool()):
        with pytest.raises(InvalidTokens, match="whole numbers"):
            tokenizer.decode(wrong)


def test_a_classifiers_numbers_are_named_in_its_errors() -> None:
    from tenfold.dp_ntk import PrivateNTKClassifier
    from tenfold.dp_ntk.calibration import InvalidCalibration
    from tenfold.dp_ntk.validation import TooFewFeatures

    rows, labels = np.random.default_rng(0).standard_normal((40, 3)), np.arange(40) % 2
    for setting in ({"width": 0, "mode": "ridge-sample"}, {"features": 0}, {"samples": 0, "mode": "ridge-sample"}):
        with pytest.raises(InvalidCalibration, match=next(iter(setting))):
            PrivateNTKClassifier(1.0, 1e-3, classes=[0, 1], **setting).fit(rows, labels)
    with pytest.raises(TooFewFeatures, match="none of the 2 public features: take more"):
        PrivateNTKClassifier(1.0, 1e-3, classes=[0, 1], features=2).fit(rows, labels)
