"""What is damaged at a moment when DVC does not look is found, named and mended; no step runs on it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from flows.execution.damage import clean_cache
from flows.execution.digests import Digests
from flows.execution.dvc_recovery import ASIDE
from steps.runtime.stage import address, content_digest

DRAW, PLACE = "artifacts/default/toy/draw", "artifacts/default/toy/train-left/place.npy"
CUT = """
import os, sys
from dvc.cli import main
{module}
real, done = owner.{name}, []

def first_cut(*given, **more):
    path = sys.argv[1]
    if not done and {moment}:
        content = open(path, "rb").read()
        os.unlink(path)
        open(path, "wb").write(content[: len(content) // 2])
        done.append(path)
    return real(*given, **more)

owner.{name} = first_cut
status = main(sys.argv[2:])
assert done, "the moment did not come"
sys.exit(status)
"""
BROUGHT = CUT.format(
    module="import dvc_data.hashfile.checkout as owner",
    name="_localfs_info",
    moment="os.path.abspath(path) == given[0]",
)  # after a file came from the cache, before DVC enters it in its table
KEPT = CUT.format(
    module="import dvc.output as owner", name="otransfer", moment="os.path.isfile(path)"
)  # after an output was hashed, before it is copied into the cache


def meddle(project, code: str, path: str, *words: str) -> str:
    """Run DVC so that ``path`` is cut off at a chosen moment of the run."""
    return project.run(sys.executable, "-c", code, path, *words)


def mended(project, before: dict[str, str]) -> None:
    """Recover as a user does, and compare."""
    project.flows("refresh")
    project.dvc("repro")
    assert project.digests() == before


def test_an_output_damaged_before_dvc_hashes_it_is_found_and_no_step_runs_on_it(project):
    """As if it had been damaged between the step's end and DVC's own look at it."""
    before = project.digests()
    path = project.root / DRAW / "target.npy"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:100])
    project.dvc("commit", "-f", address("toy-draw"))
    assert project.repro("-s", "toy-draw") == [], "DVC takes it for what the step made"
    said = project.run("dvc", "repro", address("toy-train-left"), fails=True)
    assert f"DamagedInput: stage toy-train-left: {DRAW} is not what its record says was written" in said
    assert "run: python -m flows refresh" in said
    assert "toy-draw                           will run, because its record and dvc.lock disagree about what it is" in (
        project.flows("plan")
    )
    assert "OtherRecord: toy-draw: record and dvc.lock disagree" in project.flows("report", fails=True)
    mended(project, before)
    assert "will run" not in project.flows("plan")
    assert project.flows("refresh") == ""
    project.edit("params.yaml", "seed: 0", "seed: 1")
    project.repro()
    project.edit("params.yaml", "seed: 1", "seed: 0")
    project.repro()
    assert project.digests() == before, "the run cache pairs the damaged output with nothing"


def test_a_record_damaged_before_dvc_hashes_it_is_found(project):
    before = project.digests()
    path = project.root / f"{DRAW}.provenance.json"
    path.write_text(path.read_text()[:50])
    project.dvc("commit", "-f", address("toy-draw"))
    said = project.run("dvc", "repro", "-f", "-s", address("toy-train-left"), fails=True)
    assert f"DamagedInput: stage toy-train-left: {DRAW}.provenance.json cannot be read" in said
    assert "toy-draw                           will run, because its record cannot be read" in project.flows("plan")
    mended(project, before)


def test_an_output_damaged_while_dvc_restores_it_is_found_and_no_step_runs_on_it(project):
    """DVC's table says that the file is whole."""
    before = project.digests()
    shutil.rmtree(project.root / DRAW)
    meddle(project, BROUGHT, f"{DRAW}/target.npy", "repro", "-s", address("toy-draw"))
    assert project.repro("-s", "toy-draw") == [], "DVC is none the wiser"
    assert "draw" not in project.dvc("status", "data/dvc.yaml", "steps/toy/dvc.yaml")
    assert f"{DRAW} is damaged, and DVC does not see it; run: python -m flows refresh" in project.flows("plan")
    said = project.run("dvc", "repro", "-f", "-s", address("toy-train-left"), fails=True)
    assert f"DamagedInput: stage toy-train-left: {DRAW} is not what its record says was written" in said
    said = project.flows("refresh")
    assert f"toy-draw: {DRAW} is not what dvc.lock lists, and is now in {ASIDE}" in said
    assert project.repro("toy-draw") == [], "it is restored, and does not run"
    mended(project, before)


def test_an_output_damaged_while_dvc_copies_it_into_its_cache_is_found(project):
    """The cache holds another file than its name says, and DVC trusts it because it is read-only."""
    project.edit("params.yaml", "seed: 0", "seed: 7")
    project.repro("data-wine")
    words = ("repro", "-s", address("toy-draw"))
    meddle(project, KEPT, f"{DRAW}/target.npy", *words)
    project.dvc(*words)  # restores the damaged file, without reading it
    cut = (project.root / DRAW / "target.npy").read_bytes()
    assert project.repro("-s", "toy-draw") == [], "DVC is none the wiser"
    assert f"{DRAW} is damaged" in project.flows("plan")
    said = project.flows("refresh")
    assert "1 files of DVC's cache were damaged" in said and f"toy-draw: {DRAW} is not what dvc.lock lists" in said
    assert project.repro("toy-draw") == ["toy-draw"]
    assert len((project.root / DRAW / "target.npy").read_bytes()) > len(cut)
    assert list(clean_cache(project.root)) == []


def test_a_flow_mends_what_is_damaged_by_itself(project):
    before = project.digests()
    shutil.rmtree(project.root / DRAW)
    meddle(project, BROUGHT, f"{DRAW}/target.npy", "repro", "-s", address("toy-draw"))
    said = project.flows("run", "toy")
    assert f"toy-draw: {DRAW} is not what dvc.lock lists" in said
    assert project.digests() == before


def test_what_another_run_left_is_dvc_s_to_tell(project):
    """Lock files of another commit list neither an output as it stands nor its record."""
    project.edit("params.yaml", "seed: 0", "seed: 1")
    project.repro()
    for path in ("steps/toy/dvc.lock", "data/dvc.lock", "params.yaml"):
        project.run("git", "checkout", "-q", path)
    assert project.flows("refresh") == ""
    assert not (project.root / ASIDE).exists()


def test_a_file_is_read_once_for_each_time_that_it_was_written(tmp_path: Path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    young = Digests(tmp_path)
    assert young.md5(path) == content_digest(path)
    young.keep()
    assert not (tmp_path / ".tenfold").exists(), "what was just written may be written again in the same tick"

    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 10_000_000_000)
    digests = Digests(tmp_path)
    digests.md5(path)
    digests.keep()
    held = json.loads((tmp_path / ".tenfold/digests.json").read_text())
    assert held["a"][-1] == content_digest(path)
    (tmp_path / ".tenfold/digests.json").write_text(json.dumps({"a": [*held["a"][:-1], "known"]}))
    assert Digests(tmp_path).md5(path) == "known"

    said = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(said.st_atime_ns, said.st_mtime_ns))
    assert Digests(tmp_path).md5(path) == content_digest(path), "same size, inode and time of writing"


@pytest.mark.parametrize("text", ["", "[1]", '{"a": ['])
def test_a_broken_table_of_digests_is_as_good_as_none(tmp_path: Path, text: str):
    (tmp_path / ".tenfold").mkdir()
    (tmp_path / ".tenfold/digests.json").write_text(text)
    (tmp_path / "a").write_bytes(b"one")
    assert Digests(tmp_path).md5(tmp_path / "a") == content_digest(tmp_path / "a")
