"""Models as folders: they come back with their configuration, and a folder that does not fit is named."""

from __future__ import annotations

import json

import pytest
import torch

from tenfold.metrics.metric_classifier import MetricClassifier
from tenfold.models.folder import DamagedModel, InvalidModel
from tenfold.nn.convnet import ConvNetConfig
from tenfold.nn.pretrained import weights_sha256
from tenfold.nn.seeding import seeded


@pytest.fixture
def model() -> MetricClassifier:
    return seeded(MetricClassifier, ConvNetConfig(image_size=8, widths=(4, 8), features=6), 0).eval()


def test_a_model_comes_back_from_its_folder(model, tmp_path):
    again = MetricClassifier.from_pretrained(model.save_pretrained(tmp_path / "model"))
    assert again.config == model.config and weights_sha256(again) == weights_sha256(model) and not again.training


def test_a_card_has_the_class_s_tags_and_settings(model, monkeypatch):
    assert "tags" not in model.card() and "| features | 6 |" in model.card()
    monkeypatch.setattr(MetricClassifier, "tags", ("classifier", "small"))
    assert model.card().startswith("---\nlibrary_name: tenfold\ntags: [classifier, small]\n---\n\n# MetricClassifier")


def test_a_folder_that_does_not_fit_is_named(model, tmp_path):
    folder = model.save_pretrained(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    wrong = {"no configuration of a Metric": {**config, "depth": 3}, "no weights": {**config, "features": 9}}
    for words, changed in wrong.items():
        (folder / "config.json").write_text(json.dumps(changed))
        with pytest.raises(InvalidModel, match=words):
            MetricClassifier.load(folder)
    with pytest.raises(DamagedModel, match=r"config\.json has sha256"):
        MetricClassifier.from_pretrained(folder)


def test_the_sum_is_of_all_weights_and_statistics(model):
    before = weights_sha256(model)
    model.train()(torch.rand(4, 1, 8, 8))  # moves the batch norms' statistics alone
    assert weights_sha256(model) != before
