"""The same images at two sizes, through every step: what the profile ``gpu`` does, at tiny sizes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from steps.imagefolder.evaluate import EvaluateParams
from steps.imagefolder.generator import GeneratorParams
from steps.imagefolder.prepare import PrepareParams, UnknownDataset, prepare, source_and_size
from steps.imagefolder.sample import SampleParams
from steps.imagefolder.splits import dataset_names, read_split
from steps.imagefolder.timing import TimingParams
from steps.imagefolder.tokenizer import TokenizerParams, sized
from steps.step import params as parameters
from tenfold.imagefolder.pipeline import ImageFolder
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.nn.errors import InvalidConfig
from tests.steps.imagefolder.test_steps import GENERATOR, TRAINING, network_params, row_params, step_run, write_images
from tests.steps.whole_paper import run_steps

SMALL, LARGE = "cifar10", "cifar10_32"  # of 16×16 and 32×32
SIZES: dict[str, Any] = {
    "width": 16,
    "depth": 1,
    "heads": 2,
    "grid": 2,
    "sides": [1, 1, 2],
    "codebook_size": 16,
    "start_drop": 1,
}


def test_the_gpu_profile_has_cifar10_at_32_and_64_with_as_many_patches() -> None:
    raw = {**parameters.read(Path()), "profile": "gpu"}
    split = parameters.typed(PrepareParams, parameters.block(raw, "imagefolder", "prepare"), "prepare")
    own = parameters.typed(TokenizerParams, parameters.block(raw, "imagefolder", "tokenizer"), "tokenizer")
    found = [source_and_size(name, split.side) for name in split.datasets]
    assert found == [("cifar10", 32), ("cifar10", 64)]
    assert [sized(own.sizes, size)["patch_size"] for _, size in found] == [4, 8]


def test_a_grid_that_does_not_tile_and_a_source_that_does_not_exist_are_named(tmp_path: Path) -> None:
    assert sized({"patch_size": 4}, 30) == {"patch_size": 4}
    with pytest.raises(InvalidConfig, match="grid of 8"):
        sized({"grid": 8}, 30)
    with pytest.raises(InvalidConfig, match="without patch_size"):
        sized({"grid": 8, "patch_size": 4}, 32)
    assert source_and_size("fashion_mnist", 32) == ("fashion_mnist", 32)
    split = PrepareParams(datasets=["cifar100_64"], side=16, train=1, validation=1, test=1)
    with pytest.raises(UnknownDataset, match="cifar100_64 is none of"):
        prepare(
            tmp_path / "fashion_mnist",
            tmp_path / "cifar10",
            out=tmp_path,
            params=split,
            run=step_run("prepare", tmp_path / "out"),
        )


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every step's output."""
    top = tmp_path_factory.mktemp("two_sizes")
    sources = {name: write_images(top / name, channels) for name, channels in (("fashion_mnist", 1), ("cifar10", 3))}
    params: dict[str, Any] = {
        "prepare": PrepareParams(datasets=[SMALL, LARGE], side=16, train=14, validation=6, test=10),
        "networks": network_params(updates=2),
        "tokenizer": TokenizerParams(sizes=SIZES, training=TRAINING),
        "generator": GeneratorParams(sizes=GENERATOR, seeds=1, training=TRAINING),
        "sample": SampleParams(
            per_class=8, search_per_class=3, guidance_scales=[0.0, 1.0], top_k=0, top_p=0.95, on_gpu=True
        ),
        "rows": row_params(rows=[1, 8, "branches_4", "codebook_double", "dropout_half"]),
        "timing": TimingParams(batch_size=6, guidance_scale=1.0, repeats=1),
        "evaluate": EvaluateParams(resamples=4, on_gpu=True),
    }
    return run_steps("imagefolder", top / "out", sources, params)


def test_both_sizes_are_of_the_same_images_in_the_same_splits(done: dict[str, Path]) -> None:
    assert dataset_names(done["prepare"]) == [SMALL, LARGE]
    for name in ("train", "validation", "test"):
        small, large = (read_split(done["prepare"], dataset, name) for dataset in (SMALL, LARGE))
        assert small.pixels.shape[1:] == (16, 16, 3) and large.pixels.shape[1:] == (32, 32, 3)
        assert np.array_equal(small.labels, large.labels)
        means = [split.pixels.mean(axis=(1, 2, 3)) for split in (small, large)]
        assert np.corrcoef(*means)[0, 1] > 0.999


def test_patches_grow_with_the_images_and_positions_stay(done: dict[str, Path]) -> None:
    configs = [Tokenizer.load(done["p2"] / "models" / f"{name}-p2").config for name in (SMALL, LARGE)]
    assert [config.patch_size for config in configs] == [8, 16] and {config.positions for config in configs} == {6}
    model = ImageFolder.load(done["folded"] / "models" / f"{LARGE}-folded-0")
    assert model.predict(np.array([0, 2])).shape == (2, 32, 32, 3)


def test_samples_figures_and_tables_name_both_sizes(done: dict[str, Path]) -> None:
    with np.load(done["sample"] / "samples.npz") as samples:
        assert samples[f"{LARGE}-folded-0"].shape == (24, 32, 32, 3)
        assert samples[f"{SMALL}-folded-0"].shape == (24, 16, 16, 3)
    out = done["evaluate"]
    for name in (SMALL, LARGE):
        for figure in ("samples_folded", "samples_unfolded", "reconstruction", "interpolation", "guidance"):
            assert (out / "figures" / f"{name}_{figure}.svg").exists()
    for table in ("reconstruction", "generation", "truncated", "usage", "probes"):
        assert set(pd.read_csv(out / "tables" / f"{table}.csv").dataset) == {SMALL, LARGE}
    assert set(json.loads((done["sample"] / "guidance.json").read_text())) == {SMALL, LARGE}
    assert "value" in json.loads((out / "claims.json").read_text())["p1_minus_p2"]


def test_rows_of_the_sweep_stand_in_the_table_beside_the_paper_s(done: dict[str, Path]) -> None:
    table = pd.read_csv(done["evaluate"] / "tables" / "ablation.csv")
    assert table.row.tolist() == [1, 8, 10, 12, 16]
    assert table.title.tolist()[2:] == ["row 6 with P = 4", "row 6 with 2 V", "row 6 with quantizer dropout 0.5"]
    assert table.bits.tolist() == [22 * 4, 6 * 2 * 4, 6 * 4 * 4, 6 * 2 * 5, 6 * 2 * 4]
