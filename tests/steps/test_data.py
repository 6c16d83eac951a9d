from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from steps.data import DataParams, bring, mirror_serves
from tenfold.data.errors import ChecksumMismatch, MirrorNotFound, UnknownSource
from tenfold.data.tables import read_table

SOURCES = Path(__file__).parents[2] / "data" / "sources.yaml"


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """A repository's root that holds the list of sources and parameters, and nothing else."""
    (tmp_path / "data").mkdir()
    shutil.copy(SOURCES, tmp_path / "data")
    (tmp_path / "params.yaml").write_text(
        "profile: default\nseed: 0\ndata: {stand_in: {smoke: only, default: allow}}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TENFOLD_MIRROR", raising=False)
    return tmp_path


def test_a_stand_in_needs_neither_mirror_nor_network(root, monkeypatch, capsys):
    monkeypatch.setenv("TENFOLD_MIRROR", "no such folder")
    bring("adult", out=root / "out", params=DataParams(stand_in="only"))
    assert "MADE-UP DATA" in capsys.readouterr().out
    assert json.loads((root / "out" / "source.json").read_text())["stand_in"] is True
    assert len(read_table(root / "out")) == 2000
    assert not (root / ".tenfold").exists()


@pytest.mark.parametrize("policy", ["only", "allow", "forbid"])
def test_a_bundled_table_serves_as_itself_under_every_policy(root, policy):
    bring("wine", out=root / "out", params=DataParams(stand_in=policy))
    assert json.loads((root / "out" / "source.json").read_text())["origin"] == "bundled"
    assert read_table(root / "out").shape == (178, 14)


def test_the_mirror_is_named_by_the_environment_from_the_root(root, monkeypatch):
    monkeypatch.setenv("TENFOLD_MIRROR", "gone")
    with pytest.raises(MirrorNotFound, match="gone"):
        bring("adult", out=root / "out", params=DataParams())
    (root / "mirror" / "tabular").mkdir(parents=True)
    (root / "mirror" / "tabular" / "adult.csv.gz").write_bytes(b"another file")
    monkeypatch.setenv("TENFOLD_MIRROR", "mirror")
    with pytest.raises(ChecksumMismatch, match=r"adult\.csv\.gz: expected sha256 e30109a3.* \(12 bytes\)"):
        bring("adult", out=root / "out", params=DataParams())
    assert not (root / "out").exists()


def test_an_unknown_source_is_named(root):
    with pytest.raises(UnknownSource, match="Did you mean 'adult'"):
        bring("adults", out=root / "out", params=DataParams())


def test_the_mirror_serves_what_it_holds_unless_stand_ins_are_asked_for(root, monkeypatch):
    (root / "mirror" / "tabular").mkdir(parents=True)
    (root / "mirror" / "tabular" / "adult.csv.gz").write_bytes(b"not read for this")
    assert not mirror_serves(root, "adult")
    monkeypatch.setenv("TENFOLD_MIRROR", "mirror")
    monkeypatch.chdir("/")
    assert mirror_serves(root, "adult")
    assert not mirror_serves(root, "letter_recognition")
    assert not mirror_serves(root, "wine")
    (root / "params.yaml").write_text("profile: smoke\nseed: 0\ndata: {stand_in: {smoke: only, default: allow}}\n")
    assert not mirror_serves(root, "adult")
