"""Kind: a call that fails leaves what it was given as it was, and the same call without the fault then works.

Joins: every call that changes an object (a model, an estimator, a memory, a folder) and can refuse an argument.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tenfold.ntk_attention.config import NTKAttentionConfig, PrefixConfig
from tenfold.ntk_attention.distillation import distil_prefix
from tenfold.ntk_attention.errors import InvalidAdapter
from tenfold.ntk_attention.model import adapter_names, inject
from tenfold.ntk_attention.save_and_load import from_pretrained, save_pretrained
from tests.tenfold.ntk_attention.models import inputs, tiny


def traces(model: Any) -> tuple[Any, ...]:
    """Return what a call could have changed."""
    with torch.no_grad():
        answer = model(**inputs("vit")).logits
    trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    return answer.tolist(), trained, list(model.state_dict()), adapter_names(model), model.config._attn_implementation


@pytest.mark.parametrize("before", [None, "first"])
@pytest.mark.parametrize("config", [NTKAttentionConfig(rank=999), NTKAttentionConfig(modules_to_save=("nothing",))])
def test_an_adapter_that_is_refused_leaves_the_model_alone(before: str | None, config: NTKAttentionConfig) -> None:
    model = tiny("vit")
    if before:
        inject(model, NTKAttentionConfig(init="unit_k", modules_to_save=("classifier",)), before)
    was = traces(model)
    with pytest.raises(InvalidAdapter):
        inject(model, config, "second")
    assert traces(model) == was
    inject(model, NTKAttentionConfig(), "second")


def test_an_adapter_of_another_model_leaves_this_one_alone(tmp_path: Path) -> None:
    save_pretrained(inject(tiny("vit", hidden_size=32), NTKAttentionConfig()), tmp_path / "other")
    save_pretrained(inject(tiny("vit"), NTKAttentionConfig()), tmp_path / "own")
    model = tiny("vit")
    was = traces(model)
    with pytest.raises(InvalidAdapter, match="do not fit"):
        from_pretrained(model, tmp_path / "other")
    assert traces(model) == was
    assert adapter_names(from_pretrained(model, tmp_path / "own")) == ["default"]


def test_a_distillation_that_is_refused_leaves_the_prefix_active() -> None:
    model = inject(tiny("vit"), PrefixConfig(length=3, sd=1.0), "prefix")
    was = traces(model)
    with pytest.raises(InvalidAdapter):
        distil_prefix(model, NTKAttentionConfig(rank=999), prefix="prefix")
    assert traces(model) == was


@pytest.mark.parametrize("mode", ["ssp", "ridge-sample"])
@pytest.mark.parametrize("fault", [{"ridge": 0.0}, {"ridge": float("nan")}, {"ridge": -1}])
def test_a_fit_that_is_refused_spends_nothing(mode: str, fault: dict[str, Any]) -> None:
    from tenfold.dp_ntk import PrivateNTKClassifier

    rows = np.random.default_rng(0).standard_normal((12, 3))
    labels = np.arange(12) % 2
    model = PrivateNTKClassifier(1.0, 1e-3, mode, samples=2, features=4, classes=[0, 1], insecure_seed=0)
    model.set_params(**fault)
    with pytest.raises(ValueError, match="ridge"):
        model.fit(rows, labels)
    assert not [name for name in vars(model) if name.endswith("_")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.set_params(ridge=1.0).fit(rows, labels)
    assert model.predict(rows).shape == (12,)


def test_modules_that_are_fitted_together_release_all_or_nothing() -> None:
    from tenfold.dp_cross_attention.errors import BoundViolated
    from tenfold.dp_cross_attention.module import PrivateCrossAttention
    from tenfold.dp_cross_attention.replacement import fit_together

    modules = {name: PrivateCrossAttention(4, heads=1, dim_head=2) for name in ("small", "large")}
    with torch.no_grad():
        modules["small"].to_k.weight.mul_(0.01)
        modules["small"].to_v.weight.mul_(0.01)
        modules["large"].to_k.weight.mul_(100)
    public = {"epsilon": 1.0, "delta": 1e-3, "radius": 1.0, "value_radius": 1.0, "degree": 2, "insecure_seed": 0}
    rows = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    with pytest.raises(BoundViolated):
        fit_together(modules, rows, **public)
    assert all(module.ledger is None and not module.sketch.numel() for module in modules.values())
    with torch.no_grad():
        modules["large"].to_k.weight.mul_(1e-4)
        modules["large"].to_v.weight.mul_(0.01)
    fit_together(modules, rows, **public)
    assert all(module.ledger is not None for module in modules.values())
