"""The command line's evaluations, and what every command says of wrong arguments."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace

import numpy as np
import pytest
import torch

from tenfold.__main__ import main
from tenfold.imagefolder.config import GeneratorConfig
from tenfold.imagefolder.generator import FoldedGenerator
from tenfold.imagefolder.original_checkpoints import released_pipeline, released_tokenizer
from tenfold.imagefolder.pipeline import ImageFolder, PipelineConfig
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imaging.files import save_images
from tenfold.imaging.pixels import to_pixels, to_tensor
from tenfold.metrics import fid
from tenfold.metrics.image_sets import compare_images, evaluate_images
from tenfold.metrics.metric_classifier import MetricClassifier
from tenfold.nn.convnet import ConvNetConfig
from tenfold.nn.seeding import seeded
from tests.tenfold.imagefolder.test_released import published_generator, published_tokenizer
from tests.tenfold.metrics.test_fid import tiny

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
COLOURED = np.random.default_rng(1).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)


def run(*words, code: int = 0) -> str:
    with redirect_stdout(io.StringIO()) as printed, redirect_stderr(printed):
        found = main(["imagefolder", *map(str, words)])
    assert found == code, printed.getvalue()
    return printed.getvalue()


@pytest.fixture(scope="module")
def folder(config, tmp_path_factory):
    torch.manual_seed(0)
    settings = GeneratorConfig.for_tokenizer(config, classes=3, width=16, depth=1, heads=2)
    where = tmp_path_factory.mktemp("command_line")
    np.savez(where / "images.npz", images=PIXELS)
    np.savez(where / "few.npz", images=PIXELS[:3])
    Tokenizer(config).save_pretrained(where / "tokenizer")
    network = seeded(MetricClassifier, ConvNetConfig(image_size=8, widths=(4, 8), features=6), 0)
    network.save_pretrained(where / "classifier")
    ImageFolder.of(Tokenizer(config), FoldedGenerator(settings)).save_pretrained(where / "pipeline")
    return where


def test_a_tokenizer_alone_goes_there_and_back(folder, tmp_path):
    run("tokenize", folder / "tokenizer", folder / "images.npz", tmp_path / "tokens.npz")
    run("detokenize", folder / "tokenizer", tmp_path / "tokens.npz", tmp_path / "once.npz", "--scales", 2)
    run("reconstruct", folder / "tokenizer", folder / "images.npz", tmp_path / "at_once.npz", "--scales", 2)
    assert (tmp_path / "once.npz").read_bytes() == (tmp_path / "at_once.npz").read_bytes()


def test_equal_seeds_write_equal_bytes(folder, tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        run("sample", folder / "pipeline", tmp_path / name, "--count", 1, "--seed", seed)
    contents = [[file.read_bytes() for file in sorted((tmp_path / name).iterdir())] for name in "abc"]
    assert len(contents[0]) == 3 and contents[0] == contents[1] != contents[2]


def test_evaluate_prints_what_the_library_returns(folder, tmp_path):
    real = np.roll(PIXELS, 1, axis=1)
    np.savez(tmp_path / "real.npz", arr_0=real[..., None])
    words = ("evaluate", folder / "images.npz", tmp_path / "real.npz", "--classifier", folder / "classifier")
    found = json.loads(run(*words, "--resamples", 20, "--k", 2))
    network = MetricClassifier.from_pretrained(folder / "classifier")
    wanted = evaluate_images(PIXELS, real, network, k=2, resamples=20)
    assert found == json.loads(json.dumps(wanted)) and "fd_metric_clf" in found


@pytest.mark.parametrize("pixels", [PIXELS, COLOURED], ids=["grey", "coloured"])
def test_compare_prints_errors_of_pairs(tmp_path, pixels):
    pixels = pixels.repeat(2, axis=1).repeat(2, axis=2)
    worse = np.clip(pixels.astype(int) + 10, 0, 255).astype(np.uint8)
    save_images(tmp_path / "first", pixels)
    np.savez(tmp_path / "second.npz", images=worse)
    found = json.loads(run("compare", tmp_path / "first", tmp_path / "second.npz", "--resamples", 20))
    wanted = ((pixels / 255 - worse / 255) ** 2).mean()
    assert found["mse"]["value"] == pytest.approx(wanted) and set(found) == {"mse", "psnr", "ssim"}
    assert found["psnr"]["value"] > 20 and found["ssim"]["value"] < 1


def test_compare_says_which_set_is_nearer_to_a_reference(tmp_path):
    draws = np.random.default_rng(2)
    better, real = draws.integers(0, 256, (2, 40, 16, 16), dtype=np.uint8)
    worse = draws.integers(0, 90, better.shape, dtype=np.uint8)
    for name, pixels in (("better", better), ("worse", worse), ("real", real)):
        np.savez(tmp_path / f"{name}.npz", images=pixels)
    network = seeded(MetricClassifier, ConvNetConfig(image_size=16, widths=(4, 8), features=6), 0)
    network.save_pretrained(tmp_path / "classifier")
    words = ("compare", tmp_path / "worse.npz", tmp_path / "better.npz", "--reference", tmp_path / "real.npz")
    found = json.loads(run(*words, "--classifier", tmp_path / "classifier", "--resamples", 20))
    wanted = compare_images(worse, better, real, network, resamples=20)
    assert found["fd_metric_clf_difference"] == json.loads(json.dumps(wanted))["fd_metric_clf_difference"]
    assert found["fd_metric_clf_difference"]["value"] > 0 and "psnr" in found


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("detokenize", "pipeline", "images.npz", "out.npz"), "InvalidTokens"),
        (("reconstruct", "pipeline", "images.npz", "out.npz", "--scales", "9"), "InvalidTokens: scales from 1 to 3"),
        (("tokenize", "classifier", "images.npz", "out.npz"), "InvalidModel"),
        (("sample", "tokenizer", "out.npz"), "InvalidModel"),
        (("sample", "pipeline", "out.npz", "--temperature", "0"), "InvalidSampling: temperature"),
        (("evaluate", "images.npz", "images.npz", "--classifier", "tokenizer"), "InvalidModel"),
        (("evaluate", "images.npz", "nowhere", "--classifier", "classifier"), "InvalidImages"),
        (("evaluate", "images.npz", "images.npz", "--classifier", "classifier", "--k", "40"), "InvalidSamples: k"),
        (("compare", "images.npz", "nowhere"), "InvalidImages: nowhere"),
        (("compare", "nowhere", "images.npz"), "InvalidImages: nowhere"),
        (("compare", "images.npz", "few.npz"), "InvalidSamples"),
        (("eval-released", "out", "--no-fid"), "InvalidConfig: nothing to evaluate"),
        (("eval-released", "out", "--no-fid", "--tokenizer", "none.pt"), "InvalidConfig: --tokenizer and --images"),
        (("eval-released", "out", "--no-fid", "--generator", "none.pt"), "InvalidModel: there is no none.pt"),
        (("eval-released", "out", "--no-fid", "--generator", "x", "--config", "none"), "InvalidConfig: none is no"),
    ],
)
def test_what_is_wrong_is_named(folder, monkeypatch, words, error):
    monkeypatch.chdir(folder)
    assert error in run(*words, code=1)


def test_a_reference_without_a_classifier_is_wrong_usage(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert "go together" in run("compare", "images.npz", "images.npz", "--classifier", "classifier", code=2)


def test_the_package_for_fid_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", None)
    assert "MissingPackage: FID wants" in run("eval-released", "out", "--generator", "x", code=1)


@pytest.fixture
def released(config, tmp_path, monkeypatch):
    """Tiny files in the published format, their configuration, images, and a network in Inception's place."""
    sizes = replace(config, channels=3, depth=2, layer_scale=1.0, local_start=False, decoder_cls=True, teacher_dim=16)
    settings = GeneratorConfig.for_tokenizer(sizes, classes=3, width=16, depth=2, heads=2)
    whole = PipelineConfig(sizes, settings, guidance_scale=1.5, top_k=8, top_p=0.9)
    (tmp_path / "config.json").write_text(json.dumps(whole.to_dict()))
    torch.save({"ema": published_tokenizer()}, tmp_path / "tokenizer.pt")
    trainer = {"var_wo_ddp": published_generator(), "vae_local": published_tokenizer()}
    torch.save({"trainer": trainer}, tmp_path / "generator.pt")
    np.savez(tmp_path / "images.npz", arr_0=COLOURED)
    monkeypatch.setattr(fid, "inception", lambda **how: tiny)
    monkeypatch.chdir(tmp_path)
    return whole


def test_published_files_are_reconstructed_sampled_and_judged(released, tmp_path):
    words = ("--tokenizer", "tokenizer.pt", "--generator", "generator.pt", "--images", "images.npz")
    more = ("--reference", "images.npz", "--config", "config.json", "--per-class", 4, "--batch", 5, "--seed", 2)
    found = json.loads(run("eval-released", "out", *words, *more))
    model = released_tokenizer(tmp_path / "tokenizer.pt", config=released.tokenizer)
    reconstructions = np.load(tmp_path / "out/reconstructions.npz")["arr_0"]
    assert reconstructions.shape == COLOURED.shape and reconstructions.dtype == np.uint8
    real = fid.ReferenceMoments.of(COLOURED, tiny)
    assert found["tokenizer"]["mse"] == pytest.approx(((reconstructions / 255 - COLOURED / 255) ** 2).mean())
    assert found["tokenizer"]["fid"] == pytest.approx(fid.fid_figures(reconstructions, real, tiny)["fid"])
    assert np.array_equal(reconstructions, to_pixels(model.reconstruct(to_tensor(COLOURED))))
    pipeline = released_pipeline("generator.pt", tokenizer=released.tokenizer, generator=released.generator)
    pipeline.config = released
    samples = np.load(tmp_path / "out/samples.npz")["arr_0"]
    assert np.array_equal(samples, pipeline.generate(np.tile(np.arange(3), 4), seed=2, batch=5))
    assert found["generator"]["fid"] == pytest.approx(fid.fid_figures(samples, real, tiny)["fid"])
    assert found["generator"]["top_k"] == 8 and found["generator"]["n"] == 12


def test_without_fid_the_files_are_only_written(released, tmp_path):
    words = ("--generator", "generator.pt", "--config", "config.json", "--per-class", 1, "--no-fid")
    found = json.loads(run("eval-released", "out", *words))
    assert "fid" not in found["generator"] and np.load(tmp_path / "out/samples.npz")["arr_0"].shape == (3, 8, 8, 3)


def test_what_published_files_lack_is_named_first(released):
    sizes = ("--config", "config.json")
    message = run("eval-released", "out", "--generator", "generator.pt", *sizes, code=1)
    assert "wants --reference" in message
    np.savez("large.npz", arr_0=COLOURED.repeat(2, axis=1))
    words = ("--tokenizer", "tokenizer.pt", "--images", "large.npz")
    assert "cut them to 8×8 first" in run("eval-released", "out", *words, *sizes, code=1)
