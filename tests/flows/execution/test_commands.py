"""The command line: one clear error for what is wrong, before anything runs."""

from __future__ import annotations

import json
import re
import shutil
import sys

import pytest

from flows.graph.parameters import UNSEEN

MANY = """
import contextlib, io, json, sys
from pathlib import Path
from flows.__main__ import main
def files():
    return {path: path.read_text() for path in (Path("params.yaml"), *Path("steps").glob("*/params.yaml"))}
cases, answers, kept = json.loads(sys.argv[1]), [], files()
for edits, words in cases:
    for name, before, after in edits:
        path = Path(name)
        text = path.read_text() if path.exists() else ""
        assert before in text, before
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.replace(before, after) if before else after)
    edited = files()
    sys.argv = ["flows", *words]
    printed = io.StringIO()
    with contextlib.redirect_stderr(printed), contextlib.redirect_stdout(printed):
        status = main()
    answers.append([status, printed.getvalue(), files() == edited])
    for path in edited:
        path.write_text(kept[path]) if path in kept else path.unlink()
print(json.dumps(answers))
"""
GENERAL, OWN = "params.yaml", "steps/toy/params.yaml"
WRONG = {
    "no such paper": ([], ["run", "toi"], "there is no paper 'toi'; there are toy"),
    "no such profile": (
        [],
        ["run", "toy", "--profile", "large"],
        r"--profile large: must be one of smoke, default, extended, gpu, full",
    ),
    "no such key": (
        [],
        ["run", "toy", "--set", "toy.train.steps=3"],
        r"--set toy\.train\.steps: steps/toy/params\.yaml has no such key",
    ),
    "no such general key": (
        [],
        ["run", "toy", "--set", "data.origin=3"],
        r"--set data\.origin: params\.yaml has no such key",
    ),
    "no such block": (
        [],
        ["run", "toy", "--set", "tou.train.updates=3"],
        r"--set tou\.train\.updates: there is no steps/tou/params\.yaml",
    ),
    "a path for a key": ([], ["run", "toy", "--set", "../toy.train=3"], r"--set \.\./toy\.train: there is no"),
    "no value": ([], ["run", "toy", "--set", "seed"], r"--set seed: write key=value"),
    "not YAML": ([], ["run", "toy", "--set", "seed=[1"], r"--set seed=\[1: not a YAML value"),
    "wrong type": (
        [],
        ["run", "toy", "--set", "toy.train.updates=many"],
        r"steps/toy/params\.yaml: train\.updates = 'many': input should be a valid integer",
    ),
    "out of range": (
        [],
        ["run", "toy", "--set", "toy.train.updates=0"],
        r"steps/toy/params\.yaml: train\.updates = 0: input should be greater than 0",
    ),
    "one right, one wrong": (
        [],
        ["run", "toy", "--set", "seed=1", "--set", "toy.train.updates=0"],
        r"steps/toy/params\.yaml: train\.updates = 0",
    ),
    "a block for a number": (
        [],
        ["run", "toy", "--set", "toy.train=3"],
        r"steps/toy/params\.yaml: train = 3: must be a mapping",
    ),
    "wrong seed": ([], ["run", "toy", "--set", "seed=-1"], r"params\.yaml: seed = -1: must be a whole"),
    "wrong policy": (
        [],
        ["run", "toy", "--set", "data.stand_in=maybe"],
        r"params\.yaml: data\.stand_in = 'maybe': .*'only', 'allow' or 'forbid'",
    ),
    "unknown key in the file": (
        [[OWN, "pause: 0.0", "paws: 0.0"]],
        ["plan"],
        r"train\.paws is not a parameter of TrainParams; it takes updates",
    ),
    "missing key in the file": ([[OWN, "  pause: 0.0\n", ""]], ["plan"], r"train\.pause is missing"),
    "unknown step": ([[OWN, "train:", "trian:"]], ["plan"], r"trian: toy has no step trian; it has"),
    "unknown paper": (
        [["steps/toi/params.yaml", "", "{}"]],
        ["plan"],
        r"steps/toi/params\.yaml: there is no paper toi; there are toy",
    ),
    "a paper in the general file": (
        [[GENERAL, "data:", "toy: {}\ndata:"]],
        ["plan"],
        r"params\.yaml: toy: .* a paper's own parameters stand in steps/<paper>/params",
    ),
    "parameters for a step that takes none": (
        [[OWN, "draw:", "combine: {pause: 3}\ndraw:"]],
        ["plan"],
        r"steps/toy/params\.yaml: combine: this step takes no parameters",
    ),
    "a name that DVC's run cache leaves out": (  # found by an attack on the cache
        [[OWN, "draw:", "combine: {deep: [{size: {smoke: 3}}]}\ndraw:"]],
        ["plan"],
        r"steps/toy/params\.yaml: size: DVC would restore the output of another value; name it otherwise",
    ),
    "missing profile": (
        [[OWN, "{smoke: 3, default: 12}", "{gpu: 3}"]],
        ["plan", "toy"],
        r"train\.updates has no value for profile default .*; it names only gpu",
    ),
    "mixed switch": (
        [[OWN, "{smoke: 3, default: 12}", "{smoke: 3, defualt: 12}"]],
        ["plan"],
        r"train\.updates mixes profile names \(smoke\) with other keys \(defualt\)",
    ),
    "no YAML": ([[GENERAL, "seed: 0", "seed: ["]], ["plan"], r"params\.yaml is not valid YAML"),
    "no YAML of a paper": ([[OWN, "draw:", "draw: ["]], ["plan"], r"steps/toy/params\.yaml is not valid YAML"),
    "no mapping": ([[OWN, "", "3"]], ["plan"], r"steps/toy/params\.yaml must be a mapping, one block per step"),
}


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
    assert unchanged, "a refused value must not stay"
    assert "Traceback" not in printed and len(printed.strip().splitlines()) <= 4


def test_wrong_usage(pristine):
    printed = pristine.flows("rum", "toy", fails=True)
    assert "No such command 'rum'" in printed and "Traceback" not in printed


def test_list_and_plan(project):
    listed = project.flows("list").splitlines()
    assert listed[0] == "toy" and re.fullmatch(r"  train-left +from draw", listed[2])
    assert listed[-1].strip().endswith("· publishes")
    assert set(re.findall(r"^\S+ +(.*)$", project.flows("plan", "toy"), re.MULTILINE)) == {"cached"}
    project.edit("steps/toy/params.yaml", "default: 12}", "default: 13}")
    project.edit("steps/toy/figures.py", "The walk", "A walk")
    assert [line.strip("│├└─ ") for line in project.flows("dag", "toy").splitlines()[1:]] == [
        "○ publish",
        "● evaluate",
        "○ combine",
        "● train-left",
        "✓ draw",
        "✓ data-wine",
        "● train-right",
        "✓ draw ↑",
    ]
    plan = dict(re.findall(r"^(\S+) +(.*)$", project.flows("plan"), re.MULTILINE))
    assert plan["toy-draw"] == "cached"
    assert plan["toy-train-left"].startswith("will run, because")
    assert "steps/toy/params.yaml: train modified" in plan["toy-train-left"]
    assert plan["toy-combine"] == (
        "will run, because toy-train-left, toy-train-right will run and may change its input"
    )
    assert "steps/toy/figures.py modified" in plan["toy-evaluate"]


def test_set_keeps_comments_and_sets_the_profile_in_force(fresh):
    general, own = fresh.root / "params.yaml", fresh.root / "steps/toy/params.yaml"
    fresh.edit("params.yaml", "seed: 0", "seed: 0   # the first")
    fresh.edit("steps/toy/params.yaml", "train:", "train:   # twice")
    texts = general.read_text(), own.read_text()
    code = (
        "from pathlib import Path; from flows.graph.paper import papers; "
        "from flows.graph.parameters import override; root = Path.cwd(); "
        "values = ['toy.train.updates=5', 'seed=0', 'toy.train.pause=0.5']; "
        "print(override(root, papers(root), 'smoke', values))"
    )
    printed = fresh.run(sys.executable, "-c", code)
    assert "params.yaml: profile: default → smoke" in printed
    assert "steps/toy/params.yaml: train.updates: 3 → 5" in printed
    assert general.read_text() == texts[0].replace("profile: default", "profile: smoke")
    assert own.read_text() == texts[1].replace("smoke: 3", "smoke: 5").replace("0.0", "0.5")


def test_the_names_that_dvc_s_run_cache_leaves_out_are_known():
    """With them, a changed parameter would be taken for the same."""
    from dvc.stage.cache import _get_cache_hash

    def key(name: str, value: int) -> str:
        return _get_cache_hash({"cmd": "x", "params": {"params.yaml": {"draw": {name: value}}}}, key=True)

    names = {"size", "nfiles", "isdir", "isexec", "md5", "etag", "checksum", "mtime", "inode", "path", "side", "outs"}
    assert {name for name in names if key(name, 1) == key(name, 2)} == UNSEEN
