"""The command line: one clear error for what is wrong, before anything runs."""

from __future__ import annotations

import json
import re
import shutil
import sys

import pytest

MANY = """
import contextlib, io, json, pathlib, sys
from flows.__main__ import main
cases, answers = json.loads(sys.argv[1]), []
kept = pathlib.Path("params.yaml").read_text()
for edits, words in cases:
    text = kept
    for before, after in edits:
        assert before in text, before
        text = text.replace(before, after)
    pathlib.Path("params.yaml").write_text(text)
    sys.argv = ["flows", *words]
    printed = io.StringIO()
    with contextlib.redirect_stderr(printed), contextlib.redirect_stdout(printed):
        status = main()
    unchanged = pathlib.Path("params.yaml").read_text() == text
    answers.append([status, printed.getvalue(), unchanged])
print(json.dumps(answers))
"""
WRONG = {
    "no such paper": ([], ["run", "toi"], "there is no paper 'toi'; there are toy"),
    "no such profile": ([], ["run", "toy", "--profile", "large"],
                        r"--profile large: must be one of smoke, default, extended, gpu, full"),
    "no such key": ([], ["run", "toy", "--set", "toy.train.steps=3"],
                    r"--set toy\.train\.steps: params\.yaml has no such key"),
    "no such block": ([], ["run", "toy", "--set", "tou.train.updates=3"], r"--set tou\.train\.updates"),
    "no value": ([], ["run", "toy", "--set", "seed"], r"--set seed: write key=value"),
    "not YAML": ([], ["run", "toy", "--set", "seed=[1"], r"--set seed=\[1: not a YAML value"),
    "wrong type": ([], ["run", "toy", "--set", "toy.train.updates=many"],
                   r"params\.yaml: toy\.train\.updates = 'many': input should be a valid integer"),
    "out of range": ([], ["run", "toy", "--set", "toy.train.updates=0"],
                     r"params\.yaml: toy\.train\.updates = 0: input should be greater than 0"),
    "a block for a number": ([], ["run", "toy", "--set", "toy.train=3"],
                             r"params\.yaml: toy\.train = 3: must be a mapping"),
    "wrong seed": ([], ["run", "toy", "--set", "seed=-1"], r"params\.yaml: seed = -1: must be a whole"),
    "wrong policy": ([], ["run", "toy", "--set", "data.stand_in=maybe"],
                     r"params\.yaml: data\.stand_in = 'maybe': .*'only', 'allow' or 'forbid'"),
    "unknown key in the file": ([["pause: 0.0", "paws: 0.0"]], ["plan"],
                                r"toy\.train\.paws is not a parameter of TrainParams; it takes updates"),
    "missing key in the file": ([["    pause: 0.0\n", ""]], ["plan"], r"toy\.train\.pause is missing"),
    "unknown step": ([["  train:", "  trian:"]], ["plan"], r"toy\.trian: toy has no step trian; it has"),
    "unknown paper": ([["toy:", "toi:"]], ["plan"], r"params\.yaml: toi is neither a paper nor one of"),
    "parameters for a step that takes none": ([["  draw:", "  combine: {size: 3}\n  draw:"]], ["plan"],
                                              r"params\.yaml: toy\.combine: this step takes no parameters"),
    "missing profile": ([["{smoke: 3, default: 12}", "{gpu: 3}"]], ["plan", "toy"],
                        r"toy\.train\.updates has no value for profile default .*; it names only gpu"),
    "mixed switch": ([["{smoke: 3, default: 12}", "{smoke: 3, defualt: 12}"]], ["plan"],
                     r"toy\.train\.updates mixes profile names \(smoke\) with other keys \(defualt\)"),
    "no YAML": ([["seed: 0", "seed: ["]], ["plan"], r"params\.yaml is not valid YAML"),
}  # fmt: skip


@pytest.fixture(scope="module")
def answers(pristine, tmp_path_factory):
    """Run all cases in one process of a checkout, and look whether anything ran."""
    project = type(pristine)(tmp_path_factory.mktemp("commands") / "checkout")
    shutil.copytree(pristine.root, project.root)
    cases = [[edits, words] for edits, words, _ in WRONG.values()]
    printed = project.run(sys.executable, "-c", MANY, json.dumps(cases))
    assert project.digests().keys() <= {"data/sources.yaml", "data/dvc.yaml"}
    return dict(zip(WRONG, json.loads(printed.splitlines()[-1]), strict=True))


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_clear_error(answers, case):
    status, printed, unchanged = answers[case]
    assert re.search(WRONG[case][2], printed), printed
    assert status == 1
    assert unchanged, "a refused value must not stay in params.yaml"
    assert "Traceback" not in printed and len(printed.strip().splitlines()) <= 4


def test_wrong_usage(pristine):
    printed = pristine.flows("rum", "toy", fails=True)
    assert "No such command 'rum'" in printed and "Traceback" not in printed


def test_list_and_plan(project):
    listed = project.flows("list").splitlines()
    assert listed[0] == "toy" and re.fullmatch(r"  train-left +from toy-draw", listed[2])
    assert listed[-1].strip().endswith("· publishes")
    assert set(re.findall(r"^\S+ +(.*)$", project.flows("plan", "toy"), re.MULTILINE)) == {"cached"}
    project.edit("params.yaml", "default: 12}", "default: 13}")
    project.edit("tenfold/toy/drawing.py", "The walk", "A walk")
    plan = dict(re.findall(r"^(\S+) +(.*)$", project.flows("plan"), re.MULTILINE))
    assert plan["toy-draw"] == "cached"
    assert plan["toy-train-left"].startswith("will run, because") and "toy.train" in plan["toy-train-left"]
    assert plan["toy-combine"] == (
        "will run, because toy-train-left, toy-train-right will run and may change its input"
    )
    assert "tenfold/toy/drawing.py modified" in plan["toy-evaluate"]


def test_set_keeps_comments_and_sets_the_profile_in_force(fresh):
    text = (fresh.root / "params.yaml").read_text().replace("seed: 0", "seed: 0   # the first")
    (fresh.root / "params.yaml").write_text(text)
    code = (
        "from pathlib import Path; from flows.engine.graph import papers; "
        "from flows.engine.parameters import override; root = Path.cwd(); "
        "values = ['toy.train.updates=5', 'seed=0', 'toy.train.pause=0.5']; "
        "print(override(root, papers(root), 'smoke', values))"
    )
    printed = fresh.run(sys.executable, "-c", code)
    assert "profile: default → smoke" in printed and "toy.train.updates: 3 → 5" in printed
    assert (fresh.root / "params.yaml").read_text() == (
        text.replace("profile: default", "profile: smoke").replace("smoke: 3", "smoke: 5").replace("0.0", "0.5")
    )
