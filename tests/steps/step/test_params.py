"""Parameters: where they stand, switches, and one clear error for whatever is wrong."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from steps.step.params import (
    PROFILES,
    Field,
    ParameterError,
    Params,
    block,
    file_of,
    mapping,
    place,
    read,
    switched,
    typed,
)


class Solver(Params):
    """A step's parameters, with one of each kind."""

    updates: Annotated[int, Field(gt=0, le=1000)]
    noise_multiplier: float
    sizes: tuple[int, ...]
    kind: Literal["exact", "fast"] = "exact"
    warm: bool = False


GOOD = {"updates": 3, "noise_multiplier": 1.5, "sizes": [1, 2]}


def test_what_is_right_is_taken():
    solver = typed(Solver, GOOD | {"warm": True}, "toy.solve")
    assert solver == Solver(updates=3, noise_multiplier=1.5, sizes=(1, 2), warm=True)
    assert typed(Solver, GOOD | {"noise_multiplier": 2}, "toy.solve").noise_multiplier == 2.0
    assert typed(Solver, GOOD | {"noise_multiplier": math.inf}, "toy.solve").noise_multiplier == math.inf


def test_parameters_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        typed(Solver, GOOD, "toy.solve").updates = 4


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"updates": "3"}, ["solve.updates = '3'", "valid integer"]),
        ({"updates": 3.5}, ["solve.updates = 3.5", "integer"]),
        ({"updates": True}, ["solve.updates = True", "integer"]),
        ({"updates": None}, ["solve.updates = None", "integer"]),
        ({"updates": 0}, ["solve.updates = 0", "greater than 0"]),
        ({"updates": 1001}, ["solve.updates = 1001", "less than or equal to 1000"]),
        ({"sizes": [1, "b"]}, ["solve.sizes.1 = 'b'", "integer"]),
        ({"kind": "slow"}, ["solve.kind = 'slow'", "'exact' or 'fast'"]),
        ({"warm": 1}, ["solve.warm = 1", "boolean"]),
        (
            {"steps": 3},
            ["solve.steps is not a parameter", "updates, noise_multiplier, sizes, kind, warm"],
        ),
    ],
)
def test_what_is_wrong_is_named(change, names):
    with pytest.raises(ParameterError) as caught:
        typed(Solver, GOOD | change, "toy.solve")
    for name in ["steps/toy/params.yaml: ", *names]:
        assert name in str(caught.value)


def test_a_missing_parameter_is_named():
    with pytest.raises(ParameterError, match=r"steps/toy/params\.yaml: solve\.sizes is missing"):
        typed(Solver, {"updates": 3, "noise_multiplier": 1.0}, "toy.solve")


def test_a_value_that_json_cannot_hold_is_named():
    with pytest.raises(ParameterError, match=r"steps/toy/params\.yaml: solve"):
        typed(Solver, GOOD | mapping("updates: 2020-01-01", Path("params.yaml")), "toy.solve")


def test_small_numbers_are_numbers():
    """YAML 1.1 would read 1e-3 as text."""
    assert mapping("rate: 1e-3", Path("params.yaml"))["rate"] == 0.001


@given(st.sets(st.sampled_from(PROFILES), min_size=1), st.sampled_from(PROFILES))
def test_a_switch_takes_the_nearest_profile_before(named, profile):
    before = [PROFILES.index(name) for name in named if PROFILES.index(name) <= PROFILES.index(profile)]
    switch = {name: PROFILES.index(name) for name in named}
    if before:
        assert switched({"size": [switch, {"deep": switch}]}, profile, "toy") == {
            "size": [max(before), {"deep": max(before)}]
        }
    else:
        with pytest.raises(ParameterError, match=rf"steps/toy/params\.yaml: size has no value for profile {profile}"):
            switched({"size": switch}, profile, "toy")


def test_a_switch_may_switch_whole_blocks():
    value = {"smoke": {"size": 1, "rate": {"smoke": 2, "gpu": 3}}, "extended": None}
    assert switched(value, "default", "toy") == {"size": 1, "rate": 2}
    assert switched(value, "gpu", "toy") is None


def test_profile_names_among_other_keys_are_refused():
    with pytest.raises(
        ParameterError, match=r"steps/toy/params\.yaml mixes profile names \(smoke\) with other keys \(smok\)"
    ):
        switched({"smoke": 1, "smok": 2}, "smoke", "toy")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("profile: large\nseed: 0", r"profile = 'large': must be one of smoke, default, extended, gpu, full"),
        ("seed: 0", r"profile = None"),
        ("profile: smoke", r"seed = None: must be a whole number"),
        ("profile: smoke\nseed: -1", r"seed = -1"),
        ("profile: smoke\nseed: true", r"seed = True"),
        ("profile: smoke\nseed: 0.5", r"seed = 0\.5"),
        ("profile: smoke\nseed: 0\nseed: 1", r"not valid YAML"),
        ("profile: [smoke", r"not valid YAML"),
        ("profile: smoke\nseed: 0\ntoy: {}", r"params\.yaml: toy: it takes data, profile, seed only"),
        ("- smoke", r"must be a mapping"),
        ("", r"must be a mapping"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, text, message):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(ParameterError, match=message):
        read(tmp_path)


def test_an_absent_file_is_named(tmp_path: Path):
    with pytest.raises(ParameterError, match="run the command at the root of the checkout"):
        read(tmp_path)


def test_blocks():
    params = {"profile": "default", "toy": {"walk": {"size": {"smoke": 1, "default": 2}}, "flat": 3}}
    assert block(params, "toy", "walk") == {"size": 2}
    assert block(params, "toy", "absent") == {} == block(params, "nothing", "at all")
    with pytest.raises(ParameterError, match=r"steps/toy/params\.yaml: flat = 3: must be a mapping"):
        block(params, "toy", "flat")


def test_a_papers_parameters_stand_beside_its_steps(tmp_path: Path):
    for paper, text in {"toy": "walk: {count: 1}", "other": "walk: {count: 2}"}.items():
        (tmp_path / "steps" / paper).mkdir(parents=True)
        (tmp_path / file_of(paper)).write_text(text)
    (tmp_path / "params.yaml").write_text("profile: smoke\nseed: 0\ndata: {}")
    general = {"profile": "smoke", "seed": 0, "data": {}}
    assert read(tmp_path) == general | {"toy": {"walk": {"count": 1}}, "other": {"walk": {"count": 2}}}
    assert read(tmp_path, ["toy", "absent"]) == general | {"toy": {"walk": {"count": 1}}}
    assert read(tmp_path, []) == general
    (tmp_path / file_of("other")).write_text("walk")
    with pytest.raises(ParameterError, match=r"steps/other/params\.yaml must be a mapping, one block per step"):
        read(tmp_path)


def test_places():
    assert place("toy.walk.size") == "steps/toy/params.yaml: walk.size" and place("toy") == "steps/toy/params.yaml"
    assert place("data.stand_in") == "params.yaml: data.stand_in" and place("seed") == "params.yaml: seed"
