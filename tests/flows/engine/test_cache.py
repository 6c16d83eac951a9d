"""DVC's cache tells the truth: what depends on a change runs again, and nothing else does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

RIGHT_ARM = ["toy-train-right", "toy-combine", "toy-evaluate", "report"]
ARMS = ["toy-train-left", *RIGHT_ARM]
PLACE = "artifacts/default/toy/train-left/place.npy"


def test_nothing_changed_nothing_runs(project):
    before = (project.root / "dvc.lock").read_bytes()
    for path in (project.root / "tenfold").rglob("*.py"):
        path.touch()
    assert project.repro() == []
    assert (project.root / "dvc.lock").read_bytes() == before


def test_an_undisturbed_run_is_reproducible(project):
    before = project.digests()
    assert project.repro("--force")[-1] == "report"
    assert project.digests() == before


def test_a_helper_two_imports_away_reruns_its_dependents(project):
    before = project.digests()
    project.edit("tenfold/toy/scale.py", "SCALE = 1.0", "SCALE = 2.0")
    assert project.repro() == ARMS
    assert project.digests() != before


def test_figure_code_trains_nothing(project):
    before = project.digests()
    project.edit("tenfold/toy/drawing.py", '"The walk"', '"A walk"')
    assert project.repro() == ["toy-evaluate", "report"]
    after = project.digests()
    assert sorted(name for name in after if after[name] != before[name]) == [
        "results/default/toy/figures/captions.json",
        "results/default/toy/figures/walk.svg",
    ]


def test_a_comment_in_a_step_stops_at_its_unchanged_output(project):
    project.edit("steps/toy/train.py", '"""Walk to the target."""', '"""Walk to it."""')
    assert project.repro() == ["toy-train-left", "toy-train-right", "report"]


def test_a_parameter_changed_and_changed_back_is_restored(project):
    before = project.digests()
    project.edit("params.yaml", "updates: {smoke: 3, default: 12}", "updates: {smoke: 3, default: 13}")
    assert project.repro() == ARMS
    assert project.digests() != before
    project.edit("params.yaml", "default: 13}", "default: 12}")
    assert project.repro() == []
    assert project.digests() == before


def test_profiles_to_and_fro_are_restored(project):
    before = project.digests()
    project.edit("params.yaml", "profile: default", "profile: smoke")
    assert project.repro() == ["data-wine", "toy-draw", *ARMS]
    small = {name: value for name, value in project.digests().items() if "/smoke/" in name}
    for profile in ("default", "smoke"):
        other = "smoke" if profile == "default" else "default"
        project.edit("params.yaml", f"profile: {other}", f"profile: {profile}")
        shutil.rmtree(project.root / "artifacts" / profile)
        assert project.repro() == []
        assert project.digests() == before | small


def test_another_entry_of_the_list_of_sources_brings_nothing_anew(project):
    project.edit("data/sources.yaml", "title: Adult (census income 1994)", "title: Adult")
    assert project.repro() == []
    project.edit("data/sources.yaml", "title: Wine recognition", "title: Wine")
    assert project.repro() == ["data-wine", "report"]


def truncate(project) -> None:
    path = project.root / PLACE
    path.write_bytes(path.read_bytes()[:100])


def swap(project) -> None:
    left, right = (project.root / "artifacts/default/toy" / f"train-{arm}" for arm in ("left", "right"))
    left.rename(left.with_name("aside"))
    right.rename(left)
    left.with_name("aside").rename(right)


def flip(project) -> None:
    """Change one byte, keeping size and time."""
    path = project.root / PLACE
    content, stat = bytearray(path.read_bytes()), path.stat()
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    shutil.os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def add_a_stray_file(project) -> None:
    (project.root / "artifacts/default/toy/train-left/stray").write_text("x")


def remove_an_output(project) -> None:
    shutil.rmtree(project.root / "artifacts/default/toy/combine")


def remove_all(project) -> None:
    for folder in ("artifacts", "results", "data/default", "reports"):
        shutil.rmtree(project.root / folder)


def falsify_a_number(project) -> None:
    (project.root / "results/default/toy/metrics.json").write_text('{"final_distance": 0.0}')


def falsify_a_provenance(project) -> None:
    project.edit("artifacts/default/toy/draw.provenance.json", '"stage": "toy-draw"', '"stage": "toy-other"')


def delete_the_lock(project) -> None:
    (project.root / "dvc.lock").unlink()


def truncate_the_lock(project) -> None:
    path = project.root / "dvc.lock"
    lines = path.read_text().splitlines(keepends=True)
    ends = next(number for number, line in enumerate(lines) if line.startswith("  toy-combine:"))
    path.write_text("".join(lines[:ends]))


def empty_the_lock(project) -> None:
    (project.root / "dvc.lock").write_text("")


def swap_in_the_lock(project) -> None:
    """Let the lock file claim that the arms' outputs are each other's."""
    path = project.root / "dvc.lock"
    text = path.read_text().replace("train-left", "@").replace("train-right", "train-left")
    path.write_text(text.replace("@", "train-right"))


DAMAGE = [
    truncate, swap, flip, add_a_stray_file, remove_an_output, remove_all, falsify_a_number,
    falsify_a_provenance, delete_the_lock, truncate_the_lock, empty_the_lock, swap_in_the_lock,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_damage_is_found_and_undone(project, damage):
    before = project.digests()
    damage(project)
    ran = project.repro()
    assert project.digests() == before
    assert project.repro() == []
    assert "up to date" in project.dvc("status")
    assert "toy-train-left" not in ran, "damage to outputs or lock is mended from the run cache"


def test_a_lock_cut_in_the_middle_of_a_line_is_refused_or_mended(project):
    """DVC refuses a lock file that is no YAML; one clear word from the user's side mends it."""
    before = project.digests()
    path = project.root / "dvc.lock"
    path.write_bytes(path.read_bytes()[:1000] + b"\n  : [")
    assert "dvc.lock" in project.dvc("repro", fails=True)
    assert project.digests() == before
    path.unlink()
    assert project.repro() == []
    assert project.digests() == before


def test_a_corrupt_cache_is_not_taken_as_good(project):
    """Even with the cache's own copy damaged, the outputs end as they were."""
    before = project.digests()
    for name in ("md5",):
        for path in (project.root / ".dvc/cache/files" / name).rglob("*"):
            if path.is_file() and path.stat().st_size > 700 and not path.name.endswith(".dir"):
                Path(path).chmod(0o644)
                path.write_bytes(path.read_bytes()[:50])
    remove_all(project)
    project.repro()
    assert project.digests() == before
