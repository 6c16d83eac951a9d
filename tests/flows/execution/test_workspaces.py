"""A worker's clones: a folder for a run, at a commit, sharing the cache; its own checkout is left alone."""

from __future__ import annotations

import os
import time

import pytest

from flows.execution.held_parameters import held_still
from flows.execution.workspaces import FOLDER, KEPT, MOST, YOUNG, RevisionError, Workspace, head, prepare_workspace


def test_without_a_revision_it_is_what_the_worker_s_checkout_has_committed(project):
    project.edit("params.yaml", "seed: 0", "seed: 7")
    clone = prepare_workspace(project.root, "", "run")
    assert head(clone) == head(project.root) and "seed: 0" in (clone / "params.yaml").read_text()
    (clone / "params.yaml").write_text("half-made")
    assert prepare_workspace(project.root, None, "run") == clone and "seed: 0" in (clone / "params.yaml").read_text()
    Workspace(project.root, project.root).discard()
    assert (project.root / "params.yaml").is_file()


def test_a_clone_at_a_revision_restores_from_the_shared_cache(project):
    project.run("git", "checkout", "-qb", "other")
    project.edit("params.yaml", "seed: 0", "seed: 7")
    project.run("git", "commit", "-qam", "another seed")
    project.run("git", "checkout", "-q", "main")
    clone = prepare_workspace(project.root, "other", "run-1")
    assert clone == project.root / FOLDER / "run-1"
    assert "seed: 7" in (clone / "params.yaml").read_text() and "seed: 0" in (project.root / "params.yaml").read_text()
    finished = prepare_workspace(project.root, "main", "run-2")
    assert type(project)(finished).repro("toy-evaluate") == []
    assert type(project)(finished).digests() == {
        name: value for name, value in project.digests().items() if not name.startswith(str(FOLDER))
    }
    assert project.run("git", "status", "--porcelain") == ""
    (clone / "left.txt").write_text("a checkpoint")
    assert prepare_workspace(project.root, "other", "run-1") == clone and (clone / "left.txt").is_file(), (
        "a retry finds it again"
    )
    Workspace(clone, project.root).discard()
    assert not clone.exists() and finished.exists()


def test_a_remote_s_branch_is_fetched_first(project, tmp_path):
    project.run("git", "clone", "-q", "--bare", ".", str(tmp_path / "origin.git"))
    project.run("git", "remote", "add", "origin", str(tmp_path / "origin.git"))
    elsewhere = tmp_path / "elsewhere"
    project.run("git", "clone", "-q", str(tmp_path / "origin.git"), str(elsewhere))
    other = type(project)(elsewhere)
    other.edit("params.yaml", "seed: 0", "seed: 9")
    other.run("git", "commit", "-qam", "pushed")
    other.run("git", "push", "-q", "origin", "main")
    clone = prepare_workspace(project.root, "main", "run")
    assert head(clone) == head(elsewhere) != head(project.root)


@pytest.mark.parametrize("revision", ["nowhere", "--upload-pack=touch", "a b", "HEAD^{tree}", "-x"])
def test_what_cannot_be_checked_out_is_refused_by_name(project, revision):
    with pytest.raises(RevisionError, match="revision"):
        prepare_workspace(project.root, revision, "run")
    assert not (project.root / FOLDER / "run").exists()


def test_a_half_made_clone_is_made_again_and_old_ones_go(project):
    half = project.root / FOLDER / "run"
    (half / ".git").mkdir(parents=True)
    old = project.root / FOLDER / "old"
    old.mkdir()
    os.utime(old, (time.time() - KEPT - 60,) * 2)
    many = [project.root / FOLDER / f"{number}" for number in range(MOST + 2)]
    for folder in many:
        (folder / ".tenfold").mkdir(parents=True)
    with held_still(many[-1]):
        for number, folder in enumerate(many):
            os.utime(folder, (time.time() - YOUNG - 60 * number,) * 2)
        clone = prepare_workspace(project.root, "main", "run")
    assert (clone / "params.yaml").is_file() and not old.exists()
    assert [folder.exists() for folder in many] == [True] * (MOST - 1) + [False] * 2 + [True], "one is in use"
