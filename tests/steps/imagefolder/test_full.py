"""The paper's own setting on checkpoints, pictures and a perceptual network that the tests make: all tiny."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from accelerate.state import AcceleratorState
from PIL import Image

from steps.imagefolder import setting
from steps.imagefolder.evaluate import EvaluateParams, evaluate
from steps.imagefolder.generator import GeneratorParams, generator
from steps.imagefolder.networks import NetworksParams, networks
from steps.imagefolder.pictures import read_split
from steps.imagefolder.prepare import PrepareParams, prepare
from steps.imagefolder.rows import RowsParams, rows
from steps.imagefolder.sample import SampleParams, sample
from steps.imagefolder.timing import TimingParams, timing
from steps.imagefolder.tokenizer import TokenizerParams, tokenizer
from steps.step import params as parameters
from steps.step.run import Run
from tenfold.imagefolder.config import PAPER_GENERATOR, PAPER_TOKENIZER, GeneratorConfig, TokenizerConfig
from tenfold.imagefolder.convnet import weights_sha256
from tenfold.imagefolder.errors import InvalidConfig, InvalidImages
from tenfold.imagefolder.folders import CroppedPictures, MissingPictures, class_folders, cropped
from tenfold.imagefolder.pipeline import ImageFolder
from tenfold.imagefolder.rows import ablation_rows
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.models.folder import InvalidModel

SIDE, CLASSES = 16, 3
SIZES: dict[str, Any] = {
    "width": 16,
    "depth": 2,
    "heads": 2,
    "patch_size": 4,
    "sides": [1, 2, 3],
    "codebook_size": 16,
    "code_dim": 4,
    "start_drop": 1,
    "quantizer_dropout": 0.5,
    "drop_path": 0.1,
    "layer_scale": 1.0,
    "local_start": False,
    "decoder_cls": True,
}
TRAINING: dict[str, Any] = {
    "updates": 2,
    "batch_size": 8,
    "learning_rate": 1e-3,
    "ema_decay": 0.5,
    "micro_batches": 2,
    "resized": 18,
    "views": 3,
}


@pytest.fixture(scope="module", autouse=True)
def precision() -> Iterator[None]:
    """A process keeps its first Accelerator's precision; that of these tests is another than the other tests'."""
    AcceleratorState._reset_state(True)
    yield
    AcceleratorState._reset_state(True)


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny DINOv2, a tiny DINO, pictures in class subfolders and what ``prepare`` makes of them."""
    from transformers import Dinov2Config, Dinov2Model, ViTConfig, ViTModel

    top = tmp_path_factory.mktemp("full")
    sizes: dict[str, Any] = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=8, patch_size=4)
    torch.manual_seed(0)
    Dinov2Model(Dinov2Config(**sizes)).save_pretrained(top / "dinov2")
    ViTModel(ViTConfig(**sizes, intermediate_size=32)).save_pretrained(top / "dino")
    draws = np.random.default_rng(0)
    for split, count in (("train", 12), ("val", 6)):
        for label in range(CLASSES):
            folder = top / "imagenet" / split / f"n{label}"
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = (draws.integers(0, 85, (20 + number, 24, 3)) + 85 * label).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    (top / "prepare").mkdir()
    sliced = PrepareParams(
        datasets=["imagenet"], size=SIDE, train=4, validation=4, test=5, folder=str(top / "imagenet")
    )
    prepare(top, top, out=top / "prepare", params=sliced, run=Run("imagefolder", "prepare", out=top / "prepare"))
    return top


def tokenizer_params(top: Path, **changes: Any) -> TokenizerParams:
    own = dict(
        sizes=SIZES,
        **TRAINING,
        mixed_precision="bf16",
        teacher=str(top / "dinov2"),
        start_from=str(top / "dinov2"),
        perceptual="lpips",
        perceptual_weight=1.0,
        discriminator="features",
        discriminator_model=str(top / "dino"),
        discriminator_depths=[1, 2],
        adversarial_start=0.5,
        frozen_size=8,
    )
    return TokenizerParams(**{**own, **changes})


def rows_params(top: Path, **changes: Any) -> RowsParams:
    own = dict(
        **TRAINING,
        rows=[],
        seeds=1,
        long_sides=[1, 2, 4],
        adversarial_start=0.5,
        generator_updates=2,
        per_class=2,
        guidance=1.0,
        top_p=0.95,
        top_k=5,
        mixed_precision="bf16",
        teacher=str(top / "dinov2"),
        start_from=str(top / "dinov2"),
        perceptual="lpips",
        discriminator="patch",
        discriminator_model=str(top / "dino"),
        discriminator_depths=[1, 2],
        frozen_size=8,
    )
    return RowsParams(**{**own, **changes})


def distance(_: str) -> Callable[[Any, Any], Any]:
    return lambda first, second: (first - second).abs().mean()


@pytest.fixture(scope="module")
def trained(top: Path) -> Path:
    """The tokenizer's output."""
    out = top / "p2"
    out.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setting, "lpips", distance)
        run = Run("imagefolder", "tokenizer", out=out, variant="p2")
        tokenizer(top / "prepare", top, out=out, params=tokenizer_params(top), run=run)
    (out / "history.json").write_text(json.dumps(run.history))
    return out


def test_params_at_full_are_the_paper_s_sizes() -> None:
    raw = {**parameters.read(Path()), "profile": "full"}
    own = parameters.typed(TokenizerParams, parameters.block(raw, "imagefolder", "tokenizer"), "tokenizer")
    whole = TokenizerConfig.from_dict({**own.sizes, "image_size": 256, "channels": 3, "teacher_dim": 768})
    assert whole == PAPER_TOKENIZER
    assert (own.teacher, own.discriminator_model) == ("facebook/dinov2-base", "facebook/dino-vits16")
    assert len(own.teacher_revision or "") == len(own.discriminator_revision or "") == 40
    drawn = parameters.typed(GeneratorParams, parameters.block(raw, "imagefolder", "generator"), "generator")
    assert GeneratorConfig.for_tokenizer(whole, **drawn.sizes) == PAPER_GENERATOR
    ablated = parameters.typed(RowsParams, parameters.block(raw, "imagefolder", "rows"), "rows")
    every = ablation_rows(whole, tuple(ablated.long_sides), discriminator=ablated.discriminator)
    assert ablated.rows == [] and [row.length for row in every] == [680, 680, *[286] * 6]
    assert [row.discriminator for row in every] == ["patch"] * 6 + ["features"] * 2
    for name in ("teacher", "start_from", "discriminator_model", "perceptual", "resized", "mixed_precision"):
        assert getattr(ablated, name) == getattr(own, name)
    for profile in ("smoke", "default", "extended", "gpu"):
        small = parameters.block({**raw, "profile": profile}, "imagefolder", "tokenizer")
        assert small["teacher"] == "ssl_teacher" and small["discriminator"] == "none" and small["start_from"] is None


def test_arrays_hold_some_pictures_and_the_listing_all_others(top: Path) -> None:
    listing = pd.read_csv(top / "prepare" / "imagenet.csv")
    assert listing.groupby("label").name.count().tolist() == [8] * CLASSES and listing.name.is_unique
    parts = {name: read_split(top / "prepare", "imagenet", name) for name in ("train", "validation", "test")}
    assert [len(part) for part in parts.values()] == [12, 12, 15]
    assert parts["test"].pixels.shape == (15, SIDE, SIDE, 3)
    seen = {cropped(top / "imagenet/train" / name, SIDE).tobytes() for name in listing.name}
    assert all(picture.tobytes() in seen for picture in parts["train"].pixels)
    assert not any(picture.tobytes() in seen for picture in parts["validation"].pixels)


def test_views_are_random_crops_that_come_back_alike(top: Path) -> None:
    names, labels, classes = class_folders(top / "imagenet" / "train")
    assert classes == ["n0", "n1", "n2"] and len(names) == 36 and labels[12] == 1
    data = CroppedPictures(top / "imagenet/train", names, labels, size=SIDE, resized=18, views=2, seed=3)
    (first, label), (again, _), (other, same) = data[4], data[4], data[40]
    assert len(data) == 72 and first.shape == (3, SIDE, SIDE) and label == same == 0
    assert torch.equal(first, again) and not torch.equal(first, other)
    with pytest.raises(InvalidImages, match="no crop of 16"):
        CroppedPictures(top, names, labels, size=SIDE, resized=12, views=1, seed=0)


def test_the_middle_of_a_picture_is_cut_out(tmp_path: Path) -> None:
    pixels = np.zeros((8, 12, 3), np.uint8)
    pixels[:, 2:10] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert (cropped(tmp_path / "a.png", 8) == 200).all()
    (tmp_path / "b.png").write_text("nothing")
    with pytest.raises(InvalidImages, match=r"b\.png"):
        cropped(tmp_path / "b.png", 8)
    with pytest.raises(MissingPictures, match="ILSVRC/imagenet-1k"):
        class_folders(tmp_path / "nowhere")


def test_the_tokenizer_trains_with_the_paper_s_parts(trained: Path) -> None:
    history = json.loads((trained / "history.json").read_text())
    logged = {name.removeprefix("imagenet/") for row in history for name in row}
    assert {"perceptual", "semantic", "adversarial", "discriminator"} <= logged
    assert history[0]["imagenet/perceptual"] > 0 and history[0]["imagenet/adversarial_weight"] > 0
    model = Tokenizer.load(trained / "models" / "imagenet-p2")
    assert model.config.teacher_dim == 16 and model.predict(np.zeros((2, SIDE, SIDE, 3), np.uint8)).shape == (2, 2, 14)


@pytest.mark.parametrize("variant", ["folded", "unfolded"])
def test_a_generator_trains_on_pictures_that_are_turned_into_tokens_batch_by_batch(
    top: Path, trained: Path, tmp_path: Path, variant: str
) -> None:
    sizes = {"width": 16, "depth": 2, "heads": 2, "classes": CLASSES, "drop_path": 0.1}
    params = GeneratorParams(sizes=sizes, seeds=1, **TRAINING, flat=0.05, mixed_precision="bf16")
    run = Run("imagefolder", "generator", out=tmp_path, variant=variant)
    generator(top / "prepare", trained, out=tmp_path, params=params, run=run)
    assert [row["update"] for row in run.history] == [1, 2]
    model = ImageFolder.load(tmp_path / "models" / f"imagenet-{variant}-0")
    assert model.predict(np.array([0, 2])).shape == (2, SIDE, SIDE, 3)
    assert json.loads((tmp_path / "generator.json").read_text())["imagenet"][0]["nats_per_image"] > 0


def test_what_does_not_exist_is_named(top: Path) -> None:
    run = Run("imagefolder", "tokenizer", out=top, variant="p2")
    split, config = read_split(top / "prepare", "imagenet", "train"), TokenizerConfig()
    with pytest.raises(InvalidModel, match="cannot load"):
        setting.teacher(top, "imagenet", split, tokenizer_params(top, teacher=str(top / "none")), run)
    with pytest.raises(InvalidConfig, match="lpips, not other"):
        setting.perceptual("other", "cpu")
    assert setting.adversarial(config, "imagenet", tokenizer_params(top, discriminator="none"), run) is None


def test_every_other_step_takes_what_these_leave(
    top: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setting, "lpips", distance)
    out = {"prepare": top / "prepare", "p2": trained}

    def step(call: Any, name: str, *inputs: str, variant: str | None = None, params: Any) -> None:
        folder = out[variant or name] = tmp_path / (variant or name)
        folder.mkdir()
        run = Run("imagefolder", name, out=folder, variant=variant, profile="full")
        call(*(out[key] for key in inputs), out=folder, params=params, run=run)

    nets = NetworksParams(
        classifier_widths=[4, 8],
        teacher_widths=[4, 8],
        features=3,
        classes=CLASSES,
        classifier_updates=2,
        teacher_updates=2,
        batch_size=8,
        classifier_learning_rate=1e-3,
        teacher_learning_rate=1e-3,
        oracle=False,
    )
    step(networks, "networks", "prepare", params=nets)
    for variant in ("p1", "unquantised"):
        step(tokenizer, "tokenizer", "prepare", "networks", variant=variant, params=tokenizer_params(top))
    assert "the paper's sizes" in (out["p1"] / "models/imagenet-p1/README.md").read_text()
    sizes = {"width": 16, "depth": 2, "heads": 2, "classes": CLASSES}
    for variant in ("folded", "unfolded"):
        params = GeneratorParams(sizes=sizes, seeds=1, **TRAINING, mixed_precision="bf16")
        step(generator, "generator", "prepare", "p2", variant=variant, params=params)
    drawing = SampleParams(per_class=5, search_per_class=2, guidance=[0.0, 3.25], top_k=5, top_p=0.95, on_gpu=True)
    step(sample, "sample", "prepare", "networks", "folded", "unfolded", params=drawing)
    none = rows_params(top, rows=[])
    for variant in ("quantisation", "semantics"):
        step(rows, "rows", "prepare", "networks", "p2", "folded", variant=variant, params=none)
    chosen = rows_params(top, rows=[2, 6, 8, "codebook_double"], updates=6, learning_rate=5e-3)
    for variant, trained_rows in (("quantisation", [2, 12]), ("semantics", [6, 8])):
        folder = tmp_path / f"chosen-{variant}"
        folder.mkdir()
        run = Run("imagefolder", "rows", out=folder, variant=variant, profile="full")
        rows(*(out[name] for name in ("prepare", "networks", "p2", "folded")), out=folder, params=chosen, run=run)
        table = pd.read_csv(folder / "rows.csv")
        assert table.row.tolist() == trained_rows and (table.fd_metric_clf > 0).all()
        logged = {name for row in run.history for name in row}
        last = trained_rows[-1]
        assert {f"{last}/0/perceptual", f"{last}/0/semantic", f"{last}/0/discriminator"} <= logged
    step(timing, "timing", "prepare", "folded", "unfolded", params=TimingParams(pictures=3, guidance=1.0, repeats=1))
    names = (
        "prepare",
        "networks",
        "p2",
        "p1",
        "unquantised",
        "folded",
        "unfolded",
        "sample",
        "quantisation",
        "semantics",
        "timing",
    )
    step(evaluate, "evaluate", *names, params=EvaluateParams(resamples=2, on_gpu=True))
    claims = json.loads((out["evaluate"] / "claims.json").read_text())
    assert "value" in claims["p1_minus_p2"] and "unavailable" in claims["smaller_map_costs"]


PROCESS = """
import sys
from pathlib import Path

import test_full
from steps.imagefolder import setting
from steps.imagefolder.tokenizer import tokenizer
from steps.step.run import Run

setting.lpips = test_full.distance
top, out = Path(sys.argv[1]), Path(sys.argv[2])
run = Run("imagefolder", "tokenizer", out=out, variant="p2")
with run.world.together():
    params = test_full.tokenizer_params(top, micro_batches=1, mixed_precision="no")
    tokenizer(top / "prepare", top, out=out, params=params, run=run)
"""


def test_two_processes_share_a_batch_and_end_with_equal_weights(top: Path, tmp_path: Path) -> None:
    (tmp_path / "process.py").write_text(PROCESS)
    (tmp_path / "meet").mkdir()
    path = os.pathsep.join([str(Path.cwd()), str(Path(__file__).parent)])
    started = []
    for rank in ("0", "1"):
        (tmp_path / rank).mkdir()
        environment = {
            **os.environ,
            "RANK": rank,
            "LOCAL_RANK": rank,
            "WORLD_SIZE": "2",
            "LOCAL_WORLD_SIZE": "2",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": path,
            "TENFOLD_LAUNCH": str(tmp_path / "meet"),
            "GLOO_SOCKET_IFNAME": "lo0" if sys.platform == "darwin" else "lo",
        }
        command = [sys.executable, str(tmp_path / "process.py"), str(top), str(tmp_path / rank)]
        started.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
    for process in started:
        _, said = process.communicate(timeout=180)
        assert process.returncode == 0, said
    first, second = (weights_sha256(Tokenizer.load(tmp_path / rank / "models" / "imagenet-p2")) for rank in "01")
    assert first == second
