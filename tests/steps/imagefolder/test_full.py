"""The paper's own setting on checkpoints, images and a perceptual network that the tests make: all tiny."""

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
from pydantic import ValidationError

from steps.imagefolder import objective
from steps.imagefolder.evaluate import EvaluateParams
from steps.imagefolder.generator import GeneratorParams, generator
from steps.imagefolder.imagenet import ImageFileParams
from steps.imagefolder.objective import PretrainedParams
from steps.imagefolder.prepare import PrepareParams, prepare
from steps.imagefolder.rows import RowsParams, rows
from steps.imagefolder.sample import SampleParams
from steps.imagefolder.splits import read_split
from steps.imagefolder.timing import TimingParams
from steps.imagefolder.tokenizer import TokenizerParams, adversarial_loss, tokenizer
from steps.imagefolder.training import TrainingParams
from steps.step import params as parameters
from steps.step.run import Run
from tenfold.imagefolder.config import PAPER_GENERATOR, PAPER_TOKENIZER, GeneratorConfig, TokenizerConfig
from tenfold.imagefolder.pipeline import ImageFolder
from tenfold.imagefolder.rows import ablation_rows
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imaging.errors import MissingImages
from tenfold.imaging.folders import cropped
from tenfold.models.folder import InvalidModel
from tenfold.nn.pretrained import weights_sha256
from tests.steps.imagefolder.test_steps import network_params
from tests.steps.whole_paper import run_steps

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
    "mixed_precision": "bf16",
}
FILES = ImageFileParams(resized=18, views=3)


def training_params(**changes: Any) -> TrainingParams:
    return TrainingParams(**{**TRAINING, **changes})


def pretrained_params(top: Path, **changes: Any) -> PretrainedParams:
    own: dict[str, Any] = dict(
        teacher=str(top / "dinov2"),
        start_from=str(top / "dinov2"),
        discriminator=str(top / "dino"),
        discriminator_depths=[1, 2],
        image_size=8,
        perceptual="lpips",
        perceptual_weight=1.0,
    )
    return PretrainedParams(**{**own, **changes})


@pytest.fixture(scope="module", autouse=True)
def precision() -> Iterator[None]:
    """A process keeps its first Accelerator's precision; that of these tests is another than the other tests'."""
    AcceleratorState._reset_state(True)
    yield
    AcceleratorState._reset_state(True)


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny DINOv2, a tiny DINO, images in class subfolders and what ``prepare`` makes of them."""
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
        datasets=["imagenet"], side=SIDE, train=4, validation=4, test=5, folder=str(top / "imagenet")
    )
    prepare(top, top, out=top / "prepare", params=sliced, run=Run("imagefolder", "prepare", out=top / "prepare"))
    return top


def tokenizer_params(top: Path, **changes: Any) -> TokenizerParams:
    own: dict[str, Any] = dict(
        sizes=SIZES,
        training=training_params(),
        discriminator="features",
        adversarial_start=0.5,
        pretrained=pretrained_params(top),
        image_files=FILES,
    )
    return TokenizerParams(**{**own, **changes})


def rows_params(top: Path, **changes: Any) -> RowsParams:
    own: dict[str, Any] = dict(
        rows=[],
        seeds=1,
        long_sides=[1, 2, 4],
        training=training_params(),
        generator_updates=2,
        discriminator="patch",
        adversarial_start=0.5,
        per_class=2,
        guidance_scale=1.0,
        top_p=0.95,
        top_k=5,
        pretrained=pretrained_params(top, perceptual_weight=0.25),
        image_files=FILES,
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
        patch.setattr(objective, "lpips", distance)
        run = Run("imagefolder", "tokenizer", out=out, variant="p2")
        tokenizer(top / "prepare", top, out=out, params=tokenizer_params(top), run=run)
    (out / "history.json").write_text(json.dumps(run.history))
    return out


def test_params_at_full_are_the_paper_s_sizes() -> None:
    raw = {**parameters.read(Path()), "profile": "full"}
    own = parameters.typed(TokenizerParams, parameters.block(raw, "imagefolder", "tokenizer"), "tokenizer")
    whole = TokenizerConfig.from_dict({**own.sizes, "image_size": 256, "channels": 3, "teacher_dim": 768})
    assert whole == PAPER_TOKENIZER
    hub = own.pretrained
    assert (hub.teacher, hub.discriminator) == ("facebook/dinov2-base", "facebook/dino-vits16")
    assert len(hub.teacher_revision or "") == len(hub.discriminator_revision or "") == 40
    drawn = parameters.typed(GeneratorParams, parameters.block(raw, "imagefolder", "generator"), "generator")
    assert GeneratorConfig.for_tokenizer(whole, **drawn.sizes) == PAPER_GENERATOR
    ablated = parameters.typed(RowsParams, parameters.block(raw, "imagefolder", "rows"), "rows")
    every = ablation_rows(whole, tuple(ablated.long_sides), discriminator=ablated.discriminator)
    assert ablated.rows == [] and [row.length for row in every] == [680, 680, *[286] * 6]
    assert [row.discriminator for row in every] == ["patch"] * 6 + ["features"] * 2
    assert ablated.pretrained == hub and ablated.image_files == own.image_files
    assert ablated.training.mixed_precision == own.training.mixed_precision
    for profile in ("smoke", "default", "extended", "gpu"):
        small = parameters.block({**raw, "profile": profile}, "imagefolder", "tokenizer")
        assert small["pretrained"] == {} and small["discriminator"] == "none"


def test_arrays_hold_some_images_and_the_listing_all_others(top: Path) -> None:
    listing = pd.read_csv(top / "prepare" / "imagenet.csv")
    assert listing.groupby("label").name.count().tolist() == [8] * CLASSES and listing.name.is_unique
    parts = {name: read_split(top / "prepare", "imagenet", name) for name in ("train", "validation", "test")}
    assert [len(part) for part in parts.values()] == [12, 12, 15]
    assert parts["test"].pixels.shape == (15, SIDE, SIDE, 3)
    seen = {cropped(top / "imagenet/train" / name, SIDE).tobytes() for name in listing.name}
    assert all(image.tobytes() in seen for image in parts["train"].pixels)
    assert not any(image.tobytes() in seen for image in parts["validation"].pixels)


def test_where_imagenet_is_to_be_had_is_said_where_there_is_none(tmp_path: Path) -> None:
    params = PrepareParams(datasets=["imagenet"], side=SIDE, train=4, validation=4, test=5, folder=str(tmp_path))
    with pytest.raises(MissingImages, match="ILSVRC/imagenet-1k"):
        prepare(tmp_path, tmp_path, out=tmp_path, params=params, run=Run("imagefolder", "prepare", out=tmp_path))


def test_the_tokenizer_trains_with_the_paper_s_parts(trained: Path) -> None:
    history = json.loads((trained / "history.json").read_text())
    logged = {name.removeprefix("imagenet/") for row in history for name in row}
    assert {"perceptual", "semantic", "adversarial", "discriminator"} <= logged
    assert history[0]["imagenet/perceptual"] > 0 and history[0]["imagenet/adversarial_weight"] > 0
    model = Tokenizer.load(trained / "models" / "imagenet-p2")
    assert model.config.teacher_dim == 16 and model.predict(np.zeros((2, SIDE, SIDE, 3), np.uint8)).shape == (2, 2, 14)


@pytest.mark.parametrize("variant", ["folded", "unfolded"])
def test_a_generator_trains_on_images_that_are_turned_into_tokens_batch_by_batch(
    top: Path, trained: Path, tmp_path: Path, variant: str
) -> None:
    sizes = {"width": 16, "depth": 2, "heads": 2, "classes": CLASSES, "drop_path": 0.1}
    params = GeneratorParams(sizes=sizes, seeds=1, training=training_params(flat=0.05), image_files=FILES)
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
        none = pretrained_params(top, teacher=str(top / "none"))
        objective.teacher(top, "imagenet", split, none, training_params(), run)
    with pytest.raises(ValidationError, match="gradient_difference"):
        pretrained_params(top, perceptual="other")
    assert adversarial_loss(config, top, "imagenet", tokenizer_params(top, discriminator="none"), run) is None


def test_every_other_step_takes_what_these_leave(
    top: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objective, "lpips", distance)
    tokenizing = {"prepare": top / "prepare", "p2": trained, "fashion_mnist": top, "cifar10": top}
    params: dict[str, Any] = {
        "networks": network_params(updates=2, features=3),
        "tokenizer": tokenizer_params(top),
        "generator": GeneratorParams(
            sizes={"width": 16, "depth": 2, "heads": 2, "classes": CLASSES},
            seeds=1,
            training=training_params(),
            image_files=FILES,
        ),
        "sample": SampleParams(
            per_class=5, search_per_class=2, guidance_scales=[0.0, 3.25], top_k=5, top_p=0.95, on_gpu=True
        ),
        "rows": rows_params(top, rows=[]),
        "timing": TimingParams(batch_size=3, guidance_scale=1.0, repeats=1),
        "evaluate": EvaluateParams(resamples=2, on_gpu=True),
    }
    out = run_steps("imagefolder", tmp_path, tokenizing, params, profile="full")
    assert "the paper's sizes" in (out["p1"] / "models/imagenet-p1/README.md").read_text()
    chosen = rows_params(
        top, rows=[2, 6, 8, "codebook_double"], training=training_params(updates=6, learning_rate=5e-3)
    )
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
    claims = json.loads((out["evaluate"] / "claims.json").read_text())
    assert "value" in claims["p1_minus_p2"] and "unavailable" in claims["smaller_map_costs"]


PROCESS = """
import sys
from pathlib import Path

import test_full
from steps.imagefolder import objective
from steps.imagefolder.tokenizer import tokenizer
from steps.step.distributed import World
from steps.step.run import Run

objective.lpips = test_full.distance
top, out = Path(sys.argv[1]), Path(sys.argv[2])
run = Run("imagefolder", "tokenizer", out=out, variant="p2", world=World.current())
with run.world.together():
    training = test_full.training_params(micro_batches=1, mixed_precision="no")
    params = test_full.tokenizer_params(top, training=training)
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
