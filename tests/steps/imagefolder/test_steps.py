"""The steps of ImageFolder as plain functions, on images made here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from steps.imagefolder import objective
from steps.imagefolder.evaluate import EvaluateParams
from steps.imagefolder.findings import configuration_measurements
from steps.imagefolder.generator import GeneratorParams
from steps.imagefolder.measurements import between_seeds, paired, row_measurements
from steps.imagefolder.networks import NetworksParams, networks
from steps.imagefolder.objective import standardised
from steps.imagefolder.prepare import PrepareParams
from steps.imagefolder.rows import RowsParams, rows
from steps.imagefolder.sample import SampleParams
from steps.imagefolder.splits import read_split
from steps.imagefolder.timing import TimingParams
from steps.imagefolder.tokenizer import TokenizerParams
from steps.imagefolder.training import TrainingParams, fit_tokenizer
from steps.step.run import Run
from tenfold.imagefolder.config import TokenizerConfig
from tenfold.imagefolder.perceptual import gradient_difference
from tenfold.imagefolder.pipeline import ImageFolder
from tenfold.imagefolder.teacher import SSLTeacher
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.models.loader import load
from tenfold.nn.pretrained import weights_sha256
from tests.steps.whole_paper import run_steps

CLASSES, SIDE = 3, 16
SIZES: dict[str, Any] = {"width": 16, "depth": 1, "heads": 2, "sides": [1, 1, 2], "codebook_size": 16, "start_drop": 1}
GENERATOR: dict[str, Any] = {"width": 16, "depth": 1, "heads": 2, "classes": CLASSES}
TRAINING = TrainingParams(updates=3, batch_size=8, learning_rate=1e-3, ema_decay=0.5)


def trained_for(updates: int) -> TrainingParams:
    return TRAINING.model_copy(update={"updates": updates, "ema_decay": 0.99})


def network_params(updates: int, **changes: Any) -> NetworksParams:
    own: dict[str, Any] = dict(
        classifier_widths=[4, 8],
        teacher_widths=[4, 8],
        features=6,
        classes=CLASSES,
        classifier_updates=updates,
        teacher_updates=updates,
        batch_size=8,
        classifier_learning_rate=1e-3,
        teacher_learning_rate=1e-3,
        oracle=False,
    )
    return NetworksParams(**{**own, **changes})


def row_params(**changes: Any) -> RowsParams:
    own: dict[str, Any] = dict(
        rows=[],
        seeds=1,
        long_sides=[1, 1, 2, 4],
        adversarial_start=0.5,
        training=TRAINING,
        generator_updates=2,
        per_class=5,
        guidance_scale=1.0,
        top_p=0.95,
    )
    return RowsParams(**{**own, **changes})


def step_run(name: str, out: Path, variant: str | None = None, **more: Any) -> Run:
    out.mkdir(parents=True, exist_ok=True)
    return Run("imagefolder", name, out=out, variant=variant, **more)


def write_images(folder: Path, channels: int) -> Path:
    """Write images of three classes as a source has them: a bright square at a place of the class."""
    folder.mkdir()
    draws = np.random.default_rng(channels)
    arrays = {}
    for split, count in (("train", 60), ("test", 30)):
        labels = np.arange(count) % CLASSES
        pixels = draws.integers(0, 60, (count, SIDE, SIDE, 3), dtype=np.uint8)
        for image, label in zip(pixels, labels, strict=True):
            image[4:12, 4 * label : 4 * label + 6] += 150
        arrays |= {f"x_{split}": pixels if channels == 3 else pixels[..., 0], f"y_{split}": labels}
    np.savez(folder / "images.npz", **arrays)
    (folder / "source.json").write_text(json.dumps({"origin": "made here", "stand_in": True}))
    return folder


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every step's output, each made from the others as the flow says."""
    top = tmp_path_factory.mktemp("imagefolder")
    sources = {name: write_images(top / name, channels) for name, channels in (("fashion_mnist", 1), ("cifar10", 3))}
    params: dict[str, Any] = {
        "prepare": PrepareParams(datasets=["fashion_mnist", "cifar10"], side=SIDE, train=14, validation=6, test=10),
        "networks": network_params(updates=3, oracle=True),
        "tokenizer": TokenizerParams(sizes=SIZES, training=TRAINING),
        "generator": GeneratorParams(sizes=GENERATOR, seeds=2, training=TRAINING),
        "sample": SampleParams(per_class=8, search_per_class=3, guidance_scales=[0.0, 1.0], top_k=0, top_p=0.95),
        "rows": row_params(rows=list(range(1, 9)), seeds=2),
        "timing": TimingParams(batch_size=6, guidance_scale=1.0, repeats=2),
        "evaluate": EvaluateParams(resamples=4),
    }
    return run_steps("imagefolder", top / "out", sources, params)


def test_the_splits_share_no_image_and_keep_the_official_test_split(done: dict[str, Path]) -> None:
    for name in ("fashion_mnist", "cifar10"):
        parts = {split: read_split(done["prepare"], name, split) for split in ("train", "validation", "test")}
        assert [len(part) for part in parts.values()] == [42, 18, 30]
        seen = [{image.tobytes() for image in part.pixels} for part in parts.values()]
        assert sum(map(len, seen)) == len(set.union(*seen)) == 90
        with np.load(done[name] / "images.npz") as source:
            assert seen[2] == {image.tobytes() for image in source["x_test"]}
        assert parts["test"].images.shape == (30, 1 if name == "fashion_mnist" else 3, SIDE, SIDE)


def test_models_are_kept_with_cards_and_predict(done: dict[str, Path]) -> None:
    for name, channels in (("fashion_mnist", 1), ("cifar10", 3)):
        shape = (2, SIDE, SIDE) if channels == 1 else (2, SIDE, SIDE, 3)
        blank = np.zeros(shape, np.uint8)
        coder: Any = load(done["p2"] / "models" / f"{name}-p2")
        assert coder.predict(blank).shape == (2, 2, 6)
        whole: Any = load(done["folded"] / "models" / f"{name}-folded-0")
        assert isinstance(whole, ImageFolder) and whole.predict(np.array([0, 2])).shape == shape
        judge: Any = load(done["networks"] / "models" / f"{name}-metric_clf")
        assert judge.predict(blank).shape == (2, CLASSES)
        for folder in (done["p2"] / "models" / f"{name}-p2", done["folded"] / "models" / f"{name}-folded-0"):
            assert "made here" in (folder / "README.md").read_text()
        inner = ", ".join(map(str, shape[1:]))
        takes = f"takes uint8 (N, {inner}) and returns int64 (N, 2, 6)."
        assert takes in (done["p2"] / "models" / f"{name}-p2/README.md").read_text()
        takes = f"takes int64 (N) and returns uint8 (N, {inner})."
        assert takes in (done["folded"] / "models" / f"{name}-folded-0/README.md").read_text()


@pytest.mark.parametrize(("method", "name"), [("simclr", "SimCLR"), ("vicreg", "VICReg")])
def test_the_teacher_s_card_names_its_method(done: dict[str, Path], tmp_path: Path, method: Any, name: str) -> None:
    params = NetworksParams(
        classifier_widths=[4, 8],
        teacher_widths=[4, 8],
        features=6,
        classes=CLASSES,
        classifier_updates=1,
        teacher_updates=3,
        batch_size=8,
        classifier_learning_rate=1e-3,
        teacher_learning_rate=1e-3,
        oracle=False,
        teacher_method=method,
    )
    networks(done["prepare"], out=tmp_path, params=params, run=step_run("networks", tmp_path))
    folders = [path / "models" / "fashion_mnist-ssl_teacher" for path in (tmp_path, done["networks"])]
    assert f"trained by {name} on" in (folders[0] / "README.md").read_text()
    sums = [weights_sha256(SSLTeacher.load(folder)) for folder in folders]
    assert (sums[0] == sums[1]) == (method == "simclr")  # which is the default


def test_the_teacher_stays_what_it_was_through_a_tokenizer_s_training(done: dict[str, Path], tmp_path: Path) -> None:
    teacher = SSLTeacher.load(done["networks"] / "models" / "fashion_mnist-ssl_teacher")
    before, images = weights_sha256(teacher), read_split(done["prepare"], "fashion_mnist", "train").images
    described = standardised(teacher, images)
    assert torch.allclose(described(images).std(0), torch.ones(6), atol=1e-2)
    config = TokenizerConfig.from_dict({**SIZES, "image_size": SIDE, "teacher_dim": 6})
    model = fit_tokenizer(step_run("t", tmp_path), "t", config, trained_for(2), images, teacher=described)
    assert weights_sha256(teacher) == before
    assert float(model.projection(model.teacher_inputs(described(images))).std(0).min()) > 0


def test_a_killed_training_goes_on_to_the_same_weights(done: dict[str, Path], tmp_path: Path) -> None:
    images = read_split(done["prepare"], "fashion_mnist", "train").images
    config = TokenizerConfig.from_dict({**SIZES, "image_size": SIDE, "semantic_branches": "none"})

    class Cut(Run):
        stop_after = 99

        def updates(self, total: int, state: Any = None, *, every_seconds: float = 0.0):  # type: ignore[no-untyped-def]
            for update in super().updates(total, state, every_seconds=0.0):
                if update > self.stop_after:
                    raise KeyboardInterrupt
                yield update

    def trained(folder: str, stop_after: int = 99) -> str:
        run = Cut("imagefolder", "tokenizer", out=tmp_path / "out", checkpoints=tmp_path / folder)
        run.stop_after = stop_after
        return weights_sha256(fit_tokenizer(run, "t", config, trained_for(6), images))

    whole = trained("whole")
    with pytest.raises(KeyboardInterrupt):
        trained("cut", stop_after=3)
    assert trained("cut") == whole


def test_guidance_is_chosen_by_validation_and_samples_are_equally_many(done: dict[str, Path]) -> None:
    tried = json.loads((done["sample"] / "guidance.json").read_text())
    for name in ("fashion_mnist", "cifar10"):
        for found in tried[name].values():
            assert found["fd_metric_clf"][f"{found['chosen']:g}"] == min(found["fd_metric_clf"].values())
    with np.load(done["sample"] / "samples.npz") as samples:
        assert len(samples.files) == 6 and {len(samples[name]) for name in samples.files} == {24}
        assert not np.array_equal(samples["fashion_mnist-folded-0"], samples["fashion_mnist-folded-1"])


def test_every_row_of_the_ablation_is_trained_and_measured(done: dict[str, Path]) -> None:
    parts = [pd.read_csv(done[name] / "rows.csv") for name in ("quantisation", "semantics")]
    table = pd.concat(parts)
    assert table.groupby("row").seed.count().to_dict() == dict.fromkeys(range(1, 9), 2)
    assert table.groupby("row").positions.first().tolist() == [22, 22, 6, 6, 6, 6, 6, 6]
    assert (table.fd_metric_clf > 0).all() and parts[0][parts[0].row < 4].probe_1.isna().all()
    items: dict[str, np.ndarray] = {}
    for name in ("quantisation", "semantics"):
        with np.load(done[name] / "items.npz") as data:
            items |= {key: data[key] for key in data.files}
    for row in table.itertuples():
        assert items[f"{row.row}|{row.seed}|error"].mean() == pytest.approx(row.error, rel=1e-4)
    found = row_measurements(table, items)
    means = table.groupby("row").error.mean()
    assert found["smaller_map_costs"].value == pytest.approx(means[3] - means[2], rel=1e-4)
    assert found["rows_p1_minus_p2"].seeds == 2 and found["fd_one_minus_all"].interval is not None
    few = row_measurements(table[table.row < 3], {k: v for k, v in items.items() if k[0] in "12"})
    assert few["smaller_map_costs"].unavailable and few["dropout_full_ratio"].value is not None


def test_a_row_with_a_collapsed_branch_is_published_with_a_probe_at_chance(
    done: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def collapsed(config: TokenizerConfig, *_: Any) -> Tokenizer:
        model = Tokenizer(config)
        model.quantizer.codebook.data[1] = model.quantizer.codebook.data[1, 0].clone()  # one code in all places
        return model

    monkeypatch.setattr(objective, "start", collapsed)
    # so that it stays so, past a look at the codes
    training = TRAINING.model_copy(update={"updates": 52, "learning_rate": 0.0})
    params = row_params(rows=[6], training=training)
    inputs = [done[name] for name in ("prepare", "networks", "p2", "folded")]
    rows(*inputs, out=tmp_path, params=params, run=step_run("rows", tmp_path, "semantics"))
    table = pd.read_csv(tmp_path / "rows.csv")
    assert table.least_perplexity[0] == pytest.approx(1)
    assert len(table) == 1 and table.probe_1[0] == pytest.approx(1 / CLASSES)  # thirty images, ten a class
    assert np.isfinite(table.error[0]) and np.isfinite(table.fd_metric_clf[0])
    with np.load(tmp_path / "items.npz") as items:
        assert items["6|0|probe_1"].sum() == 10 and len(items["6|0|probe_0"]) == 30


def test_differences_of_one_training_are_over_images_and_of_several_over_seeds() -> None:
    draws = np.random.default_rng(0)
    first = draws.standard_normal((3, 400))
    second = first - 0.5 + 0.1 * draws.standard_normal((3, 1)) + 0.01 * draws.standard_normal((3, 400))
    one = paired(first[0], second[0], "error", "")
    assert one.bounds[1] - one.bounds[0] < 0.01 and one.n == 400
    several = between_seeds(first, second, "error", "")
    assert several.seeds == 3 and several.bounds[1] - several.bounds[0] > 0.1  # seeds differ by 0.1
    assert between_seeds(first[:1], second[:1], "error", "").unavailable


def test_the_published_configuration_says_what_the_findings_say() -> None:
    found = configuration_measurements()
    assert found["published_positions"].value == 286
    assert found["commitment_ratio"].value == pytest.approx(10, rel=1e-5)
    assert found["bits_ratio"].value == 2


def test_evaluation_writes_every_claim_s_measurement_and_figures(done: dict[str, Path]) -> None:
    from ruamel.yaml import YAML

    out = done["evaluate"]
    claims = json.loads((out / "claims.json").read_text())
    declared = YAML(typ="safe").load(Path("steps/imagefolder/claims.yaml"))
    for entry in [*declared["claims"], *declared["findings"]]:
        for test in entry["tests"]:
            assert test["measurement"] in claims, entry["id"]
    assert "unavailable" in claims["fd_equilibrium_minus_semantic"]
    assert claims["fd_folded_minus_unfolded"]["seeds"] == 2
    generations = pd.read_csv(out / "tables" / "generation.csv")
    assert set(generations.dataset) == {"fashion_mnist", "cifar10"} and len(generations) == 8
    reconstructions = pd.read_csv(out / "tables" / "reconstruction.csv")
    assert reconstructions.psnr.notna().all() and (reconstructions.ssim <= 1).all()
    for name in ("fashion_mnist", "cifar10"):
        for figure in ("samples_folded", "samples_unfolded", "reconstruction", "interpolation", "guidance"):
            assert (out / "figures" / f"{name}_{figure}.svg").stat().st_size > 1000


def test_gradient_difference_sees_edges_and_no_shift() -> None:
    images = torch.rand(2, 1, 8, 8)
    assert float(gradient_difference(images + 0.3, images)) < 1e-6
    edge = images.clone()
    edge[:, :, :, 4:] += 1.0
    assert float(gradient_difference(edge, images)) == pytest.approx(1 / 7, rel=1e-5)
