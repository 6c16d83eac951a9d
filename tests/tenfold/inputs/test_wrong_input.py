"""Kind: wrong input ends in one named line, whatever is wrong: a folder for a file, a file cut short, NaN, 10²⁰¹.

Joins: every command with every option that names a file or a number, in ``COMMANDS``; every folder that is read back.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tenfold.imagefolder.config import TokenizerConfig
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.models.folder import InvalidModel
from tenfold.ntk_attention.config import NTKAttentionConfig
from tenfold.ntk_attention.errors import InvalidAdapter
from tenfold.ntk_attention.model import inject
from tenfold.ntk_attention.save_and_load import from_pretrained, save_pretrained
from tests.tenfold.ntk_attention.models import tiny

SIZES = {"image_size": 8, "patch_size": 4, "width": 8, "depth": 1, "heads": 1, "sides": (1, 2), "codebook_size": 4}
SOLVE = "dp-john solve --out found --csv"
PRIVATE = f"{SOLVE} table.csv --epsilon 1 --delta 1e-3"
FIT = "dp-ntk fit --target y --classes 0,1 --delta 1e-3 --out found --csv"
CLOSE = f"{FIT} table.csv --epsilon 1 --mode input --closeness"
BUILD = "dp-cross-attention build --keys a --values b --epsilon 1 --delta 1e-3 --clip"
FILES = [
    "folder",
    "nowhere",
    "cut.npz",
    "empty.npz",
    "none.npz",
    "one.npy",
    "text.png",
    "picture.npz",
    "images.png",
    "wide.npz",
]
COMMANDS = [
    f"{SOLVE} folder",
    f"{SOLVE} nowhere.csv",
    f"{SOLVE} cut.npz",
    f"{SOLVE} table.csv --tolerance nan",
    f"{SOLVE} table.csv --tolerance inf",
    f"{SOLVE} table.csv --tolerance -1",
    "dp-john solve --csv table.csv --out nowhere/found",
    f"{PRIVATE} --mode moment --row-norm-bound 1e201",
    f"{PRIVATE} --mode moment --row-norm-bound nan",
    f"{PRIVATE} --mode input --closeness 1e300",
    f"{PRIVATE} --mode iterate --closeness 1e-3 --row-norm-bound 1e160 --row-norm-floor 1 --ridge 1 --rounds 2",
    f"{PRIVATE} --mode iterate --closeness 1e-3 --row-norm-bound 9 --row-norm-floor 1e-200 --ridge 1e-300 --rounds 2",
    f"{FIT} folder --epsilon 1",
    f"{FIT} table.csv --epsilon nan",
    f"{FIT} table.csv --epsilon 1e301",
    f"{FIT} table.csv --epsilon 1 --ridge 0",
    f"{FIT} table.csv --epsilon 1 --ridge inf",
    f"{CLOSE} 1e201",
    f"{CLOSE} 1e90",
    "dp-ntk predict folder --csv table.csv --out found",
    "dp-ntk predict nowhere --csv table.csv --out found",
    f"{BUILD} --radius 1 --out found --csv folder",
    f"{BUILD} --radius 1e201 --out found --csv table.csv",
    f"{BUILD} --radius 1 --value-radius 1e201 --out found --csv table.csv",
    f"{BUILD} --radius 1 --temperature 1e300 --out found --csv table.csv",
    f"{BUILD} --radius 1 --temperature nan --out found --csv table.csv",
    f"{BUILD} --radius 1 --out nowhere/found --csv table.csv",
    *(f"dp-cross-attention query {name} --csv table.csv --columns a --out found" for name in FILES[:3]),
    *(f"imagefolder tokenize model {name} found" for name in FILES),
    *(f"imagefolder detokenize model {name} found" for name in [*FILES, "images.npz"]),
    "imagefolder tokenize folder images.npz found",
    "imagefolder tokenize model images.npz nowhere/found",
    "imagefolder sample model found",
    "imagefolder compare images.npz none.npz",
    "imagefolder evaluate images.npz cut.npz --classifier model",
    "ntk-attention adapt folder --images folder --out found",
    "ntk-attention adapt folder --csv folder --text a --target b --out found",
    "ntk-attention adapt folder --csv table.csv --text a --target b --out found --learning-rate nan",
    *(f"ntk-attention evaluate {name} --images folder" for name in ("folder", "list", "bytes", "types", "nowhere")),
]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of every kind that is wrong."""
    where = tmp_path_factory.mktemp("inputs")
    torch.manual_seed(0)
    Tokenizer(TokenizerConfig.from_dict({**SIZES, "code_dim": 2})).save_pretrained(where / "model")
    lines = [f"{number * 37 % 11}.5,{number * 53 % 13}.5,{number % 2}" for number in range(30)]
    (where / "table.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 8, 8), dtype=np.uint8)
    np.savez_compressed(where / "images.npz", images=pixels)
    np.savez(where / "none.npz", images=pixels[:0])
    np.savez(where / "wide.npz", images=pixels.astype(np.float32))
    np.save(where / "one.npy", pixels)
    whole = (where / "images.npz").read_bytes()
    (where / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (where / "empty.npz").write_bytes(b"")
    (where / "images.png").write_bytes(whole)
    (where / "picture.npz").write_bytes(b"\x89PNG\r\n\x1a\n and so on")
    (where / "text.png").write_text("no picture")
    for name in ("folder", "list", "bytes", "types"):
        (where / name).mkdir()
    (where / "list/task.json").write_text("[1]")
    (where / "bytes/task.json").write_bytes(b"\xff\xfe")
    (where / "types/task.json").write_text('{"kind": "images", "model": 5, "revision": null, "classes": "ab"}')
    return where


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_ends_in_one_named_line(tenfold, inputs, monkeypatch, capsys, command) -> None:
    monkeypatch.chdir(inputs)
    before = sorted(inputs.iterdir())
    from tenfold.__main__ import main

    status = main(command.split())
    said = capsys.readouterr().err.splitlines()
    assert status in (1, 2) and ": " in said[-1] and "Traceback" not in "\n".join(said)
    assert sorted(inputs.iterdir()) == before


@pytest.mark.parametrize(
    "content",
    [
        b"[1]",
        b'"text"',
        b"\xff\xfe",
        b"{",
        b"",
        *(
            json.dumps({"method": "ntk_attention", **wrong}).encode()
            for wrong in (
                {"rank": "two"},
                {"rank": True},
                {"layers": 1},
                {"layers": ["0"]},
                {"modules_to_save": "classifier"},
                {"modules_to_save": [1]},
                {"dropout": "0.1"},
                {"pre_rope": "no"},
                {"phi": ["elu1"]},
                {"seed": 1.5},
                {"method": ["prefix"]},
                {"method": "prefix", "length": None},
            )
        ),
    ],
)
def test_a_damaged_adapter_is_named_and_leaves_the_model_alone(tmp_path: Path, content: bytes) -> None:
    save_pretrained(inject(tiny("vit"), NTKAttentionConfig()), tmp_path)
    (tmp_path / "adapter_config.json").write_bytes(content)
    model = tiny("vit")
    with pytest.raises(InvalidAdapter):
        from_pretrained(model, tmp_path)
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("content", [b"[1]", b"\xff", b"{", b'{"width": "wide"}', b'{"sides": 3}', b'{"colour": 1}'])
def test_a_damaged_configuration_is_named(inputs: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(InvalidModel, match=r"config\.json is no configuration of a Tokenizer"):
        Tokenizer.load(tmp_path)
