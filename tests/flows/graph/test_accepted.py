"""Parameters that a step's run has accepted are not built again; anything that changed since is."""

from __future__ import annotations

import json
import sys

CHECK = """
import json, sys
from pathlib import Path
from flows.graph.paper import papers
from flows.graph.parameters import check
from steps.step.params import ParameterError
try:
    check(Path.cwd(), papers(Path.cwd()))
    told = ""
except ParameterError as error:
    told = str(error)
print(json.dumps([told, sorted(name for name in sys.modules if name.startswith("steps.toy."))]))
"""
STEPS = {"steps.toy.combine", "steps.toy.draw", "steps.toy.evaluate", "steps.toy.train"}
OWN = "steps/toy/params.yaml"


def checked(project) -> tuple[str, list[str]]:
    """Return what is wrong with parameters, and the steps that were imported to see it."""
    told, imported = json.loads(project.run(sys.executable, "-c", CHECK).splitlines()[-1])
    return told, sorted(STEPS & set(imported))


def test_nothing_is_imported_where_every_step_has_run(project):
    assert checked(project) == ("", [])


def test_every_step_is_imported_where_none_has_run(fresh):
    told, imported = checked(fresh)
    assert told == "" and set(imported) == STEPS


def test_a_step_is_imported_where_its_code_or_its_parameters_changed(project):
    project.edit(OWN, "pause: 0.0", "pause: 0.001")
    assert checked(project) == ("", ["steps.toy.train"])
    project.edit(OWN, "pause: 0.001", "pause: many")
    told, _ = checked(project)
    assert told.startswith("steps/toy/params.yaml: train.pause = 'many'")
    project.edit(OWN, "pause: many", "pause: 0.0")
    assert checked(project) == ("", [])
    source = (project.root / "steps/toy/train.py").read_text()
    (project.root / "steps/toy/train.py").write_text(source.replace("pause: ", "paws: "))
    told, _ = checked(project)
    assert "train.paws is missing" in told and "train.pause is not a parameter of TrainParams" in told


def test_blocks_and_keys_that_nobody_takes_are_found_all_the_same(project):
    project.edit(OWN, "draw:", "combine: {pause: 3}\ndraw:")
    assert checked(project)[0] == "steps/toy/params.yaml: combine: this step takes no parameters"
    project.edit(OWN, "combine: {pause: 3}", "combing: {}")
    assert "combing: toy has no step combing" in checked(project)[0]
    project.edit(OWN, "combing: {}\n", "")
    project.edit("params.yaml", "stand_in: ", "stand_in: maybe #")
    assert "data.stand_in = 'maybe'" in checked(project)[0]


def test_another_profile_and_seed_are_checked(project):
    project.edit("params.yaml", "profile: default", "profile: smoke")
    assert "steps.toy.train" in checked(project)[1]


def test_a_lock_that_cannot_be_read_accepts_nothing(project):
    (project.root / "steps/toy/dvc.lock").write_text("stages: [")
    told, imported = checked(project)
    assert told == "" and "steps.toy.train" in imported
