"""The steps of private cross-attention as plain functions."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from steps.dp_cross_attention import comparisons, measurements
from steps.dp_cross_attention.audit import AuditParams, audit
from steps.dp_cross_attention.calibrate import CalibrateParams, calibrate
from steps.dp_cross_attention.classify import ClassifyParams, classify
from steps.dp_cross_attention.errors import ErrorsParams, errors
from steps.dp_cross_attention.prepare import PrepareParams, Split, prepare
from steps.step.run import Run
from tests.conftest import ROOT


def run_in(out: Path, step: str) -> dict[str, Any]:
    out.mkdir()
    return {"out": out, "run": Run("dp_cross_attention", step, out=out)}


def test_calibrate_has_no_data_path(tmp_path: Path) -> None:
    assert not [item for item in inspect.signature(calibrate).parameters.values() if item.kind is not item.KEYWORD_ONLY]
    params = CalibrateParams(epsilons=[0.5, 4.0], logit_bounds=[1.0, 8.0], heads=[1, 4], delta=1e-6, useful_noise=0.1)
    calibrate(params=params, **run_in(tmp_path / "out", "calibrate"))
    content = json.loads((tmp_path / "out" / "ledger.json").read_text())
    assert [row["classical"] is None for row in content["accounting"]] == [False, True]  # refused above ε = 1
    assert content["temperature"][0]["rows_worst"] == pytest.approx(624, rel=0.01)
    assert content["temperature"][1]["rows_worst"] == pytest.approx(7.5e8, rel=0.01)
    assert content["heads"][1]["noise_growth"] == 2


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    from tenfold.data.registry import find_source, load_registry
    from tenfold.data.resolve import resolve
    from tenfold.data.writing import write_source

    registry = load_registry(ROOT / "data" / "sources.yaml")
    resolved = resolve("digits", registry=registry, mirror=None, policy="allow", downloads=tmp_path / "none")
    write_source(resolved, find_source(registry, "digits"), tmp_path / "digits")
    return tmp_path / "digits"


@pytest.fixture
def embedded(tmp_path: Path) -> Path:
    folder, generator = tmp_path / "embedded", np.random.default_rng(0)
    folder.mkdir()
    labels = generator.integers(3, size=200)
    vectors = np.eye(3, 8)[labels] + 0.3 * generator.standard_normal((200, 8))
    np.save(folder / "vectors.npy", (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32))
    np.save(folder / "labels.npy", labels)
    return folder


def prepared(digits: Path, embedded: Path, out: Path, private: int = 120) -> None:
    params = PrepareParams(
        digits=Split(private=900, public=200, queries=150, dimension=8),
        agnews=Split(private=private, public=30, queries=40, dimension=3),
        seeds=2,
    )
    prepare(digits, embedded, params=params, **run_in(out, "prepare"))


def test_prepare_keeps_public_private_and_queries_apart(digits: Path, embedded: Path, tmp_path: Path) -> None:
    prepared(digits, embedded, tmp_path / "out")
    for name, dimension in (("digits", 8), ("agnews", 3)):
        first, second = (np.load(tmp_path / "out" / f"{name}-{seed}.npz") for seed in range(2))
        assert first["keys"].shape[1] == dimension
        for part in ("keys", "queries"):
            assert np.linalg.norm(first[part], axis=1) == pytest.approx(1.0)
        both = np.concatenate([first["keys"], first["queries"]])
        assert len(np.unique(both.round(12), axis=0)) == len(both)  # no row is asked about itself
        assert not np.array_equal(first["labels"], second["labels"])
    with pytest.raises(ValueError, match=r"agnews: the split asks for 1070 rows, there are 200"):
        prepared(digits, embedded, tmp_path / "more", private=1000)


def test_a_private_memory_classifies(digits: Path, embedded: Path, tmp_path: Path) -> None:
    prepared(digits, embedded, tmp_path / "prepared")
    params = ClassifyParams(
        logit_bounds=[2.0], epsilons=[1.0, 8.0], delta=1e-5, degrees={"digits": 4, "agnews": 4}, random_features=256
    )
    classify(tmp_path / "prepared", params=params, **run_in(tmp_path / "out", "classify"))
    table = pd.read_csv(tmp_path / "out" / "accuracy.csv")
    assert table.accuracy.between(0, 1).all()
    private = table[table.method == "Taylor sketch"]
    assert private[["epsilon", "delta", "mu", "noise_sd", "radius", "logit_bound", "feature_count"]].notna().all().all()
    assert private.insecure_seed.all() and set(private.relation) == {"replace_one"}
    by_method = table[(table.dataset == "digits") & ~(table.epsilon < 8)].groupby("method").accuracy.mean()
    assert by_method["exact attention, not private"] > 0.8
    assert by_method["Taylor sketch"] > by_method["noise for each query"] > by_method["mean value"]
    found = measurements.classification(table)
    assert found["digits_loss"].bounds[0] <= found["digits_loss"].number


def test_errors_fall_as_one_over_n(tmp_path: Path) -> None:
    params = ErrorsParams(
        rows=[200, 2000, 20000],
        epsilons=[0.1, 1.0, 8.0],
        dimension=3,
        value_dimension=2,
        degree=4,
        queries=60,
        seeds=4,
        delta=1e-6,
        logit_bounds=[1.0, 4.0, 8.0],
        degrees=[2, 4, 6, 8],
        random_features=[64],
        temperature_rows=2000,
        temperature_dimension=2,
    )
    errors(params=params, **run_in(tmp_path / "out", "errors"))
    ledger = {"useful_noise": 0.1, "temperature": [{"logit_bound": 8.0, "rows_worst": 7.5e8}]}
    tables = [pd.read_csv(tmp_path / "out" / name) for name in ("grid.csv", "temperature.csv")]
    found = measurements.error(*tables, ledger)
    assert found["noise_slope_rows"].number == pytest.approx(-1, abs=0.15)
    assert found["noise_over_predicted"].number == pytest.approx(1, abs=0.25)
    assert found["truncation_within_bound"].number <= 1
    truncation = [found[f"truncation_{degree}"].number for degree in (2, 4, 6, 8)]
    assert truncation == sorted(truncation, reverse=True)
    assert found["error_at_1"].number < found["error_at_8"].number


def test_audits_are_recorded_with_their_claims(tmp_path: Path) -> None:
    params = AuditParams(
        epsilon=1.0,
        delta=1e-6,
        runs=2000,
        false_alarm_repeats=3,
        bug_repeats=1,
        wide_epsilon=4.0,
        wide_runs=2000,
        slow_runs=200,
        seeds=1,
    )
    audit(params=params, **run_in(tmp_path / "out", "audit"))
    table = pd.DataFrame(json.loads((tmp_path / "out" / "audits.json").read_text()))
    assert set(table.kind) == {"repeat", "planted", "correct"}
    assert (table[table.kind == "correct"].groupby("mechanism").size() == 1).all()
    search = [{"degree": 4, "ratio": 0.9, "trials": 1000}, {"degree": 3, "ratio": 1.02, "trials": 1000}]
    tree = {"reached": 1.4, "usual": 1.0, "bound": 1.42}
    found = measurements.privacy(table, {"sensitivity": search, "tree": tree})
    assert found["sensitivity_ratio"].number == 0.9 and found["odd_degree_ratio"].number == 1.02
    assert found["false_alarms"].n == 3


def test_every_claim_names_measurements_that_are_made() -> None:
    """The names in claims.yaml are looked for in the source of the modules that measure."""
    declared = YAML(typ="safe").load(ROOT / "steps" / "dp_cross_attention" / "claims.yaml")
    source = inspect.getsource(measurements) + inspect.getsource(comparisons)
    named = {
        name
        for entry in declared["claims"] + declared["findings"]
        for test in entry["tests"]
        for name in test.get("order", [test.get("measurement")])
    }
    made = {name for name in named if f'"{name}"' in source}
    computed = {
        name
        for name in named - made
        if name.rsplit("_", 1)[0]
        in (
            "truncation",
            "error_at",
            "digits",
            "agnews",
            "digits_per",
            "agnews_per",
            "taylor_gain",
            "means_gain",
            "sketch_gain",
        )
    }
    assert named == made | computed
