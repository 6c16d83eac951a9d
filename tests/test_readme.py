"""The README tells the truth: its table, its tree, its code and its commands."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

from flows.report.readme import readme_is_current
from tests.conftest import ROOT

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"python -m flows (\w+)", TEXT)))


def test_table_and_tree_are_current() -> None:
    assert readme_is_current(ROOT)


def test_the_python_example_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    names = {"A": np.random.default_rng(0).normal(size=(200, 4))}
    exec(compile(code, "README.md", "exec"), names)
    assert names["result"].certificate.max_leverage <= 1.001  # type: ignore[attr-defined]
    assert names["private"].privacy.proven  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_exists(command: str) -> None:
    words = ["solve", "dp_john"] if command == "solve" else [command]
    done = subprocess.run([sys.executable, "-m", "flows", *words, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)[^):]*\)", TEXT):
        assert (ROOT / target).exists(), target
