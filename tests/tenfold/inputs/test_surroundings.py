"""Kind: the surroundings of a command change what it can show, never whether it works: a terminal's encoding, no git.

Joins: every step, and every command of ``python -m flows`` and ``tenfold``.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.conftest import PARTS, ROOT, Project


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The source without .git, as an archive has it."""
    root = tmp_path_factory.mktemp("archive")
    for part in (*PARTS, "data/dvc.yaml", ".dvc/config"):
        source, target = ROOT / part, root / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return Project(root)


def test_what_to_do_without_git_is_said_and_does_it(archive: Project) -> None:
    printed = archive.run(sys.executable, "-m", "flows", "plan", "dp_john", fails=True)
    assert "is no git checkout" in printed and "Traceback" not in printed
    for advice in ("git init", "dvc config --local core.no_scm true"):
        assert f"`{advice}`" in printed
        words = advice.split()
        archive.run(*([sys.executable, "-m"] if words[0] == "dvc" else []), *words)
        assert "dp_john-prepare" in archive.run(sys.executable, "-m", "flows", "plan", "dp_john")
        shutil.rmtree(archive.root / ".git", ignore_errors=True)


def test_a_progress_line_stops_no_step(archive: Project) -> None:
    source = archive.root / "tenfold/data/resolve.py"
    source.write_text(source.read_text().replace("arrays inside", "arrays × inside"))
    printed = archive.run(sys.executable, "-m", "steps", "data", "wine", PYTHONIOENCODING="ascii")
    assert "arrays × inside the installed scikit-learn" in printed


def test_a_terminal_without_greek_letters_loses_no_result(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,0\n0,1\n")
    words = [sys.executable, "-m", "tenfold", "dp-john", "solve", "--csv", str(tmp_path / "a.csv"), "--mode", "input"]
    words += ["--epsilon", "1", "--delta", "1e-3", "--closeness", "1e-6", "--out", str(tmp_path / "found")]
    printed = Project(ROOT).run(*words, PYTHONIOENCODING="latin-1")
    assert "\\u2113" in printed and (tmp_path / "found.json").is_file()
