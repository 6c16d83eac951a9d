"""The record beside an output: read by the class that writes it, older records included."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from steps.runtime import provenance
from steps.runtime.provenance import Provenance, Source, sources_of
from steps.runtime.stage import Stage

SOURCE = {"name": "wine", "origin": "bundled", "detail": "arrays", "sha256": "5e" * 32, "licence": "CC BY 4.0"}
OLDER = {
    "stage": "toy-train",
    "profile": "default",
    "digest": "ab12" * 16,
    "commit": None,
    "dirty": True,
    "command": "python -m steps toy train",
    "started": "2026-11-29T09:39:08+00:00",
    "seconds": 2,
    "device": "cpu",
    "versions": {"python": "3.11.7"},
    "sources": [SOURCE | {"title": "Wine", "files": {"table.csv": "5e"}, "stand_in": False}],
    "hostname": "here",
}


def stage_in(root: Path, *inputs: Path) -> Stage:
    return Stage(root, "toy-train", "python -m steps toy train", inputs, {}, root / "train", root / "t.json", {})


def test_an_older_record_is_read_and_its_unknown_fields_are_left_out(tmp_path: Path):
    (tmp_path / "record.json").write_text(json.dumps(OLDER))
    record = Provenance.read(tmp_path / "record.json")
    assert record.sources == (Source(**SOURCE),) and record.processes == 1 and record.invocation is None


@pytest.mark.parametrize(
    "change", [{"seconds": "2"}, {"started": "2026-11-29T09:39:08"}, {"seconds": float("nan")}, {"dirty": None}]
)
def test_a_wrong_record_is_refused(tmp_path: Path, change):
    (tmp_path / "record.json").write_text(json.dumps(OLDER | change))
    with pytest.raises(ValidationError, match=next(iter(change))):
        Provenance.read(tmp_path / "record.json")


def test_what_is_written_is_read(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("TENFOLD_INVOCATION", "word")
    (tmp_path / "train").mkdir()
    stage = stage_in(tmp_path)
    began = time.time() - 3.0
    record = provenance.record(stage, "smoke", "ab" * 32, ("c" * 40, False), began, tmp_path / "train", processes=2)
    record.write(tmp_path / "t.json")
    assert Provenance.read(tmp_path / "t.json") == record
    assert 3.0 <= record.seconds < 13.0 and record.processes == 2 and record.invocation == "word"
    assert record.peak_memory_bytes > 1e6 and record.cores >= 1 and "numpy" in record.versions


def test_sources_are_those_behind_the_inputs_each_once(tmp_path: Path):
    (tmp_path / "wine").mkdir()
    (tmp_path / "wine/source.json").write_text(json.dumps(SOURCE | {"title": "Wine"}))
    for name in ("left", "right"):
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}.provenance.json").write_text(json.dumps(OLDER))
    other = SOURCE | {"name": "adult", "origin": "stand_in"}
    (tmp_path / "right.provenance.json").write_text(json.dumps(OLDER | {"sources": [other]}))
    stage = stage_in(tmp_path, *(tmp_path / name for name in ("wine", "left", "right")))
    assert [source.name for source in sources_of(stage)] == ["adult", "wine"]
    assert sources_of(stage, tmp_path / "wine") == (Source(**SOURCE),), "a data stage's is in its output"
