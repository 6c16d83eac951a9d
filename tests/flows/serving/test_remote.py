"""Outputs travel by ``dvc push`` and ``dvc pull``; a second checkout restores instead of running."""

from __future__ import annotations

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
    """Runs that no dvc.lock holds travel in the run cache."""
    other = clone(pushed, tmp_path / "clone")
    change = ("steps/toy/params.yaml", "updates: {smoke: 3, default: 12}", "updates: {smoke: 3, default: 13}")
    pushed.edit(*change)
    pushed.repro()
    other.edit(*change)
    pushed.dvc("push", "--run-cache")
    assert other.repro("--pull") == ["toy-publish", "report"], "copies and summaries alone are written anew"
    assert other.digests() == pushed.digests()
