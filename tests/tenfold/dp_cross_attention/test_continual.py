"""Rows that arrive over time: the same sums, the noise of the right intervals, the horizon."""

import copy

import numpy as np
import pytest

from tenfold.dp_cross_attention import ContinualMemory, PrivateMemory
from tenfold.dp_cross_attention.continual import levels_for
from tenfold.dp_cross_attention.errors import CopyRefused, HorizonReached, InvalidMemory
from tests.tenfold.dp_cross_attention.conftest import PUBLIC


def grown(data, horizon=8, steps=8, **more):
    memory = ContinualMemory(horizon, 3, 2, **{"epsilon": 1.0, "insecure_seed": 0, **PUBLIC, **more})
    for step in range(steps):
        part = slice(step * 100, (step + 1) * 100)
        memory.append(data.keys[part], data.values[part])
    return memory


@pytest.mark.parametrize("steps", [1, 3, 6, 7, 8])
def test_without_noise_it_is_a_memory_of_the_rows_so_far(memory_rows, steps):
    memory = grown(memory_rows, steps=steps, epsilon=1e12)
    count = 100 * steps
    rows = memory_rows.keys[:count], memory_rows.values[:count]
    whole = PrivateMemory.fit(*rows, epsilon=1e12, insecure_seed=0, **PUBLIC)
    assert memory.rows == count
    assert memory.query(memory_rows.queries) == pytest.approx(whole.query(memory_rows.queries), abs=1e-5)


def test_a_row_is_in_so_many_released_intervals():
    for horizon in range(1, 70):
        counts = np.zeros(horizon, dtype=int)
        held: dict[int, list[int]] = {}
        for step in range(horizon):  # the same carrying as in the memory
            level, steps = 0, [step]
            while level in held:
                steps = held.pop(level) + steps
                level += 1
            held[level] = steps
            counts[steps] += 1
        assert counts.max() == levels_for(horizon)


def test_the_noise_is_of_as_many_sketches_as_make_up_the_time(memory_rows):
    zeros = np.zeros((1, 2))
    deviations = {1: [], 3: [], 4: []}
    for seed in range(150):
        memory = ContinualMemory(4, 2, 3, epsilon=1.0, insecure_seed=seed, degree=2, **PUBLIC)
        for time in range(1, 5):
            memory.append(zeros, np.zeros((1, 3)))
            if time in deviations:
                expected = np.zeros_like(memory.sketch)
                expected[0, -1] = time  # keys of zero have the constant feature only
                deviations[time].append((memory.sketch - expected) / memory.noise_sd)
    for values in deviations.values():
        assert np.std(values) == pytest.approx(1.0, abs=0.04)  # 3,600 draws: sd 1.2 %
    one = PrivateMemory.fit(zeros, np.zeros((1, 3)), epsilon=1.0, degree=2, **PUBLIC)
    assert memory.noise_sd == pytest.approx(np.sqrt(3) * one.noise_sd)  # L = 3 levels, one interval at t = 4
    assert memory.ledger.releases[-1].sketches == 3


def test_the_horizon_is_the_end_and_nothing_is_asked_before_the_start(memory_rows):
    memory = grown(memory_rows, horizon=3, steps=3)
    with pytest.raises(HorizonReached, match="3 steps"):
        memory.append(memory_rows.keys[:1], memory_rows.values[:1])
    empty = ContinualMemory(3, 3, 2, epsilon=1.0, **PUBLIC)
    with pytest.raises(InvalidMemory, match="no rows"):
        empty.query(memory_rows.queries)
    with pytest.raises(InvalidMemory, match="one value per key"):
        empty.append(memory_rows.keys[:2], memory_rows.values[:1])
    with pytest.raises(CopyRefused, match="would draw again"):
        copy.deepcopy(empty)
    with pytest.raises(InvalidMemory, match="horizon"):
        ContinualMemory(0, 3, 2, epsilon=1.0, **PUBLIC)
