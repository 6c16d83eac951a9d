"""Kind: what a command writes stands where it was told, is all of it new, and replaces nothing unless told to.

Joins: every command that writes; it does so through ``tenfold.command_line.new_output``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tenfold.imagefolder.config import TokenizerConfig
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.files import load_images, save_images

SIZES = {"image_size": 8, "patch_size": 4, "width": 8, "depth": 1, "heads": 1, "sides": (1, 2), "codebook_size": 4}
PIXELS = np.random.default_rng(0).integers(0, 256, (5, 8, 8), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    Tokenizer(TokenizerConfig.from_dict({**SIZES, "code_dim": 2})).save_pretrained("model")
    np.savez("five.npz", images=PIXELS)
    np.savez("two.npz", images=PIXELS[:2])
    return tmp_path


@pytest.mark.parametrize("name", ["decoded", "decoded.npz", "decoded.NPZ"])
def test_fewer_images_leave_none_of_the_old_ones(tenfold, folder, name) -> None:
    tenfold("imagefolder", "reconstruct", "model", "five.npz", name)
    assert "is there already" in tenfold("imagefolder", "reconstruct", "model", "two.npz", name, status=1).err
    assert len(load_images(Path(name), channels=1)) == 5
    tenfold("imagefolder", "reconstruct", "model", "two.npz", name, "--force")
    assert len(load_images(Path(name), channels=1)) == 2
    with pytest.raises(InvalidImages, match="images already"):
        save_images(Path("x"), PIXELS), save_images(Path("x"), PIXELS[:2])


@pytest.mark.parametrize("name", ["tok", "tok.npz", "tok.v1", "tok.NPZ"])
def test_tokens_stand_under_the_name_that_was_said(tenfold, folder, name) -> None:
    printed = tenfold("imagefolder", "tokenize", "model", "five.npz", name)
    assert printed.out.rstrip().endswith(name) and Path(name).is_file()
    tenfold("imagefolder", "detokenize", "model", name, "images")
    assert sorted(path.name for path in folder.iterdir() if path.stem.startswith("tok")) == [name]
    assert len(load_images(Path("images"), channels=1)) == 5


def test_no_folder_that_holds_something_else_is_replaced(tenfold, folder) -> None:
    Path("notes").mkdir()
    Path("notes/thesis.txt").write_text("years")
    printed = tenfold("imagefolder", "reconstruct", "model", "two.npz", "notes", "--force", status=1)
    assert "InvalidOutput: notes" in printed.err and Path("notes/thesis.txt").read_text() == "years"
    for words in (("tokenize", "model", "two.npz"), ("reconstruct", "model", "two.npz")):
        assert "no folder nowhere" in tenfold("imagefolder", *words, "nowhere/x", status=1).err
    assert not list(folder.glob(".*unfinished"))
