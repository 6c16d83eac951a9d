"""A copy of the project with one small paper in it, for tests that run it as a user would."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from ruamel.yaml import YAML

from flows.graph.dvc_yaml import files
from steps.runtime.stage import address, name_at

# The same examples in every run, so that a run of the suite says something about the change and not about chance;
# `pytest --hypothesis-profile=default` draws new ones. How long an example takes depends on what else runs.
settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")

ROOT = Path(__file__).parents[1]
PARTS = (
    "flows",
    "steps",
    "tenfold",
    "data/sources.yaml",
    "examples",
    "params.yaml",
    "pyproject.toml",
    ".gitignore",
    ".dvcignore",
    "prefect.toml",
)
PAPERS = sorted(path.stem for path in (ROOT / "flows").glob("[a-z]*.py"))
LONGEST = (
    *("test_smoke.py", "test_distributed.py", "test_delivery.py", "test_full.py", "test_hub.py"),
    *("test_workers.py", "test_servers.py", "test_flow.py", "test_machines.py", "test_kill.py"),  # mostly waiting
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, so that none of them is left over when everything else is done."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@dataclass
class Project:
    """A checkout that tests may break."""

    root: Path

    def environment(self, **more: str) -> dict[str, str]:
        programs = os.path.dirname(sys.executable)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TENFOLD_", "MLFLOW_"))}
        return (
            kept
            | {
                "PATH": os.pathsep.join([programs, os.environ["PATH"]]),
                "TENFOLD_TRACKING": "off",
                "DO_NOT_TRACK": "true",
                "PYTHONDONTWRITEBYTECODE": "1",
                "SHELL": "/bin/sh",  # DVC's choice: the plainest shell there is
                "GIT_AUTHOR_NAME": "test",
                "GIT_AUTHOR_EMAIL": "test@localhost",
                "GIT_COMMITTER_NAME": "test",
                "GIT_COMMITTER_EMAIL": "test@localhost",
            }
            | more
        )

    def run(self, *command: str, fails: bool = False, timeout: float = 300, **more: str) -> str:
        """Run a command in the checkout and return what it printed; fail the test if its status is not as said."""
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment(**more),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
        )
        assert (done.returncode != 0) == fails, f"{' '.join(command)} → {done.returncode}\n{done.stdout}"
        return done.stdout

    def dvc(self, *words: str, fails: bool = False) -> str:
        return self.run("dvc", *words, fails=fails)

    def flows(self, *words: str, fails: bool = False, **more: str) -> str:
        return self.run(sys.executable, "-m", "flows", *words, fails=fails, **more)

    def repro(self, *words: str) -> list[str]:
        """Run ``dvc repro``, for stages by name, and return those that ran (not those restored or up to date)."""
        return ran(self.dvc("repro", *(word if word.startswith("-") else address(word) for word in words)))

    def stages(self) -> dict[str, dict[str, Any]]:
        """Return what the dvc.yaml files declare, by the stages' names."""
        found = {file: YAML(typ="safe").load(self.root / file)["stages"] for file in files(self.root)}
        return {name_at(f"{file}:{own}"): spec for file, specs in found.items() for own, spec in specs.items()}

    def edit(self, path: str, before: str, after: str) -> None:
        text = (self.root / path).read_text()
        assert before in text, f"{path} does not hold {before!r}"
        (self.root / path).write_text(text.replace(before, after))

    def digests(self) -> dict[str, str]:
        """Return the digest of every output file that must be the same from run to run."""
        files = [
            path
            for folder in ("artifacts", "results", "data")
            for path in sorted((self.root / folder).rglob("*"))
            if path.is_file() and not path.name.endswith((".provenance.json", "dvc.lock"))
        ]
        return {str(path.relative_to(self.root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def ran(text: str) -> list[str]:
    """Return the names of the stages that a DVC log says were run."""
    return [name_at(line.split("'")[1]) for line in text.splitlines() if line.strip().startswith("Running stage")]


def build(root: Path) -> Project:
    """Make a checkout with the toy paper alone, in git, its dvc.yaml files generated."""
    left_out = [f"{slug}.py" for slug in PAPERS]
    for part in PARTS:
        source, target = ROOT / part, root / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", *left_out, *PAPERS, "results"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    shutil.copytree(ROOT / ".dvc", root / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp", "config.local"))
    project = Project(root)
    (root / ".gitignore").open("a").write("/benchmarks/\n")
    project.run("git", "init", "-q", "-b", "main")
    project.flows("new", "toy")
    project.run("git", "add", "-A")
    project.run("git", "commit", "-qm", "the toy paper")
    return project


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A checkout in which nothing has run; copy it, do not touch it."""
    return build(tmp_path_factory.mktemp("pristine") / "checkout")


@pytest.fixture(scope="session")
def finished(pristine: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A checkout in which ``dvc repro`` has run and its results are committed; copy it, do not touch it."""
    root = tmp_path_factory.mktemp("finished") / "checkout"
    shutil.copytree(pristine.root, root, symlinks=True)
    project = Project(root)
    project.repro()
    project.run("git", "add", "-A")
    project.run("git", "commit", "-qm", "results")
    return project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A finished checkout of one's own."""
    shutil.copytree(finished.root, tmp_path / "checkout", symlinks=True)
    return Project(tmp_path / "checkout")


@pytest.fixture
def fresh(pristine: Project, tmp_path: Path) -> Project:
    """A checkout of one's own in which nothing has run."""
    shutil.copytree(pristine.root, tmp_path / "checkout", symlinks=True)
    return Project(tmp_path / "checkout")
