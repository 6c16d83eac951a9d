"""``tenfold dp-cross-attention`` as a person with keys and values of their own would use it: build, query."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tenfold.dp_cross_attention import PrivateMemory, exact_attention

BUDGET = ("--epsilon", 1e6, "--delta", 1e-6, "--radius", 1)
BUILD, QUERY = ("dp-cross-attention", "build"), ("dp-cross-attention", "query")


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray]:
    draws = np.random.default_rng(0)
    keys = draws.normal(size=(300, 3))
    return keys / np.linalg.norm(keys, axis=1, keepdims=True) * 0.99, draws.uniform(0, 0.5, size=(300, 2))


@pytest.fixture
def files(tmp_path, rows) -> dict[str, Path]:
    """The same memory and queries, as npz and as CSV files."""
    np.savez(tmp_path / "memory.npz", keys=rows[0], values=rows[1])
    np.savez(tmp_path / "queries.npz", queries=rows[0][:5])
    for name, table, header in (
        ("memory.csv", np.concatenate(rows, axis=1), "k_1,k_2,k_3,v_1,v_2"),
        ("queries.csv", rows[0][:5], "a,b,c"),
    ):
        np.savetxt(tmp_path / name, table, delimiter=",", header=header, comments="")
    return {path.name: path for path in tmp_path.iterdir()}


def test_a_memory_answers_almost_as_attention_does_where_there_is_no_privacy(tenfold, tmp_path, files, rows):
    for name, words in (
        ("from_npz", ("--npz", files["memory.npz"])),
        ("from_csv", ("--csv", files["memory.csv"], "--keys", "k_*", "--values", "v_1,v_2")),
    ):
        printed = tenfold(*BUILD, *words, *BUDGET, "--out", tmp_path / name, "--degree", 8)
        assert "(1e+06, 1e-06)-differentially private" in printed.out
        tenfold(*QUERY, tmp_path / name, "--npz", files["queries.npz"], "--out", tmp_path / f"{name}.npz", "--errors")
        with np.load(tmp_path / f"{name}.npz") as found:
            assert set(found) == {"values", "noise_sd"}
            assert found["values"] == pytest.approx(exact_attention(rows[0][:5], *rows, 3.0), abs=0.02)


def test_queries_and_answers_may_be_tables(tenfold, tmp_path, files):
    tenfold(*BUILD, "--npz", files["memory.npz"], *BUDGET, "--out", tmp_path / "memory")
    memory = PrivateMemory.load(tmp_path / "memory")
    with np.load(files["queries.npz"]) as content:
        answer = memory.query(content["queries"], errors=True)
    tenfold(*QUERY, tmp_path / "memory", "--csv", files["queries.csv"], "--out", tmp_path / "found.csv", "--errors")
    header, *lines = (tmp_path / "found.csv").read_text().splitlines()
    assert header == "values_1,values_2,noise_sd_1,noise_sd_2"
    found = np.array([line.split(",") for line in lines], dtype=float)
    assert found == pytest.approx(np.concatenate([answer.values, answer.noise_sd], axis=1), rel=1e-9)


def test_options_reach_the_memory(tenfold, tmp_path, files):
    more = ("--neighbours", "add_remove", "--features", "rff", "--feature-count", 64, "--group", 2)
    words = (*BUDGET, "--temperature", "sqrt_d", "--value-radius", 2, "--out", tmp_path / "memory")
    printed = tenfold(*BUILD, "--npz", files["memory.npz"], *more, *words)
    setting = PrivateMemory.load(tmp_path / "memory").setting
    assert (setting.rows, setting.features, setting.feature_count, setting.group) == (None, "rff", 64, 2)
    assert (setting.temperature, setting.value_radius) == (3**0.5, 2)
    assert "300" not in (tmp_path / "memory").read_bytes()[:4000].decode("latin-1") and "n is secret" in printed.out


def test_rows_beyond_the_radius_are_refused_or_clipped(tenfold, tmp_path, files):
    words = (*BUILD, "--npz", files["memory.npz"], *BUDGET, "--radius", 0.5, "--out", tmp_path / "memory")
    assert "BoundViolated: keys has a row longer" in tenfold(*words, status=1).err
    assert not (tmp_path / "memory").exists()
    tenfold(*words, "--clip")


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        ((), 2, "give an npz file with --npz, or a CSV file with --csv"),
        (("--npz", "memory.npz", "--csv", "memory.csv"), 2, "give an npz file"),
        (("--npz", "memory.npz", "--keys", "a"), 2, "--npz has no use for --keys"),
        (("--npz", "memory.npz", "--missing", "drop"), 2, "--npz has no use for --missing"),
        (("--npz", "memory.npz", "--feature-count", "9"), 2, "--features taylor has no use for --feature-count"),
        (("--npz", "memory.npz", "--temperature", "hot"), 2, "--temperature 'hot' is no number"),
        (("--npz", "memory.npz", "--degree", "3"), 1, "OddDegree"),
        (("--csv", "memory.csv", "--keys", "k_*"), 2, "--csv needs --keys and --values"),
        (("--csv", "memory.csv", "--keys", "k_*", "--values", "w_*"), 1, "has no column 'w_*'"),
        (("--csv", "queries.npz", "--keys", "a", "--values", "b"), 1, "is not UTF-8"),
        (("--npz", "queries.npz"), 1, "queries.npz needs an array of numbers called keys; it has queries"),
        (("--npz", "memory.csv"), 1, "InvalidMemory: memory.csv holds no keys"),
        (("--npz", "none.npz"), 1, "No such file"),
        (("--npz", "."), 1, "Is a directory"),
    ],
)
def test_what_is_wrong_is_named(tenfold, tmp_path, files, monkeypatch, words, status, says):
    monkeypatch.chdir(tmp_path)
    assert says in tenfold(*BUILD, *BUDGET, "--out", "memory", *words, status=status).err
    assert not (tmp_path / "memory").exists()


def test_what_does_not_fit_the_memory_is_named(tenfold, tmp_path, files):
    tenfold(*BUILD, "--npz", files["memory.npz"], *BUDGET, "--out", tmp_path / "memory")
    out = ("--out", tmp_path / "found.csv")
    wide = tenfold(*QUERY, tmp_path / "memory", "--csv", files["memory.csv"], *out, status=1)
    assert "InvalidMemory: queries must be (rows, 3), not of 5 columns" in wide.err.replace("(300, 5)", "(5, 5)")
    words = ("--csv", files["memory.csv"], "--columns", "k_*", *out)
    assert "is not a safetensors file" in tenfold(*QUERY, files["memory.npz"], *words, status=1).err
    assert "does not exist" in tenfold(*QUERY, tmp_path / "none", *words, status=1).err
    assert not (tmp_path / "found.csv").exists()
    tenfold(*QUERY, tmp_path / "memory", *words)
