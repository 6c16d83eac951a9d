"""The written report, on a made-up project."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.report.errors import ReportError
from flows.report.write import write_report
from tests.flows.report.made_up import SVG, write


@pytest.mark.parametrize("suffix", ["md", "html"])
def test_what_a_reader_looks_for(project: Path, suffix: str) -> None:
    write_report("default", project)
    text = (project / f"reports/default.{suffix}").read_text(encoding="utf-8")
    if suffix == "html":
        pages = [text, *((project / f"reports/default/{slug}.html").read_text("utf-8") for slug in ("first", "second"))]
        text = " ".join(" ".join(re.findall(r">([^<]+)", page.split("</style>")[1])) for page in pages)
    words = re.sub(r"\s+", " ", text)
    for expected in (
        "none sourced",
        "0.93 (Table 2, row 3)",
        "0.8731",
        "[0.8651, 0.8812]",
        "0.0713 nats",
        "Too few draws to tell.",
        "needs 64 GiB of memory",
        "A lower bound over all algorithms would be needed.",
        "STAND-IN",
        "rendered here",
        "python -m steps first prepare",
        "89abcdef01",
        "uncommitted changes",
        "12.3 s",
        "234 MiB",
        "numpy 2.4.0",
        "not testable at this scale",
        "Findings about the paper's argument",
        "Rates by method",
        "0.01512",
        "12,000",
        "is not the fastest at rows = 2000",
        "2025-11-24 02:05 UTC",
        "Without results under this profile: third",
        "2.718×10⁻⁷",
        "CC BY 4.0",
        "python -m benchmarks first",
        "identity: only a bug of ours can fail it",
        "a training",
        "[0.069, 0.074] over seeds",
        "Another machine was timed.",
        "Amended 2025-11-25, the value known:",
        "contradicted → reproduced",
        "Facts about this library",
    ):
        assert expected in words, expected
    assert words.index("Stand-in data") < words.index("reproduced")  # at the head
    assert words.index("costs nothing") < words.index("Short.")  # by name
    assert words.rindex("steps first prepare") < words.rindex("steps first evaluate")  # as they started


def test_the_summary_has_every_verdict(project: Path) -> None:
    summary = json.loads(write_report("default", project)[2].read_text(encoding="utf-8"))
    first, second = summary["papers"]
    assert [item["verdict"] for item in first["claims"]] == [
        "reproduced",
        "contradicted",
        "inconclusive",
        "not testable at this scale",
        "not testable at this scale",
        "derived",
        "withdrawn",
    ]
    assert first["claim_counts"] == {
        "reproduced": 1,
        "contradicted": 1,
        "derived": 1,
        "inconclusive": 1,
        "not testable at this scale": 2,
        "withdrawn": 1,
    }
    assert [item["verdict"] for item in first["findings"]] == ["confirmed"]
    assert [item["verdict"] for item in first["facts"]] == ["holds"] and first["fact_counts"]["holds"] == 1
    assert first["claims"][6]["amendments"][0]["changed"] == "contradicted → reproduced"
    assert first["claims"][1]["tests"][0] | {"measurements": {}} == {
        "test": "`gap_wide` < `gap_narrow`, with intervals apart",
        "identity": False,
        "control": False,
        "rival": False,
        "training": True,
        "over": "seeds",
        "outcome": "fails",
        "measurements": {},
    }
    assert first["stand_ins"] == ["digits"] and first["dirty_steps"] == ["prepare"]
    assert second["claims"][0]["reason"] == "The measured value is 4, where the test asks that `size` is at least 5."
    assert first["claims"][0]["tests"][0]["measurements"]["rate_ratio"]["value"] == 0.8731416
    assert summary["absent"] == ["third"]


def test_the_same_inputs_give_the_same_bytes(project: Path) -> None:
    def written() -> dict[str, bytes]:
        write_report("default", project)
        folder = project / "reports"
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    before = written()
    (project / "reports/default/gone.html").write_text("a paper that is no more")
    assert before == written()
    assert sorted(before) == ["default.html", "default.json", "default.md", "default/first.html", "default/second.html"]


def test_declared_order_decides(project: Path) -> None:
    declared = {"first": ["prepare", "evaluate"], "second": ["evaluate"]}
    summary = json.loads(write_report("default", project, declared)[2].read_text(encoding="utf-8"))
    assert [paper["paper"] for paper in summary["papers"]] == ["first", "second"]
    assert summary["absent"] == []
    text = (project / "reports/default.md").read_text(encoding="utf-8")
    assert text.index("| prepare | `python -m steps first") < text.index("| evaluate | `python -m steps first")


def edit(path: str, change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], Any]:
    def apply(root: Path) -> None:
        content = json.loads((root / path).read_text(encoding="utf-8"))
        change(content)
        write(root / path, content)

    return apply


FIRST = "results/default/first"
PREPARE = "artifacts/default/first/prepare.provenance.json"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda root: (root / FIRST / "claims.json").unlink(), "first/claims.json does not exist"),
        (lambda root: (root / FIRST / "metrics.json").unlink(), "first/metrics.json does not exist"),
        (
            edit(f"{FIRST}/metrics.json", lambda m: m.update(loss=float("nan"))),
            "loss = nan: must be a finite number",
        ),
        (edit(f"{FIRST}/claims.json", lambda m: m.pop("leak")), "F1 tests the measurement 'leak'"),
        (
            edit("results/default/second/claims.json", lambda m: m["size"].update(interval=[3, 5])),
            "C1 tests 'size', whose interval in",
        ),
        (lambda root: write(root / FIRST / "figures/more.svg", SVG), "files without a caption: more.svg"),
        (lambda root: (root / FIRST / "figures/rate.svg").unlink(), "captions without a file: rate.svg"),
        (
            lambda root: (root / FIRST / "tables/captions.json").unlink(),
            "tables/captions.json does not exist",
        ),
        (
            lambda root: write(root / FIRST / "tables/rates.csv", "a,b\n1\n"),
            "line 2 has 1 cells, the header 2",
        ),
        (lambda root: write(root / FIRST / "tables/rates.csv", ""), "rates.csv is empty"),
        (
            lambda root: (root / "artifacts/default/first/evaluate.provenance.json").unlink(),
            "evaluate.provenance.json",
        ),
        (
            edit(PREPARE, lambda r: r.update(profile="smoke")),
            "made under the profile smoke, the report is of default",
        ),
        (
            edit(PREPARE, lambda r: r["sources"][0].update(origin="moon")),
            "sources[0].origin = 'moon'",
        ),
        (
            edit(PREPARE, lambda r: r.update(started="2025-11-24T02:01:00")),
            "has no offset from UTC",
        ),
        (lambda root: (root / "steps/first/claims.yaml").unlink(), "steps/first/claims.yaml does not exist"),
        (lambda root: (root / "results/default/stranger").mkdir(), "has results of stranger"),
    ],
)
def test_broken_inputs_are_named_and_leave_the_old_report(
    project: Path, spoil: Callable[[Path], Any], message: str
) -> None:
    declared = {"first": ["prepare", "evaluate"], "second": ["evaluate"]}
    before = [(path, path.read_bytes()) for path in write_report("default", project, declared)]
    spoil(project)
    with pytest.raises(ReportError) as error:
        write_report("default", project, declared)
    assert message in str(error.value)
    assert all(path.read_bytes() == content for path, content in before)


def test_profiles(project: Path) -> None:
    with pytest.raises(ReportError, match="holds no results: run `dvc repro`"):
        write_report("extended", project)
    with pytest.raises(ReportError, match="unknown profile 'huge'"):
        write_report("huge", project)


def test_it_is_quick_and_needs_no_heavy_package(project: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from flows.report.write import write_report\n"
        "write_report('default', Path(sys.argv[1]))\n"
        "heavy = {'mlflow', 'torch', 'numpy', 'pandas', 'matplotlib', 'prefect', 'dvc'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    root = Path(__file__).resolve().parents[3]
    subprocess.run([sys.executable, "-c", code, str(project)], cwd=root, check=True)
