"""The ledger: what is recorded, what is refused, and files that were tampered with."""

import copy
import json
import multiprocessing
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from tenfold.dp_cross_attention import BudgetExceeded, PrivateMemory, UnledgeredSketch
from tenfold.dp_cross_attention.errors import BoundViolated, InvalidMemory
from tenfold.privacy import AccountElsewhere, AccountUnreachable, NoAccount
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
    first = memory.ledger.mu
    again = memory.refit(memory_rows.keys, memory_rows.values, epsilon=1.0, insecure_seed=1)
    assert len(again.ledger.releases) == 2 and len(memory.ledger.releases) == 1
    assert again.ledger.mu == memory.ledger.mu == pytest.approx(np.sqrt(2) * first)  # one account
    assert "2 release(s)" in str(memory.privacy)
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


def test_ten_refits_of_one_memory_share_one_budget(memory_rows, tmp_path):
    """Each on the same object, on copies, and on what two other processes loaded from its file."""
    rows = memory_rows.keys[:50], memory_rows.values[:50]
    memory = PrivateMemory.fit(*rows, epsilon=1.0, budget_epsilon=1.7, **PUBLIC)
    path = tmp_path / "memory.safetensors"
    memory.save(path)
    made, spent = 0, [memory.ledger.mu]
    for again in (memory, copy.copy(memory), copy.deepcopy(memory), pickle.loads(pickle.dumps(memory)), memory):
        try:
            spent.append(again.refit(*rows, epsilon=0.6).ledger.mu)
            made += 1
        except BudgetExceeded:
            break
    assert 1 <= made < 5 and gaussian_epsilon(1e-6, spent[-1]) <= 1.7 < gaussian_epsilon(
        1e-6, np.hypot(spent[-1], gaussian_mu(0.6, 1e-6))
    )
    assert made == round((spent[-1] ** 2 - spent[0] ** 2) / gaussian_mu(0.6, 1e-6) ** 2)
    assert PrivateMemory.load(path).ledger.epsilon == pytest.approx(memory.ledger.epsilon)  # the file was told
    fresh = PrivateMemory.fit(*rows, epsilon=1.0, budget_epsilon=1.7, **PUBLIC)
    fresh.save(path)
    script = (
        "import sys, numpy as np; from tenfold.dp_cross_attention import PrivateMemory\n"
        "memory = PrivateMemory.load(sys.argv[1])\n"
        "print(memory.refit(np.eye(3), np.eye(3, 2), epsilon=1.0).ledger.epsilon)"
    )
    calls = [subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True) for _ in range(2)]
    assert calls[0].returncode == 0 and float(calls[0].stdout) == pytest.approx(1.45, abs=0.05), calls[0].stderr
    assert calls[1].returncode == 1 and "BudgetExceeded: 2 releases spent ε = 1.4" in calls[1].stderr
    with pytest.raises(BudgetExceeded, match="2 releases spent"):
        fresh.refit(*rows, epsilon=1.0)  # the object that saved the file sees what others spent


def test_an_account_that_cannot_be_kept_prevents_the_release(memory_rows, tmp_path):
    rows = memory_rows.keys[:50], memory_rows.values[:50]
    path = tmp_path / "memory.safetensors"
    PrivateMemory.fit(*rows, epsilon=1.0, **PUBLIC).save(path)
    loaded = PrivateMemory.load(path)
    moved = path.rename(tmp_path / "moved")
    with pytest.raises(AccountUnreachable, match="move it back"):
        loaded.refit(*rows, epsilon=0.1)
    assert loaded.ledger.epsilon == pytest.approx(1.0)
    moved.rename(path)
    assert loaded.refit(*rows, epsilon=0.1).ledger.epsilon == PrivateMemory.load(path).ledger.epsilon > 1
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool, pytest.raises(AccountElsewhere):
        pool.submit(loaded.refit, *rows, epsilon=0.1).result()
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_a_refit_that_is_refused_costs_nothing(memory, memory_rows):
    with pytest.raises(BoundViolated):
        memory.refit(3 * memory_rows.keys, memory_rows.values, epsilon=1.0)
    assert memory.ledger.epsilon == pytest.approx(1.0)


def test_charges_taken_out_of_a_file_are_missed(memory, tmp_path):
    path = tmp_path / "memory.safetensors"
    memory.save(path)

    def without(ledger, sketch):
        ledger["account"]["charges"].clear()
        return sketch

    tampered(path, without)
    with pytest.raises(UnledgeredSketch, match="taken out"):
        PrivateMemory.load(path)


def test_a_file_from_before_the_account_says_to_refit(memory, tmp_path):
    path = tmp_path / "memory.safetensors"
    memory.save(path)

    def earlier(ledger, sketch):
        del ledger["account"]
        return sketch

    tampered(path, earlier)
    with pytest.raises(NoAccount, match=r"memory\.safetensors was saved before .* refit from the rows"):
        PrivateMemory.load(path)


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
