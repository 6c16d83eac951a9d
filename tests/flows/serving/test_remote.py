"""Outputs travel by ``dvc push`` and ``dvc pull``; a second checkout restores instead of running."""

from __future__ import annotations

import re
import shutil

import pytest


@pytest.fixture
def pushed(project, tmp_path):
    """A finished checkout and a plain folder as its remote, everything pushed."""
    project.dvc("remote", "add", "--default", "store", str(tmp_path / "store"))
    project.run("git", "commit", "-qam", "a remote")
    project.dvc("push", "--run-cache")
    return project


def clone(project, target):
    """Clone with git alone: no cache, no artifacts."""
    project.run("git", "clone", "-q", str(project.root), str(target))
    return type(project)(target)


def test_push_wipe_pull(pushed):
    before = pushed.digests()
    for folder in ("artifacts", "data/default", ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(pushed.root / folder)
    pushed.dvc("pull")
    assert pushed.repro() == []
    assert pushed.digests() == before


def test_a_clone_restores_what_is_committed(pushed, tmp_path):
    """``dvc repro --pull`` alone is enough where dvc.lock files say what the outputs are."""
    other = clone(pushed, tmp_path / "clone")
    assert "Running stage" not in other.dvc("repro", "--pull")
    assert other.digests() == pushed.digests()


def test_a_clone_restores_another_s_unpublished_runs(pushed, tmp_path):
    """Runs that no dvc.lock holds travel with all that they made, an earlier seed's, too."""
    other = clone(pushed, tmp_path / "clone")
    path, *seeds = "params.yaml", "seed: 0", "seed: 1", "seed: 2"
    pushed.edit(path, seeds[0], seeds[1])
    pushed.repro()
    digests = pushed.digests()
    pushed.edit(path, seeds[1], seeds[2])
    pushed.repro()
    assert re.fullmatch(r"[1-9]\d* new files pushed\n", pushed.flows("push").splitlines(keepends=True)[-1])
    other.edit(path, seeds[0], seeds[1])
    assert other.repro("--pull") == ["toy-publish", "report"], "copies and summaries alone are written anew"
    assert other.digests() == digests


def test_a_push_refuses_what_is_to_be_mended(pushed):
    (pushed.root / "steps/toy/dvc.lock").write_bytes(b"[")
    printed = pushed.flows("push", fails=True)
    assert "NotShared: steps/toy/dvc.lock could not be read" in printed and "Traceback" not in printed
    pushed.repro()
    pushed.flows("push")
