"""Kind: the type that a number or an array comes in changes no answer: whole numbers, float32, NumPy's scalars.

Joins: every public call that takes an array or a number. Numbers that are kept end in JSON: save them and load them.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV

from tenfold.arguments import InvalidArgument, real, whole
from tenfold.dp_cross_attention import PrivateMemory
from tenfold.dp_cross_attention.module import PrivateCrossAttention
from tenfold.dp_john import private_john_ellipsoid
from tenfold.dp_ntk import PrivateNTKClassifier
from tenfold.dp_ntk.calibration import calibrate
from tenfold.dp_ntk.kernel import FiniteKernel, LimitKernel
from tenfold.dp_ntk.mechanisms import release_ssp
from tenfold.dp_ntk.random_features import RandomFeatures
from tenfold.imagefolder.config import TokenizerConfig
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.ntk_attention.config import NTKAttentionConfig, PrefixConfig
from tenfold.ntk_attention.model import inject
from tenfold.ntk_attention.save_and_load import from_pretrained, save_pretrained
from tenfold.privacy.noise import NoiseSource
from tests.tenfold.ntk_attention.models import tiny

BUDGET: dict[str, Any] = {"epsilon": 1.0, "delta": 1e-3}
CORNERS = np.eye(3)


def unit_rows(rows: int, seed: int, dtype: Any = np.float32) -> np.ndarray:
    drawn = np.random.default_rng(seed).standard_normal((rows, 7)).astype(dtype)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def memory() -> PrivateMemory:
    return PrivateMemory.fit(CORNERS, CORNERS, **{**BUDGET, "epsilon": 50.0}, radius=1.0, insecure_seed=0)


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool, torch.float16, torch.bfloat16, torch.float64])
def test_a_memory_answers_whole_numbers_as_their_floats(memory: PrivateMemory, dtype: torch.dtype) -> None:
    exact = memory.query(torch.eye(3))
    found = memory.query(torch.eye(3, dtype=dtype))
    assert found.dtype == (dtype if dtype.is_floating_point else torch.float32)
    torch.testing.assert_close(found.float(), exact, rtol=0, atol=1e-2)
    assert np.allclose(memory.query(torch.eye(3, dtype=dtype).float().numpy().astype(int)), exact)


@pytest.mark.parametrize(
    "kernel",
    [FiniteKernel.draw(5, 3, np.random.default_rng(0)), LimitKernel(), LimitKernel(activation="relu")],
    ids=["finite", "limit", "relu"],
)
def test_a_kernel_of_whole_numbers_is_that_of_their_floats(kernel: Any) -> None:
    rows = np.arange(12).reshape(4, 3) - 5
    assert np.allclose(kernel.matrix(rows), kernel.matrix(rows.astype(float)))
    assert np.allclose(kernel.matrix(rows, rows[:2]), kernel.matrix(rows.astype(float), rows[:2].astype(float)))


def test_numpy_numbers_are_taken_at_the_door_and_saved_as_pythons(tmp_path: Path) -> None:
    public = {"radius": np.float32(1), "degree": np.int64(4), "group": np.int8(1), "insecure_seed": np.int64(3)}
    budget = {"epsilon": np.float32(1), "delta": np.float64(1e-3), "budget_epsilon": np.float32(2)}
    for chosen in ({}, {"features": "rff", "feature_count": np.int64(8), "feature_seed": np.uint8(1)}):
        made = PrivateMemory.fit(CORNERS, CORNERS, **budget, **{**public, **chosen})
        made.save(tmp_path / "memory.safetensors")
        assert np.array_equal(PrivateMemory.load(tmp_path / "memory.safetensors").sketch, made.sketch)
    module = PrivateCrossAttention(3, heads=1, dim_head=2, on_violation="clip")
    module.fit(torch.eye(3), **budget, **public, value_radius=np.float32(1))
    module.get_extra_state()
    config = NTKAttentionConfig(rank=np.int64(2), layers=np.arange(1), dropout=np.float32(0), seed=np.int64(1))  # type: ignore[arg-type]
    for adapter in (config, PrefixConfig(length=np.int64(2), sd=np.float32(0.1))):
        folder = tmp_path / type(adapter).__name__
        save_pretrained(inject(tiny("vit"), adapter), folder)
        from_pretrained(tiny("vit"), folder)
    sizes = dict(image_size=8, patch_size=4, width=8, depth=1, heads=1, sides=(1, 2), codebook_size=4, code_dim=2)
    numbers = {name: tuple(map(np.int64, size)) if name == "sides" else np.int64(size) for name, size in sizes.items()}
    folder = Tokenizer(TokenizerConfig(**numbers)).save_pretrained(tmp_path / "tokenizer")  # type: ignore[arg-type]
    assert Tokenizer.from_pretrained(folder).config == TokenizerConfig(**sizes)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore")
def test_numpy_numbers_are_taken_by_the_classifier_and_by_a_search_over_them(tmp_path: Path) -> None:
    rows, labels = unit_rows(24, 0, np.float64), np.arange(24) % 2
    numbers: dict[str, Any] = {"features": np.int64(50), "ridge": np.float32(1), "public_seed": np.int64(1)}
    model = PrivateNTKClassifier(**BUDGET, **numbers, insecure_seed=np.int64(3), classes=[0, 1])  # type: ignore[arg-type]
    model.fit(rows, labels).save(tmp_path)
    assert np.array_equal(PrivateNTKClassifier.load(tmp_path).predict(rows), model.predict(rows))
    for mode, name in (("ssp", "features"), ("ridge-sample", "samples"), ("ridge-sample", "width")):
        base = PrivateNTKClassifier(**BUDGET, mode=mode, samples=2, insecure_seed=0, classes=[0, 1], on_refit="compose")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            GridSearchCV(base, {name: np.arange(40, 42)}, cv=2, error_score="raise").fit(rows, labels)


def test_numpy_numbers_are_taken_by_the_ellipsoids_modes() -> None:
    A = unit_rows(30, 0, np.float64)
    one = dict(mode="moment", row_norm_bound=np.float32(1), fraction=np.float64(0.9), insecure_seed=np.int64(0))
    assert private_john_ellipsoid(A, epsilon=np.float32(50), delta=np.float32(1e-3), **one).privacy
    two = dict(mode="paper", noise_sd=np.float64(0), rounds=np.int64(3), insecure_seed=np.uint8(0))
    assert private_john_ellipsoid(A, **two).privacy


@pytest.mark.parametrize("wrong", [True, 1.5, "3", None, np.bool_(True), np.array([1])])
def test_what_is_no_whole_number_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"n = .* must be a whole number"):
        whole(wrong, "n")
    for right in (3, np.int64(3), np.array(3), torch.tensor(3)):
        assert type(whole(right, "n")) is int and whole(right, "n") == 3 and type(real(right, "n")) is float


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_normalised_in_their_own_precision_are_within_a_radius_of_1(dtype: Any) -> None:
    """In 50 of 50 matrices some row's length, in float64, is above 1."""
    features = RandomFeatures.draw(9, 7, np.random.default_rng(0))
    for seed in range(50):
        rows = unit_rows(40, seed, dtype)
        made = PrivateMemory.fit(rows, rows, **BUDGET, radius=1.0, degree=2, insecure_seed=0)
        made.query(rows), made.query(torch.from_numpy(rows))
    clipped = private_john_ellipsoid(rows, **BUDGET | {"epsilon": 50.0}, mode="moment", row_norm_bound=1.0)
    assert clipped.privacy
    targets = np.where(np.arange(40)[:, None] % 2 == np.arange(2), 1.0, -1.0)
    calibration = calibrate("ssp", 1.0, 1e-3, d=9, classes=2)
    assert release_ssp(rows, targets, features, calibration, NoiseSource(0)).privacy


def test_what_exceeds_a_bound_by_rounding_counts_as_the_bound() -> None:
    from tenfold.dp_cross_attention.validation import within
    from tenfold.dp_john.calibration import calibrate as john
    from tenfold.dp_john.domain import RowNormOutOfBounds, rows_in_domain
    from tenfold.dp_ntk.validation import RowNotUnit, check_unit

    rows = unit_rows(40, 0) * np.float32(1 + 3e-7)
    moment = john("moment", 1.0, 1e-3, None, n=40, d=7, row_norm_bound=1.0)
    for checked in (within(rows.astype(float), 1.0, "rows", "error"), rows_in_domain(rows, moment), check_unit(rows)):
        assert np.linalg.norm(checked, axis=1).max() <= 1 + 1e-15
        assert np.allclose(checked, rows, atol=1e-6)
    for check in (lambda: rows_in_domain(1.001 * rows, moment), lambda: check_unit(1.001 * rows)):
        with pytest.raises((RowNormOutOfBounds, RowNotUnit)):
            check()


def test_torch_rows_of_half_precision_are_within_a_radius_of_1() -> None:
    from tenfold.dp_cross_attention.torch_attention import clipped

    for dtype in (torch.float16, torch.bfloat16):
        rows = torch.nn.functional.normalize(torch.randn(200, 32, generator=torch.Generator().manual_seed(0)).to(dtype))
        assert clipped(rows, 1.0, "rows", "error").norm(dim=1).max() <= 1 + 1e-12
