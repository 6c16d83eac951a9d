"""The private memory: limits without noise, bounds, denominators, error bars, and what it refuses."""

import dataclasses

import numpy as np
import pytest
import torch

from tenfold.dp_cross_attention import ExactKernelMemory, PrivateMemory, exact_attention
from tenfold.dp_cross_attention.diagnostic import attention_without_noise, noise_of
from tenfold.dp_cross_attention.errors import BoundViolated, InvalidMemory, InvalidSetting
from tenfold.dp_cross_attention.memory import sums_of
from tests.tenfold.dp_cross_attention.conftest import PUBLIC

NO_NOISE = 1e12


def fit(data, **more):
    return PrivateMemory.fit(data.keys, data.values, **{"epsilon": 1.0, "insecure_seed": 0, **PUBLIC, **more})


def test_without_noise_a_high_degree_is_softmax_attention(memory_rows):
    exact = exact_attention(memory_rows.queries, memory_rows.keys, memory_rows.values, 1.0)
    errors = [
        np.abs(fit(memory_rows, epsilon=NO_NOISE, degree=g).query(memory_rows.queries) - exact).max()
        for g in (2, 4, 8, 12)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-6  # what little noise there is


def test_the_truncation_error_is_within_its_bound(memory_rows):
    exact = exact_attention(memory_rows.queries, memory_rows.keys, memory_rows.values, 0.5)
    for degree in (4, 6):
        answer = fit(memory_rows, epsilon=NO_NOISE, degree=degree, temperature=0.5).query(
            memory_rows.queries, errors=True
        )
        assert np.abs(answer.values - exact).max() <= answer.truncation


def test_the_order_of_rows_does_not_matter(memory_rows):
    order = np.random.default_rng(1).permutation(1000)
    known = fit(memory_rows).setting
    first = sums_of(memory_rows.keys, memory_rows.values, known)
    second = sums_of(memory_rows.keys[order], memory_rows.values[order], known)
    assert first == pytest.approx(second, abs=1e-9)


def test_equal_values_are_the_answer(memory_rows):
    constant = dataclasses.replace(memory_rows, values=np.tile([0.6, -0.3], (1000, 1)))
    assert fit(constant, epsilon=NO_NOISE).query(constant.queries) == pytest.approx(constant.values[:40], abs=1e-6)


def test_one_row_is_a_memory_and_none_is_not():
    key, value = np.array([[1.0, 0.0]]), np.array([[0.5]])
    memory = PrivateMemory.fit(key, value, epsilon=NO_NOISE, insecure_seed=0, **PUBLIC)
    assert memory.query(np.array([[0.0, 1.0]])) == pytest.approx(0.5, abs=1e-5)
    with pytest.raises(InvalidMemory, match="no rows"):
        PrivateMemory.fit(np.empty((0, 2)), np.empty((0, 1)), epsilon=1.0, **PUBLIC)


def test_the_noise_has_the_stated_sd():
    """Every entry is N(0, σ²), and a numerator's noise is N(0, σ²T_g(‖q‖²/τ)) whatever r and d are."""
    generator = np.random.default_rng(0)
    for dimension in (2, 5):
        keys = np.zeros((2, dimension))
        query = generator.standard_normal(dimension)
        query *= 0.8 / np.linalg.norm(query)
        raw, projected = [], []
        for seed in range(300):
            memory = PrivateMemory.fit(keys, np.zeros((2, 9)), epsilon=1.0, insecure_seed=seed, degree=4, **PUBLIC)
            sums = sums_of(keys, np.zeros((2, 9)), memory.setting)
            raw.append((memory.sketch - sums) / memory.noise_sd)
            features = memory.setting.feature_map()
            P = features.scale * features.raw(query[None])[:, 0]
            projected.append(P @ memory.sketch[:, :-1] / memory.noise_sd)
        assert np.std(raw) == pytest.approx(1.0, abs=0.02)
        length = np.sqrt(sum(0.64**j / np.prod(np.arange(1, j + 1.0)) for j in range(5)))
        assert np.std(projected) == pytest.approx(length, rel=0.06)  # 2,700 draws: sd of the estimate 1.4 %


def test_error_bars_hold_their_share(memory_rows):
    plain = fit(memory_rows, epsilon=NO_NOISE).query(memory_rows.queries)
    inside = []
    for seed in range(100):
        answer = fit(memory_rows, insecure_seed=seed).query(memory_rows.queries, errors=True, project=False)
        inside.append(np.abs(answer.values - plain) <= 1.96 * answer.noise_sd)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.03)


def test_denominators_that_noise_made_negative_are_caught():
    keys = np.tile([1.0, 0.0, 0.0], (1000, 1))
    queries = -keys[:1]  # the smallest denominator there can be, n·T_4(−1) = 375
    negative, clamped = 0, 0
    for seed in range(300):
        memory = PrivateMemory.fit(keys, keys, epsilon=0.1, insecure_seed=seed, **PUBLIC)
        features = memory.setting.feature_map()
        numerator = (features.scale * features.raw(queries)[:, 0]) @ memory.sketch
        answer = memory.query(queries, errors=True)
        clamped += bool(answer.clamped[0])
        assert np.linalg.norm(answer.values) <= 1 + 1e-12
        if numerator[-1] < 0:
            negative += 1
            assert answer.clamped[0]
            unguarded = memory.query(queries, clamp=False, project=False)
            assert unguarded[0] @ numerator[:-1] < 0 < answer.values[0] @ numerator[:-1]  # it would point backwards
    assert 0 < negative < clamped < 300


def test_rows_beyond_their_bound_are_an_error_or_clipped(memory_rows):
    longer = dataclasses.replace(memory_rows, keys=1.5 * memory_rows.keys)
    with pytest.raises(BoundViolated, match="longer than its public bound"):
        fit(longer)
    assert fit(longer, on_violation="clip").sketch == pytest.approx(fit(memory_rows).sketch, abs=1e-9)
    wide = dataclasses.replace(memory_rows, values=3 * memory_rows.values)
    with pytest.raises(BoundViolated, match="values"):
        fit(wide)
    assert np.isfinite(fit(wide, on_violation="clip").sketch).all()
    with pytest.raises(InvalidMemory, match="on_violation"):
        fit(longer, on_violation="ignore")
    memory = fit(memory_rows)
    with pytest.raises(BoundViolated, match="queries"):
        memory.query(2 * memory_rows.queries)
    clipped = memory.query(2 * memory_rows.queries, on_violation="clip")
    assert clipped == pytest.approx(memory.query(memory_rows.queries), abs=1e-9)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_what_is_no_number_is_refused(memory_rows, broken):
    keys = memory_rows.keys.copy()
    keys[3, 1] = broken
    with pytest.raises(InvalidMemory, match="NaN"):
        fit(dataclasses.replace(memory_rows, keys=keys))
    with pytest.raises(InvalidMemory, match="NaN"):
        fit(memory_rows).query(keys)
    with pytest.raises(InvalidMemory):
        fit(memory_rows).query(torch.tensor(keys))


def test_shapes_are_checked(memory_rows):
    with pytest.raises(InvalidMemory, match="one n"):
        PrivateMemory.fit(memory_rows.keys, memory_rows.values[:5], epsilon=1.0, **PUBLIC)
    with pytest.raises(InvalidMemory):
        fit(memory_rows).query(memory_rows.queries[:, :2])
    with pytest.raises(InvalidMemory):
        fit(memory_rows).query(memory_rows.queries[0])


def test_numerators_alone_need_values_that_are_not_negative(memory_rows):
    with pytest.raises(BoundViolated, match="non-negative"):
        fit(memory_rows, released="numerator")
    one_hot = dataclasses.replace(memory_rows, values=np.eye(2)[(memory_rows.keys[:, 0] > 0).astype(int)])
    joint, alone = fit(one_hot), fit(one_hot, released="numerator")
    assert alone.noise_sd == pytest.approx(joint.noise_sd / np.sqrt(2))
    assert alone.sketch.shape[1] == joint.sketch.shape[1] - 1
    scores = alone.query(one_hot.queries, errors=True)
    assert scores.values.shape == (40, 2) and scores.truncation is None


def test_under_add_remove_n_is_secret_and_estimated(memory_rows):
    memory = fit(memory_rows, neighbours="add_remove")
    assert memory.setting.rows is None
    assert "1000" not in str(memory.ledger.as_dict())
    answer = memory.query(memory_rows.queries)
    exact = exact_attention(memory_rows.queries, memory_rows.keys, memory_rows.values, 1.0)
    assert np.sqrt(((answer - exact) ** 2).mean()) < 0.1


@pytest.mark.parametrize("kind", ["rff", "exact"])
def test_without_n_large_denominators_are_left_alone(memory_rows, kind):
    public = {"epsilon": NO_NOISE, "neighbours": "add_remove", "insecure_seed": 0, **PUBLIC}
    if kind == "rff":
        memory = PrivateMemory.fit(memory_rows.keys, memory_rows.values, features="rff", feature_count=4096, **public)
    else:
        memory = ExactKernelMemory.fit(memory_rows.keys, memory_rows.values, **public)
    answer = memory.query(memory_rows.queries, errors=True)
    exact = exact_attention(memory_rows.queries, memory_rows.keys, memory_rows.values, 1.0)
    assert not answer.clamped.any()
    assert np.sqrt(((answer.values - exact) ** 2).mean()) < 0.05


def test_random_features_answer_too(memory_rows):
    exact = exact_attention(memory_rows.queries, memory_rows.keys, memory_rows.values, 1.0)
    answer = fit(memory_rows, features="rff", feature_count=4096, epsilon=NO_NOISE).query(memory_rows.queries)
    assert np.sqrt(((answer - exact) ** 2).mean()) < 0.05
    with pytest.raises(InvalidSetting):
        fit(memory_rows, features="exact")


def test_torch_in_torch_out(memory_rows):
    memory = fit(memory_rows)
    answer = memory.query(memory_rows.queries, errors=True)
    found = memory.query(torch.tensor(memory_rows.queries), errors=True)
    assert found.values.numpy() == pytest.approx(answer.values, abs=1e-12)
    assert found.noise_sd.numpy() == pytest.approx(answer.noise_sd, abs=1e-12)
    assert np.array_equal(found.clamped.numpy(), answer.clamped) and found.truncation == answer.truncation
    single = memory.query(torch.tensor(memory_rows.queries, dtype=torch.float32), on_violation="clip")
    assert single.dtype == torch.float32
    assert single.numpy() == pytest.approx(answer.values, abs=1e-6)
    of_tensors = PrivateMemory.fit(
        torch.tensor(memory_rows.keys), torch.tensor(memory_rows.values), epsilon=1.0, insecure_seed=0, **PUBLIC
    )
    assert np.array_equal(of_tensors.sketch, memory.sketch)


def test_the_same_query_has_the_same_answer_and_a_new_fit_has_new_noise(memory_rows):
    memory = fit(memory_rows, insecure_seed=None)
    assert np.array_equal(memory.query(memory_rows.queries), memory.query(memory_rows.queries))
    assert not np.array_equal(memory.sketch, fit(memory_rows, insecure_seed=None).sketch)
    assert np.array_equal(fit(memory_rows).sketch, fit(memory_rows).sketch)  # with an insecure seed


def test_the_diagnostic_is_the_memory_without_its_noise(memory_rows):
    memory = fit(memory_rows)
    plain = attention_without_noise(memory_rows.queries, memory_rows.keys, memory_rows.values, memory.setting)
    assert fit(memory_rows, epsilon=NO_NOISE).query(memory_rows.queries) == pytest.approx(plain, abs=1e-6)
    noise = noise_of(memory, memory_rows.keys, memory_rows.values)
    assert noise.std() == pytest.approx(memory.noise_sd, rel=0.3)
    one_hot = np.eye(2)[(memory_rows.keys[:, 0] > 0).astype(int)]
    alone = fit(dataclasses.replace(memory_rows, values=one_hot), epsilon=NO_NOISE, released="numerator")
    scores = attention_without_noise(memory_rows.queries, memory_rows.keys, one_hot, alone.setting)
    assert alone.query(memory_rows.queries) == pytest.approx(scores, rel=1e-4)


@pytest.mark.parametrize("released", ["joint", "numerator"])
def test_the_sum_on_a_device_is_the_same_sum(memory_rows, monkeypatch, released):
    """Tensors that are not on the CPU are summed where they are; here that path runs on the CPU."""
    values = np.abs(memory_rows.values)
    expected = PrivateMemory.fit(
        memory_rows.keys, values, epsilon=1.0, insecure_seed=0, released=released, **PUBLIC
    ).sketch
    monkeypatch.setattr("tenfold.dp_cross_attention.memory._on_gpu", lambda array: hasattr(array, "detach"))
    tensors = torch.tensor(memory_rows.keys), torch.tensor(values)
    found = PrivateMemory.fit(*tensors, epsilon=1.0, insecure_seed=0, released=released, **PUBLIC)
    assert found.sketch == pytest.approx(expected, abs=1e-9)
    with pytest.raises(BoundViolated):
        PrivateMemory.fit(2 * tensors[0], tensors[1], epsilon=1.0, **PUBLIC)
    with pytest.raises(InvalidMemory):
        PrivateMemory.fit(tensors[0] * torch.nan, tensors[1], epsilon=1.0, **PUBLIC)
    clipped = PrivateMemory.fit(
        2 * tensors[0], tensors[1], epsilon=1.0, insecure_seed=0, released=released, on_violation="clip", **PUBLIC
    )
    assert clipped.sketch == pytest.approx(expected, abs=1e-9)
