"""The README tells the truth: its table, its tree, its code and its commands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from transformers import ViTConfig, ViTForImageClassification

from flows.report.readme import readme_is_current
from tenfold.imagefolder import ImageFolder
from tenfold.imagefolder.config import GeneratorConfig, TokenizerConfig
from tenfold.imagefolder.generator import FoldedGenerator
from tenfold.imagefolder.tokenizer import Tokenizer
from tests.conftest import ROOT

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"python -m flows (\w+)", TEXT)))


def test_table_and_tree_are_current() -> None:
    assert readme_is_current(ROOT)


def examples() -> dict[str, str]:
    """The Python blocks, by the paper whose package they import."""
    blocks = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    return {re.search(r"from tenfold\.(\w+)", block).group(1): block for block in blocks}  # type: ignore[union-attr]


def test_the_john_ellipsoid_example_runs() -> None:
    names: dict[str, Any] = {"A": np.random.default_rng(0).normal(size=(200, 4))}
    exec(compile(examples()["dp_john"], "README.md", "exec"), names)
    assert names["result"].certificate.max_leverage <= 1.001
    assert names["private"].privacy.proven


def test_the_private_classifier_example_runs() -> None:
    X, X_test, y, y_test = train_test_split(*load_digits(return_X_y=True), random_state=0)
    names: dict[str, Any] = {"X": X, "X_test": X_test, "y": y, "y_test": y_test}
    exec(compile(examples()["dp_ntk"], "README.md", "exec"), names)
    assert names["model"].privacy_.proven and names["model"].score(X_test, y_test) > 0.5


def test_the_private_memory_example_runs() -> None:
    X, y = load_digits(return_X_y=True)
    rows = PCA(16, random_state=0).fit(X[1400:]).transform(X)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    names: dict[str, Any] = {"keys": rows[:1400], "values": np.eye(10)[y[:1400]], "queries": rows[1400:]}
    exec(compile(examples()["dp_cross_attention"], "README.md", "exec"), names)
    assert names["memory"].privacy.proven
    assert np.mean(names["answer"].values.argmax(axis=1) == y[1400:]) > 0.5


def test_the_image_generator_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    coder = Tokenizer(TokenizerConfig(width=16, depth=1, heads=2, codebook_size=16))
    sizes = GeneratorConfig.for_tokenizer(coder.config, width=16, depth=1, heads=2)
    monkeypatch.chdir(tmp_path)
    ImageFolder.of(coder, FoldedGenerator(sizes)).save_pretrained("model")
    names: dict[str, Any] = {}
    exec(compile(examples()["imagefolder"], "README.md", "exec"), names)
    assert names["pictures"].shape == (3, 32, 32) and names["pictures"].dtype == np.uint8
    assert names["tokens"].shape == (3, 2, 31)


def test_the_adapter_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = ViTConfig(
        image_size=8,
        patch_size=4,
        num_channels=1,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    model, pictures = ViTForImageClassification(config).eval(), torch.randn(2, 1, 8, 8)
    before = model(pixel_values=pictures).logits
    names: dict[str, Any] = {"model": model, "pictures": pictures, "torch": torch}
    exec(compile(examples()["ntk_attention"], "README.md", "exec"), names)
    assert torch.equal(names["plain"], before) and (tmp_path / "adapter" / "adapter.safetensors").is_file()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_exists(command: str) -> None:
    words = ["solve", "dp_john"] if command == "solve" else [command]
    done = subprocess.run([sys.executable, "-m", "flows", *words, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)[^):]*\)", TEXT):
        assert (ROOT / target).exists(), target
