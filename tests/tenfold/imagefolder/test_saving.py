"""Models as folders, and the command line as a user would type it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from tenfold import command_line as cli
from tenfold.imagefolder.__main__ import app
from tenfold.imagefolder.config import GeneratorConfig
from tenfold.imagefolder.errors import InvalidSampling
from tenfold.imagefolder.generator import FoldedGenerator
from tenfold.imagefolder.pipeline import ImageFolder
from tenfold.imagefolder.token_files import read_tokens
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imagefolder.unfolded import UnfoldedGenerator
from tenfold.imaging.files import load_images
from tenfold.imaging.pixels import to_pixels
from tenfold.models.folder import DamagedModel, InvalidModel
from tenfold.models.loader import load


@pytest.fixture(scope="module")
def pipeline(config) -> ImageFolder:
    torch.manual_seed(0)
    settings = GeneratorConfig.for_tokenizer(config, classes=3, width=16, depth=1, heads=2)
    return ImageFolder.of(Tokenizer(config), FoldedGenerator(settings), guidance_scale=1.0, top_k=8)


@pytest.fixture(scope="module")
def folder(pipeline, tmp_path_factory):
    return pipeline.save_pretrained(tmp_path_factory.mktemp("models") / "pipeline")


def run(*words) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_pipeline_comes_back_and_makes_the_same_images(pipeline, folder):
    again = ImageFolder.from_pretrained(folder)
    assert again.config == pipeline.config
    images = pipeline.predict([0, 1, 2])
    assert images.shape == (3, 8, 8) and np.array_equal(again.predict([0, 1, 2]), images)
    assert np.array_equal(load(folder).predict(np.array([0, 1, 2])), images)
    card = (folder / "README.md").read_text()
    assert "# ImageFolder" in card and "parameters" in card


def test_each_part_comes_back_alone(pipeline, tmp_path, images):
    pipeline.tokenizer.save_pretrained(tmp_path / "tokenizer")
    tokenizer = Tokenizer.from_pretrained(tmp_path / "tokenizer")
    assert np.array_equal(tokenizer.predict(to_pixels(images)), pipeline.tokenizer.predict(to_pixels(images)))
    pipeline.generator.save_pretrained(tmp_path / "generator", card="# mine\n")
    assert (tmp_path / "generator/README.md").read_text() == "# mine\n"
    with pytest.raises(InvalidModel, match=r"not a tenfold\.imagefolder\.unfolded\.UnfoldedGenerator"):
        UnfoldedGenerator.from_pretrained(tmp_path / "generator")
    FoldedGenerator.from_pretrained(tmp_path / "generator")


def test_a_changed_or_foreign_folder_is_named(pipeline, tmp_path):
    where = pipeline.tokenizer.save_pretrained(tmp_path / "tokenizer")
    config = json.loads((where / "config.json").read_text())
    (where / "config.json").write_text(json.dumps({**config, "width": 32}))
    with pytest.raises(DamagedModel, match=r"config\.json has sha256"):
        Tokenizer.from_pretrained(where)
    with pytest.raises(InvalidModel, match="no weights for its own"):
        Tokenizer.load(where)
    with pytest.raises(InvalidModel, match="neither a folder nor"):
        Tokenizer.from_pretrained("no such/folder/at all")


def test_images_become_tokens_and_images_again(pipeline, folder, images, tmp_path):
    np.savez(tmp_path / "in.npz", images=to_pixels(images))
    assert "12 images" in run("tokenize", folder, tmp_path / "in.npz", tmp_path / "tokens.npz")
    tokens = read_tokens(tmp_path / "tokens.npz")
    assert np.array_equal(tokens, pipeline.tokenizer.predict(to_pixels(images)))
    run("detokenize", folder, tmp_path / "tokens.npz", tmp_path / "out")
    assert len(list((tmp_path / "out").glob("*.png"))) == 12
    run("reconstruct", folder, tmp_path / "in.npz", tmp_path / "again.npz")
    again = load_images(tmp_path / "again.npz", channels=1)
    assert np.array_equal(again, load_images(tmp_path / "out", channels=1))
    run("reconstruct", folder, tmp_path / "in.npz", tmp_path / "coarse.npz", "--scales", 1)
    assert not np.array_equal(load_images(tmp_path / "coarse.npz", channels=1), again)
    run("reconstruct", folder, tmp_path / "in.npz", tmp_path / "strips.png", "--strips")
    assert load_images(tmp_path / "strips.png", channels=1).shape == (1, 96, 32)


def test_samples_by_class_and_seed(folder, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        filters = ("--cfg", 1.5, "--top-k", 5, "--top-p", 0.9)
        out = tmp_path / f"{name}.npz"
        run("sample", folder, out, "--class", 0, "--class", 2, "--count", 3, *filters, "--seed", seed)
    a, b, c = (load_images(tmp_path / f"{name}.npz", channels=1) for name in "abc")
    assert a.shape == (6, 8, 8) and np.array_equal(a, b) and not np.array_equal(a, c)
    run("sample", folder, tmp_path / "grid.png", "--count", 2, "--grid")
    assert load_images(tmp_path / "grid.png", channels=1).shape == (1, 24, 16)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--top-p", "2"], "InvalidSampling: top_p"),
        (["--top-k", "99"], "InvalidSampling: top_k"),
        (["--class", "7"], "InvalidSampling: a label"),
        (["--cfg", "-1"], "InvalidSampling: guidance_scale"),
    ],
)
def test_an_argument_out_of_range_is_told_without_a_traceback(folder, tmp_path, capsys, words, error):
    assert cli.run(app, ["sample", str(folder), str(tmp_path / "out.npz"), *words]) == 1
    printed = capsys.readouterr().err
    assert error in printed and "Traceback" not in printed


def test_files_that_are_no_images_are_named(folder, tmp_path, capsys):
    np.savez(tmp_path / "wrong.npz", other=np.zeros(3))
    for path, words in ((tmp_path / "wrong.npz", "none of images"), (tmp_path / "nowhere", "holds no images")):
        assert cli.run(app, ["tokenize", str(folder), str(path), str(tmp_path / "t.npz")]) == 1
        assert words in capsys.readouterr().err


def test_no_labels_are_named(pipeline):
    with pytest.raises(InvalidSampling, match="at least one"):
        pipeline.generate(np.array([], dtype=np.int64))
