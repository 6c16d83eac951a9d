"""Results compared with committed ones: each kind of difference is told from the others."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flows.report.compare import NothingToCompare, Sameness, compare
from tests.flows.report.made_up import write

FIRST = "results/default/first"
IDENTITY = ("-c", "user.name=test", "-c", "user.email=test@localhost")


@pytest.fixture
def committed(project: Path) -> Path:
    """The made-up project in git; the measurement ``loss`` and the table ``rates`` of `first` are timings."""
    write(project / FIRST / "tables/timings.json", ["loss", "rates"])
    write(project / FIRST / "tables/plain.csv", "method,gap\nexact,0.0151234\nsketch,2\n")
    for words in (["init", "-q"], ["add", "-A"], [*IDENTITY, "commit", "-qm", "results"]):
        subprocess.run(["git", *words], cwd=project, check=True)
    return project


def kinds(root: Path) -> dict[str, Sameness]:
    """Return what is not the same in `first`, timings aside."""
    found = next(one for one in compare(root, "default", "HEAD") if one.paper == "first")
    return {name: kind for name, (kind, _, _) in found.values.items() if kind not in (Sameness.SAME, Sameness.TIMING)}


def change(root: Path, name: str, **fields: Any) -> None:
    path = root / FIRST / "claims.json"
    measurements = json.loads(path.read_text(encoding="utf-8"))
    measurements[name] = {**measurements[name], **fields}
    write(path, measurements)


def test_nothing_changed(committed: Path) -> None:
    found = compare(committed, "default", "HEAD")
    assert [one.paper for one in found] == ["first", "second"] and all(one.agrees for one in found)
    (line, *rest) = found[0].lines()
    assert line.endswith("; 7 timings apart; 1 of 1 figures unchanged") and not rest


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (0.8731416 * (1 + 9e-7), Sameness.ROUNDING),
        (0.8731416 * (1 + 2e-6), Sameness.INTERVAL),
        (0.881, Sameness.INTERVAL),
        (0.8813, Sameness.DIFFERS),
        (None, Sameness.DIFFERS),
    ],
)
def test_a_measurement(committed: Path, value: float | None, kind: Sameness) -> None:
    if value is None:
        change(committed, "rate_ratio", value=None, interval=None, unavailable="no time")
    else:
        change(committed, "rate_ratio", value=value, interval=[0.86512, max(value, 0.88123)])
    assert kinds(committed) == {"rate_ratio": kind}


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("0.0151234", "0.0151235", Sameness.ROUNDING),
        ("0.0151234", "0.0151244", Sameness.DIFFERS),
        ("sketch,2", "sketches,2", Sameness.DIFFERS),
    ],
)
def test_a_cell(committed: Path, before: str, after: str, kind: Sameness) -> None:
    path = committed / FIRST / "tables/plain.csv"
    write(path, path.read_text(encoding="utf-8").replace(before, after))
    assert list(kinds(committed).values()) == [kind]


def test_what_came_and_went(committed: Path) -> None:
    write(committed / FIRST / "tables/plain.csv", "method,gap\nexact,0.0151234\n")
    write(committed / FIRST / "tables/more.csv", "a\n1\n")
    path = committed / FIRST / "claims.json"
    measurements = json.loads(path.read_text(encoding="utf-8"))
    del measurements["slope"]
    write(path, measurements | {"fresh": {"value": 1.0}})
    assert kinds(committed) == {
        "slope": Sameness.MISSING,
        "fresh": Sameness.NEW,
        "tables/more.csv": Sameness.NEW,
        "tables/plain.csv": Sameness.DIFFERS,
    }


def test_timings_never_differ_and_verdicts_do(committed: Path) -> None:
    change(committed, "loss", value=0.5, interval=[0.49, 0.51])  # C3 is about it alone
    path = committed / FIRST / "tables/rates.csv"
    write(path, path.read_text(encoding="utf-8").replace("0.0151234", "3"))
    (found, _) = compare(committed, "default", "HEAD")
    assert found.agrees and not kinds(committed)
    assert found.values["loss"] == (Sameness.TIMING, "0.13 [0.11, 0.17]", "0.5 [0.49, 0.51]")
    change(committed, "rate_ratio", value=1.2, interval=[1.1, 1.3])
    (found, _) = compare(committed, "default", "HEAD")
    assert found.verdicts == {"C1": ("reproduced", "contradicted")} and not found.agrees
    assert "  verdict changed     C1: reproduced → contradicted" in found.lines()


def test_the_command(committed: Path) -> None:
    def status() -> tuple[int, str]:
        command = [sys.executable, "-c", "import sys; from flows.__main__ import main; sys.exit(main())", "compare"]
        environment = {"PYTHONPATH": str(Path(__file__).parents[3])}
        done = subprocess.run(command, cwd=committed, env=environment, capture_output=True, text=True)
        return done.returncode, done.stdout

    assert status()[0] == 0
    change(committed, "slope", value=-1.0, interval=[-1.0, -1.0])
    change(committed, "rate_ratio", value=0.9, interval=[0.9, 0.9])
    code, printed = status()
    assert code == 1 and "  differs             rate_ratio: 0.873142 [0.86512, 0.88123] → 0.9 [0.9, 0.9]" in printed
    assert "  within its interval slope: " in printed
    with pytest.raises(NothingToCompare, match="no results in results/smoke at HEAD"):
        compare(committed, "smoke", "HEAD")
