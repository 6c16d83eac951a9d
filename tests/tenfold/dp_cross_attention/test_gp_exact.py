"""The exact-kernel memory: conditioning, caching, and its limits."""

import numpy as np
import pytest

from tenfold.dp_cross_attention import ExactKernelMemory, exact_attention
from tenfold.dp_cross_attention.errors import InvalidSetting, TooManyQueries
from tests.tenfold.dp_cross_attention.conftest import PUBLIC


def fit(data, **more):
    return ExactKernelMemory.fit(data.keys, data.values, **{"epsilon": 1.0, "insecure_seed": 0, **PUBLIC, **more})


def test_without_noise_it_is_exact_attention(memory_rows):
    exact = exact_attention(memory_rows.queries, memory_rows.keys, memory_rows.values, 1.0)
    assert fit(memory_rows, epsilon=1e12).query(memory_rows.queries) == pytest.approx(exact, abs=1e-5)


def test_a_query_keeps_its_answer_alone_or_among_others(memory_rows):
    memory, queries = fit(memory_rows), memory_rows.queries
    first = memory.query(queries[:10])
    assert np.array_equal(memory.query(queries[5:20])[:5], first[5:])
    assert np.array_equal(memory.query(queries[[3, 3, 0]]), first[[3, 3, 0]])
    minus, plus = (memory.query(np.array([[zero, 0.5, 0.0]])) for zero in (-0.0, 0.0))
    assert np.array_equal(minus, plus)


def test_answers_asked_one_by_one_have_the_kernels_covariance():
    """Noise of three queries, asked in turn, over 4,000 memories: covariance σ²e^{<q, q'>/τ}."""
    queries = np.array([[0.9, 0.0], [0.8, 0.3], [-0.5, 0.5]])
    rows = np.zeros((1, 2))
    noise = []
    for seed in range(1000):
        memory = ExactKernelMemory.fit(rows, np.zeros((1, 3)), epsilon=1.0, insecure_seed=seed, **PUBLIC)
        for query in queries:
            memory.query(query[None])
        noise.append((memory._factor @ memory._normals).T)  # (c, 3)
    drawn = np.concatenate(noise)  # (4000, 3)
    assert drawn.T @ drawn / len(drawn) == pytest.approx(np.exp(queries @ queries.T), abs=0.25)
    whole = np.exp(queries @ queries.T)
    assert memory._factor @ memory._factor.T == pytest.approx(whole, rel=1e-6)


def test_nearly_equal_queries_do_not_break_it(memory_rows):
    memory = fit(memory_rows)
    query = memory_rows.queries[:1]
    near = query + 1e-9 * np.arange(30)[:, None]
    answers = memory.query(near, on_violation="clip")
    assert np.isfinite(answers).all()
    assert np.ptp(answers, axis=0).max() < 1e-3


def test_it_has_room_for_so_many_queries(memory_rows):
    memory = fit(memory_rows, max_queries=12)
    memory.query(memory_rows.queries[:10])
    with pytest.raises(TooManyQueries, match="PrivateMemory"):
        memory.query(memory_rows.queries[10:20])
    memory.query(memory_rows.queries[:10])  # asked before


def test_it_has_no_sketch(memory_rows):
    memory = fit(memory_rows)
    assert not hasattr(memory, "save")
    with pytest.raises(InvalidSetting, match="no finite feature map"):
        memory.ledger.releases[-1].setting.feature_map().raw(memory_rows.queries)
    assert memory.privacy.epsilon == pytest.approx(1.0)
