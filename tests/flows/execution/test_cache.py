"""DVC's cache tells the truth: what depends on a change runs again, and nothing else does."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from steps.runtime.stage import address, pipeline

ARMS = ["toy-train-left", "toy-train-right", "toy-combine", "toy-evaluate"]
WRITTEN_ANEW = ("toy-publish", "report")  # copies and summaries in git, which DVC does not keep
LOCK = "steps/toy/dvc.lock"
FILES = [Path("dvc.yaml"), pipeline("data"), pipeline("toy")]
PLACE = "artifacts/default/toy/train-left/place.npy"


def steps(project) -> list[str]:
    """Run ``dvc repro`` and return the steps that ran."""
    return [stage for stage in project.repro() if stage not in WRITTEN_ANEW]


def locks(project) -> dict[Path, bytes]:
    """Return the dvc.lock files: the root's, the sources' and the paper's."""
    found = {path: path.read_bytes() for path in (project.root / file.with_suffix(".lock") for file in FILES)}
    assert len(found) == 3
    return found


def test_nothing_changed_nothing_runs(project):
    before = locks(project)
    for path in (project.root / "tenfold").rglob("*.py"):
        path.touch()
    assert project.repro() == []
    assert locks(project) == before


def test_an_undisturbed_run_is_reproducible(project):
    before = project.digests()
    assert project.repro("--force")[-1] == "report"
    assert project.digests() == before


def test_a_helper_two_imports_away_reruns_its_dependents(project):
    before = project.digests()
    project.edit("tenfold/toy/scale.py", "SCALE = 1.0", "SCALE = 2.0")
    assert steps(project) == ARMS
    assert project.digests() != before


def test_figure_code_trains_nothing(project):
    before = project.digests()
    project.edit("steps/toy/figures.py", '"The walk"', '"A walk"')
    assert steps(project) == ["toy-evaluate"]
    after = project.digests()
    assert sorted(name for name in after if after[name] != before[name]) == [
        *(f"artifacts/default/toy/evaluate/figures/{name}" for name in ("captions.json", "walk.svg")),
        *(f"results/default/toy/figures/{name}" for name in ("captions.json", "walk.svg")),
    ]


def test_a_comment_in_a_step_stops_at_its_unchanged_output(project):
    project.edit("steps/toy/train.py", '"""Walk to the target."""', '"""Walk to it."""')
    assert steps(project) == ["toy-train-left", "toy-train-right"]


def test_a_parameter_changed_and_changed_back_is_restored(project):
    before = project.digests()
    project.edit("steps/toy/params.yaml", "updates: {smoke: 3, default: 12}", "updates: {smoke: 3, default: 13}")
    assert steps(project) == ARMS
    assert project.digests() != before
    project.edit("steps/toy/params.yaml", "default: 13}", "default: 12}")
    assert steps(project) == []
    assert project.digests() == before


def test_profiles_to_and_fro_are_restored(project):
    before = project.digests()
    project.edit("params.yaml", "profile: default", "profile: smoke")
    assert steps(project) == ["data-wine", "toy-draw", *ARMS]
    small = {name: value for name, value in project.digests().items() if "/smoke/" in name}
    assert {name.replace("/smoke/", "/default/") for name in small} <= set(before)
    project.edit("params.yaml", "profile: smoke", "profile: default")
    shutil.rmtree(project.root / "artifacts/default")
    assert steps(project) == []
    assert project.digests() == before | small


def test_another_entry_of_the_list_of_sources_brings_nothing_anew(project):
    project.edit("data/sources.yaml", "title: Adult (census income 1994)", "title: Adult")
    assert steps(project) == []
    project.edit("data/sources.yaml", "title: Wine recognition", "title: Wine")
    assert steps(project) == ["data-wine", "toy-draw"]


def shorten_and_falsify(project) -> None:
    """Cut one output, remove another, falsify a published number and a provenance."""
    place = project.root / PLACE
    place.write_bytes(place.read_bytes()[:100])
    shutil.rmtree(project.root / "artifacts/default/toy/combine")
    (project.root / "results/default/toy/metrics.json").write_text('{"final_distance": 0.0}')
    project.edit("artifacts/default/toy/draw.provenance.json", '"stage": "toy-draw"', '"stage": "toy-other"')


def swap(project) -> None:
    """Let each arm's output stand under the other's name."""
    left, right = (project.root / "artifacts/default/toy" / f"train-{arm}" for arm in ("left", "right"))
    left.rename(left.with_name("aside"))
    right.rename(left)
    left.with_name("aside").rename(right)


def flip_and_add(project) -> None:
    """Change one byte and keep the size and the time; add a stray file to another output."""
    path = project.root / PLACE
    content, stat = bytearray(path.read_bytes()), path.stat()
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    (project.root / "artifacts/default/toy/draw/stray").write_text("x")


def remove_all(project) -> None:
    for folder in ("artifacts", "results", "data/default", "reports"):
        shutil.rmtree(project.root / folder)


def truncate_the_lock(project) -> None:
    path = project.root / LOCK
    lines = path.read_text().splitlines(keepends=True)
    ends = next(number for number, line in enumerate(lines) if line.startswith("  combine:"))
    path.write_text("".join(lines[:ends]))


def swap_in_the_lock(project) -> None:
    """Let the lock file claim that the arms' outputs are each other's."""
    path = project.root / LOCK
    text = path.read_text().replace("train-left", "@").replace("train-right", "train-left")
    path.write_text(text.replace("@", "train-right"))


DAMAGE = [
    shorten_and_falsify,
    swap,
    flip_and_add,
    remove_all,
    truncate_the_lock,
    swap_in_the_lock,
]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_damage_is_found_and_undone(project, damage):
    before = project.digests()
    damage(project)
    assert steps(project) == [], "damage is mended from the cache"
    assert project.digests() == before
    assert "up to date" in project.dvc("status")


CUTS = (b"", b"schema: '2.0'\nstages:\n  draw:\n    cm", b"schema: '2.0'\n  : [")


def test_a_lock_that_cannot_be_read_is_refused(project):
    """DVC names the file; without it everything is restored."""
    before = project.digests()
    for cut in CUTS:
        (project.root / LOCK).write_bytes(cut)
        assert LOCK in project.dvc("repro", fails=True)
        assert project.digests() == before
    for path in locks(project):
        path.unlink()
    assert steps(project) == []
    assert project.digests() == before


def test_a_corrupt_cache_is_not_taken_as_good(project):
    """Even with the cache's own copies damaged, the outputs end as they were."""
    before = project.digests()
    copies = [path for path in (project.root / ".dvc/cache/files").rglob("*") if path.is_file()]
    broken = [path for path in copies if path.suffix != ".dir" and path.stat().st_size > 700]
    for path in broken:
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:50])
    assert broken
    remove_all(project)
    assert "toy-draw" in project.repro("toy-train-left")
    after = project.digests()
    assert "artifacts/default/toy/train-left/place.npy" in after
    assert after.items() <= before.items()


LEFT, LEFT_STAGE = (sys.executable, "-m", "steps", "toy", "train", "left"), address("toy-train-left")
MEANWHILE = {
    "tenfold/toy/scale.py": ("tenfold/toy/scale.py", "SCALE = 1.0", "SCALE = 2.0"),
    "steps/toy/params.yaml: train": ("steps/toy/params.yaml", "default: 12}", "default: 9}"),
    "params.yaml: seed": ("params.yaml", "seed: 0", "seed: 1"),
    "command": ("steps/toy/dvc.yaml", "left drawn=draw", "left --gpu drawn=draw"),
    "artifacts/default/toy/draw": ("artifacts/default/toy/draw.provenance.json", "", ""),
}


@pytest.fixture
def paused(project):
    """A checkout in which a stage takes a while, and a branch with other code."""
    project.run("git", "checkout", "-q", "-b", "other")
    project.edit("tenfold/toy/walk.py", "RATE, NOISE = 0.1", "RATE, NOISE = 0.2")
    project.run("git", "commit", "-qam", "other")
    project.run("git", "checkout", "-q", "main")
    project.edit("steps/toy/params.yaml", "pause: 0.0", "pause: 0.2")
    return project


def while_it_runs(project, start, act: Callable[[], object], *command: str) -> str:
    """Start a command, act once the step has begun, and return what it printed; it must fail."""
    running = start(project, *command)
    until = time.monotonic() + 60
    while not list((project.root / "artifacts/default/toy").glob(".train-left.*.unfinished")):
        assert running.process.poll() is None and time.monotonic() < until, running.printed()
        time.sleep(0.02)
    act()
    assert running.status() != 0, running.printed()
    assert "Traceback" not in running.printed()
    return running.printed()


def test_what_changes_while_a_step_runs_stops_it_by_name(paused, start):
    before = paused.digests()
    added = paused.root / "artifacts/default/toy/draw/added"
    for name, (path, *texts) in MEANWHILE.items():
        act = partial(paused.edit, path, *texts) if texts[0] else added.touch
        said = while_it_runs(paused, start, act, *LEFT)
        assert f"ChangedWhileRunning: stage toy-train-left: {name} changed while the step ran" in said
        if texts[0]:
            paused.edit(path, *reversed(texts))
        added.unlink(missing_ok=True)
        assert paused.digests() == before, "the older output stays"


def test_what_changes_and_changes_back_while_a_step_runs_stops_it(paused, start):
    """The step may have imported what stood there in between; contents alone cannot tell."""
    before = paused.digests()

    def there_and_back() -> None:
        paused.edit("tenfold/toy/scale.py", "SCALE = 1.0", "SCALE = 2.0")
        paused.edit("tenfold/toy/scale.py", "SCALE = 2.0", "SCALE = 1.0")

    assert "toy-train-left: tenfold/toy/scale.py changed while" in while_it_runs(paused, start, there_and_back, *LEFT)
    assert paused.digests() == before


def test_what_changes_while_dvc_runs_a_stage_makes_no_wrong_pair(paused, start):
    """DVC looks after the command has ended, and would record the change as if it had been there from the start."""
    lock, before, repro = (paused.root / LOCK).read_bytes(), paused.digests(), ("dvc", "repro", "-s", LEFT_STAGE)
    branch = partial(paused.run, "git", "checkout", "-q", "other")
    assert "tenfold/toy/walk.py changed while" in while_it_runs(paused, start, branch, *repro)
    paused.run("git", "checkout", "-q", "main")
    assert (paused.root / LOCK).read_bytes() == lock
    shutil.rmtree(paused.root / ".tenfold/checkpoints")

    def experiment() -> None:
        start(paused, "dvc", "exp", "run", "-S", "params.yaml:seed=5", LEFT_STAGE).status()

    said = while_it_runs(paused, start, experiment, *repro)  # DVC may read the file while the experiment writes it
    assert "params.yaml: seed changed while" in said or "are missing from 'steps/toy/params.yaml'" in said
    paused.run("git", "checkout", "-q", "params.yaml", "steps/toy/params.yaml")  # the experiment may have run by itself
    assert steps(paused) == []
    assert paused.digests() == before


def test_a_change_after_the_last_look_is_found_by_the_record(project):
    """As if the code had changed between the step's end and DVC's own look at it."""
    before = project.digests()
    project.edit("tenfold/toy/scale.py", "SCALE = 1.0", "SCALE = 2.0")
    project.dvc("commit", "-f", LEFT_STAGE)
    assert project.repro("-s", "toy-train-left") == [], "DVC is none the wiser"
    assert "toy-train-left                     will run, because its record and dvc.lock disagree" in project.flows(
        "plan"
    )
    assert "OtherRecord: toy-train-left: record and dvc.lock disagree" in project.flows("report", fails=True)
    assert "toy-train-left: its record and dvc.lock disagree" in project.flows("refresh")
    assert "disagree" not in project.flows("plan")
    assert project.digests() != before
    project.edit("tenfold/toy/scale.py", "SCALE = 2.0", "SCALE = 1.0")
    project.repro()
    assert project.digests() == before
