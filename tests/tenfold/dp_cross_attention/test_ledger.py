"""The ledger: what is recorded, what is refused, and files that were tampered with."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from tenfold.dp_cross_attention import BudgetExceeded, PrivateMemory, UnledgeredSketch
from tenfold.dp_cross_attention.errors import InvalidMemory
from tenfold.privacy.gaussian import gaussian_epsilon, gaussian_mu
from tests.tenfold.dp_cross_attention.conftest import PUBLIC


@pytest.fixture
def memory(memory_rows):
    return PrivateMemory.fit(memory_rows.keys, memory_rows.values, epsilon=1.0, insecure_seed=0, **PUBLIC)


def test_the_ledger_says_what_was_spent(memory):
    assert memory.ledger.epsilon == pytest.approx(1.0)
    assert memory.ledger.mu == pytest.approx(gaussian_mu(1.0, 1e-6))
    (release,) = memory.ledger.releases
    assert release.sensitivity / release.noise_sd == pytest.approx(release.mu)
    text = str(memory.privacy)
    assert "replaced" in text and "INSECURE SEED" in text and "contextual encoder" in text and "float64" in text


def test_a_refit_adds_to_the_ledger(memory, memory_rows):
    again = memory.refit(memory_rows.keys, memory_rows.values, epsilon=1.0, insecure_seed=1)
    assert len(again.ledger.releases) == 2 and len(memory.ledger.releases) == 1
    assert again.ledger.mu == pytest.approx(np.sqrt(2) * memory.ledger.mu)
    assert again.ledger.epsilon == pytest.approx(gaussian_epsilon(1e-6, again.ledger.mu))
    assert again.ledger.epsilon > 1.4
    assert not np.array_equal(again.sketch, memory.sketch)
    assert again.query(memory_rows.queries).shape == (40, 2)


def test_a_refit_that_is_not_in_the_ledger_gets_no_answers(memory, memory_rows):
    other = PrivateMemory.fit(memory_rows.keys, memory_rows.values, epsilon=1.0, insecure_seed=1, **PUBLIC)
    memory.query(memory_rows.queries)
    memory.sketch = other.sketch
    with pytest.raises(UnledgeredSketch, match="fitted again"):
        memory.query(memory_rows.queries)
    with pytest.raises(UnledgeredSketch):
        memory.save("nowhere.safetensors")
    with pytest.raises(UnledgeredSketch):
        PrivateMemory(other.sketch, memory.ledger)


def test_the_sketch_cannot_be_changed_unseen(memory, memory_rows):
    with pytest.raises(ValueError, match="read-only"):
        memory.sketch[0, 0] = 7.0
    memory.query(memory_rows.queries)
    memory.sketch.setflags(write=True)
    memory.sketch[0, 0] = 7.0
    with pytest.raises(UnledgeredSketch):
        memory.query(memory_rows.queries)


def test_a_budget_is_not_exceeded(memory_rows):
    memory = PrivateMemory.fit(memory_rows.keys, memory_rows.values, epsilon=1.0, budget_epsilon=1.4, **PUBLIC)
    again = memory.refit(memory_rows.keys, memory_rows.values, epsilon=0.5)
    with pytest.raises(BudgetExceeded, match="answers cost nothing"):
        again.refit(memory_rows.keys, memory_rows.values, epsilon=1.0)
    with pytest.raises(BudgetExceeded):
        PrivateMemory.fit(memory_rows.keys, memory_rows.values, epsilon=2.0, budget_epsilon=1.0, **PUBLIC)


def test_saved_and_loaded_it_answers_the_same(memory, memory_rows, tmp_path):
    again = memory.refit(memory_rows.keys, memory_rows.values, epsilon=0.5, insecure_seed=2)
    again.save(tmp_path / "memory.safetensors")
    loaded = PrivateMemory.load(tmp_path / "memory.safetensors")
    assert loaded.ledger == again.ledger
    assert np.array_equal(loaded.query(memory_rows.queries), again.query(memory_rows.queries))


def tampered(path, change):
    with safe_open(str(path), "np") as file:
        metadata, sketch = file.metadata(), file.get_tensor("sketch")
    ledger = json.loads(metadata["ledger"])
    sketch = change(ledger, sketch)
    save_file({"sketch": sketch}, str(path), metadata={**metadata, "ledger": json.dumps(ledger)})


def less_noise(ledger, sketch):
    ledger["releases"][0]["noise_sd"] /= 2
    return sketch


def smaller_sensitivity(ledger, sketch):
    ledger["releases"][0]["sensitivity"] /= 2
    ledger["releases"][0]["mu"] /= 2
    return sketch


def another_sketch(ledger, sketch):
    return sketch + 1e-9


@pytest.mark.parametrize("change", [less_noise, smaller_sensitivity, another_sketch])
def test_a_file_that_was_tampered_with_is_refused(memory, tmp_path, change):
    path = tmp_path / "memory.safetensors"
    memory.save(path)
    tampered(path, change)
    with pytest.raises(UnledgeredSketch):
        PrivateMemory.load(path)


def test_files_of_other_things_are_refused(tmp_path):
    with pytest.raises(InvalidMemory, match="does not exist"):
        PrivateMemory.load(tmp_path / "none")
    (tmp_path / "text").write_text("no tensors")
    with pytest.raises(InvalidMemory, match="not a safetensors file"):
        PrivateMemory.load(tmp_path / "text")
    save_file({"sketch": np.zeros((2, 2))}, str(tmp_path / "other"))
    with pytest.raises(InvalidMemory, match="written by something else"):
        PrivateMemory.load(tmp_path / "other")
