"""Schedulers of one interface: what each does with ℓ, and what each refuses."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.commit_tuning import (
    ConstantScheduler,
    CoordinateDescent,
    CoordinatedScheduler,
    Factors,
    InvalidScheduler,
    PlaceboScheduler,
    mean_rate,
    tune_ratio,
)

FORMS = ("geo", "damp", "ratio")
BALANCE = st.floats(-5, 5)


def test_the_forms_are_those_of_the_specification():
    both = CoordinatedScheduler("geo").factors(9, 0.8)
    assert (both.llm, both.encoder) == (math.exp(-0.5 * 0.8), math.exp(0.5 * 0.8))
    clipped = CoordinatedScheduler("geo", clip=1.2, strength=0.5).factors(9, -3.0)
    assert (clipped.llm, clipped.encoder) == (math.exp(0.5 * 1.2), math.exp(-0.5 * 1.2))
    damped = CoordinatedScheduler("damp").factors(9, 0.8)
    assert (damped.llm, damped.encoder) == (math.exp(-0.4), 1.0)
    ratio = CoordinatedScheduler("ratio").factors(9, -2.0)
    assert (ratio.llm, ratio.encoder) == (1.0, math.exp(-2.0))  # κ̂ = exp(−2) slows the encoder


@pytest.mark.parametrize("form", FORMS)
def test_the_first_factor_is_exactly_one(form):
    assert CoordinatedScheduler(form).factors(1, 0.0) == Factors(1.0, 1.0)


@pytest.mark.parametrize("form", FORMS)
@given(BALANCE)
def test_the_component_that_moves_more_is_slowed_and_signs_are_alike(form, balance):
    found = CoordinatedScheduler(form).factors(1, balance)
    mirrored = CoordinatedScheduler(form).factors(1, -balance)
    assert (found.llm - found.encoder) * balance <= 0
    assert (mirrored.llm, mirrored.encoder) == (found.encoder, found.llm)
    if form != "geo":
        assert max(found.llm, found.encoder) == 1.0


def test_coordinate_descent_moves_one_component_at_a_time():
    turns = [CoordinateDescent("encoder", 2).factors(update, 9.0) for update in range(1, 7)]
    assert [(one.encoder, one.llm) for one in turns] == [(1, 0), (1, 0), (0, 1), (0, 1), (1, 0), (1, 0)]
    assert CoordinateDescent("llm", 1).factors(1, 0.0) == Factors(llm=1.0, encoder=0.0)


def test_constants_and_placebo_know_nothing_of_this_runs_balance():
    assert ConstantScheduler().factors(3, 4.0) == Factors(1.0, 1.0)
    placebo = PlaceboScheduler((0.0, 0.7, -0.2))
    for update, other in enumerate((0.0, 0.7, -0.2), 1):
        assert placebo.factors(update, 99.0) == CoordinatedScheduler().factors(update, other)
    with pytest.raises(InvalidScheduler, match="update 4 comes after the 3"):
        placebo.factors(4, 0.0)
    assert not placebo.needs_balance and CoordinatedScheduler().needs_balance


def test_the_half_rate_is_the_mean_of_the_factors():
    assert mean_rate([Factors(1.0, 1.0), Factors(0.5, 2.0)]) == ConstantScheduler(0.75, 1.5)
    with pytest.raises(InvalidScheduler):
        mean_rate([])


def test_the_tuned_constant_sees_validation_alone_and_is_charged_for_every_run():
    seen = []

    def validation_loss(ratio):
        seen.append(ratio)
        return {0.1: 3.0, 1.0: 2.0, 3.0: 1.5, 10.0: math.nan}[ratio]

    tuned = tune_ratio([10.0, 3.0, 1.0, 0.1], validation_loss, updates=250)
    assert (tuned.ratio, tuned.updates, tuned.at_edge) == (3.0, 1000, False)
    assert tuned.scheduler == ConstantScheduler(encoder=3.0) and seen == [0.1, 1.0, 3.0, 10.0]
    assert tune_ratio([0.1, 1.0], validation_loss, updates=1).at_edge
    with pytest.raises(InvalidScheduler, match="diverged at every ratio"):
        tune_ratio([1.0, 10.0], lambda _ratio: math.inf, updates=1)


@pytest.mark.parametrize(
    "made",
    [
        lambda: CoordinatedScheduler("linear"),
        lambda: CoordinatedScheduler("ratio", clip=1.0),
        lambda: CoordinatedScheduler(strength=0.0),
        lambda: ConstantScheduler(encoder=-1.0),
        lambda: ConstantScheduler(llm=math.inf),
        lambda: CoordinateDescent("projector", 1),
        lambda: CoordinateDescent("llm", 0),
        lambda: PlaceboScheduler(()),
        lambda: tune_ratio([1.0], lambda _: 0.0, updates=1),
        lambda: tune_ratio([1.0, 1.0], lambda _: 0.0, updates=1),
        lambda: tune_ratio([1.0, 2.0], lambda _: 0.0, updates=0),
    ],
)
def test_settings_that_are_none_are_refused(made):
    with pytest.raises(InvalidScheduler):
        made()
