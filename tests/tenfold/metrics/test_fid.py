"""FID with a tiny network in Inception's place: moments from files, figures, and what is refused."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from tenfold.imaging.errors import InvalidImages
from tenfold.metrics.bootstrap import InvalidSamples
from tenfold.metrics.fid import SCORE_PART, ReferenceMoments, fid_figures, inception, measure, reference_moments
from tenfold.metrics.generation import InvalidReference
from tenfold.nn.errors import MissingPackage

DRAWS = np.random.default_rng(0)
REAL = DRAWS.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
MADE = DRAWS.integers(40, 216, (30, 8, 8, 3), dtype=np.uint8)


def tiny(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Means of the four quarters' first colour as features, of the colours as logits."""
    assert images.dtype == torch.uint8 and images.shape[1] == 3
    values = images.float() / 255
    features = torch.nn.functional.adaptive_avg_pool2d(values[:, :1], 2).flatten(1)
    return features, 20 * values.mean(dim=(2, 3))


def adm_file(path, pixels):
    features = measure(pixels, tiny)[0].astype(np.float64)
    np.savez(path, arr_0=pixels, mu=features.mean(axis=0), sigma=np.cov(features, rowvar=False), mu_s=0, sigma_s=0)
    return path


def test_fid_is_the_public_formula_on_the_evaluators_file(tmp_path):
    reference = reference_moments(adm_file(tmp_path / "reference.npz", REAL), tiny)
    found = fid_figures(MADE, reference, tiny, batch=7)
    a, b = (measure(pixels, tiny)[0].astype(np.float64) for pixels in (MADE, REAL))
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    distance = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(first + second - 2 * sqrtm(first @ second).real)
    assert found["fid"] == pytest.approx(distance, rel=1e-6) and found["n"] == 30
    p = measure(MADE, tiny)[1].astype(np.float64)
    score = np.exp((p * np.log(p / p.mean(axis=0))).sum(axis=1).mean())
    assert len(MADE) < SCORE_PART and found["inception_score"] == pytest.approx(score, rel=1e-5)
    assert len(found["reference"]) == 64


def test_images_may_be_the_reference(tmp_path):
    np.savez(tmp_path / "images.npz", arr_0=REAL)
    given = reference_moments(tmp_path / "images.npz", tiny)
    read = ReferenceMoments.load(adm_file(tmp_path / "reference.npz", REAL))
    assert np.allclose(given.moments.covariance, read.moments.covariance, atol=1e-8)
    assert fid_figures(REAL, given, tiny)["fid"] == pytest.approx(0, abs=1e-7)


def test_one_channel_is_three_alike():
    grey = REAL[..., 0]
    assert np.array_equal(measure(grey, tiny)[0], measure(np.repeat(grey[..., None], 3, axis=-1), tiny)[0])


def test_what_is_no_reference_is_named(tmp_path):
    good = dict(np.load(adm_file(tmp_path / "reference.npz", REAL)))
    changes = {
        "shapes": ({**good, "sigma": good["sigma"][:2]}, "of no one network"),
        "nan": ({**good, "mu": good["mu"] * np.nan}, "NaN"),
        "half": ({"mu": good["mu"]}, "no moments"),
    }
    for name, (content, words) in changes.items():
        np.savez(tmp_path / f"{name}.npz", **content)
        with pytest.raises(InvalidReference, match=words):
            reference_moments(tmp_path / f"{name}.npz", tiny)
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(InvalidReference, match="no npz file"):
        reference_moments(tmp_path / "cut.npz", tiny)
    np.savez(tmp_path / "other.npz", mu=np.zeros(5), sigma=np.eye(5))
    with pytest.raises(InvalidReference, match="4 dimensions and a reference of 5"):
        fid_figures(MADE, reference_moments(tmp_path / "other.npz", tiny), tiny)


def test_too_few_or_other_images_are_named():
    reference = ReferenceMoments.of(REAL, tiny)
    with pytest.raises(InvalidSamples, match="singular"):
        fid_figures(MADE[:4], reference, tiny)
    for pixels in (MADE[:0], MADE / 255, MADE[..., :2]):
        with pytest.raises(InvalidImages, match="bytes"):
            measure(pixels, tiny)


def test_the_inception_network_is_optional(monkeypatch, tmp_path):
    name = "torch_fidelity.feature_extractor_inceptionv3"
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingPackage, match="pip install torch-fidelity"):
        inception()

    class Extractor(torch.nn.Module):
        def __init__(self, name, features_list, feature_extractor_weights_path=None):
            super().__init__()
            assert features_list == ["2048", "logits_unbiased"]
            if feature_extractor_weights_path is not None:
                raise FileNotFoundError(feature_extractor_weights_path)

        def forward(self, images):
            return tiny(images)

    stand_in = ModuleType(name)
    stand_in.FeatureExtractorInceptionV3 = Extractor
    monkeypatch.setitem(sys.modules, "torch_fidelity", ModuleType("torch_fidelity"))
    monkeypatch.setitem(sys.modules, name, stand_in)
    assert measure(MADE, inception())[0].shape == (30, 4)
    with pytest.raises(InvalidReference, match="cannot be loaded"):
        inception(weights=tmp_path / "none.pth")
