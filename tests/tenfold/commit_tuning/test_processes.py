"""Two processes use the same factor, that of one process with the whole probe, and count updates as one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT


def found(folder, size):
    folder.mkdir()
    loopback = "lo0" if sys.platform == "darwin" else "lo"
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.tenfold.commit_tuning.two_processes", str(folder)],
            cwd=ROOT,
            env=os.environ
            | {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size)}
            | {"GLOO_SOCKET_IFNAME": loopback, "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(size)
    ]
    try:
        for process in processes:
            _, said = process.communicate(timeout=300)
            assert process.returncode == 0, said
    finally:
        for process in processes:
            process.kill()
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(size)]


def test_two_processes_use_one_factor(tmp_path):
    (alone,), (first, second) = found(tmp_path / "one", 1), found(tmp_path / "two", 2)
    assert first == second  # to the last bit: κ is reduced before it is used
    assert first["updates"] == 4 and len(first["estimates"]) == 2 and first["factors"] != [1.0, 1.0]
    assert first["probe"] == alone["probe"]
    for pair, expected in zip(first["estimates"], alone["estimates"], strict=True):
        assert pair == pytest.approx(expected, rel=1e-2)
    assert first["used"] == pytest.approx(alone["used"], rel=1e-3)
    for one, other in zip(first["parameters"], alone["parameters"], strict=True):
        assert one == pytest.approx(other, rel=1e-2, abs=1e-4)
