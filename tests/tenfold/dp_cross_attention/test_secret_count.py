"""Under add/remove n is secret: no attribute, file or error tells it, and the only row may be the one removed."""

import numpy as np
import pytest

from tenfold.dp_cross_attention import ContinualMemory, ExactKernelMemory, PrivateMemory, TreeMemory
from tenfold.dp_cross_attention.errors import BoundViolated, InvalidMemory, InvalidSetting
from tenfold.privacy import WeakDelta
from tests.tenfold.dp_cross_attention.conftest import PUBLIC

SECRET = {"neighbours": "add_remove", "epsilon": 1.0, **PUBLIC}


def rows(count):
    generator = np.random.default_rng(0)
    return generator.uniform(-0.5, 0.5, (count, 3)), generator.uniform(-0.5, 0.5, (count, 2))


@pytest.mark.parametrize("count", [1237, 1, 0])
def test_no_count_is_published(count, tmp_path):
    path, queries = tmp_path / "memory.safetensors", rows(4)[0]
    keys, values = rows(count)
    memory = PrivateMemory.fit(keys, values, **SECRET)
    memory.save(path)
    assert b"1237" not in path.read_bytes() and memory.setting.rows is None
    assert "well below 1/n, which is secret" in str(memory.privacy)
    assert np.isfinite(memory.refit(keys, values, epsilon=1.0).query(queries)).all()
    growing = ContinualMemory(4, 3, 2, **SECRET)
    growing.append(keys, values)
    growing.append(*rows(2))
    assert growing.rows is None and np.isfinite(growing.query(queries)).all()
    assert np.isfinite(ExactKernelMemory.fit(keys, values, **SECRET).query(queries)).all()
    with pytest.raises(InvalidSetting, match="public n"):
        TreeMemory.fit(*rows(5), **SECRET)


def test_no_error_tells_a_count():
    def messages():
        keys, values = rows(1237)
        growing = ContinualMemory(4, 3, 2, **SECRET)
        for call, error in (
            (lambda: PrivateMemory.fit(keys, values[:-1], **SECRET), InvalidMemory),
            (lambda: PrivateMemory.fit(keys[..., None], values, **SECRET), InvalidMemory),
            (lambda: PrivateMemory.fit(5 * keys, values, **SECRET), BoundViolated),
            (lambda: PrivateMemory.fit(keys * np.nan, values, **SECRET), InvalidMemory),
            (lambda: ExactKernelMemory.fit(keys, values[:-1], **SECRET), InvalidMemory),
            (lambda: growing.append(keys, values[:-1]), InvalidMemory),
            (lambda: growing.append(keys[:, :2], values), InvalidMemory),
        ):
            with pytest.raises(error) as caught:
                call()
            yield str(caught.value)

    assert not [text for text in messages() if "1237" in text or "1236" in text]


def test_a_step_without_rows_is_a_step():
    growing = ContinualMemory(4, 3, 2, epsilon=1.0, **PUBLIC)
    none = np.zeros((0, 3)), np.zeros((0, 2))
    growing.append(*none)
    with pytest.raises(InvalidMemory, match="no rows have come"):
        growing.query(rows(1)[0])
    growing.append(*rows(5))
    growing.append(*none)
    assert growing.rows == 5 and np.isfinite(growing.query(rows(3)[0])).all()


def test_where_n_is_public_a_delta_of_one_in_n_is_warned_of():
    import torch

    from tenfold.dp_cross_attention import PrivateCrossAttention

    weak = {"epsilon": 1.0, **PUBLIC, "delta": 0.02}
    keys, values = rows(60)
    module = PrivateCrossAttention(2, heads=1, dim_head=2, on_violation="clip")
    hidden = {"epsilon": 1.0, "delta": 0.02, "radius": 1.0, "value_radius": 1.0}
    calls = {
        "sketch": lambda: PrivateMemory.fit(keys, values, **weak),
        "exact kernel": lambda: ExactKernelMemory.fit(keys, values, **weak),
        "trees": lambda: TreeMemory.fit(keys, values, **weak),
        "continual": lambda: ContinualMemory(2, 3, 2, **weak).append(keys, values),
        "module": lambda: module.fit(torch.zeros(60, 2), **hidden),
    }
    for name, call in calls.items():
        with pytest.warns(WeakDelta) as caught:
            call()
        assert len(caught) == 1, name
