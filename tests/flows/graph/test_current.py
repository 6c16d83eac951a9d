"""What is committed belongs together: dvc.yaml files to flows/, dvc.lock files and the results to this code."""

from __future__ import annotations

import hashlib
from functools import reduce
from pathlib import Path

from ruamel.yaml import YAML

from flows.graph.dvc_yaml import dvc_yamls, files, stale
from flows.graph.paper import papers
from flows.graph.parameters import check

ROOT = Path(__file__).parents[3]


def read(name: str) -> dict:
    path = ROOT / name
    return (YAML(typ="safe").load(path) or {}) if path.is_file() else {}


def outdated(lock: dict) -> list[str]:
    """Return what a dvc.lock says of code, templates and claims that is no longer so."""
    wrong = []
    for stage, entry in lock["stages"].items():
        for dependency in entry["deps"]:
            path = ROOT / dependency["path"]
            made = dependency["path"].startswith(("artifacts/", "results/", "data/"))
            if made:
                continue
            if not path.is_file():
                wrong.append(f"{stage}: {dependency['path']} is gone")
            elif hashlib.md5(path.read_bytes()).hexdigest() != dependency["md5"]:
                wrong.append(f"{stage}: {dependency['path']} has changed")
    return wrong


def changed_parameters(lock: dict) -> list[str]:
    """Return the parameters that have other values now than in a dvc.lock."""
    wrong = []
    for stage, entry in lock["stages"].items():
        for name, values in entry.get("params", {}).items():
            now = read(name)
            for key, value in values.items():
                current = reduce(lambda block, word: (block or {}).get(word), key.split("."), now)
                if current != value:
                    wrong.append(f"{stage}: {name}: {key} is {current}, and was {value}")
    return wrong


def test_every_paper_s_parameters_are_right_and_none_has_a_name_that_dvc_s_run_cache_leaves_out():
    check(ROOT, papers(ROOT))


def test_dvc_yaml_is_current():
    assert stale(ROOT, dvc_yamls(ROOT)) == [], "run: python -m flows generate"


def test_committed_results_come_of_this_code_and_these_parameters():
    """For every stage of each dvc.lock; and there are no results without them."""
    locks = {file: read(str(file.with_suffix(".lock"))) for file in files(ROOT)}
    if not any(locks.values()):
        assert not list(ROOT.glob("results/default/*")), "results without a dvc.lock"
        return
    for file, lock in locks.items():
        assert lock.get("stages", {}).keys() == read(str(file))["stages"].keys(), file
        assert outdated(lock) + changed_parameters(lock) == [], file


def test_the_check_would_notice():
    code = {"path": "flows/__main__.py", "md5": "0" * 32}
    gone = {"path": "flows/gone.py", "md5": "0" * 32}
    lock = {"stages": {"toy": {"deps": [code, gone], "params": {"params.yaml": {"seed": -1, "toy.train": {}}}}}}
    assert outdated(lock) == ["toy: flows/__main__.py has changed", "toy: flows/gone.py is gone"]
    assert len(changed_parameters(lock)) == 2
