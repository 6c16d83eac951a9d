"""Registered tests: what changes without an amendment is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.report.errors import RegistrationError
from flows.report.registration import register
from tests.flows.report.made_up import CLAIMS, write

ROOT = Path(__file__).resolve().parents[3]
AMENDED = """
    amendments:
      - {date: "2025-11-25", was: at most 1, now: at most 2, why: A slip., value_known: true, changed: Nothing.}
"""


def test_every_test_of_this_repository_is_as_registered_or_amended() -> None:
    assert register(ROOT, check=True) == []


@pytest.fixture
def registered(project: Path) -> Path:
    assert register(project) == [Path("steps/first/claims.lock"), Path("steps/second/claims.lock")]
    assert register(project, check=True) == []
    return project


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("at_most: 1.0", "at_most: 1.1"),
        ("measurement: rate_ratio", "measurement: spare"),
        ("at_most: 1.0", "at_least: 1.0"),
        ("at_most: 1.0, over: seeds", "at_most: 1.0, over: items"),
        ("at_most: 1.0", "at_most: 1.0, identity: true"),
        ("at_most: 1.0", "at_most: 1.0, training: true"),
        ("      - {measurement: slope, between: [-1.2, -0.8], over: seeds}\n", ""),
        ("id: C1", "id: C9"),
        ("not_testable: A lower bound", "tests: [{measurement: spare, at_most: 1}]\n    inconclusive: A lower bound"),
    ],
)
def test_a_change_wants_an_amendment(registered: Path, old: str, new: str) -> None:
    assert old in CLAIMS
    before = (registered / "steps/first/claims.lock").read_bytes()
    write(registered / "steps/first/claims.yaml", CLAIMS.replace(old, new, 1))
    for check in (True, False):
        with pytest.raises(RegistrationError, match=r"steps/first/claims\.yaml: C[15] is "):
            register(registered, check=check)
    assert (registered / "steps/first/claims.lock").read_bytes() == before


def test_an_amendment_is_taken_once_and_stays(registered: Path) -> None:
    path = registered / "steps/first/claims.yaml"
    anchor = "between: [-1.2, -0.8], over: seeds}\n"
    amended = CLAIMS.replace("at_most: 1.0", "at_most: 2.0", 1).replace(anchor, anchor + AMENDED.lstrip("\n"), 1)
    write(path, amended)
    assert register(registered) == [Path("steps/first/claims.lock")] and register(registered, check=True) == []
    write(path, amended.replace("at_most: 2.0", "at_most: 3.0", 1))
    with pytest.raises(RegistrationError, match="no amendment says why"):
        register(registered)
    write(path, CLAIMS.replace("at_most: 1.0", "at_most: 2.0", 1))
    with pytest.raises(RegistrationError, match="has lost an amendment"):
        register(registered)


def test_words_are_free_and_so_is_withdrawing_but_not_its_end(registered: Path) -> None:
    path = registered / "steps/first/claims.yaml"
    write(path, CLAIMS.replace("A sketch keeps the rate.", "A sketch keeps the pace."))
    assert register(registered, check=True) == []
    write(path, CLAIMS.replace("    where: section 4\n", "    where: section 4\n    withdrawn: It is false.\n"))
    assert register(registered) == [Path("steps/first/claims.lock")]
    write(path, CLAIMS)
    with pytest.raises(RegistrationError, match="C2 is not what was registered"):
        register(registered)


def test_a_paper_without_results_is_free(project: Path) -> None:
    write(project / "steps/third/claims.yaml", CLAIMS)
    assert Path("steps/third/claims.lock") not in register(project)
    write(project / "results/smoke/third/claims.json", {})
    assert register(project, check=True) == []
