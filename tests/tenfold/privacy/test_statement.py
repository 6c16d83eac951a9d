"""Statements carry their guarantee, and refuse to claim what is not proven."""

import dataclasses
import json

import pytest

from tenfold.privacy.statement import PrivacyStatement, UnprovenBudget

PROVEN = PrivacyStatement(
    mechanism="noise",
    epsilon=1.0,
    delta=1e-6,
    mu=0.2367,
    neighbour_relation="one row moves",
    closeness=0.1,
    sensitivity="0.1",
    assumptions=("bounds are public",),
    not_protected=("running time",),
    proven=True,
    insecure_seed=False,
)


def test_a_statement_reads_and_serialises():
    text = str(PROVEN)
    for part in ("(1, 1e-06)", "one row moves", "bounds are public", "running time", "float64"):
        assert part in text
    assert "INSECURE" not in text
    assert json.loads(json.dumps(PROVEN.as_dict()))["assumptions"] == ["bounds are public"]


def test_an_insecure_seed_is_shouted():
    assert "INSECURE SEED" in str(dataclasses.replace(PROVEN, insecure_seed=True))


def test_no_epsilon_without_a_proof_and_no_proof_without_an_epsilon():
    with pytest.raises(UnprovenBudget):
        dataclasses.replace(PROVEN, proven=False)
    with pytest.raises(UnprovenBudget):
        dataclasses.replace(PROVEN, delta=None)
    assert "GDP" not in str(dataclasses.replace(PROVEN, mu=None))
    unproven = dataclasses.replace(PROVEN, proven=False, epsilon=None, delta=None, mu=None)
    assert "no proven ε" in str(unproven)


def test_a_statement_cannot_be_edited():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PROVEN.epsilon = 0.1
